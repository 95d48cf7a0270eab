package sx127x

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

func TestTransmit(t *testing.T) {
	virtual(t, "frame, length, line, mode", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		frame := bytes.Repeat([]byte{0xA5, 1}, 127)
		must(t, d.Transmit(frame))
		f.want(t, map[byte]byte{regOpMode: 0x83, regPayloadLength: 254, regDioMapping1: 0x40, regFIFOTxBase: 0})
		if !bytes.Equal(f.fifo[:254], frame) || f.path[0] != "tx" {
			t.Errorf("FIFO % X, antenna %v", f.fifo[:254], f.path)
		}
		if ev, err := d.Events(); err != nil || ev != (chip.Event{}) {
			t.Errorf("on the air: %+v, %v", ev, err)
		}
		f.ends(irqTxDone)
		if ev, err := d.Events(); err != nil || ev != (chip.Event{Sent: true}) {
			t.Errorf("got %+v, %v", ev, err)
		}
		if ev, err := d.Events(); err != nil || ev != (chip.Event{}) || f.regs[regIrqFlags] != 0 {
			t.Errorf("again: %+v, %v", ev, err)
		}
	})
	virtual(t, "one after the other", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.Transmit([]byte{1, 2, 3}))
		f.ends(irqTxDone)
		must(t, d.Transmit([]byte{4, 5, 6}))
		if !bytes.Equal(f.fifo[:3], []byte{4, 5, 6}) {
			t.Errorf("FIFO % X", f.fifo[:3])
		}
	})
	virtual(t, "after sleep, which empties the FIFO", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.Sleep())
		f.want(t, map[byte]byte{regOpMode: 0x80})
		if ev, err := d.Events(); err != nil || ev != (chip.Event{}) {
			t.Errorf("asleep: %+v, %v", ev, err)
		}
		f.fifo = [256]byte{}
		must(t, d.Transmit([]byte{1, 2, 3}))
		if !bytes.Equal(f.fifo[:3], []byte{1, 2, 3}) {
			t.Errorf("FIFO % X", f.fifo[:3])
		}
	})
	virtual(t, "refuses what does not fit", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		for _, n := range []int{0, 256} {
			if d.Transmit(make([]byte, n)) == nil {
				t.Errorf("%d octets are taken", n)
			}
		}
		must(t, d.Transmit(make([]byte, 255)))
		f.want(t, map[byte]byte{regPayloadLength: 255})
	})
	virtual(t, "not before Configure", func(t *testing.T) {
		f := newFake(t)
		d := driver(t, f, f.pins(), Opts{})
		for _, err := range []error{d.Transmit([]byte{1}), d.Receive(), d.Detect(), d.ReceiveFor(time.Second)} {
			if !errors.Is(err, chip.ErrNotConfigured) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// The new frequency counts from the write of its last octet on, so that is written even when it is the same.
func TestFrequencyLatch(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		for _, begin := range []func() error{d.Receive, func() error { return d.Transmit([]byte{1}) }, d.Detect} {
			f.log = nil
			must(t, begin())
			if !slices.Contains(f.log, write{regFrfMsb + 2, 0x9A, modeStandby}) {
				t.Error("the last octet is not written")
			}
		}
	})
}

func TestReceive(t *testing.T) {
	virtual(t, "line and mode", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.Transmit([]byte{1}))
		f.ends(irqTxDone)
		must(t, d.Receive())
		f.want(t, map[byte]byte{regOpMode: 0x85, regDioMapping1: 0x00, regIrqFlags: 0})
		if f.path[1] != "rx" {
			t.Errorf("antenna %v", f.path)
		}
		must(t, d.Standby())
		if f.rx || f.tx {
			t.Error("the antenna switch is on in standby")
		}
	})
	virtual(t, "for a while", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.ReceiveFor(100*time.Millisecond)) // 97.7 symbols
		f.want(t, map[byte]byte{regOpMode: 0x86, regModemConfig2: 0x74, regSymbTimeout: 98})
		f.ends(irqRxTimeout)
		if ev, err := d.Events(); err != nil || ev != (chip.Event{TimedOut: true}) {
			t.Errorf("got %+v, %v", ev, err)
		}
		must(t, d.ReceiveFor(time.Hour))
		f.want(t, map[byte]byte{regModemConfig2: 0x77, regSymbTimeout: 0xFF})
		f.hears(0, []byte{5}, 0)
		f.ends(irqRxDone)
		if ev, err := d.Events(); err != nil || ev.Received == nil || ev.TimedOut {
			t.Errorf("got %+v, %v", ev, err)
		}
		must(t, d.ReceiveFor(0))
		f.want(t, map[byte]byte{regModemConfig2: 0x74, regSymbTimeout: 4})
	})
}

func TestDetect(t *testing.T) {
	for flags, want := range map[byte]chip.Event{irqCadDone: {DetectOK: true}, irqCadDone | irqCadDetected: {DetectOK: true, Detected: true}} {
		virtual(t, "", func(t *testing.T) {
			d, f := ready(t, Opts{}, sf7, 14)
			must(t, d.Detect())
			f.want(t, map[byte]byte{regOpMode: 0x87, regDioMapping1: 0xA0})
			if ev, err := d.Events(); err != nil || ev != (chip.Event{}) {
				t.Errorf("before: %+v, %v", ev, err)
			}
			f.ends(flags)
			if ev, err := d.Events(); err != nil || ev != want || f.path[0] != "rx" {
				t.Errorf("got %+v, %v", ev, err)
			}
		})
	}
}

// Each direction has a bit of its own.
func TestInvertedIQ(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.SetWave(phy.Wave{Modulation: sf7, CRC: true, Inverted: true}))
		must(t, d.Transmit([]byte{1}))
		f.want(t, map[byte]byte{regInvertIQ: 0x26, regInvertIQ2: 0x19})
		must(t, d.Receive())
		f.want(t, map[byte]byte{regInvertIQ: 0x67, regInvertIQ2: 0x19})
		must(t, d.Detect())
		f.want(t, map[byte]byte{regInvertIQ: 0x67, regInvertIQ2: 0x19})
		must(t, d.Configure(sf7, 14))
		must(t, d.Transmit([]byte{1}))
		f.want(t, map[byte]byte{regInvertIQ: 0x27, regInvertIQ2: 0x1D})
	})
}
