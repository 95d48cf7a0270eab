package hop

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// sf10 is the robust setting where all stations meet in these tests.
var sf10 = phy.Modulation{FrequencyHz: 921_500_000, BandwidthHz: 125_000, SpreadingFactor: 10, CodingRate: 5, PreambleSymbols: 8}

const dBm = 14

// pathLoss leaves so many dB of SNR above what the common setting needs.
func pathLoss(spare float64) float64 {
	return dBm - phy.NoiseFloorDBm(sf10.BandwidthHz) - phy.SNRLimitDB(sf10.SpreadingFactor) - spare - .01
}

// ladder is what the stations can change to.
func ladder(t *testing.T) []phy.Setting {
	t.Helper()
	g, err := phy.LookupRegion("NZ915")
	if err != nil {
		t.Fatal(err)
	}
	return phy.Ladder(g, sf10, phy.Power{ConductedDBm: dBm, AntennaDBi: phy.DipoleDBi}, true)
}

// meet makes nodes that hear each other with so much to spare, and lets their sessions come to rest.
func meet(t *testing.T, cfg world.Config, spare float64, names ...string) *line {
	t.Helper()
	cfg.Stations, cfg.Modulation, cfg.PowerDBm, cfg.Burst = len(names), sf10, dBm, burst
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		for j := range i {
			w.Air.SetLink(i, j, pathLoss(spare))
		}
	}
	l := &line{T: t, World: w}
	if l.nodes, err = w.LinkNodes(names...); err != nil {
		t.Fatal(err)
	}
	met := func() bool {
		return !slices.ContainsFunc(l.nodes, func(n *world.LinkNode) bool { return len(n.Peers) < len(names)-1 })
	}
	if !w.Run(time.Hour, met) {
		t.Fatalf("seed %d: no sessions after an hour", cfg.Seed)
	}
	w.Run(5*rest, nil)
	return l
}

// took is how long the recipient waits for a body.
func (l *line) took(from, to *world.LinkNode, body []byte) time.Duration {
	l.Helper()
	begun, d := l.Now(), from.Submit(to, 1, link.Message, body)
	l.wait(from, to, d, body)
	return to.Received[d].Sub(begun)
}

// wait lets time pass until a body is there and its sender knows.
func (l *line) wait(from, to *world.LinkNode, d link.Digest, body []byte) {
	l.Helper()
	if !l.Run(longest, func() bool { return !from.Custody[d].IsZero() }) {
		l.Fatalf("seed %d: %s to %s: %d octets did not arrive in %v\n%s", l.Seed, from.Name, to.Name, len(body), longest, l.TraceText())
	}
	if to.Took[d] != 1 || !bytes.Equal(to.Delivered[d], body) {
		l.Errorf("seed %d: %s took %d octets %d times, want %d once", l.Seed, to.Name, len(to.Delivered[d]), to.Took[d], len(body))
	}
}

// measured tells whether the numbers are wanted, and not only the floors.
func measured() bool { return os.Getenv("PACKHORSE_BENCH") != "" }

// fewer is how many seeds a row has: five are enough for a floor.
func fewer() uint64 {
	if measured() {
		return seeds()
	}
	return 5
}

// speed is the median of octets a second.
func speed(octets int, all []time.Duration) float64 {
	slices.Sort(all)
	return float64(octets) / ((all[(len(all)-1)/2] + all[len(all)/2]) / 2).Seconds()
}

// pairSpeed moves a body between two stations with so much SNR to spare, with a ladder and without.
func pairSpeed(t *testing.T, octets int, spare float64, rungs []phy.Setting) float64 {
	t.Helper()
	var all []time.Duration
	for seed := range fewer() {
		l := meet(t, world.Config{Seed: seed, Ladder: rungs}, spare, "A", "B")
		all = append(all, l.took(l.nodes[0], l.nodes[1], l.body(octets)))
	}
	return speed(octets, all)
}

// A pair with SNR to spare moves on to faster settings, and at 15 dB is five times as fast at least.
func TestSpareSNRIsSpeed(t *testing.T) {
	const octets = 50_000
	var b strings.Builder
	fixed := pairSpeed(t, octets, 15, nil)
	fmt.Fprintf(&b, "50 kB, common setting SF10/BW125, medians of %d seeds: without a ladder %.0f octets a second\n", fewer(), fixed)
	spares := []float64{0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20}
	if !measured() {
		spares = []float64{15}
	}
	for _, spare := range spares {
		got := pairSpeed(t, octets, spare, ladder(t))
		fmt.Fprintf(&b, "%5.1f dB to spare: %5.0f octets a second, %.2f times\n", spare, got, got/fixed)
		if spare >= 15 && got < 5*fixed {
			t.Errorf("%.1f dB to spare: %.2f times as fast, want 5", spare, got/fixed)
		}
		if got < .97*fixed {
			t.Errorf("%.1f dB to spare: %.2f times as fast, want no loss", spare, got/fixed)
		}
	}
	t.Log("\n" + b.String())
}
