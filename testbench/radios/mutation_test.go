//go:build linux

package radios

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	board "packhorse/board/sim"
	"packhorse/radio/sx126x"
	"packhorse/radio/sx127x"
)

// tolerated are the points in which a chip may differ and two radios still keep every promise: our drivers do not depend on
// them. What is there for packets with inverted IQ and without a header, which no gateway sends, is held by the tests
// beside the driver.
var tolerated = map[any]string{
	board.FlagsClearOnRead: "the driver reads the flags once and clears what it has read",
	board.StaysInTx:        "the driver orders standby when a frame has left",
	board.LosesIQPolarity:  "only inverted packets need the register",
	board.LosesTimerStop:   "only packets without a header need it",
}

// TestTheSuiteNoticesOtherChips changes the simulators in one point each: at least one check must fail for each.
func TestTheSuiteNoticesOtherChips(t *testing.T) {
	for m := board.FlagsClearOnRead; m <= board.TxDoneNever; m++ {
		k := sx127xKind(board.SX127xOpts{Mutation: m}, sx127x.Opts{NarrowIF: true})
		t.Run(fmt.Sprintf("sx127x %d", m), func(t *testing.T) { noticed(t, k, tolerated[m]) })
	}
	for m := board.LosesTxQuality; m <= board.SwapsRSSI; m++ {
		k := sx126xKind("sx1262", board.SX126xOpts{DIO2Switch: true, Mutation: m}, sx126x.Opts{DIO2Switch: true}, sf7, all)
		t.Run(fmt.Sprintf("sx126x %d", m), func(t *testing.T) { noticed(t, k, tolerated[m]) })
	}
}

// noticed runs checks until one fails.
func noticed(t *testing.T, k kind, may string) {
	t.Helper()
	for _, c := range checks {
		if c.can != nil && !c.can(k) {
			continue
		}
		failed := failures(t, k, c)
		switch {
		case len(failed) > 0 && may != "":
			t.Errorf("%s: %.200s, although %s", c.name, failed[0], may)
		case len(failed) > 0:
			t.Logf("%s: %.200s", c.name, failed[0])
			return
		}
	}
	if may == "" {
		t.Error("the suite takes this chip for a genuine one")
	}
}

// failures are what one check finds wrong.
func failures(t *testing.T, k kind, c check) []string {
	var n notes
	synctest.Test(t, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(&n, k, k, c.do)
		}()
		<-done
	})
	return slices.Clone(n.failed)
}
