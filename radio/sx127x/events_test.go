package sx127x

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// listening is a driver in reception.
func listening(t *testing.T, m phy.Modulation) (*Driver, *fake) {
	t.Helper()
	d, f := ready(t, Opts{}, m, 14)
	must(t, d.Receive())
	return d, f
}

func TestReceived(t *testing.T) {
	virtual(t, "a packet", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.regs[regPktSnr], f.regs[regPktRssi] = 40, 60
		f.regs[regFeiMsb+1], f.regs[regFeiMsb+2] = 0x01, 0x23
		f.hears(0, []byte{1, 2, 3}, irqRxDone|irqValidHeader)
		ev, err := d.Events()
		if err != nil || ev.Received == nil || ev.Began {
			t.Fatalf("got %+v, %v", ev, err)
		}
		p := ev.Received
		if !bytes.Equal(p.Data, []byte{1, 2, 3}) || p.SNRdB != 10 || p.RSSIdBm != -93 || !p.HasSignal {
			t.Errorf("got %+v", p)
		}
		if e := d.Last().FrequencyErrorHz; math.Abs(e-38.14) > 0.01 {
			t.Errorf("frequency error %v", e)
		}
		f.want(t, map[byte]byte{regIrqFlags: 0, regOpMode: 0x85})
	})
	virtual(t, "one that goes round the end of the FIFO", func(t *testing.T) {
		d, f := listening(t, sf7)
		want := make([]byte, 255)
		for i := range want {
			want[i] = byte(i)
		}
		f.hears(200, want, irqRxDone)
		if ev, err := d.Events(); err != nil || ev.Received == nil || !bytes.Equal(ev.Received.Data, want) {
			t.Errorf("got %+v, %v", ev, err)
		}
	})
	for reg := byte(regIrqFlags); reg <= regHopChannel; reg++ {
		virtual(t, "one that comes while the flags are read", func(t *testing.T) {
			d, f := listening(t, sf7)
			f.hears(0, []byte{1, 2, 3}, irqRxDone)
			if _, err := d.Events(); err != nil {
				t.Fatal(err)
			}
			f.before = func(r byte) {
				if r == reg {
					f.before = nil
					f.hears(3, []byte{4, 5}, irqRxDone)
				}
			}
			ev, err := d.Events()
			if ev.Received == nil && err == nil {
				ev, err = d.Events()
			}
			if err != nil || ev.Received == nil || !bytes.Equal(ev.Received.Data, []byte{4, 5}) {
				t.Errorf("before register %02X: %+v, %v", reg, ev.Received, err)
			}
		})
	}
	virtual(t, "its data is nobody else's", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.hears(0, []byte{1, 2, 3}, irqRxDone)
		first, _ := d.Events()
		f.hears(3, []byte{4, 5, 6}, irqRxDone)
		if _, err := d.Events(); err != nil || !bytes.Equal(first.Received.Data, []byte{1, 2, 3}) {
			t.Errorf("got %v, %v", first.Received.Data, err)
		}
	})
	virtual(t, "without a header its length is agreed on", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.SetWave(phy.Wave{Modulation: sf7, Implicit: true, Length: 2, CRC: true}))
		must(t, d.Receive())
		f.hears(0, []byte{7, 8}, irqRxDone)
		f.regs[regHopChannel], f.regs[regRxNbBytes] = 0, 0
		if ev, err := d.Events(); err != nil || ev.Received == nil || !bytes.Equal(ev.Received.Data, []byte{7, 8}) {
			t.Errorf("got %+v, %v", ev, err)
		}
	})
}

// A packet without payload is nobody's of ours; the FIFO is not read for it.
func TestAPacketWithoutPayloadIsForeign(t *testing.T) {
	virtual(t, "foreign", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.hears(9, nil, irqRxDone|irqValidHeader)
		f.before = func(reg byte) {
			if reg == regFIFO {
				t.Error("the FIFO is read")
			}
		}
		if ev, err := d.Events(); err != nil || ev != (chip.Event{Foreign: true}) {
			t.Errorf("got %+v, %v", ev, err)
		}
		f.hears(9, nil, irqRxDone|irqCRCError)
		if ev, err := d.Events(); err != nil || ev != (chip.Event{Damaged: true}) {
			t.Errorf("with a wrong checksum: got %+v, %v", ev, err)
		}
	})
}

// What comes in between a look at the flags and the next command is not lost, and knows when it came.
func TestAPacketThatEndsBeforeACommandIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(d *Driver) error
		ends byte
		want chip.Event
	}{
		"transmit": {func(d *Driver) error { return d.Transmit([]byte{7, 8, 9, 10}) }, irqTxDone, chip.Event{Sent: true}},
		"detect":   {func(d *Driver) error { return d.Detect() }, irqCadDone, chip.Event{DetectOK: true}},
	} {
		virtual(t, name, func(t *testing.T) {
			d, f := listening(t, sf7)
			f.hears(0, []byte{1, 2, 3}, irqRxDone|irqValidHeader)
			at := time.Now()
			must(t, c.do(d))
			time.Sleep(time.Second)
			f.ends(c.ends)
			ev, err := d.Events()
			if err != nil || ev.Received == nil || !bytes.Equal(ev.Received.Data, []byte{1, 2, 3}) || ev.Received.At.Sub(at) > time.Millisecond || ev.Received.At.IsZero() {
				t.Fatalf("got %+v, %v", ev, err)
			}
			if ev.Received = nil; ev != c.want {
				t.Errorf("got %+v, want %+v", ev, c.want)
			}
			must(t, d.Receive())
			if ev, err := d.Events(); err != nil || ev != (chip.Event{}) {
				t.Errorf("again: %+v, %v", ev, err)
			}
		})
	}
	virtual(t, "another one before it is told", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.hears(0, []byte{1}, irqRxDone)
		must(t, d.Receive())
		f.hears(1, []byte{2}, irqRxDone)
		for _, want := range []byte{1, 2} {
			if ev, err := d.Events(); err != nil || ev.Received == nil || ev.Received.Data[0] != want {
				t.Errorf("want %d, got %+v, %v", want, ev, err)
			}
		}
	})
	virtual(t, "a damaged one", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.hears(0, []byte{1}, irqRxDone|irqCRCError)
		must(t, d.Receive())
		if ev, err := d.Events(); err != nil || ev != (chip.Event{Damaged: true}) {
			t.Errorf("got %+v, %v", ev, err)
		}
	})
}

func TestDamaged(t *testing.T) {
	for name, spoil := range map[string]func(f *fake){
		"checksum":         func(f *fake) { f.regs[regIrqFlags] |= irqCRCError },
		"no checksum sent": func(f *fake) { f.regs[regHopChannel] = 0 },
		"no end":           func(f *fake) { f.regs[regIrqFlags] = irqCRCError },
	} {
		virtual(t, name, func(t *testing.T) {
			d, f := listening(t, sf7)
			f.hears(0, []byte{1, 2, 3}, irqRxDone)
			spoil(f)
			if ev, err := d.Events(); err != nil || ev.Received != nil || !ev.Damaged {
				t.Errorf("got %+v, %v", ev, err)
			}
			f.want(t, map[byte]byte{regIrqFlags: 0})
			f.hears(3, []byte{4}, irqRxDone)
			if ev, err := d.Events(); err != nil || ev.Received == nil {
				t.Errorf("the next: %+v, %v", ev, err)
			}
		})
	}
	virtual(t, "no checksum is fine where none is wanted", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.SetWave(phy.Wave{Modulation: sf7}))
		must(t, d.Receive())
		f.hears(0, []byte{1}, irqRxDone)
		f.regs[regHopChannel] = 0
		if ev, err := d.Events(); err != nil || ev.Received == nil {
			t.Errorf("got %+v, %v", ev, err)
		}
	})
}

func TestArriving(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.regs[regIrqFlags] = irqValidHeader
		if ev, err := d.Events(); err != nil || ev != (chip.Event{Began: true}) {
			t.Errorf("header: %+v, %v", ev, err)
		}
		for _, tc := range []struct {
			stat byte
			want bool
		}{{0x04, false}, {0x05, true}, {0x07, true}} { // as RNode_Firmware issue 3 shows them: idle, preamble, packet
			f.regs[regModemStat] = tc.stat
			if ev, err := d.Events(); err != nil || ev != (chip.Event{Signal: tc.want}) {
				t.Errorf("RegModemStat %02X: %+v, %v", tc.stat, ev, err)
			}
		}
	})
}

// The values of a recording of RadioLib, with Semtech's slope of 16/15 where there is more signal than noise.
func TestRSSI(t *testing.T) {
	for _, c := range []struct {
		hz       uint32
		raw, snr byte
		want     float64
	}{
		{868_100_000, 60, 40, -93},
		{868_100_000, 57, 40, -157 + 60.8},
		{868_100_000, 100, 240, -61},    // SNR -4 dB
		{433_175_000, 120, 219, -53.25}, // SNR -9.25 dB
		{433_175_000, 60, 0, -100},
		{525_000_000, 15, 4, -148},
		{863_000_000, 15, 4, -141},
	} {
		virtual(t, "", func(t *testing.T) {
			d, f := listening(t, at(c.hz, 125_000))
			f.regs[regPktRssi], f.regs[regPktSnr] = c.raw, c.snr
			f.hears(0, []byte{1}, irqRxDone)
			ev, err := d.Events()
			if err != nil || math.Abs(ev.Received.RSSIdBm-c.want) > 1e-9 || d.Last().RSSIdBm != ev.Received.RSSIdBm {
				t.Errorf("%d: got %v, want %v", c.hz, ev.Received.RSSIdBm, c.want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	for hz, want := range map[uint32]float64{869_525_000: -117, 433_175_000: -124} {
		virtual(t, "", func(t *testing.T) {
			d, f := listening(t, at(hz, 125_000))
			f.regs[regRssi] = 40
			if got, err := d.Level(); err != nil || got != want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestFrequencyError(t *testing.T) {
	for _, c := range []struct {
		raw  uint32
		bw   uint32
		want float64
	}{{291, 125_000, 38.14}, {1_015_808, 62_500, -2147.48}, {1_048_080, 500_000, -260.05}, {0x7FFFF, 125_000, 68719.3}} {
		got := frequencyError([3]byte{byte(c.raw >> 16), byte(c.raw >> 8), byte(c.raw)}, c.bw)
		if math.Abs(got-c.want) > 0.05 {
			t.Errorf("%d: got %v, want %v", c.raw, got, c.want)
		}
	}
}

// Only the flags that were read are cleared: one that rises meanwhile is for the next time.
func TestFlagsThatRiseMeanwhile(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.hears(0, []byte{1}, irqRxDone)
		f.log = nil
		_, err := d.Events()
		must(t, err)
		for _, w := range f.log {
			if w.reg == regIrqFlags && w.value != irqRxDone {
				t.Errorf("cleared %02X", w.value)
			}
		}
	})
}

func TestEventsFindFaults(t *testing.T) {
	low, high := byte(0x00), byte(0xFF)
	begin := map[string]func(d *Driver) error{
		"receiving": (*Driver).Receive,
		"sending":   func(d *Driver) error { return d.Transmit([]byte{1}) },
		"detecting": (*Driver).Detect,
		"standing":  (*Driver).Standby,
	}
	for _, c := range []struct {
		name  string
		spoil func(f *fake)
		cause error
		want  string
	}{
		{"reset", (*fake).powerOn, chip.ErrWrongMode, "3.3 V"},
		{"MISO low", func(f *fake) { f.dead = &low }, chip.ErrNoChip, "MISO stays low"},
		{"MISO high", func(f *fake) { f.dead = &high }, chip.ErrNoChip, "MISO stays high"},
		{"asleep", func(f *fake) { f.regs[regOpMode] = 0x80 }, chip.ErrWrongMode, "reads 80"},
	} {
		for _, doing := range []string{"receiving", "sending", "detecting", "standing"} {
			virtual(t, c.name+" while "+doing, func(t *testing.T) {
				d, f := ready(t, Opts{}, sf7, 14)
				must(t, begin[doing](d))
				c.spoil(f)
				_, err := d.Events()
				if !errors.Is(err, c.cause) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	virtual(t, "standby for no reason", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.ends(0)
		if _, err := d.Events(); !errors.Is(err, chip.ErrWrongMode) {
			t.Errorf("got %v", err)
		}
	})
	virtual(t, "the bus", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.fail = errors.New("spidev is gone")
		if _, err := d.Events(); !errors.Is(err, f.fail) {
			t.Errorf("got %v", err)
		}
	})
	virtual(t, "while the synthesizer locks nothing is wrong", func(t *testing.T) {
		d, f := listening(t, sf7)
		f.regs[regOpMode] = bitLoRa | byte(modeFSRx)
		if _, err := d.Events(); err != nil {
			t.Error(err)
		}
	})
}
