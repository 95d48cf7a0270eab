//go:build linux

package sim

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio/phy"
	air "packhorse/radio/sim"
)

// pair runs a test with two chips that are configured and may be changed by set; the second receives.
func pair(t *testing.T, set func(h *sxHost), test func(t *testing.T, a *air.Air, r *Rig, tx, rx *sxHost)) {
	t.Helper()
	withChips(t, 2, SX127xOpts{}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
		for _, x := range h {
			x.configure()
			if set != nil {
				set(x)
			}
		}
		h[1].receive()
		test(t, a, r, h[0], h[1])
	})
}

// owned runs f where the air may be touched.
func (r *Rig) owned(t *testing.T, f func()) {
	t.Helper()
	if !r.Do(t.Context(), func(time.Time) { f() }) {
		t.Fatal("the rig has ended")
	}
}

func TestSX127xSendsAndReceivesEveryModulation(t *testing.T) {
	for code := byte(0); code < 10; code++ {
		for sf := byte(7); sf <= 12; sf++ {
			for cr := byte(1); cr <= 4; cr += 3 {
				set := func(h *sxHost) {
					h.write(sxModemConfig1, code<<4|cr<<1, sf<<4|sxCRCOn)
					if 2<<sf*1000 > 32*int(sxBandwidths[code]) {
						h.write(sxModemConfig3, sxLowRate|0x04)
					}
					if code <= 5 {
						h.write(sxIfFreq2, 0x45, 0x55, 0xC3)
					}
				}
				pair(t, set, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
					start := time.Now()
					tx.start([]byte("every modulation"))
					if !tx.chip.DIO0.WaitForEdge(time.Minute) {
						t.Fatal("TxDone does not come")
					}
					m := tx.chip.chip.form().Modulation
					if took, want := time.Since(start), m.TimeOnAir(16)+sxSynth+sxToTx; took != want {
						t.Errorf("%v: TxDone after %v, want %v", m, took, want)
					}
					if data, flags := rx.fetch(); string(data) != "every modulation" || flags != sxRxDone|sxValidHeader {
						t.Errorf("%v: got %q, flags %02x", m, data, flags)
					}
					if got := rx.read(sxModemStat, 1)[0] >> 5; got != cr {
						t.Errorf("%v: coding rate %d of the header, want %d", m, got, cr)
					}
					tx.noViolations()
				})
			}
		}
	}
}

func TestSX127xFIFOWrapsAround(t *testing.T) {
	pair(t, nil, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
		tx.write(sxTxBase, 0xF0)
		for i := range 5 {
			want := bytes.Repeat([]byte{byte(i + 1)}, 100)
			tx.mode(sxStandby)
			tx.write(sxFIFOAddr, 0xF0)
			tx.write(sxFIFO, want...)
			tx.write(sxPayloadLength, 100)
			tx.write(sxDIOMapping1, 0x40)
			tx.mode(sxTx)
			if got, _ := rx.fetch(); !bytes.Equal(got, want) {
				t.Errorf("packet %d: %x", i, got)
			}
			if at := rx.read(sxRxCurrent, 1)[0]; at != byte(i*100) {
				t.Errorf("packet %d lies at %d, want %d", i, at, byte(i*100))
			}
			tx.write(sxIrqFlags, 0xFF)
		}
		if n := rx.read(sxHeaderCount, 4); !bytes.Equal(n, []byte{0, 5, 0, 5}) {
			t.Errorf("headers and packets counted: % x", n)
		}
	})
}

func TestSX127xTellsOfInjuries(t *testing.T) {
	pair(t, nil, func(t *testing.T, a *air.Air, r *Rig, tx, rx *sxHost) {
		for _, c := range []struct {
			injury air.Injury
			flags  byte // 0: no packet
			crc    byte
		}{
			{air.Unharmed, sxRxDone | sxValidHeader, sxHopCRC},
			{air.WrongChecksum, sxRxDone | sxValidHeader | sxCRCError, sxHopCRC},
			{air.NoChecksum, sxRxDone | sxValidHeader, 0},
			{air.BadHeader, 0, 0},
			{air.Missed, 0, 0},
			{air.Unharmed, sxRxDone | sxValidHeader, sxHopCRC},
		} {
			r.owned(t, func() { a.Injure(1, c.injury) })
			tx.send([]byte("some octets that may be damaged"))
			if c.flags == 0 {
				if rx.chip.DIO0.WaitForEdge(time.Second) || rx.read(sxIrqFlags, 1)[0] != 0 {
					t.Errorf("injury %d: the chip tells of something", c.injury)
				}
				continue
			}
			data, flags := rx.fetch()
			if flags != c.flags || rx.read(sxHopChannel, 1)[0]&sxHopCRC != c.crc {
				t.Errorf("injury %d: flags %02x, checksum %02x", c.injury, flags, rx.read(sxHopChannel, 1))
			}
			if good := string(data) == "some octets that may be damaged"; good != (c.injury == air.Unharmed) {
				t.Errorf("injury %d: got %q", c.injury, data)
			}
		}
	})
}

func TestSX127xMeasuresWhatItHears(t *testing.T) {
	for _, c := range []struct {
		loss, ppm float64
		snr       float64
		rssi      float64
	}{
		{110, 10, 21, -96},
		{131, 0, 0, -117},
		{138, -20, -7, -124},
	} {
		pair(t, nil, func(t *testing.T, a *air.Air, r *Rig, tx, rx *sxHost) {
			r.owned(t, func() { a.SetLink(0, 1, c.loss); a.SetCrystal(0, c.ppm) })
			tx.start(make([]byte, 200))
			time.Sleep(100 * time.Millisecond)
			if got := float64(rx.read(sxRSSI, 1)[0]) - 157; math.Abs(got-10*math.Log10(math.Pow(10, c.rssi/10)+math.Pow(10, -11.703))) > 0.6 {
				t.Errorf("level %v dBm during a packet of %v", got, c.rssi)
			}
			if got := rx.read(sxModemStat, 1)[0] & 0x1F; got != sxHeaderValid|sxOngoing|sxSynchronised|sxSignalPresent {
				t.Errorf("ModemStat %02x during a packet", got)
			}
			rx.fetch()
			snr, rssi := float64(int8(rx.read(sxPktSNR, 1)[0]))/4, float64(rx.read(sxPktRSSI, 1)[0])
			dBm := -157 + rssi*16/15
			if snr < 0 {
				dBm = -157 + rssi + snr
			}
			if math.Abs(snr-c.snr) > 0.3 || math.Abs(dBm-c.rssi) > 1 {
				t.Errorf("SNR %v, RSSI %v; want %v, %v", snr, dBm, c.snr, c.rssi)
			}
			f := rx.read(sxFEI, 3)
			raw := int32(uint32(f[0])<<28|uint32(f[1])<<20|uint32(f[2])<<12) >> 12
			if hz, want := float64(raw)*(1<<24)/32e6*125/500, c.ppm*869.525; math.Abs(hz-want) > 1 {
				t.Errorf("frequency error %v Hz, want %v", hz, want)
			}
			if got := float64(rx.read(sxRSSI, 1)[0]) - 157; math.Abs(got+117) > 0.6 {
				t.Errorf("level %v dBm on a silent channel", got)
			}
			if got := rx.read(sxModemStat, 1)[0] & 0x1F; got != sxModemClear|sxOngoing {
				t.Errorf("ModemStat %02x on a silent channel", got)
			}
		})
	}
}

func TestSX127xReceivesOnePacketOrNone(t *testing.T) {
	single := func(h *sxHost) {
		h.mode(sxStandby)
		h.write(sxIrqFlags, 0xFF)
		h.mode(sxRxSingle)
	}
	pair(t, nil, func(t *testing.T, a *air.Air, r *Rig, tx, rx *sxHost) {
		single(rx)
		time.Sleep(sxSynth + sxToRx + 100*1024*time.Microsecond)
		synctest.Wait()
		if flags, mode := rx.read(sxIrqFlags, 1)[0], rx.read(sxOpMode, 1)[0]; flags != sxRxTimeout || mode != 0x81 {
			t.Errorf("after 100 symbols: flags %02x, mode %02x", flags, mode)
		}
		if !rx.chip.DIO1.Read() || rx.chip.DIO0.Read() {
			t.Error("RxTimeout belongs on DIO1")
		}
		single(rx)
		tx.send(make([]byte, 200)) // longer than the timeout
		if data, flags := rx.fetch(); len(data) != 200 || flags != sxRxDone|sxValidHeader || rx.read(sxOpMode, 1)[0] != 0x81 {
			t.Errorf("%d octets, flags %02x", len(data), flags)
		}
		single(rx)
		tx.write(sxSyncWord, 0x34)
		tx.send(make([]byte, 10))
		if flags := rx.read(sxIrqFlags, 1)[0]; flags != sxRxTimeout {
			t.Errorf("another sync word: flags %02x, want a timeout", flags)
		}
	})
}

func TestSX127xDetectsActivity(t *testing.T) {
	pair(t, nil, func(t *testing.T, a *air.Air, r *Rig, tx, rx *sxHost) {
		detect := func() byte {
			rx.mode(sxStandby)
			rx.write(sxIrqFlags, 0xFF)
			rx.write(sxDIOMapping1, 0xA0)
			start := time.Now()
			rx.mode(sxCAD)
			if !rx.chip.DIO0.WaitForEdge(time.Second) {
				t.Fatal("CadDone does not come")
			}
			if took := time.Since(start); took != sxSynth+sxToRx+2048*time.Microsecond {
				t.Errorf("CAD took %v", took)
			}
			return rx.read(sxIrqFlags, 1)[0]
		}
		if flags := detect(); flags != sxCADDone || rx.chip.DIO1.Read() {
			t.Errorf("on a silent channel: %02x", flags)
		}
		tx.start(make([]byte, 100))
		time.Sleep(10 * time.Millisecond)
		if flags := detect(); flags != sxCADDone|sxCADDetected || !rx.chip.DIO1.Read() || rx.read(sxOpMode, 1)[0] != 0x81 {
			t.Errorf("during a packet: %02x", flags)
		}
		rx.noViolations()
	})
}

func TestSX127xFormsMustMatch(t *testing.T) {
	inverted := func(h *sxHost) { h.write(sxInvertIQ, 0x66); h.write(sxInvertIQ2, 0x19) }
	implicit := func(h *sxHost) { h.write(sxModemConfig1, 0x73); h.write(sxPayloadLength, 8) }
	for _, c := range []struct {
		name       string
		both, only func(h *sxHost) // on both, on the receiver
		flags      byte
	}{
		{"inverted", inverted, nil, sxRxDone | sxValidHeader},
		{"inverted receiver", nil, inverted, 0},
		{"implicit header", implicit, nil, sxRxDone},
		{"implicit receiver", nil, implicit, sxRxDone | sxCRCError},
		{"implicit without checksum", implicit, func(h *sxHost) { h.write(sxModemConfig2, 0x70) }, sxRxDone},
		{"other sync word", nil, func(h *sxHost) { h.write(sxSyncWord, 0x34) }, 0},
		{"low data rate optimisation", nil, func(h *sxHost) { h.write(sxModemConfig3, 0x0C) }, sxRxDone | sxValidHeader | sxCRCError},
		{"shorter than allowed", nil, func(h *sxHost) { h.write(sxMaxPayload, 8) }, sxRxDone | sxValidHeader},
		{"interrupts masked", nil, func(h *sxHost) { h.write(sxIrqMask, 0xEF) }, sxValidHeader},
		{"longer than allowed", nil, func(h *sxHost) { h.write(sxMaxPayload, 7) }, sxValidHeader},
	} {
		pair(t, c.both, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
			if c.only != nil {
				rx.mode(sxStandby)
				c.only(rx)
				rx.receive()
			}
			tx.send([]byte("8 octets"))
			time.Sleep(time.Second)
			if got := rx.read(sxIrqFlags, 1)[0]; got != c.flags {
				t.Errorf("%s: flags %02x, want %02x", c.name, got, c.flags)
			}
		})
	}
}

func TestSX127xSenderWithTheWrongDataRateIsDamaged(t *testing.T) {
	pair(t, nil, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
		tx.write(sxModemConfig3, 0x0C)
		tx.send([]byte("octets"))
		if _, flags := rx.fetch(); flags != sxRxDone|sxValidHeader|sxCRCError {
			t.Errorf("flags %02x", flags)
		}
	})
}

func TestSX127xOnTheLowPort(t *testing.T) {
	pair(t, func(h *sxHost) { h.write(sxFrfMSB, 0x6C, 0x80, 0x00) }, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
		tx.send([]byte{1})
		rx.fetch()
		if got := -164 + float64(rx.read(sxPktRSSI, 1)[0])*16/15; math.Abs(got+96) > 1 {
			t.Errorf("%v dBm, want -96", got)
		}
	})
}

func TestSX127xModeWrittenAgainChangesNothing(t *testing.T) {
	pair(t, nil, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
		for n := range 2 {
			tx.start(make([]byte, 100))
			time.Sleep(50 * time.Millisecond)
			rx.mode(sxRxCont)
			tx.mode(sxTx)
			if data, flags := rx.fetch(); len(data) != 100 || flags != sxRxDone|sxValidHeader {
				t.Errorf("%d octets, flags %02x", len(data), flags)
			}
			if got := rx.read(sxPacketCount, 2)[1]; int(got) != n+1 {
				t.Errorf("%d packets counted, want %d", got, n+1)
			}
			if got := rx.read(sxRxByteAddr, 1)[0]; int(got) != (n+1)*100-1 {
				t.Errorf("last octet at %d", got)
			}
			tx.write(sxIrqFlags, 0xFF)
		}
		rx.receive()
		time.Sleep(time.Millisecond)
		if got := rx.read(sxHeaderCount, 4); !bytes.Equal(got, make([]byte, 4)) {
			t.Errorf("a new reception counts from % x", got)
		}
	})
}

func TestSX127xDIOFollowsFlagsAndMapping(t *testing.T) {
	pair(t, nil, func(t *testing.T, _ *air.Air, _ *Rig, tx, rx *sxHost) {
		tx.send([]byte{1})
		tx.send([]byte{2})
		if data, _ := rx.fetch(); data[0] != 2 {
			t.Errorf("got % x, want the last packet", data)
		}
		if rx.chip.DIO0.WaitForEdge(time.Second) {
			t.Error("two packets without a clear between them made two edges")
		}
		tx.send([]byte{3})
		rx.fetch()
		if rx.chip.DIO0.Read() {
			t.Error("DIO0 is high without a flag")
		}
	})
}

func TestSX127xAndRNodeHearEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := air.New(air.Config{Seed: 1, Stations: []air.Station{{Modem: air.Chip}, {Modem: air.RNode}}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRig(a, "")
		if err != nil {
			t.Fatal(err)
		}
		chip, err := r.AddSX127x(0, SX127xOpts{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.AddRNode(1); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = r.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		h := &sxHost{t: t, chip: chip}
		h.open()
		h.configure()
		h.write(sxPreamble, 0, 24)
		h.receive()
		modem := sf7
		r.owned(t, func() {
			if err := a.Tune(time.Now(), 1, modem, 14); err != nil {
				t.Error(err)
			}
			if err := a.Queue(time.Now(), 1, []byte("to the chip")); err != nil {
				t.Error(err)
			}
		})
		if data, _ := h.fetch(); len(data) != 12 || data[0]&0x0F != 0 || string(data[1:]) != "to the chip" {
			t.Errorf("the chip got %q", data)
		}
		h.send([]byte("\x70to the RNode"))
		r.owned(t, func() {
			if s := a.Stats(1); s.FramesReceived != 1 {
				t.Errorf("the RNode: %+v", s)
			}
		})
	})
}

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// countingAir counts how often its owner looks at it.
type countingAir struct {
	*air.Air
	looks int
}

func (a *countingAir) HandleTimeout(now time.Time) { a.looks++; a.Air.HandleTimeout(now) }

func TestIdleChipsWakeNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, err := air.New(air.Config{Stations: []air.Station{{Modem: air.Chip}, {Modem: air.Chip}}})
		if err != nil {
			t.Fatal(err)
		}
		a := &countingAir{Air: inner}
		r, err := NewRig(a, "")
		if err != nil {
			t.Fatal(err)
		}
		var hosts []*sxHost
		for i := range 2 {
			chip, err := r.AddSX127x(i, SX127xOpts{})
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, &sxHost{t: t, chip: chip})
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = r.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		for _, h := range hosts {
			h.open()
			h.configure()
			h.receive()
		}
		time.Sleep(time.Second)
		before := 0
		r.owned(t, func() { before = a.looks })
		time.Sleep(10 * time.Hour)
		r.owned(t, func() {
			if n := a.looks - before; n > 11 {
				t.Errorf("%d looks at the air in 10 hours, want one an hour", n)
			}
		})
	})
}

// story is what a host sees of a few packets: each mutation must change it.
func story(t *testing.T, m SX127xMutation) (text string) {
	withChips(t, 2, SX127xOpts{Mutation: m}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
		for _, x := range h {
			x.configure()
		}
		h[1].receive()
		for i, injury := range []air.Injury{air.Unharmed, air.Unharmed, air.WrongChecksum, air.NoChecksum} {
			r.owned(t, func() { a.Injure(1, injury) })
			h[0].start([]byte("an octet or two"))
			done := h[0].chip.DIO0.WaitForEdge(time.Second)
			text += fmt.Sprintf("%d: sent %v %x, mode %x; ", i, done, h[0].read(sxIrqFlags, 1), h[0].read(sxOpMode, 1))
			h[0].write(sxIrqFlags, 0xFF)
			text += fmt.Sprintf("flags %x %x, crc %x, at %x; ", h[1].read(sxIrqFlags, 1), h[1].read(sxIrqFlags, 1), h[1].read(sxHopChannel, 1), h[1].read(sxRxCurrent, 1))
			h[1].write(sxIrqFlags, 0xFF)
		}
	})
	return text
}

func TestEveryMutationShows(t *testing.T) {
	sound := story(t, NoMutation)
	for m := FlagsClearOnRead; m <= TxDoneNever; m++ {
		// Two chips that do not take a frequency into use still agree: the text of violations would show it, or a
		// third chip. The story of the others tells.
		if m == FrequencyStays {
			continue
		}
		if story(t, m) == sound {
			t.Errorf("mutation %d changes nothing", m)
		}
	}
	withChips(t, 2, SX127xOpts{}, func(t *testing.T, _ *air.Air, _ *Rig, h []*sxHost) {
		h[0].chip.Mutate(FrequencyStays)
		h[0].configure()
		h[1].configure()
		h[1].receive()
		h[0].send([]byte{1})
		if h[1].chip.DIO0.WaitForEdge(time.Second) {
			t.Error("a chip on its old frequency is heard")
		}
	})
}

// FuzzSX127x lets a host do anything: the chip must not fail, and time must go on.
func FuzzSX127x(f *testing.F) {
	f.Add([]byte{0x81, 0x00, 0x81, 0x80, 0x81, 0x83, 0x00, 0x81, 0x85})
	f.Fuzz(func(t *testing.T, script []byte) {
		a, err := air.New(air.Config{Stations: []air.Station{{Modem: air.Chip}, {Modem: air.Chip}}})
		if err != nil {
			t.Fatal(err)
		}
		var chips [2]*sx127x
		for i := range chips {
			chips[i] = newSX127xCore(a, i, SX127xOpts{})
		}
		now := time.Unix(0, 0)
		for i := 0; i+1 < len(script) && i < 2000; i += 2 {
			c := chips[script[i]>>2&1]
			c.selected(now)
			c.octet(now, script[i])
			c.octet(now, script[i+1])
			c.deselected(now)
			now = now.Add(time.Duration(script[i+1]) * 100 * time.Microsecond)
			for range 1000 {
				at, ok := a.PollTimeout()
				for _, c := range chips {
					if w := c.wakeAt(); !w.IsZero() && (!ok || w.Before(at)) {
						at, ok = w, true
					}
				}
				if !ok || at.After(now) {
					break
				}
				a.HandleTimeout(at)
				for n, ok := a.PollArrival(); ok; n, ok = a.PollArrival() {
					chips[n.Station].arrived(n)
				}
				chips[0].timeout(at)
				chips[1].timeout(at)
			}
			a.HandleTimeout(now)
		}
	})
}

func TestSX127xTakesAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.configure()
		for range 3000 {
			h.write(byte(r.Uint32())&0x7F, byte(r.Uint32()))
			h.read(byte(r.Uint32())&0x7F, 3)
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		}
		h.reset(5 * time.Millisecond)
		for h.chip.DIO0.WaitForEdge(time.Millisecond) {
		}
		h.configure()
		h.send([]byte{1})
	})
}
