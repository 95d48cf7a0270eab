package world

import (
	"fmt"
	"testing"
	"time"

	"packhorse/radio/phy"
)

// crowd makes so many stations, the last of which is out of reach, and lets them come to rest.
func crowd(t *testing.T, seed uint64, m phy.Modulation, n int, rest time.Duration) (*World, []*LinkNode) {
	t.Helper()
	w, err := New(Config{Seed: seed, Stations: n + 1, Modulation: m, PowerDBm: 14, Burst: 8 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range n + 1 {
		names = append(names, fmt.Sprintf("S%02d", i))
	}
	nodes, err := w.LinkNodes(names...)
	if err != nil {
		t.Fatal(err)
	}
	reach(w, n, true)
	if !w.Run(rest, func() bool { return meshed(nodes[:n]) }) {
		t.Fatalf("%d stations: not all met within %v", n, rest)
	}
	return w, nodes
}

// reach cuts the last station off, or lets it be heard.
func reach(w *World, n int, cut bool) {
	for i := range n {
		w.Air.Cut(i, n, cut)
		w.Air.Cut(n, i, cut)
	}
}

// meshed reports whether everybody has a session with everybody.
func meshed(nodes []*LinkNode) bool {
	for _, n := range nodes {
		if len(n.Peers) < len(nodes)-1 {
			return false
		}
	}
	return true
}

// Beacons take little of the air however many stations there are, and whoever comes is found soon.
func TestBeaconsInACrowd(t *testing.T) {
	for _, sf := range []uint8{7, 12} {
		m := sf7
		m.SpreadingFactor = sf
		beacon := phy.RNodeModulation(m).TimeOnAir(24)
		for _, n := range []int{2, 4, 8, 16} {
			w, nodes := crowd(t, uint64(n), m, n, 3*time.Hour)
			met := w.Since()
			w.Run(3200*beacon, nil) // the beacons grow rare
			air, start := w.Airtime(), w.Now()
			w.Run(16_000*beacon, nil)
			idle := (w.Airtime() - air).Seconds() / w.Now().Sub(start).Seconds()
			reach(w, n, false)
			start = w.Now()
			w.Run(6*time.Hour, func() bool { return meshed(nodes) })
			t.Logf("SF%d, %2d stations: all met after %v, idle air %.2f %%, a newcomer met all after %v", sf, n, met.Round(time.Second), 100*idle, w.Now().Sub(start).Round(time.Second))
			if idle > 0.012 || !meshed(nodes) || met > 6000*beacon {
				t.Errorf("SF%d, %d stations: met after %v, want %v at most; %.2f %% of the air idle, want 1.2 at most; newcomer found %v",
					sf, n, met, 6000*beacon, 100*idle, meshed(nodes))
			}
		}
	}
}
