//go:build linux

package radios

import (
	"context"
	"io"
	"math/rand/v2"

	"periph.io/x/conn/v3/spi"

	host "packhorse/board"
	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/ebyte"
	"packhorse/radio/kiss"
	"packhorse/radio/meshtastic"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sik"
	"packhorse/radio/sim"
	"packhorse/radio/sx126x"
	"packhorse/radio/sx127x"
)

// sf7 is the setting that all LoRa radios of the bench share.
var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 12}

var bandwidths = []uint32{7812, 10_416, 15_625, 20_833, 31_250, 41_666, 62_500, 125_000, 250_000, 500_000}

// lora is every setting of LoRa that may accepts, at the frequency of base.
func lora(base phy.Modulation, may func(sf uint8, bandwidthHz uint32) bool) (all []phy.Modulation) {
	for _, bw := range bandwidths {
		for sf := uint8(5); sf <= 12; sf++ {
			for cr := uint8(5); cr <= 8; cr++ {
				if may(sf, bw) {
					m := base
					m.BandwidthHz, m.SpreadingFactor, m.CodingRate = bw, sf, cr
					all = append(all, m)
				}
			}
		}
	}
	return all
}

func all(uint8, uint32) bool { return true }

// sx127xKind is an SX1276 on a module, by chip select of the port or by hand.
func sx127xKind(hw board.SX127xOpts, o sx127x.Opts) kind {
	return kind{
		name: "sx1276", station: sim.Chip, common: sf7, powerDBm: 14, settings: lora(sf7, func(sf uint8, bw uint32) bool { return sf >= 7 && (bw > 41_666 || o.NarrowIF) }),
		add: func(r *board.Rig, station int) (*device, error) {
			c, err := r.AddSX127x(station, hw)
			if err != nil {
				return nil, err
			}
			return &device{
				open: func(ctx context.Context) (radio.Radio, error) {
					pins := chip.Pins{Reset: c.Reset, IRQ: c.DIO0}
					if c.Select != nil {
						pins.Select = c.Select
					}
					port, err := host.NewSPIPort(func() (spi.PortCloser, error) { return c.Open(), nil })
					if err != nil {
						return nil, err
					}
					d, err := sx127x.New(port, pins, o)
					if err != nil {
						return nil, err
					}
					return chip.Open(ctx, d, c.DIO0, chip.Opts{})
				},
				violations: c.Violations, unplug: c.Unplug, replug: c.Replug, loseIRQ: c.LoseIRQ, brownOut: c.BrownOut, dBm: c.SentDBm,
			}, nil
		},
	}
}

// sx126xKind is one of the SX126x family on a board.
func sx126xKind(name string, hw board.SX126xOpts, o sx126x.Opts, base phy.Modulation, may func(uint8, uint32) bool) kind {
	return kind{
		name: name, station: sim.Chip, common: base, powerDBm: 14, settings: lora(base, may),
		add: func(r *board.Rig, station int) (*device, error) {
			hw.Seed = uint64(station)
			c, err := r.AddSX126x(station, hw)
			if err != nil {
				return nil, err
			}
			return &device{
				open: func(ctx context.Context) (radio.Radio, error) {
					port, err := host.NewSPIPort(func() (spi.PortCloser, error) { return c.Open(), nil })
					if err != nil {
						return nil, err
					}
					d, err := sx126x.New(port, pins126x(c), o)
					if err != nil {
						return nil, err
					}
					return chip.Open(ctx, d, c.DIO1, chip.Opts{})
				},
				violations: c.Violations, unplug: c.Unplug, replug: c.Replug, loseIRQ: c.LoseIRQ, brownOut: c.BrownOut, stickBusy: c.StickBusy, dBm: c.SentDBm,
			}, nil
		},
	}
}

func pins126x(c *board.SX126x) chip.Pins {
	p := chip.Pins{Reset: c.Reset, IRQ: c.DIO1, Busy: c.Busy}
	if c.Select != nil {
		p.Select = c.Select
	}
	if c.TxEnable != nil {
		p.TxEnable = c.TxEnable
	}
	if c.RxEnable != nil {
		p.RxEnable = c.RxEnable
	}
	return p
}

// The kinds of the suite.
var (
	sx1276     = sx127xKind(board.SX127xOpts{}, sx127x.Opts{NarrowIF: true})
	sx1276Hand = renamed("sx1276 selected by hand", sx127xKind(board.SX127xOpts{ChipSelect: true, RefuseNoCS: true}, sx127x.Opts{}))
	sx1276RFO  = renamed("sx1276 on RFO", sx127xKind(board.SX127xOpts{RFO: true}, sx127x.Opts{Output: sx127x.RFO}))
	sx1262     = sx126xKind("sx1262", board.SX126xOpts{DIO2Switch: true}, sx126x.Opts{DIO2Switch: true}, sf7, all)
	sx1262TCXO = sx126xKind("sx1262 with TCXO and switch pins", board.SX126xOpts{TCXOVolts: 1.8, TxEnable: true, RxEnable: true, ChipSelect: true},
		sx126x.Opts{TCXOMillivolts: 1800}, sf7, all)
	sx1261 = sx126xKind("sx1261", board.SX126xOpts{Model: board.SX1261, DIO2Switch: true}, sx126x.Opts{Model: sx126x.SX1261, DIO2Switch: true}, sf7, all)
	sx1268 = sx126xKind("sx1268", board.SX126xOpts{Model: board.SX1268, DIO2Switch: true}, sx126x.Opts{Model: sx126x.SX1268, DIO2Switch: true}, at(433_175_000), all)
	llcc68 = sx126xKind("llcc68", board.SX126xOpts{Model: board.LLCC68, DIO2Switch: true}, sx126x.Opts{Model: sx126x.LLCC68, DIO2Switch: true}, sf7,
		func(sf uint8, bw uint32) bool {
			return bw == 125_000 && sf <= 9 || bw == 250_000 && sf <= 10 || bw == 500_000 && sf <= 11
		})
	// An RNode's firmware splits what is longer than one packet and chooses its preamble.
	rnodes = kind{name: "rnode", station: sim.RNode, common: phy.RNodeModulation(sf7), powerDBm: 14, settings: asRNode(lora(sf7, all)),
		add: serial((*board.Rig).AddRNode, func(ctx context.Context, port io.ReadWriteCloser) (radio.Radio, error) {
			return rnode.Open(ctx, port, rnode.Opts{})
		})}
	tncs = kind{name: "kiss", station: sim.Bare, common: licenceFree.Modulation(434_500_000, 12_500, 1200), powerDBm: 10,
		settings: []phy.Modulation{licenceFree.Modulation(434_500_000, 12_500, 1200)},
		add: serial(func(r *board.Rig, station int) error { return r.AddKISS(station, board.TNC{}) }, func(ctx context.Context, port io.ReadWriteCloser) (radio.Radio, error) {
			return kiss.Open(ctx, port, licenceFree)
		})}
	e22s   = ebyteKind("e22", (*board.Rig).AddE22, board.E22{}, ebyte.Opts{Band: ebyte.E22Band900}, openE22, airRates(ebyte.Modulation, 869_125_000))
	siks   = sikKind()
	meshes = meshtasticKind()
	e32s   = ebyteKind("e32", (*board.Rig).AddE32, board.E32{}, ebyte.Opts{Band: ebyte.E32Band868}, openE32, airRates(ebyte.E32Modulation, 868_000_000))
)

var licenceFree = kiss.Opts{LicenceFree: true}

// sikKind is a pair of SiK radios that hop over ten channels.
func sikKind() kind {
	o := sik.Opts{Channels: 10, SpanHz: 8_000_000}
	k := kind{name: "sik", station: sim.Bare, common: o.Modulation(915_000_000, 64), powerDBm: 14,
		add: serial(func(r *board.Rig, station int) error {
			return r.AddSiK(station, board.SiK{Board: 915, Seed: uint64(station)})
		},
			func(ctx context.Context, port io.ReadWriteCloser) (radio.Radio, error) { return sik.Open(ctx, port, o) })}
	for _, kbps := range []uint32{4, 16, 64, 250} {
		k.settings = append(k.settings, o.Modulation(915_000_000, kbps))
	}
	return k
}

// meshtasticKind is nodes as their owner has set them.
func meshtasticKind() kind {
	const us, longFast = 1, 0
	m, err := meshtastic.Modulation("LongFast", 906_875_000)
	if err != nil {
		panic(err)
	}
	return kind{name: "meshtastic", station: sim.Bare, common: m, powerDBm: 14, settings: []phy.Modulation{m},
		add: serial(func(r *board.Rig, station int) error {
			return r.AddMeshtastic(station, board.Meshtastic{Region: us, Preset: longFast, TxPower: 14, Seed: uint64(station)})
		}, func(ctx context.Context, port io.ReadWriteCloser) (radio.Radio, error) {
			return meshtastic.Open(ctx, port, meshtastic.Opts{Rand: random("meshtastic")})
		})}
}

// asRNode is settings with the preambles that RNodes give them.
func asRNode(settings []phy.Modulation) (all []phy.Modulation) {
	for _, m := range settings {
		all = append(all, phy.RNodeModulation(m))
	}
	return all
}

// compatible is a chip that speaks with RNodes.
func compatible(k kind) kind {
	k.name, k.common = k.name+" with the octet of RNodes", rnodes.common
	k.settings = asRNode(k.settings)
	add := k.add
	k.add = func(r *board.Rig, station int) (*device, error) {
		d, err := add(r, station)
		if err != nil {
			return nil, err
		}
		open := d.open
		d.open = func(ctx context.Context) (radio.Radio, error) {
			inner, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return rnode.Compatible(inner, random("octets")), nil
		}
		return d, nil
	}
	return k
}

func renamed(name string, k kind) kind {
	k.name = name
	return k
}

// at is the common setting on another frequency.
func at(hz uint32) phy.Modulation {
	m := sf7
	m.FrequencyHz = hz
	return m
}

// serial is a kind's add for a modem on a line.
func serial(add func(*board.Rig, int) error, open func(context.Context, io.ReadWriteCloser) (radio.Radio, error)) func(*board.Rig, int) (*device, error) {
	return func(r *board.Rig, station int) (*device, error) {
		if err := add(r, station); err != nil {
			return nil, err
		}
		return &device{open: func(ctx context.Context) (radio.Radio, error) { return open(ctx, r.Dial(station)) }}, nil
	}
}

func openE22(ctx context.Context, p ebyte.Port, o ebyte.Opts) (radio.Radio, error) {
	return ebyte.OpenE22(ctx, p, o)
}

func openE32(ctx context.Context, p ebyte.Port, o ebyte.Opts) (radio.Radio, error) {
	return ebyte.OpenE32(ctx, p, o)
}

// airRates are the settings of an Ebyte module; those that do not exist are left out.
func airRates(of func(hz, rate uint32) (phy.Modulation, error), hz uint32) (all []phy.Modulation) {
	for _, rate := range []uint32{2400, 300, 1200, 4800, 9600, 19_200, 38_400, 62_500} {
		if m, err := of(hz, rate); err == nil {
			all = append(all, m)
		}
	}
	return all
}

// ebyteKind is a module with all its pins wired.
func ebyteKind[T any](name string, add func(*board.Rig, int, T) error, hw T, o ebyte.Opts,
	open func(context.Context, ebyte.Port, ebyte.Opts) (radio.Radio, error), settings []phy.Modulation) kind {
	return kind{name: name, station: sim.Bare, common: settings[0], settings: settings, powerDBm: map[string]int{"e22": 22, "e32": 20}[name],
		add: func(r *board.Rig, station int) (*device, error) {
			if err := add(r, station, hw); err != nil {
				return nil, err
			}
			return &device{open: func(ctx context.Context) (radio.Radio, error) {
				o := o
				o.M0, o.M1, o.AUX = r.EbytePins(station)
				return open(ctx, r.Dial(station).(ebyte.Port), o)
			}}, nil
		}}
}

// random is a source that is the same in each run.
func random(name string) *rand.Rand {
	var seed uint64 = 14695981039346656037
	for _, c := range []byte(name) {
		seed = (seed ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, 1))
}

// content is a frame of n octets that no other frame of its run resembles.
func content(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
