package road

import (
	"testing"

	"packhorse/testbench/world"
)

// line opens gateways of which each hears only its neighbours.
func line(t *testing.T, seed uint64, n int) *road {
	t.Helper()
	return open(t, seed, n, func(w *world.World) { w.Air.Line() })
}
