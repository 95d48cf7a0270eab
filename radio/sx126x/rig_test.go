//go:build linux

package sx126x_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	"packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
	air "packhorse/radio/sim"
	"packhorse/radio/sx126x"
)

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// bench is a simulated board and what its profile says.
type bench struct {
	chip sim.SX126xOpts
	opts sx126x.Opts
}

// boards are the kinds that there are: each makes the chip deaf, mute or dead where the driver forgets a part of it.
var boards = []bench{
	{sim.SX126xOpts{DIO2Switch: true}, sx126x.Opts{DIO2Switch: true}},
	{sim.SX126xOpts{TxEnable: true, RxEnable: true, TCXOVolts: 1.8, ChipSelect: true, RefuseNoCS: true}, sx126x.Opts{TCXOMillivolts: 1800}},
	{sim.SX126xOpts{Model: sim.LLCC68, DIO2Switch: true, RxEnable: true, TCXOVolts: 1.8}, sx126x.Opts{Model: sx126x.LLCC68, DIO2Switch: true, TCXOMillivolts: 1800, LDO: true}},
	{sim.SX126xOpts{Model: sim.SX1261}, sx126x.Opts{Model: sx126x.SX1261, PowerSavingGain: true}},
}

// lab plays in virtual time with chips on one air. Afterwards no chip may have anything to complain of.
func lab(t *testing.T, boards []bench, play func(t *testing.T, chips []*sim.SX126x)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := air.Config{Seed: 7}
		for range boards {
			cfg.Stations = append(cfg.Stations, air.Station{Modem: air.Chip})
		}
		a, err := air.New(cfg)
		must(t, err)
		r, err := sim.NewRig(a, "")
		must(t, err)
		var chips []*sim.SX126x
		for i, b := range boards {
			c, err := r.AddSX126x(i, b.chip)
			must(t, err)
			chips = append(chips, c)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = r.Run(ctx); close(ended) }()
		play(t, chips)
		for i, c := range chips {
			if v := c.Violations(); len(v) != 0 {
				t.Errorf("station %d: %q", i, v)
			}
		}
		stop()
		<-ended
	})
}

// rig is a lab with each chip in its driver and shell, not configured yet.
func rig(t *testing.T, boards []bench, play func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio)) {
	t.Helper()
	lab(t, boards, func(t *testing.T, chips []*sim.SX126x) {
		var radios []*chip.Radio
		for i, c := range chips {
			radios = append(radios, open(t, c, boards[i].opts))
		}
		play(t, chips, radios)
		for _, r := range radios {
			must(t, r.Close())
		}
	})
}

func pins(c *sim.SX126x) chip.Pins {
	p := chip.Pins{Reset: c.Reset, Busy: c.Busy}
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

// hear waits for a packet, not for ever.
func hear(t *testing.T, r *chip.Radio) (radio.Packet, error) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return r.Receive(ctx)
}

func driver(t *testing.T, c *sim.SX126x, o sx126x.Opts) *sx126x.Driver {
	t.Helper()
	port, err := board.NewSPIPort(func() (spi.PortCloser, error) { return c.Open(), nil })
	must(t, err)
	d, err := sx126x.New(port, pins(c), o)
	must(t, err)
	return d
}

func open(t *testing.T, c *sim.SX126x, o sx126x.Opts) *chip.Radio {
	t.Helper()
	r, err := chip.Open(t.Context(), driver(t, c, o), c.DIO1, chip.Opts{})
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every board hears every other, each way, at all lengths that matter.
func TestBoardsUnderstandEachOther(t *testing.T) {
	rig(t, boards, func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio) {
		for _, r := range radios {
			must(t, r.Configure(t.Context(), sf7, 14))
		}
		for from, r := range radios {
			for _, n := range []int{1, 2, 120, 254, 255} {
				frame := bytes.Repeat([]byte{byte(from), byte(n)}, n)[:n]
				must(t, r.Transmit(t.Context(), frame))
				for to, h := range radios {
					if to == from {
						continue
					}
					p, err := hear(t, h)
					if err != nil || !bytes.Equal(p.Data, frame) || p.SNRdB < 10 || p.RSSIdBm < -100 || p.RSSIdBm > -90 {
						t.Fatalf("%d to %d, %d octets: %v, %v", from, to, n, p, err)
					}
				}
			}
			if got := chips[from].SentDBm(); got != 14 {
				t.Errorf("station %d sent with %d dBm", from, got)
			}
		}
	})
}

// Every setting that the chip has, within what the air carries in a reasonable time.
func TestEverySettingIsSpoken(t *testing.T) {
	rig(t, boards[:2], func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio) {
		for _, hz := range []uint32{7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000} {
			for sf := uint8(5); sf <= 12; sf++ {
				m := phy.Modulation{FrequencyHz: 433_175_000, BandwidthHz: hz, SpreadingFactor: sf, CodingRate: 5 + sf%4, PreambleSymbols: 12}
				frame := []byte{sf, byte(hz), 3}
				for _, r := range radios {
					must(t, r.Configure(t.Context(), m, 10))
				}
				must(t, radios[0].Transmit(t.Context(), frame))
				p, err := hear(t, radios[1])
				if err != nil || !bytes.Equal(p.Data, frame) {
					t.Fatalf("%v: %v, %v", m, p, err)
				}
			}
		}
	})
}

func TestActivityIsHeardBeforeTalking(t *testing.T) {
	rig(t, boards[:2], func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio) {
		for _, r := range radios {
			must(t, r.Configure(t.Context(), sf7, 14))
		}
		law := phy.Sensing{For: 5 * time.Millisecond, BelowDBm: -90}
		if busy, err := radios[1].Sense(t.Context(), law); busy || err != nil {
			t.Errorf("a free channel: busy %v, %v", busy, err)
		}
		sent := make(chan error)
		go func() { sent <- radios[0].Transmit(t.Context(), make([]byte, 200)) }()
		time.Sleep(4 * time.Millisecond) // in the preamble
		if busy, err := radios[1].Sense(t.Context(), law); !busy || err != nil {
			t.Errorf("a taken channel: busy %v, %v", busy, err)
		}
		must(t, <-sent)
	})
}

// A preamble of half a second is listened to more than once: none of it may break the reception off.
func TestListeningOftenLeavesAReceptionAlone(t *testing.T) {
	rig(t, boards[:2], func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio) {
		slow := sf7
		slow.SpreadingFactor = 12
		for _, r := range radios {
			must(t, r.Configure(t.Context(), slow, 14))
		}
		sent := make(chan error)
		go func() { sent <- radios[0].Transmit(t.Context(), []byte("hello")) }()
		time.Sleep(7 * slow.SymbolTime()) // the preamble has been found, the header comes after 20.25 symbols
		for range 10 {
			if busy, err := radios[1].Sense(t.Context(), phy.Sensing{}); !busy || err != nil {
				t.Errorf("busy %v, %v", busy, err)
			}
			time.Sleep(slow.SymbolTime())
		}
		must(t, <-sent)
		if p, err := hear(t, radios[1]); err != nil || string(p.Data) != "hello" {
			t.Errorf("got %q, %v", p.Data, err)
		}
		if busy, err := radios[1].Sense(t.Context(), phy.Sensing{}); busy || err != nil {
			t.Errorf("afterwards: busy %v, %v", busy, err)
		}
	})
}

// A chip that a dip of its supply has reset works on: the sender's is found out when it is to send, the listener's within
// a second.
func TestADipOfTheSupplyIsOvercome(t *testing.T) {
	rig(t, []bench{boards[1], boards[0]}, func(t *testing.T, chips []*sim.SX126x, radios []*chip.Radio) {
		for _, r := range radios {
			must(t, r.Configure(t.Context(), sf7, 14))
		}
		for dips, wait := range []time.Duration{0, 1500 * time.Millisecond} {
			chips[dips].BrownOut()
			time.Sleep(wait)
			must(t, radios[0].Transmit(t.Context(), []byte("hello")))
			if p, err := hear(t, radios[1]); err != nil || string(p.Data) != "hello" {
				t.Errorf("station %d dipped: %v, %v", dips, p, err)
			}
			if n := radios[dips].Stats().Resets; n != 1 {
				t.Errorf("station %d: %d resets, want 1", dips, n)
			}
		}
	})
}

func TestFaultsOfTheBoardAreNamed(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(c *sim.SX126x)
		opts sx126x.Opts
		want error
		say  string
	}{
		{"BUSY", func(c *sim.SX126x) { c.StickBusy(true) }, sx126x.Opts{}, chip.ErrStuck, "BUSY (GPIO20) stays high"},
		{"unplugged", func(c *sim.SX126x) { c.Unplug() }, sx126x.Opts{}, chip.ErrNoChip, "check"},
		{"MISO low", func(c *sim.SX126x) { c.Break(sim.MISOLow) }, sx126x.Opts{}, chip.ErrNoChip, "MISO"},
		{"MISO high", func(c *sim.SX126x) { c.Break(sim.MISOHigh) }, sx126x.Opts{}, chip.ErrNoChip, "not selected"},
		{"MISO open", func(c *sim.SX126x) { c.Break(sim.MISONoise) }, sx126x.Opts{}, chip.ErrNoChip, "check"},
		{"TCXO", func(c *sim.SX126x) {}, sx126x.Opts{TCXOMillivolts: 1800}, chip.ErrStuck, "has a crystal"},
	} {
		lab(t, boards[:1], func(t *testing.T, chips []*sim.SX126x) {
			tc.do(chips[0])
			_, err := chip.Open(t.Context(), driver(t, chips[0], tc.opts), chips[0].DIO1, chip.Opts{})
			if !errors.Is(err, tc.want) || !strings.Contains(fmt.Sprint(err), tc.say) {
				t.Errorf("%s: got %v, want %q", tc.name, err, tc.say)
			}
		})
	}
}

// await polls the driver until it tells something, as a shell does at an edge.
func await(t *testing.T, c *sim.SX126x, d *sx126x.Driver) chip.Event {
	t.Helper()
	for range 10_000 {
		if c.DIO1.Read() == gpio.High {
			e, err := d.Events()
			must(t, err)
			if e.Sent || e.Received != nil || e.Damaged || e.TimedOut {
				return e
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nothing happened")
	return chip.Event{}
}

// Packets of all forms get through, and those of another form do not.
func TestPacketsOfEveryForm(t *testing.T) {
	lab(t, boards[:2], func(t *testing.T, chips []*sim.SX126x) {
		var drivers []*sx126x.Driver
		for i, c := range chips {
			d := driver(t, c, boards[i].opts)
			must(t, d.Reset(t.Context()))
			must(t, d.Configure(sf7, 14))
			drivers = append(drivers, d)
		}
		plain := phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true}
		implicit, inverted, public, bare := plain, plain, plain, plain
		implicit.Implicit, implicit.Length = true, 16
		inverted.Inverted = true
		public.SyncWord = phy.SyncPublic
		bare.CRC = false
		for i, tc := range []struct {
			sends, hears phy.Wave
			want         chip.Event // zero: the packet
		}{
			{plain, plain, chip.Event{}},
			{implicit, implicit, chip.Event{}}, {inverted, inverted, chip.Event{}}, {public, public, chip.Event{}}, {bare, bare, chip.Event{}},
			{plain, inverted, chip.Event{TimedOut: true}}, {inverted, plain, chip.Event{TimedOut: true}}, {public, plain, chip.Event{TimedOut: true}},
			{bare, plain, chip.Event{Damaged: true}}, {implicit, implicit, chip.Event{}}, {plain, plain, chip.Event{}},
		} {
			must(t, drivers[0].SetWave(tc.sends))
			must(t, drivers[1].SetWave(tc.hears))
			must(t, drivers[1].ReceiveFor(300*time.Millisecond))
			frame := bytes.Repeat([]byte{byte(i)}, 16)
			must(t, drivers[0].Transmit(frame))
			if e := await(t, chips[0], drivers[0]); !e.Sent {
				t.Errorf("step %d: %+v", i, e)
			}
			e := await(t, chips[1], drivers[1])
			if wanted := tc.want == (chip.Event{}); wanted != (e.Received != nil) || e.TimedOut != tc.want.TimedOut || e.Damaged != tc.want.Damaged {
				t.Errorf("step %d: got %+v, want %+v", i, e, tc.want)
			}
			if e.Received != nil && !bytes.Equal(e.Received.Data, frame) {
				t.Errorf("step %d: %X", i, e.Received.Data)
			}
		}
		for _, d := range drivers {
			must(t, d.Close())
		}
	})
}
