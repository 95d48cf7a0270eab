package hop

import (
	"fmt"
	"strings"
	"testing"

	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// bare is a channel whose stations are radio chips with our medium access.
func bare(int) bool { return true }

// ownLimit is full packets back to back with the preamble of the chips themselves, as a share of the limit with an RNode's.
func ownLimit(m phy.Modulation) float64 {
	const packet = 255
	return packet / m.TimeOnAir(packet).Seconds() / world.PHYLimit(m)
}

// ownKind is a row with our medium access.
type ownKind struct {
	bandwidth uint32
	kind
}

// ownFloors is what 20 seeds must reach of the limit with the chips' own preamble.
var ownFloors = map[ownKind]shares{
	{500_000, kind{1, 50_000, 0}}: {.95, .93}, {500_000, kind{1, 50_000, .1}}: {.85, .82}, {500_000, kind{1, 50_000, .3}}: {.65, .59},
	{125_000, kind{1, 1_000, 0}}: {.86, .84}, {125_000, kind{1, 1_000, .1}}: {.79, .75}, {125_000, kind{1, 1_000, .3}}: {.56, .44},
	{125_000, kind{1, 10_000, 0}}: {.93, .92}, {125_000, kind{1, 10_000, .1}}: {.82, .76}, {125_000, kind{1, 10_000, .3}}: {.63, .57},
	{125_000, kind{1, 50_000, 0}}: {.95, .94}, {125_000, kind{1, 50_000, .1}}: {.85, .82}, {125_000, kind{1, 50_000, .3}}: {.65, .61},
	{125_000, kind{2, 10_000, 0}}: {.46, .42}, {125_000, kind{2, 10_000, .1}}: {.40, .36},
}

// ownKinds is the order of the table.
func ownKinds() (all []ownKind) {
	for _, loss := range []float64{0, .1, .3} {
		all = append(all, ownKind{500_000, kind{1, 50_000, loss}})
	}
	for _, k := range kinds {
		all = append(all, ownKind{125_000, k})
	}
	return all
}

// ownShares are medians of the limit with an RNode's preamble.
func ownShares(t *testing.T, k ownKind) shares {
	m := nz915
	m.BandwidthHz = k.bandwidth
	var all []shares
	for seed := range seeds() {
		cfg := world.Config{Seed: seed, Modulation: m, Bare: bare}
		all = append(all, openWith(t, cfg, k.hops+1, k.loss).send(k.octets))
	}
	return median(all)
}

// TestOwnAccessReachesItsShares sends what TestHopsReachTheirShares sends, between chips.
func TestOwnAccessReachesItsShares(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "chips, medians of %d seeds: shares of the limit with the chips' own preamble (with an RNode's)\n", seeds())
	for _, k := range ownKinds() {
		m := nz915
		m.BandwidthHz = k.bandwidth
		rnode := ownShares(t, k)
		got := shares{rnode.air / ownLimit(m), rnode.time / ownLimit(m)}
		if least := ownFloors[k]; got.air < least.air || got.time < least.time {
			t.Errorf("BW%d: %d octets over %d hops at %.0f %% loss: air %.3f time %.3f, want %v at least",
				k.bandwidth/1000, k.octets, k.hops, 100*k.loss, got.air, got.time, least)
		}
		fmt.Fprintf(&b, "SF7/BW%d %4d %7d %5.0f%%   %s / %s (%s / %s)\n", k.bandwidth/1000, k.hops, k.octets, 100*k.loss,
			share(got.air), share(got.time), share(rnode.air), share(rnode.time))
	}
	t.Log("\n" + b.String())
}
