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
	return 16
}

// speed is the median of octets a second.
func speed(octets int, all []time.Duration) float64 {
	slices.Sort(all)
	return float64(octets) / ((all[(len(all)-1)/2] + all[len(all)/2]) / 2).Seconds()
}

// pairSpeed moves a body between two stations with so much SNR to spare.
func pairSpeed(t *testing.T, octets int, spare, loss float64, rungs []phy.Setting) float64 {
	t.Helper()
	var all []time.Duration
	for seed := range fewer() {
		l := meet(t, world.Config{Seed: seed, Ladder: rungs}, spare, "A", "B")
		l.Air.SetLoss(loss)
		all = append(all, l.took(l.nodes[0], l.nodes[1], l.body(octets)))
	}
	return speed(octets, all)
}

// A pair with SNR to spare moves on to faster settings, and at 15 dB is nine times as fast at least.
func TestSpareSNRIsSpeed(t *testing.T) {
	const octets = 50_000
	var b strings.Builder
	fixed := pairSpeed(t, octets, 15, 0, nil)
	fmt.Fprintf(&b, "50 kB, common setting SF10/BW125, medians of %d seeds: without a ladder %.0f octets a second\n", fewer(), fixed)
	spares := []float64{0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20}
	if !measured() {
		spares = []float64{15}
	}
	for _, spare := range spares {
		got := pairSpeed(t, octets, spare, 0, ladder(t))
		fmt.Fprintf(&b, "%5.1f dB to spare: %5.0f octets a second, %.2f times\n", spare, got, got/fixed)
		if spare >= 15 && got < 9*fixed {
			t.Errorf("%.1f dB to spare: %.2f times as fast, want 9 (the aim is 5)", spare, got/fixed)
		}
		if got < .97*fixed {
			t.Errorf("%.1f dB to spare: %.2f times as fast, want no loss", spare, got/fixed)
		}
	}
	t.Log("\n" + b.String())
}

// Chance loss meets every setting alike: what is gained stays.
func TestSpareSNRIsSpeedUnderLoss(t *testing.T) {
	losses := []float64{.1, .3}
	if !measured() {
		losses = losses[1:]
	}
	for _, octets := range []int{1_000, 10_000, 50_000} {
		for _, loss := range losses {
			fixed, got := pairSpeed(t, octets, 15, loss, nil), pairSpeed(t, octets, 15, loss, ladder(t))
			t.Logf("%5d octets, 15 dB to spare, %2.0f %% loss: %4.0f octets a second, %.2f times", octets, 100*loss, got, got/fixed)
			if least := map[int]float64{1_000: 1.3, 10_000: 5, 50_000: 7}[octets]; got < least*fixed {
				t.Errorf("%d octets at %.0f %% loss: %.2f times as fast, want %.1f", octets, 100*loss, got/fixed, least)
			}
		}
	}
}

// The path loss rises by 11 dB in the middle of a transfer. How long the receiver gets nothing, from then on.
func TestALinkThatFadesIsCaughtOnTheCommonSetting(t *testing.T) {
	var gaps []time.Duration
	for seed := range fewer() {
		l := meet(t, world.Config{Seed: seed, Ladder: ladder(t)}, 15, "A", "B")
		a, b, body := l.nodes[0], l.nodes[1], l.body(50_000)
		d := a.Submit(b, 1, link.Message, body)
		l.Run(12*time.Second+time.Duration(seed)*700*time.Millisecond, nil)
		if a.Setting().Modulation == phy.RNodeModulation(sf10) {
			t.Fatalf("seed %d: still on the common setting", seed)
		}
		l.Air.SetLink(0, 1, pathLoss(4))
		faded := l.Now()
		home := func() bool { return a.Setting().Modulation == phy.RNodeModulation(sf10) && b.Setting() == a.Setting() }
		l.Run(time.Hour, home)
		heard := b.FramesIn
		l.Run(time.Hour, func() bool { return b.FramesIn > heard+1 }) // the poll, and data
		gaps = append(gaps, l.Now().Sub(faded))
		l.wait(a, b, d, body)
	}
	slices.Sort(gaps)
	full := phy.RNodeModulation(sf10).TimeOnAir(255)
	t.Logf("data again after %v (median; worst %v); a full frame takes %v", gaps[len(gaps)/2], gaps[len(gaps)-1], full)
	// What is left of a burst, silence, a poll, its answer and a full frame with their channel accesses.
	if most := 5*time.Second + full + 2*(600*time.Millisecond+833*time.Millisecond) + full + 833*time.Millisecond; gaps[len(gaps)/2] > most {
		t.Errorf("data again after %v, want %v at most", gaps[len(gaps)/2], most)
	}
}

// One pair moves 50 kB; a third station brings 1 kB to one of them meanwhile.
func TestAThirdStationIsNotForgotten(t *testing.T) {
	var third, alone, bulk []time.Duration
	for seed := range fewer() {
		l := meet(t, world.Config{Seed: seed, Ladder: ladder(t)}, 15, "A", "B", "C")
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		alone = append(alone, l.took(c, b, l.body(1_000)))
		l.Run(rest, nil)
		body, small := l.body(50_000), l.body(1_000)
		small[0]++
		begun := l.Now()
		d := a.Submit(b, 1, link.Message, body)
		l.Run(10*time.Second, nil)
		third = append(third, l.took(c, b, small))
		l.wait(a, b, d, body)
		bulk = append(bulk, b.Received[d].Sub(begun))
	}
	for _, all := range [][]time.Duration{third, alone, bulk} {
		slices.Sort(all)
	}
	mid := len(third) / 2
	t.Logf("the third waits %v (worst %v), %v when nobody moves; the pair takes %v", third[mid], third[len(third)-1], alone[mid], bulk[mid])
	if third[mid] > 30*time.Second || bulk[mid] > 80*time.Second {
		t.Errorf("the third waits %v, the pair %v, want 30 and 80 s at most", third[mid], bulk[mid])
	}
}

// A radio that cannot change keeps its neighbours on the common setting, at no cost.
func TestUnequalRadiosStayTogether(t *testing.T) {
	var with, without []time.Duration
	for seed := range fewer() {
		l := meet(t, world.Config{Seed: seed, Ladder: ladder(t), Fixed: []int{1}}, 15, "A", "B")
		with = append(with, l.took(l.nodes[0], l.nodes[1], l.body(10_000)))
		l = meet(t, world.Config{Seed: seed}, 15, "A", "B")
		without = append(without, l.took(l.nodes[0], l.nodes[1], l.body(10_000)))
	}
	got, want := speed(10_000, with), speed(10_000, without)
	t.Logf("%.1f octets a second, %.1f when both are fixed", got, want)
	if got < .97*want {
		t.Errorf("%.1f octets a second, want %.1f as when both are fixed", got, want)
	}
}
