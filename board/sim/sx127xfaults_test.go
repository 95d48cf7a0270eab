//go:build linux

package sim

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio/phy"
	air "packhorse/radio/sim"
)

// only runs a test with one chip.
func only(t *testing.T, o SX127xOpts, test func(t *testing.T, h *sxHost)) {
	t.Helper()
	withChips(t, 1, o, func(t *testing.T, _ *air.Air, _ *Rig, hosts []*sxHost) { test(t, hosts[0]) })
}

// says tells whether the chip noted a violation with these words.
func (h *sxHost) says(words string) {
	h.t.Helper()
	v := h.chip.Violations()
	if !slices.ContainsFunc(v, func(s string) bool { return strings.Contains(s, words) }) {
		h.t.Errorf("no violation tells of %q: %q", words, v)
	}
}

func TestSX127xStrictNamesWhatIsForbidden(t *testing.T) {
	for _, c := range []struct {
		words string
		do    func(h *sxHost)
	}{
		{"the LoRa bit is changed in standby", func(h *sxHost) { h.write(sxOpMode, sxStandby) }},
		{"register 0x1D written in RXCONT", func(h *sxHost) { h.receive(); h.write(sxModemConfig1, 0x72) }},
		{"register 0x06 written in TX", func(h *sxHost) { h.start([]byte{1}); h.write(sxFrfMSB, 0xD9) }},
		{"FIFO written in sleep", func(h *sxHost) { h.mode(sxSleep); h.write(sxFIFO, 1) }},
		{"FIFO read in TX", func(h *sxHost) { h.start([]byte{1}); h.read(sxFIFO, 1) }},
		{"FIFO written in RXCONT", func(h *sxHost) { h.receive(); h.write(sxFIFO, 1) }},
		{"within 250 us", func(h *sxHost) { h.mode(sxSleep); h.mode(sxStandby); h.write(sxFIFO, 1) }},
		{"without 0x08", func(h *sxHost) { h.write(sxFrfMSB, 0xD8); h.receive() }},
		{"DIO0 is mapped to 00, want 01", func(h *sxHost) { h.mode(sxTx) }},
		{"DIO0 is mapped to 01, want 00", func(h *sxHost) { h.write(sxDIOMapping1, 0x40); h.mode(sxRxCont) }},
		{"DIO0 is mapped to 00, want 10", func(h *sxHost) { h.mode(sxCAD) }},
		{"still set", func(h *sxHost) { h.send([]byte{1}); h.start([]byte{1}); time.Sleep(time.Second); h.mode(sxTx) }},
		{"masked", func(h *sxHost) { h.write(sxIrqMask, sxRxDone); h.receive() }},
		{"20 dBm wants 140 mA", func(h *sxHost) { h.write(sxPaConfig, 0xFF); h.write(sxPaDac, 0x87); h.start([]byte{1}) }},
		{"PaDac (0x4D) is 86", func(h *sxHost) { h.write(sxPaDac, 0x86); h.start([]byte{1}) }},
		{"RFO is selected", func(h *sxHost) { h.write(sxPaConfig, 0x7E); h.start([]byte{1}) }},
		{"overcurrent protection", func(h *sxHost) { h.write(sxOCP, 0x0B); h.start([]byte{1}) }},
		{"PayloadLength (0x22) is 0", func(h *sxHost) { h.start(nil) }},
		{"low data rate optimisation", func(h *sxHost) { h.write(sxModemConfig2, 0xC4); h.receive() }},
		{"SF6 has implicit headers only", func(h *sxHost) { h.write(sxModemConfig2, 0x64); h.receive() }},
		{"SF6 wants 0x31", func(h *sxHost) { h.write(sxModemConfig2, 0x64); h.receive() }},
		{"0x3B is 1D", func(h *sxHost) { h.write(sxInvertIQ, 0x67); h.receive() }},
		{"reserved bits of 0x31", func(h *sxHost) { h.write(sxDetect, 0x03); h.receive() }},
		{"erratum 2.3", func(h *sxHost) { h.write(sxIfFreq2, 0x44); h.receive() }},
		{"erratum 2.1", func(h *sxHost) { h.write(sxHighBW1, 0x02); h.receive() }},
		{"frequency hopping", func(h *sxHost) { h.write(sxHopPeriod, 1); h.receive() }},
		{"preamble of 5 symbols", func(h *sxHost) { h.write(sxPreamble+1, 5); h.start([]byte{1}) }},
		{"RXCONT in FSK mode", func(h *sxHost) { h.write(sxOpMode, sxSleep); h.write(sxOpMode, sxRxCont) }},
		{"within 5 ms of it", func(h *sxHost) { h.reset(4 * time.Millisecond); h.read(sxVersion, 1) }},
		{"hold it for 100 us", func(h *sxHost) {
			_ = h.chip.Reset.Out(gpio.Low)
			_ = h.chip.Reset.Out(gpio.High)
		}},
	} {
		only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
			h.configure()
			h.noViolations()
			c.do(h)
			time.Sleep(time.Millisecond)
			h.says(c.words)
		})
	}
}

// reset pulls the reset line and waits.
func (h *sxHost) reset(wait time.Duration) {
	_ = h.chip.Reset.Out(gpio.Low)
	time.Sleep(time.Millisecond)
	_ = h.chip.Reset.Out(gpio.High)
	time.Sleep(wait)
}

func TestSX127xResets(t *testing.T) {
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.configure()
		h.reset(5 * time.Millisecond)
		for address, want := range sxReset {
			if got := h.chip.Register(address); got != want {
				t.Errorf("register %02x is %02x after reset, want %02x", address, got, want)
			}
		}
		if got := h.read(sxVersion, 1)[0]; got != 0x12 {
			t.Errorf("version %02x", got)
		}
		h.noViolations()
		_ = h.chip.Reset.Out(gpio.Low)
		if got := h.read(sxVersion, 1)[0]; got != 0 {
			t.Errorf("version %02x while reset is low", got)
		}
	})
}

func TestSX127xHasTwoPages(t *testing.T) {
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.write(sxOpMode, sxLowFreq|sxSleep)
		h.write(sxSyncWord, 0x99)
		h.write(sxOpMode, sxLoRa|sxLowFreq|sxSleep)
		if got := h.read(sxOpMode, 1)[0]; got != sxLoRa {
			t.Errorf("OpMode %02x: bit 3 is cleared when bit 7 changes", got)
		}
		if got := h.read(sxSyncWord, 1)[0]; got != 0x12 {
			t.Errorf("sync word %02x: what was written in FSK mode must not show", got)
		}
		h.write(sxOpMode, sxLoRa|sxShared|sxSleep)
		if got := h.read(sxSyncWord, 1)[0]; got != 0x99 {
			t.Errorf("the FSK page has %02x", got)
		}
	})
}

func TestSX127xStartsItsOscillatorFirst(t *testing.T) {
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.configure()
		h.write(sxDIOMapping1, 0x40)
		h.mode(sxSleep)
		start := time.Now()
		h.mode(sxTx)
		h.chip.DIO0.WaitForEdge(time.Second)
		if took, want := time.Since(start), sxOscillator+sxSynth+sxToTx+h.chip.chip.form().TimeOnAir(1); took != want {
			t.Errorf("%v from sleep, want %v", took, want)
		}
	})
}

func TestSX127xPowers(t *testing.T) {
	for _, c := range []struct {
		pa, dac, ocp byte
		rfo          bool
		want         int
	}{
		{0xFC, 0x84, 0x2B, false, 14},
		{0xF0, 0x84, 0x2B, false, 2},
		{0xFF, 0x84, 0x2B, false, 17},
		{0xFF, 0x87, 0x31, false, 20},
		{0xFF, 0x87, 0x2B, false, 16}, // 100 mA of 140
		{0xFF, 0x84, 0x23, false, 14}, // 60 mA of 90
		{0x7E, 0x84, 0x2B, true, 14},
		{0x20, 0x84, 0x2B, true, -3},
		{0x7E, 0x84, 0x2B, false, nothingDBm},
	} {
		only(t, SX127xOpts{RFO: c.rfo}, func(t *testing.T, h *sxHost) {
			h.configure()
			h.write(sxPaConfig, c.pa)
			h.write(sxPaDac, c.dac)
			h.write(sxOCP, c.ocp)
			h.send([]byte{1, 2, 3})
			if got := h.chip.SentDBm(); got != c.want {
				t.Errorf("0x09 = %02X, 0x4D = %02X, 0x0B = %02X: %d dBm, want %d", c.pa, c.dac, c.ocp, got, c.want)
			}
		})
	}
}

func TestSX127xSelectByHand(t *testing.T) {
	only(t, SX127xOpts{ChipSelect: true, Dead: 0xFF}, func(t *testing.T, h *sxHost) {
		bus, err := h.chip.Open().Connect(physic.MegaHertz, spi.Mode0|spi.NoCS, 8)
		if err != nil {
			t.Fatal(err)
		}
		h.bus = bus
		if x, y := h.read(sxVersion, 4), h.read(sxVersion, 4); bytes.Equal(x, y) {
			t.Errorf("nobody is chosen, and reads give % x twice", x)
		}
		_ = h.chip.Select.Out(gpio.High)
		_ = h.chip.Select.Out(gpio.Low)
		if got := h.read(sxVersion, 1)[0]; got != 0x12 {
			t.Errorf("version %02x", got)
		}
		_ = h.chip.Select.Out(gpio.High)
		_ = h.chip.Select.Out(gpio.Low)
		_ = h.bus.Tx([]byte{sxVersion}, nil)
		_ = h.chip.Select.Out(gpio.Low) // no edge, no new transaction
		r := make([]byte, 1)
		if _ = h.bus.Tx(nil, r); r[0] != 0x12 {
			t.Errorf("in two pieces: version %02x", r)
		}
		if got := h.read(sxVersion, 1)[0]; got == 0x12 {
			t.Error("a second transaction without a new select reads the version")
		}
	})
	only(t, SX127xOpts{RefuseNoCS: true}, func(t *testing.T, h *sxHost) {
		if _, err := h.chip.Open().Connect(physic.MegaHertz, spi.Mode0|spi.NoCS, 8); err == nil {
			t.Error("got no error")
		}
	})
}

func TestSX127xUnplugAndReplug(t *testing.T) {
	withChips(t, 2, SX127xOpts{Dead: 0xFF}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
		h[0].configure()
		h[1].configure()
		h[1].receive()
		h[0].start(make([]byte, 100))
		time.Sleep(100 * time.Millisecond)
		h[0].chip.Unplug()
		if got := h[0].read(sxVersion, 2); !bytes.Equal(got, []byte{0xFF, 0xFF}) {
			t.Errorf("unplugged: % x", got)
		}
		if _, flags := h[1].fetch(); flags != sxRxDone|sxCRCError|sxValidHeader {
			t.Errorf("what was cut off arrives with flags %02x, want 70", flags)
		}
		h[0].chip.Replug()
		if got := h[0].read(sxVersion, 1)[0]; got != 0 {
			t.Errorf("at once after power: %02x", got)
		}
		time.Sleep(10 * time.Millisecond)
		if got := h[0].read(sxOpMode, 1)[0]; got != 0x09 {
			t.Errorf("after power: mode %02x, want 09", got)
		}
		h[0].configure()
		h[0].send([]byte{1})
		if data, _ := h[1].fetch(); !bytes.Equal(data, []byte{1}) {
			t.Errorf("got % x", data)
		}
		h[0].noViolations()
	})
}

func TestSX127xBrownOutInTx(t *testing.T) {
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.configure()
		h.start(make([]byte, 100))
		time.Sleep(50 * time.Millisecond)
		h.chip.BrownOut()
		if h.chip.DIO0.WaitForEdge(10 * time.Second) {
			t.Error("TxDone came")
		}
		if got := h.read(sxOpMode, 1)[0]; got != 0x09 {
			t.Errorf("mode %02x, want 09", got)
		}
		h.read(sxFIFO, 1) // the host does not know
		h.noViolations()
		h.configure()
		h.send([]byte{1})
		h.noViolations()
	})
}

func TestSX127xLosesAnInterrupt(t *testing.T) {
	only(t, SX127xOpts{}, func(t *testing.T, h *sxHost) {
		h.configure()
		h.chip.LoseIRQ(1)
		h.start([]byte{1})
		if h.chip.DIO0.WaitForEdge(time.Second) {
			t.Error("the edge came")
		}
		if h.chip.DIO0.Read() != gpio.High || h.read(sxIrqFlags, 1)[0] != sxTxDone {
			t.Error("level and flags must tell")
		}
		h.write(sxIrqFlags, 0xFF)
		h.send([]byte{1})
	})
}

func TestSX127xIsDeadAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *sxHost
		only := func() {
			a, _ := air.New(air.Config{Stations: []air.Station{{Modem: air.Chip}}})
			r, _ := NewRig(a, "")
			chip, err := r.AddSX127x(0, SX127xOpts{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.AddSX127x(0, SX127xOpts{}); err == nil {
				t.Error("two chips on one station")
			}
			if err := r.AddRNode(0); err == nil {
				t.Error("a modem on a chip's station")
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { _ = r.Run(ctx); close(ended) }()
			h = &sxHost{t: t, chip: chip}
			h.open()
			h.configure()
			stop()
			<-ended
		}
		only()
		if got := h.read(sxVersion, 2); !bytes.Equal(got, []byte{0, 0}) {
			t.Errorf("after Run: % x", got)
		}
		if h.chip.Register(sxFrfMSB) != 0xD9 || len(h.chip.Violations()) != 0 {
			t.Error("state cannot be read after Run")
		}
		_ = h.chip.Reset.Out(gpio.Low)
	})
	if _, err := NewRig(newQuietAir(), ""); err != nil {
		t.Fatal(err)
	}
	r, _ := NewRig(newQuietAir(), "")
	if _, err := r.AddSX127x(0, SX127xOpts{}); err == nil {
		t.Error("an air without ether took a chip")
	}
}

// sensitive is the most path loss, in whole dB, at which host 1 still hears host 0.
func sensitive(a *air.Air, r *Rig, h []*sxHost) (most float64) {
	for loss := 100.0; loss < 170; loss++ {
		r.Do(h[0].t.Context(), func(time.Time) { a.SetLink(0, 1, loss) })
		h[0].send([]byte{1})
		if h[1].chip.DIO0.WaitForEdge(10 * time.Millisecond) {
			h[1].write(sxIrqFlags, 0xFF)
			most = loss
		}
	}
	return most
}

func TestSX127xErrataCostSensitivity(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(h *sxHost)
		bw   uint32
		lost float64
	}{
		{"remedied", func(*sxHost) {}, 125_000, 0},
		{"automatic intermediate frequency", func(h *sxHost) { h.write(sxIfFreq2, 0x45, 0x55, 0xC3) }, 125_000, automaticIfDB},
		{"half a remedy", func(h *sxHost) { h.write(sxDetect, 0xC3) }, 125_000, halfRemedyDB},
		{"left over from 500 kHz", func(h *sxHost) { h.write(sxHighBW1, 0x02) }, 125_000, highBandwidthDB},
		{"500 kHz remedied", func(h *sxHost) {
			h.write(sxModemConfig1, 0x92)
			h.write(sxDetect, 0xC3)
			h.write(sxHighBW1, 0x02)
			h.write(sxHighBW2, 0x64)
		}, 500_000, 0},
		{"500 kHz", func(h *sxHost) { h.write(sxModemConfig1, 0x92); h.write(sxDetect, 0xC3) }, 500_000, highBandwidthDB},
		{"500 kHz and 2.3", func(h *sxHost) { h.write(sxModemConfig1, 0x92) }, 500_000, highBandwidthDB + halfRemedyDB},
	} {
		withChips(t, 2, SX127xOpts{}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
			for _, x := range h {
				x.configure()
				c.set(x)
			}
			h[1].receive()
			want := math.Floor(14 - phy.NoiseFloorDBm(c.bw) + 7.5 - c.lost)
			if got := sensitive(a, r, h); got != want {
				t.Errorf("%s: heard through %v dB, want %v", c.name, got, want)
			}
		})
	}
}

func TestSX127xNarrowReceiversAreMoved(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(h *sxHost)
		want bool
	}{
		{"no remedy", func(h *sxHost) { h.write(sxIfFreq2, 0x45, 0x55, 0xC3) }, true},
		{"remedy, not moved", func(h *sxHost) { h.write(sxIfFreq2, 0x44, 0x00, 0x43) }, false},
		{"remedy, moved", func(h *sxHost) { h.write(sxIfFreq2, 0x44, 0x00, 0x43); h.write(sxFrfMSB, 0xD9, 0x63, 0xF2) }, true},
	} {
		withChips(t, 2, SX127xOpts{}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
			for _, x := range h {
				x.configure()
				x.write(sxModemConfig1, 0x52) // 41.7 kHz: 683 steps of 61 Hz
			}
			c.set(h[1])
			h[1].receive()
			h[0].send([]byte{1})
			if got := h[1].chip.DIO0.WaitForEdge(time.Second); got != c.want {
				t.Errorf("%s: received %v, want %v", c.name, got, c.want)
			}
		})
	}
}
