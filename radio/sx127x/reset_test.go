package sx127x

import (
	"context"
	"errors"
	"strings"
	"testing"

	"packhorse/radio/chip"
)

func TestReset(t *testing.T) {
	virtual(t, "LoRa in standby", func(t *testing.T) {
		f := newFake(t)
		d := driver(t, f, f.pins(), Opts{})
		f.want(t, map[byte]byte{regOpMode: 0x81, regTcxo: 0x09})
		if f.resets != 1 || d.Version() != "12" {
			t.Errorf("%d resets, version %s", f.resets, d.Version())
		}
	})
	for _, op := range []byte{0x09, 0x80, 0x85, 0x83, 0x03} {
		virtual(t, "without a reset line, from any mode", func(t *testing.T) {
			f := newFake(t)
			f.regs[regOpMode] = op
			driver(t, f, chip.Pins{}, Opts{})
			f.want(t, map[byte]byte{regOpMode: 0x81})
		})
	}
	virtual(t, "without a reset line, after someone else", func(t *testing.T) {
		_, clean := ready(t, Opts{}, sf7, 14)
		f := newFake(t)
		for reg := range byte(regPpmCorrection) {
			f.regs[reg+1] ^= 0x15
		}
		f.regs[regIrqFlags] = irqRxDone
		d := driver(t, f, chip.Pins{}, Opts{})
		must(t, d.Configure(sf7, 14))
		must(t, d.Receive())
		for reg := regPaConfig; reg <= regPpmCorrection; reg++ {
			switch reg {
			case 0x0A, regFIFOAddr, regRxCurrent, regRxNbBytes, regSymbTimeout, regPayloadLength, 0x25: // no matter
				continue
			}
			if reg > regRxNbBytes && reg < regModemConfig1 { // read only
				continue
			}
			f.want(t, map[byte]byte{byte(reg): clean.regs[reg]})
		}
	})
	virtual(t, "a TCXO", func(t *testing.T) {
		f := newFake(t)
		driver(t, f, f.pins(), Opts{TCXO: true})
		f.want(t, map[byte]byte{regTcxo: 0x19})
	})
	virtual(t, "a module that wakes slowly", func(t *testing.T) {
		f := newFake(t)
		f.sick = 10
		driver(t, f, f.pins(), Opts{})
		if f.resets != 10 {
			t.Errorf("%d resets", f.resets)
		}
	})
	virtual(t, "ends with its context", func(t *testing.T) {
		f := newFake(t)
		d, err := New(f, f.pins(), Opts{})
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := d.Reset(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestResetFindsNoChip(t *testing.T) {
	low, high := byte(0x00), byte(0xFF)
	for _, c := range []struct {
		name    string
		dead    *byte
		version byte
		resets  int
		want    string
	}{
		{"MISO low", &low, 0, 10, "MISO stays low"},
		{"MISO high", &high, 0, 10, "chip select"},
		{"another chip", nil, 0x24, 10, "reads 24"},
		{"SX1272", nil, 0x22, 1, "SX1272"},
	} {
		virtual(t, c.name, func(t *testing.T) {
			f := newFake(t)
			f.dead, f.version = c.dead, c.version
			d, err := New(f, f.pins(), Opts{})
			must(t, err)
			err = d.Reset(t.Context())
			if !errors.Is(err, chip.ErrNoChip) || !strings.Contains(err.Error(), c.want) || f.resets != c.resets {
				t.Errorf("got %v after %d resets", err, f.resets)
			}
		})
	}
}

func TestResetWithoutMOSI(t *testing.T) {
	virtual(t, "says so", func(t *testing.T) {
		f := newFake(t)
		f.deaf = true
		d, err := New(f, f.pins(), Opts{})
		must(t, err)
		if err := d.Reset(t.Context()); !errors.Is(err, chip.ErrWrongMode) || !strings.Contains(err.Error(), "MOSI") {
			t.Errorf("got %v", err)
		}
	})
}

func TestConfigureReadsBack(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		f := newFake(t)
		d := driver(t, f, f.pins(), Opts{})
		f.lose = regFrfMsb + 2
		if err := d.Configure(sf7, 14); !errors.Is(err, chip.ErrWrongMode) || !strings.Contains(err.Error(), "MOSI") {
			t.Errorf("frequency: got %v", err)
		}
		f.lose = regModemConfig1
		if err := d.Configure(with(sf9bw250), 14); !errors.Is(err, chip.ErrWrongMode) {
			t.Errorf("modem: got %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Opts{{Model: 9}, {Output: 7}, {Clock: maxClock + 1}, {CurrentLimit: 30}, {CurrentLimit: 241}, {Gain: 7}} {
		f := newFake(t)
		if _, err := New(f, chip.Pins{}, o); err == nil || !f.closed {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestClose(t *testing.T) {
	virtual(t, "leaves the chip asleep", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.Receive())
		must(t, d.Close())
		if f.mode() != modeSleep || !f.closed || bool(f.rx || f.tx) {
			t.Errorf("in %s, closed %v", f.mode(), f.closed)
		}
	})
}
