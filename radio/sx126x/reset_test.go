package sx126x

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio/chip"
)

func TestResetFindsTheChipAndSetsTheBoard(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		if d.Version() != "SX1261 V2D 2D02" {
			t.Errorf("version %q", d.Version())
		}
		for _, want := range []string{"897F", "9601", "9D01", "8A01", "9320", "8F0000", "0803F703F300000000"} {
			if !f.sent(want) {
				t.Errorf("%s was not sent: %v", want, f.log)
			}
		}
		if f.mode != modeStandbyRC {
			t.Errorf("left in %v", f.mode)
		}
	})
}

func TestTheBoardSaysRegulatorSwitchAndOscillator(t *testing.T) {
	bench(t, Opts{LDO: true, TCXOMillivolts: 1800}, func(t *testing.T, f *fake, d *Driver) {
		for _, want := range []string{"9600", "9D00", "9702000140", "070000", "9330"} {
			if !f.sent(want) {
				t.Errorf("%s was not sent: %v", want, f.log)
			}
		}
	})
	bench(t, Opts{TCXOMillivolts: 3300, TCXODelay: 10 * time.Millisecond}, func(t *testing.T, f *fake, d *Driver) {
		if !f.sent("9707000280") {
			t.Errorf("3.3 V for 10 ms was not sent: %v", f.log)
		}
	})
}

// XOSC_START is set after each reset with a TCXO; it must be cleared before it tells anything.
func TestTheOscillatorOfTheBoardFileIsTried(t *testing.T) {
	for _, tc := range []struct {
		said, has int
		want      string
	}{
		{0, 1800, "needs its TCXO"},
		{1800, 0, "has a crystal"},
		{1800, 3300, "of another voltage"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := Opts{TCXOMillivolts: tc.said}
			f := newFake(t, o)
			f.tcxo = tc.has
			d := f.driver(o)
			err := d.Reset(context.Background())
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "board file") {
				t.Errorf("TCXO %d mV on a board with %d: got %v, want %q", tc.said, tc.has, err, tc.want)
			}
			tried, other := d.OtherOscillator(context.Background())
			if starts := tried == tc.has; (other == nil) != starts {
				t.Errorf("the other oscillator, %d mV on a board with %d: got %v", tried, tc.has, other)
			}
			if len(f.starts) != 0 {
				t.Error("the diagnosis went on the air")
			}
		})
	}
}

// Not every chip notices while it calibrates; when the oscillator is wanted it must be there.
func TestTheOscillatorIsRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, crystalBoard)
		f.tcxo, f.lazy = 1800, true
		if err := f.driver(crystalBoard).Reset(context.Background()); err == nil || !strings.Contains(err.Error(), "XOSC_START") {
			t.Errorf("got %v", err)
		}
	})
}

func TestACalibrationThatFailsIsNamed(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		f.ignore[opClearErrors] = true
		f.ignore[opSetPacketType] = false
		d.pins.Reset = &pin{}
		f.errors = 1<<2 | 1<<8
		err := d.Reset(t.Context())
		if !errors.Is(err, chip.ErrStuck) || !strings.Contains(err.Error(), "PLL_CALIB, PA_RAMP") {
			t.Errorf("got %v, want the errors by name", err)
		}
	})
}

func TestNoChipIsFoundOut(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(f *fake)
		want error
		say  string
	}{
		{"no power", func(f *fake) { f.dead = new(byte) }, chip.ErrNoChip, "the wire of MISO"},
		{"no select", func(f *fake) { b := byte(0xFF); f.dead = &b }, chip.ErrNoChip, "not selected"},
		{"noise", func(f *fake) { b := byte(0x12); f.dead = &b }, chip.ErrNoChip, "no status of this chip"},
		{"BUSY", func(f *fake) { f.stuck = true }, chip.ErrStuck, "BUSY (GPIO20) stays high"},
		{"deaf", func(f *fake) { f.deaf = true }, chip.ErrNoChip, "no chip of this family"},
		{"writes nothing", func(f *fake) { f.ignore[opWriteRegister] = true }, chip.ErrNoChip, "told 3444 and remembers 1424"},
		{"does nothing", func(f *fake) { f.ignore[opSetPacketType] = true }, chip.ErrNoChip, "told 01 and remembers 00"},
		{"refuses", func(f *fake) { f.refuse[opRegulator] = 4 }, chip.ErrWrongMode, "command 96 was not understood"},
		{"cannot", func(f *fake) { f.refuse[opDIO2Switch] = 5 }, chip.ErrWrongMode, "command 9D could not be carried out"},
		{"too slow", func(f *fake) { f.refuse[opBufferBase] = 3 }, chip.ErrWrongMode, "command 8F took too long"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, crystalBoard)
			tc.do(f)
			err := f.driver(crystalBoard).Reset(context.Background())
			var fault *chip.FaultError
			if !errors.As(err, &fault) || !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.say) {
				t.Errorf("%s: got %v, want %q", tc.name, err, tc.say)
			}
		})
	}
}

// Some chips have no name; the sync word that all have after a reset will do.
func TestAChipWithoutANameIsKnownByItsRegisters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, crystalBoard)
		d := f.driver(crystalBoard)
		d.pins.Reset = &pin{} // keeps the registers
		f.regs[0x0320] = 0
		must(t, d.Reset(context.Background()))
		f.regs[0x0740] = 0x55
		if err := d.Reset(context.Background()); !errors.Is(err, chip.ErrNoChip) {
			t.Errorf("another chip: got %v", err)
		}
	})
}

func TestBusyIsWaitedForASecondAndNoLonger(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		f.busy(900 * time.Millisecond)
		must(t, d.Standby())
		f.stuck = true
		from := time.Now()
		if err := d.Standby(); !errors.Is(err, chip.ErrStuck) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(from); took < busyLimit || took > busyLimit+lastPoll {
			t.Errorf("it took %v", took)
		}
	})
}

// Without a reset line the chip is reset by sleep, also out of sleep.
func TestResetWithoutALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, crystalBoard)
		pins := f.pins()
		pins.Reset = nil
		d, err := New(f, pins, crystalBoard)
		must(t, err)
		must(t, d.Reset(context.Background()))
		must(t, d.Configure(sf7, 14))
		f.regs[0x0740] = 0x77
		must(t, d.Receive())
		must(t, d.Reset(context.Background()))
		must(t, d.Configure(sf7, 14))
		must(t, d.Sleep())
		must(t, d.Reset(context.Background()))
		if f.resets != 1 {
			t.Errorf("%d resets by line", f.resets)
		}
		if n := count(f.log, "8400"); n != 3 {
			t.Errorf("%d cold sleeps, want 3", n)
		}
	})
}

func count(log []string, command string) (n int) {
	for _, c := range log {
		if c == command {
			n++
		}
	}
	return n
}

func TestResetEndsWithItsContext(t *testing.T) {
	for _, after := range []time.Duration{0, 2 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, crystalBoard)
			ctx, stop := context.WithTimeout(context.Background(), after)
			defer stop()
			if err := f.driver(crystalBoard).Reset(ctx); !errors.Is(err, context.DeadlineExceeded) || f.sent("897F") {
				t.Errorf("after %v: got %v, calibrated %v", after, err, f.sent("897F"))
			}
			if after == 0 && f.resets != 1 {
				t.Error("it was reset when nobody wanted it any more")
			}
		})
	}
}

func TestNewSaysWhatTheBoardFileGotWrong(t *testing.T) {
	for _, o := range []Opts{{Model: 9}, {Clock: 20e12}, {TCXOMillivolts: 1750}, {TCXODelay: time.Minute}, {CurrentLimitMA: 200}} {
		f := newFake(t, Opts{})
		if _, err := New(f, f.pins(), o); err == nil || !f.closed {
			t.Errorf("%+v: got %v, port closed %v", o, err, f.closed)
		}
	}
	f := newFake(t, Opts{})
	pins := f.pins()
	pins.Busy = nil
	if _, err := New(f, pins, Opts{}); err == nil || !strings.Contains(err.Error(), "BUSY") || !f.closed {
		t.Errorf("no BUSY: got %v", err)
	}
}

func TestPowerPinsAreHighBeforeAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, Opts{})
		pins := f.pins()
		power := &pin{name: "GPIO12"}
		pins.Power = []gpio.PinOut{power}
		d, err := New(f, pins, Opts{})
		if err != nil || power.level != gpio.High {
			t.Fatalf("power pin %v, %v", power.level, err)
		}
		from := time.Now()
		must(t, d.Reset(t.Context()))
		if took := time.Since(from); took < powerRest+resetPulse+resetRest || took > 30*time.Millisecond {
			t.Errorf("a reset after power took %v", took)
		}
	})
}

func TestCloseSleepsAndGivesAllBack(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		must(t, d.Close())
		if !f.asleep || !f.sent("8400") || !f.closed || !f.tx.halted || f.en.level != gpio.Low {
			t.Errorf("asleep %v, closed %v, pins halted %v, RXEN %v", f.asleep, f.closed, f.tx.halted, f.en.level)
		}
	})
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		f.stuck = true
		if err := d.Close(); err != nil || !f.closed || !f.tx.halted {
			t.Errorf("a stuck chip: got %v, closed %v", err, f.closed)
		}
	})
}

// Whenever the supply dips while the chip is set up, it does not listen with half of its settings.
func TestADipDuringSetUpIsFoundOut(t *testing.T) {
	whole := 0
	for n := 1; n <= 60; n++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, crystalBoard)
			d := f.driver(crystalBoard)
			f.dip = n
			err := d.Reset(context.Background())
			if err == nil {
				err = d.Configure(sf7, 14)
			}
			if err == nil {
				err = d.Receive()
			}
			if err != nil {
				return
			}
			whole++
			for _, op := range []byte{opRegulator, opDIO2Switch, opDIOIRQ, opModulation} {
				if f.lastStart().last[op] == nil {
					t.Errorf("a dip at transaction %d: it listens without command %02X", n, op)
				}
			}
		})
	}
	if whole == 0 || whole == 60 {
		t.Errorf("%d of 60 dips were without effect", whole)
	}
}

// A dip between the last question and the command to send, one transaction, is all that nobody can find out in time.
func TestADipBeforeAFrameSendsNothing(t *testing.T) {
	refused, sent, wrong := 0, 0, 0
	for n := 1; n <= 30; n++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, crystalBoard)
			d := f.driver(crystalBoard)
			must(t, d.Reset(context.Background()))
			must(t, d.Configure(sf7, 14))
			f.dip = n
			if err := d.Transmit([]byte("hello")); err != nil {
				refused++
			}
			for _, s := range f.starts {
				if sent++; s.last[opModulation] == nil {
					wrong++
				}
			}
		})
	}
	if wrong > 1 {
		t.Errorf("dips at %d transactions send with the settings of a reset, want one at most", wrong)
	}
	if refused == 0 || sent == 0 {
		t.Errorf("%d refused, %d sent: the dips miss the frame", refused, sent)
	}
}
