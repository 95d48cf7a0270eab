//go:build linux

package chips

import (
	"context"
	"io"
	"math/rand/v2"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/ebyte"
	"packhorse/radio/kiss"
	"packhorse/radio/meshtastic"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sik"
	"packhorse/radio/sim"
)

// idler is a radio of some kind that has nothing to do.
type idler struct {
	name     string
	station  sim.Modem
	mod      phy.Modulation
	powerDBm int
	chip     kind // where serial is nil
	add      func(r *board.Rig, station int) error
	serial   func(ctx context.Context, r *board.Rig, station int, line tapped) (radio.Radio, error)
}

var (
	licenceFree = kiss.Opts{LicenceFree: true}
	hopping     = sik.Opts{Channels: 10, SpanHz: 6_000_000}
)

// idlers are all kinds of radios.
func idlers() []idler {
	slow, err := ebyte.Modulation(869_125_000, 2400)
	if err != nil {
		panic(err)
	}
	mesh, err := meshtastic.Modulation("LongFast", 906_875_000)
	if err != nil {
		panic(err)
	}
	return []idler{
		{name: "sx127x", station: sim.Chip, chip: sx1276, mod: phy.RNodeModulation(sf7), powerDBm: 14},
		{name: "sx126x", station: sim.Chip, chip: sx1262, mod: phy.RNodeModulation(sf7), powerDBm: 14},
		{name: "rnode", station: sim.RNode, mod: phy.RNodeModulation(sf7), powerDBm: 14, add: (*board.Rig).AddRNode,
			serial: func(ctx context.Context, _ *board.Rig, _ int, l tapped) (radio.Radio, error) {
				return rnode.Open(ctx, l, rnode.Opts{})
			}},
		{name: "kiss", station: sim.Bare, mod: licenceFree.Modulation(434_500_000, 12_500, 1200), powerDBm: 10,
			add: func(r *board.Rig, station int) error { return r.AddKISS(station, board.TNC{}) },
			serial: func(ctx context.Context, _ *board.Rig, _ int, l tapped) (radio.Radio, error) {
				return kiss.Open(ctx, l, licenceFree)
			}},
		{name: "sik", station: sim.Bare, mod: hopping.Modulation(915_000_000, 64), powerDBm: 14,
			add: func(r *board.Rig, station int) error { return r.AddSiK(station, board.SiK{Board: 915}) },
			serial: func(ctx context.Context, _ *board.Rig, _ int, l tapped) (radio.Radio, error) {
				return sik.Open(ctx, l, hopping)
			}},
		{name: "e22", station: sim.Bare, mod: slow, powerDBm: 22,
			add: func(r *board.Rig, station int) error { return r.AddE22(station, board.E22{}) },
			serial: func(ctx context.Context, r *board.Rig, station int, l tapped) (radio.Radio, error) {
				o := ebyte.Opts{Band: ebyte.E22Band900}
				o.M0, o.M1, o.AUX = r.EbytePins(station)
				return ebyte.OpenE22(ctx, l, o)
			}},
		{name: "meshtastic", station: sim.Bare, mod: mesh, powerDBm: 14,
			add: func(r *board.Rig, station int) error {
				return r.AddMeshtastic(station, board.Meshtastic{Region: 1, TxPower: 14})
			},
			serial: func(ctx context.Context, _ *board.Rig, _ int, l tapped) (radio.Radio, error) {
				return meshtastic.Open(ctx, l, meshtastic.Opts{Rand: rand.New(rand.NewPCG(1, 2))})
			}},
	}
}

// rig puts it on a station of an air of its own.
func (k idler) rig(dir string) (*board.Rig, *seat, error) {
	air, err := sim.New(sim.Config{Seed: 1, Stations: []sim.Station{{Modem: k.station}}})
	if err != nil {
		return nil, nil, err
	}
	r, err := board.NewRig(air, dir)
	if err != nil {
		return nil, nil, err
	}
	if k.serial != nil {
		return r, nil, k.add(r, 0)
	}
	s, err := sit(r, k.chip, 0)
	return r, s, err
}

// open opens it on its rig; line is that of a modem.
func (k idler) open(ctx context.Context, r *board.Rig, s *seat, line io.ReadWriteCloser, t *tap) (radio.Radio, error) {
	if k.serial != nil {
		return k.serial(ctx, r, 0, tapped{line, t})
	}
	s.tap = t
	return s.open(ctx, rand.New(rand.NewPCG(1, 1)))
}
