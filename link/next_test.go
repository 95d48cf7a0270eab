package link

import (
	"testing"

	"packhorse/link/wire"
)

// Handshakes and records that were sealed for the common setting wait until the port is back there.
func TestOnlySignsOfLifeGoOutOnAnExcursion(t *testing.T) {
	record, alive := []byte{byte(wire.TypeRecord) << 4}, wire.AppendAliveHeader(nil, 1)
	for _, c := range []struct {
		name string
		rate int
		raw  [][]byte
		want int
	}{
		{"nothing", 0, nil, -1},
		{"at home", 0, [][]byte{record, alive}, 0},
		{"away", 1, [][]byte{record, alive}, 1},
		{"away, nothing for here", 1, [][]byte{record}, -1},
	} {
		p := &port{raw: c.raw}
		p.rate = c.rate
		if got := p.nextRaw(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
