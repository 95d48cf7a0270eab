//go:build linux

package virtual

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// newAir is a channel of two tuned stations.
func newAir(t *testing.T) *Air {
	t.Helper()
	m := phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 18}
	station := sim.Station{Modulation: m, PowerDBm: 14}
	channel, err := sim.New(sim.Config{Stations: []sim.Station{station, station}})
	if err != nil {
		t.Fatal(err)
	}
	ears := &ears{Air: channel}
	rig, err := boardsim.NewRig(ears, "")
	if err != nil {
		t.Fatal(err)
	}
	go rig.Run(t.Context())
	return &Air{[]string{"a", "b"}, rig, ears}
}

func TestAirCountsAndTellsWhatWasHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		a := newAir(t)
		send := func() {
			a.rig.Do(ctx, func(now time.Time) {
				if err := a.ears.Queue(now, 0, []byte("hello")); err != nil {
					t.Error(err)
				}
			})
		}
		for range 3 {
			send()
			if err := a.Heard(ctx, "b", 1); err != nil {
				t.Fatal(err)
			}
		}
		if sent, received, err := a.Frames(ctx, "b"); sent != 0 || received != 3 || err != nil {
			t.Errorf("b sent %d and received %d, %v", sent, received, err)
		}
		if d, err := a.Airtime(ctx, "a"); d <= 0 || err != nil {
			t.Errorf("airtime %v, %v", d, err)
		}
		if err := a.Cut(ctx, "a", "b", true); err != nil {
			t.Fatal(err)
		}
		send()
		if err := a.Heard(ctx, "b", 1); err == nil {
			t.Error("heard through a link that is cut")
		}
	})
}

func TestAirKnowsItsNodes(t *testing.T) {
	a := &Air{names: []string{"a"}}
	if err := a.Cut(t.Context(), "a", "z", true); err == nil {
		t.Error("cut a link to nobody")
	}
}
