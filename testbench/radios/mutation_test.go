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

// TestTheSuiteNoticesOtherChips changes the simulators in one point each: at least one check must fail for each. What
// no check of two radios can see is held by the tests beside the drivers, and named here.
func TestTheSuiteNoticesOtherChips(t *testing.T) {
	for m := board.FlagsClearOnRead; m <= board.TxDoneNever; m++ {
		k := sx127xKind(board.SX127xOpts{Mutation: m}, sx127x.Opts{NarrowIF: true})
		t.Run(fmt.Sprintf("sx127x %d", m), func(t *testing.T) { noticed(t, k) })
	}
	for m := board.LosesTxQuality; m <= board.SwapsRSSI; m++ {
		k := sx126xKind("sx1262", board.SX126xOpts{DIO2Switch: true, Mutation: m}, sx126x.Opts{DIO2Switch: true}, sf7, all)
		t.Run(fmt.Sprintf("sx126x %d", m), func(t *testing.T) { noticed(t, k) })
	}
}

// noticed runs checks until one fails.
func noticed(t *testing.T, k kind) {
	t.Helper()
	for _, c := range checks {
		if c.can != nil && !c.can(k) {
			continue
		}
		if failed := failures(t, k, c); len(failed) > 0 {
			t.Logf("%s: %s", c.name, failed[0])
			return
		}
	}
	t.Error("the suite takes this chip for a genuine one")
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
