//go:build linux

package radios

import (
	"testing"
)

// kinds are all that the suite holds to its checks.
var kinds = []kind{sx1276, sx1276Hand, sx1276RFO, sx1262, sx1262TCXO, sx1261, sx1268, llcc68, rnodes, tncs, siks, e22s, e32s, meshes}

// TestRadios holds two of each kind to all checks.
func TestRadios(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for _, c := range checks {
				if c.can == nil || c.can(k) {
					t.Run(c.name, func(t *testing.T) { onBench(t, k, k, c.do) })
				}
			}
		})
	}
}

// TestDifferentChips holds chips of the two families to the same checks together.
func TestDifferentChips(t *testing.T) {
	for _, c := range checks {
		if c.name != "stuck BUSY" {
			t.Run(c.name, func(t *testing.T) { onBench(t, sx1276, sx1262, c.do) })
		}
	}
}
