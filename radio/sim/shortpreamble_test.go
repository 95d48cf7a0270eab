package sim

import (
	"testing"
	"time"

	"packhorse/radio/phy"
)

// An RNode with an SX127x is on the air 4 symbols less than others, and hears them and is heard.
func TestShortPreambles(t *testing.T) {
	a, err := New(Config{Seed: 1, Stations: make([]Station, 2)})
	if err != nil {
		t.Fatal(err)
	}
	a.ShortPreambles(0)
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for i := range 2 {
		if err := a.Tune(now, i, sf7, 14); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		if err := a.Queue(now, i, []byte{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		for at, ok := a.PollTimeout(); ok && a.Waiting(i)+b2i(a.Sending(i)) > 0; at, ok = a.PollTimeout() {
			now = at
			a.HandleTimeout(now)
		}
		if r, ok := a.PollReceive(); !ok || r.Station != 1-i {
			t.Errorf("station %d is not heard: %+v", i, r)
		}
	}
	full := phy.RNodeModulation(sf7).TimeOnAir(4)
	if got := a.Airtime(0); got != full-4*sf7.SymbolTime() || a.Airtime(1) != full {
		t.Errorf("airtime %v and %v, want %v and %v", got, a.Airtime(1), full-4*sf7.SymbolTime(), full)
	}
}
