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

// different are radios that must understand each other.
var different = [][2]kind{{sx1276, sx1262}, {compatible(sx1276), rnodes}, {compatible(sx1262), rnodes}}

// TestDifferentRadios holds radios of two kinds to the same checks together.
func TestDifferentRadios(t *testing.T) {
	for _, pair := range different {
		t.Run(pair[0].name+" and "+pair[1].name, func(t *testing.T) {
			for _, c := range checks {
				if c.can == nil || c.can(pair[0]) && c.can(pair[1]) {
					t.Run(c.name, func(t *testing.T) { onBench(t, pair[0], pair[1], c.do) })
				}
			}
		})
	}
}
