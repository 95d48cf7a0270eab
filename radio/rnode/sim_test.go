//go:build linux

package rnode_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
)

var mod = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// boards are RNodes of these kinds on one air, running until stop.
func boards(t *testing.T, kinds ...boardsim.RNodeOpts) (r *boardsim.Rig, stop func()) {
	t.Helper()
	air, err := sim.New(sim.Config{Seed: 7, Stations: make([]sim.Station, len(kinds))})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = boardsim.NewRig(air, ""); err != nil {
		t.Fatal(err)
	}
	for i, k := range kinds {
		if err := r.AddRNodeWith(i, k); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	return r, func() { cancel(); <-ended }
}

func dial(t *testing.T, r *boardsim.Rig, station int) *rnode.Modem {
	t.Helper()
	m, err := rnode.Open(t.Context(), r.Dial(station), rnode.Opts{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBoardsOfBothKindsHearEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := boards(t, boardsim.RNodeOpts{}, boardsim.RNodeOpts{OldChip: true})
		defer stop()
		fresh, old := dial(t, r, 0), dial(t, r, 1)
		defer fresh.Close()
		defer old.Close()
		if got, want := old.Info().String(), "RNode firmware 1.86 (ESP32, LilyGO T-Beam)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, m := range []*rnode.Modem{fresh, old} {
			if err := m.Configure(t.Context(), mod, 14); err != nil {
				t.Fatal(err)
			}
		}
		for i, pair := range [][2]*rnode.Modem{{fresh, old}, {old, fresh}} {
			frame := bytes.Repeat([]byte{byte(i), 0xC0}, 127)
			for range 5 {
				if err := pair[0].Transmit(t.Context(), frame); err != nil {
					t.Fatal(err)
				}
				if p, err := pair[1].Receive(t.Context()); err != nil || !bytes.Equal(p.Data, frame) {
					t.Fatalf("got %d octets, %v", len(p.Data), err)
				}
			}
			time.Sleep(2 * time.Second)
			s, heard := pair[0].Stats(), pair[1].Channel()
			if s.AirtimeShort < 0.05 || s.PreambleSymbols != 24 || s.NoiseFloorDBm != -117 || radio.Measured(s.InterferenceDBm) {
				t.Errorf("sender: got %+v", s)
			}
			if heard.Busy < 0.05 || heard.NoiseDBm != -117 {
				t.Errorf("receiver: got %+v", heard)
			}
		}
	})
}

func TestWhatAnOldChipCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := boards(t, boardsim.RNodeOpts{OldChip: true})
		defer stop()
		m := dial(t, r, 0)
		defer m.Close()
		five := mod
		five.SpreadingFactor = 5
		if err := m.Configure(t.Context(), five, 14); err == nil || !strings.Contains(err.Error(), "use SF7 or more") {
			t.Errorf("SF5: got %v", err)
		}
		if err := m.Configure(t.Context(), mod, 22); err == nil || !strings.Contains(err.Error(), "at most 17 dBm") {
			t.Errorf("22 dBm: got %v", err)
		}
	})
}

// Both go to another setting while they run; one echoes it long before it does it.
func TestStoredSettingIsLeftForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := boards(t, boardsim.RNodeOpts{}, boardsim.RNodeOpts{Stored: true})
		defer stop()
		a, b := dial(t, r, 0), dial(t, r, 1)
		defer a.Close()
		defer b.Close()
		nine := mod
		nine.SpreadingFactor = 9
		for _, to := range []phy.Modulation{mod, nine} {
			for _, m := range []*rnode.Modem{a, b} {
				if err := m.Configure(t.Context(), to, 14); err != nil {
					t.Fatal(err)
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := b.Transmit(ctx, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if p, err := a.Receive(ctx); err != nil || string(p.Data) != "hello" {
			t.Errorf("got %q, %v", p.Data, err)
		}
	})
}

func TestLightsAndDisplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := boards(t, boardsim.RNodeOpts{})
		defer stop()
		m := dial(t, r, 0)
		defer m.Close()
		want := &rnode.Picture{0: 0xC0, 8: 0xDB, 511: 7}
		if err := m.Show(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Shown(t.Context()); err != nil || *got != *want {
			t.Errorf("got %v, %v", got, err)
		}
		if err := m.Show(t.Context(), nil); err != nil {
			t.Error(err)
		}
		if locked, err := m.Lock(t.Context()); err != nil || !locked {
			t.Errorf("before Configure: locked %v, %v", locked, err)
		}
		if got, err := m.Random(t.Context()); err != nil || got != 41 {
			t.Errorf("random: got %d, %v", got, err)
		}
	})
}
