package sim

import (
	"strings"
	"testing"
)

// An RNode with an SX1276 gives 17 dBm at most, and says SF5 when it sends SF6.
func TestRNodeWithAnOldChip(t *testing.T) {
	air := newQuietAir()
	m := newRNodeModem(air, 0, RNodeOpts{OldChip: true})
	say(t, m, noon, setup)
	air.log = nil
	if got := say(t, m, noon, "c00405c0"); !strings.HasSuffix(got, "c00405c0") {
		t.Errorf("SF5: got %s, want it echoed", got)
	}
	if got := say(t, m, noon, "c00316c0"); got != "c00311c0" {
		t.Errorf("22 dBm: got %s, want 17", got)
	}
	if log := strings.Join(air.log, ","); !strings.HasPrefix(log, "tune 0 869.525 MHz SF6 ") || strings.Contains(log, "SF5") {
		t.Errorf("air got %q, want SF6", log)
	}
}
