package main

import (
	"slices"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
)

// What only a new start takes up is told with each reload until there was one.
func TestWhatNeedsARestartIsNotTakenForInForce(t *testing.T) {
	old, next := &config.Loaded{}, &config.Loaded{}
	next.Name, next.Courier.Listen, next.Gateway.Address, next.PoWeb.Listen, next.Store.Encrypt = "n", ":1", "gw.example.org", ":2", true
	if got, want := needRestart(old, next), []string{"poweb.listen", "courier", "internet_gateway", "store.encrypt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := needRestart(old, keep(next, old)); len(got) != 0 {
		t.Errorf("%q counts as in force after a reload", got)
	}
}
