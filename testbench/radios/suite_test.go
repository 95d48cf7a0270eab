//go:build linux

package radios

import (
	"context"
	"strings"
	"testing"

	"packhorse/radio/phy"
)

// sensing is radio.Sensor.
type sensing interface {
	Sense(ctx context.Context, law phy.Sensing) (busy bool, err error)
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// kinds are all that the suite holds to its checks.
var kinds = []kind{sx1276, sx1276Hand, sx1276RFO, sx1262, sx1262TCXO, sx1261, sx1268, llcc68, rnodes, tncs, e22s, e32s}

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
