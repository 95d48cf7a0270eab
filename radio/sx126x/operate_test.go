package sx126x

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

func TestTransmitSendsTheFrame(t *testing.T) {
	for _, n := range []int{1, 51, 255} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			frame := bytes.Repeat([]byte{0xA5}, n)
			frame[n-1] = byte(n)
			f.irq = irqTimeout
			must(t, d.Transmit(frame))
			s := f.lastStart()
			if s.op != opTx || !bytes.Equal(s.payload, frame) || s.irq != 0 {
				t.Errorf("op %02X, flags %04X, sent %X", s.op, s.irq, s.payload)
			}
			air := sf7.TimeOnAir(n)
			if limit := time.Duration(s.timeout) * timerTick; limit <= air || limit > 2*air+200*time.Millisecond {
				t.Errorf("%d octets: a limit of %v for %v on the air", n, limit, air)
			}
			if e := event(t, d); e != (chip.Event{}) {
				t.Errorf("while sending: %+v", e)
			}
			f.end(irqTxDone)
			if e := event(t, d); e != (chip.Event{Sent: true}) {
				t.Errorf("sent: %+v", e)
			}
			if f.irq != 0 {
				t.Errorf("flags %04X left", f.irq)
			}
		})
	}
}

func TestTransmitRefusesWhatIsNoFrame(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		for _, n := range []int{0, 256} {
			if err := d.Transmit(make([]byte, n)); err == nil {
				t.Errorf("%d octets were taken", n)
			}
		}
		if len(f.starts) != 0 {
			t.Error("something was sent")
		}
	})
}

func TestNothingWorksBeforeConfigure(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		_, level := d.Level()
		for i, err := range []error{d.Transmit([]byte{1}), d.Receive(), d.Detect(), level, d.SetWave(phy.Wave{Modulation: sf7})} {
			if err == nil {
				t.Errorf("number %d was taken", i)
			}
		}
		must(t, d.Configure(sf7, 14))
		must(t, d.Receive())
		must(t, d.Reset(t.Context()))
		if d.Receive() == nil {
			t.Error("Reset forgets nothing")
		}
	})
}

func TestTheAntennaSwitchFollows(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		check := func(when string, tx, rx gpio.Level) {
			t.Helper()
			if f.tx.level != tx || f.en.level != rx {
				t.Errorf("%s: TXEN %v RXEN %v, want %v %v", when, f.tx.level, f.en.level, tx, rx)
			}
		}
		check("configured", gpio.Low, gpio.Low)
		must(t, d.Transmit([]byte{1}))
		if s := f.lastStart(); !s.tx || s.rx {
			t.Errorf("at SetTx: TXEN %v RXEN %v", s.tx, s.rx)
		}
		f.end(irqTxDone)
		event(t, d)
		check("sent", gpio.Low, gpio.Low)
		must(t, d.Receive())
		if s := f.lastStart(); s.tx || !s.rx {
			t.Errorf("at SetRx: TXEN %v RXEN %v", s.tx, s.rx)
		}
		must(t, d.Detect())
		if s := f.lastStart(); s.tx || !s.rx {
			t.Errorf("at SetCad: TXEN %v RXEN %v", s.tx, s.rx)
		}
		f.end(irqCADDone)
		event(t, d)
		check("detected", gpio.Low, gpio.Low)
		must(t, d.Receive())
		must(t, d.Standby())
		check("standby", gpio.Low, gpio.Low)
	})
}

func TestReceiveIsContinuousAndTakesAnyLength(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Transmit([]byte{1}))
		f.end(irqTxDone)
		event(t, d)
		must(t, d.Receive())
		s := f.lastStart()
		if s.timeout != forever {
			t.Errorf("timeout %06X", s.timeout)
		}
		wantHex(t, "packet parameters", s.last[opPacketParams], "000800FF0100")
	})
}

func TestReceiveForHasALimit(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.ReceiveFor(500*time.Millisecond))
		if got := f.lastStart().timeout; got != 0x007D00 {
			t.Errorf("timeout %06X, want 007D00", got)
		}
		must(t, d.ReceiveFor(time.Hour))
		if got := f.lastStart().timeout; got != maxTicks {
			t.Errorf("an hour: timeout %06X, which would never end", got)
		}
		f.end(irqTimeout)
		if e := event(t, d); e != (chip.Event{TimedOut: true}) {
			t.Errorf("got %+v", e)
		}
		if d.ReceiveFor(0) == nil {
			t.Error("no time at all was taken")
		}
	})
}

func TestDetectTellsOfActivity(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		for _, found := range []bool{true, false} {
			must(t, d.Detect())
			wantHex(t, "parameters", f.lastStart().last[opCADParams], "02140A00000000")
			flags := uint16(irqCADDone)
			if found {
				flags |= irqCADDetected
			}
			f.end(flags)
			if e := event(t, d); e != (chip.Event{DetectOK: true, Detected: found}) {
				t.Errorf("found %v: %+v", found, e)
			}
		}
	})
}

func TestLevelIsReadWhileReceiving(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.level = 231
		got, err := d.Level()
		if err != nil || got != -115.5 {
			t.Errorf("got %v, %v, want -115.5 dBm", got, err)
		}
	})
}

func TestSleepKeepsTheSettings(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		must(t, d.Sleep())
		if !f.asleep || !f.sent("8404") {
			t.Error("it does not sleep")
		}
		if e := event(t, d); e != (chip.Event{}) || !f.asleep {
			t.Errorf("a look at the flags: %+v, asleep %v", e, f.asleep)
		}
		must(t, d.Transmit([]byte{1, 2, 3}))
		if s := f.lastStart(); !bytes.Equal(s.payload, []byte{1, 2, 3}) {
			t.Errorf("after sleep: %X", s.payload)
		}
	})
}

func TestATCXOStaysOnBetweenTasks(t *testing.T) {
	configured(t, Opts{TCXOMillivolts: 1800}, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		must(t, d.Standby())
		f.need(opStandby, modeStandbyXOSC)
	})
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Standby())
		f.need(opStandby, modeStandbyRC)
	})
}

// A chip that does not do what it is told is found out at once.
func TestIgnoredCommandsAreFoundOut(t *testing.T) {
	for _, tc := range []struct {
		name string
		op   byte
		do   func(d *Driver) error
	}{
		{"SetTx", opTx, func(d *Driver) error { return d.Transmit([]byte{1}) }},
		{"SetRx", opRx, func(d *Driver) error { return d.Receive() }},
		{"SetRx once", opRx, func(d *Driver) error { return d.ReceiveFor(time.Second) }},
		{"SetCad", opCAD, func(d *Driver) error { return d.Detect() }},
		{"SetStandby", opStandby, func(d *Driver) error { return d.Standby() }},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.Receive())
			f.ignore[tc.op] = true
			if tc.op == opRx {
				must(t, d.Standby())
			}
			if err := tc.do(d); !errors.Is(err, chip.ErrWrongMode) || !strings.Contains(err.Error(), "it is in") {
				t.Errorf("%s: got %v", tc.name, err)
			}
		})
	}
}

// A frame may have left before anybody could look.
func TestATransmissionMayEndAtOnce(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		f.instant = true
		must(t, d.Transmit([]byte{1}))
		if e := event(t, d); !e.Sent {
			t.Errorf("got %+v", e)
		}
	})
}

func TestATransmissionThatDoesNotEndIsAFault(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Transmit([]byte{1}))
		f.errors = 1 << 8
		f.end(irqTimeout)
		_, err := d.Events()
		if !errors.Is(err, chip.ErrStuck) || !strings.Contains(err.Error(), "PA_RAMP") {
			t.Errorf("got %v", err)
		}
	})
}

// A dip of the supply puts the chip back to what it was before Configure.
func TestAChipThatResetItselfIsFoundOut(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(d *Driver) error
	}{
		{"events", func(d *Driver) error { _, err := d.Events(); return err }},
		{"transmit", func(d *Driver) error { return d.Transmit([]byte{1}) }},
		{"receive", func(d *Driver) error { return d.Receive() }},
		{"detect", func(d *Driver) error { return d.Detect() }},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.Receive())
			f.starts = nil
			f.reset()
			time.Sleep(10 * time.Millisecond)
			if err := tc.do(d); !errors.Is(err, chip.ErrWrongMode) {
				t.Errorf("%s: got %v", tc.name, err)
			}
			if len(f.starts) != 0 {
				t.Errorf("%s: it went on the air without settings", tc.name)
			}
		})
	}
}

// good are the octets of a header with a checksum, and what its packet was heard with.
var (
	good   = [3]byte{0x10, 0x01, 0x23}
	heard  = [3]byte{57, 40, 64}
	packet = uint16(irqRxDone | irqHeaderValid | irqPreamble)
)

func TestAPacketIsFetchedWithWhatWasMeasured(t *testing.T) {
	for _, tc := range []struct {
		name      string
		signal    [3]byte
		header    [3]byte
		rssi, snr float64
		packet    float64
		hz        float64
	}{
		{"strong", heard, good, -32, 10, -28.5, 35.24},
		{"weak", [3]byte{120, 0xDB, 127}, [3]byte{0x1F, 0xFE, 0x10}, -63.5, -9.25, -60, -60.06},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.Receive())
			f.receive(packet, 0, []byte("hello"), tc.header, tc.signal)
			p := event(t, d).Received
			if p == nil || string(p.Data) != "hello" || p.RSSIdBm != tc.rssi || p.SNRdB != tc.snr || !p.HasSignal || !p.At.IsZero() {
				t.Errorf("%s: got %+v", tc.name, p)
			}
			if l := d.Last(); l.SignalRSSIdBm != tc.rssi || l.PacketRSSIdBm != tc.packet || math.Abs(l.FrequencyErrorHz-tc.hz) > 0.01 {
				t.Errorf("%s: got %+v", tc.name, l)
			}
			if f.irq != 0 || f.mode != modeRx {
				t.Errorf("%s: flags %04X, %v", tc.name, f.irq, f.mode)
			}
		})
	}
}

func TestAPacketMayWrapAroundTheBuffer(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		data := make([]byte, 255)
		for i := range data {
			data[i] = byte(7*i + 255)
		}
		f.receive(packet, 200, data, good, heard)
		if p := event(t, d).Received; p == nil || !bytes.Equal(p.Data, data) {
			t.Errorf("got %+v", p)
		}
	})
}

func TestDamagedPacketsAreDropped(t *testing.T) {
	for _, tc := range []struct {
		name              string
		flags             uint16
		header            byte
		received, damaged bool
	}{
		{"good", packet, 0x10, true, false},
		{"wrong checksum", packet | irqCRCErr, 0x10, false, true},
		{"no checksum", packet, 0x00, false, true},
		{"wrong header", irqHeaderErr, 0x10, false, true},
		{"wrong header, done", irqHeaderErr | irqRxDone, 0x10, false, true},
		{"false header before", packet | irqHeaderErr, 0x10, true, false},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.Receive())
			f.receive(tc.flags, 0, []byte{1}, [3]byte{tc.header}, heard)
			e := event(t, d)
			if (e.Received != nil) != tc.received || e.Damaged != tc.damaged || e.Began {
				t.Errorf("%s: got %+v", tc.name, e)
			}
			f.receive(packet, 0, []byte{2}, good, heard)
			if e := event(t, d); e.Received == nil || e.Damaged {
				t.Errorf("%s: the next one: %+v", tc.name, e)
			}
		})
	}
}

// A packet without payload is nobody's of ours; the buffer is not read for it.
func TestAPacketWithoutPayloadIsForeign(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.receive(packet, 9, nil, good, heard)
		f.fetched = func() { t.Error("the buffer is read") }
		if e := event(t, d); e != (chip.Event{Foreign: true}) {
			t.Errorf("got %+v", e)
		}
		f.receive(packet|irqCRCErr, 9, nil, good, heard)
		if e := event(t, d); e != (chip.Event{Damaged: true}) {
			t.Errorf("with a wrong checksum: got %+v", e)
		}
	})
}

// What comes in between a look at the flags and the next command is not lost, and knows when it came.
func TestAPacketThatEndsBeforeACommandIsKept(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(d *Driver) error
		ends uint16
		want chip.Event
	}{
		{"transmit", func(d *Driver) error { return d.Transmit([]byte{7, 8, 9, 10, 11, 12}) }, irqTxDone, chip.Event{Sent: true}},
		{"detect", func(d *Driver) error { return d.Detect() }, irqCADDone, chip.Event{DetectOK: true}},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.Receive())
			f.receive(packet, 0, []byte("hello"), good, heard)
			at := time.Now()
			must(t, tc.do(d))
			time.Sleep(time.Second)
			f.end(tc.ends)
			e := event(t, d)
			if e.Received == nil || string(e.Received.Data) != "hello" || e.Received.At.Sub(at) > time.Millisecond || e.Received.At.IsZero() {
				t.Fatalf("%s: got %+v", tc.name, e)
			}
			if e.Received = nil; e != tc.want {
				t.Errorf("%s: got %+v, want %+v", tc.name, e, tc.want)
			}
			must(t, d.Receive())
			if e := event(t, d); e != (chip.Event{}) {
				t.Errorf("%s, again: %+v", tc.name, e)
			}
		})
	}
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.receive(packet, 0, []byte("first"), good, heard)
		must(t, d.Receive())
		f.receive(packet, 5, []byte("second"), good, heard)
		for _, want := range []string{"first", "second"} {
			if e := event(t, d); e.Received == nil || string(e.Received.Data) != want {
				t.Errorf("got %+v, want %s", e.Received, want)
			}
		}
		f.receive(packet|irqCRCErr, 0, []byte("bad"), good, heard)
		must(t, d.Receive())
		if e := event(t, d); e != (chip.Event{Damaged: true}) {
			t.Errorf("a damaged one: %+v", e)
		}
	})
}

// Who wants no checksum, or knows that there is one without a header, is not held to the header.
func TestPacketsWithoutAChecksumAreTakenWhereNoneIsWanted(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    phy.Wave
	}{
		{"none wanted", phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate}},
		{"no header", phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true, Implicit: true, Length: 1}},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.SetWave(tc.w))
			must(t, d.Receive())
			f.receive(irqRxDone, 0, []byte{1}, [3]byte{}, heard)
			if e := event(t, d); e.Received == nil || e.Damaged {
				t.Errorf("%s: got %+v", tc.name, e)
			}
		})
	}
}

// Without a header GetRxBufferStatus knows no length.
func TestALengthAgreedOnIsNotAskedFor(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.SetWave(phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true, Implicit: true, Length: 3}))
		must(t, d.Receive())
		f.receive(irqRxDone, 7, []byte("abc"), [3]byte{}, heard)
		f.rx[0] = 0
		if e := event(t, d); e.Received == nil || string(e.Received.Data) != "abc" {
			t.Errorf("got %+v", e.Received)
		}
	})
}

// The header tells that a packet comes; it is remembered until the packet is there.
func TestAPacketThatBeginsIsTold(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.irq = irqPreamble
		if e := event(t, d); e != (chip.Event{Signal: true}) {
			t.Errorf("preamble: %+v", e)
		}
		f.irq = irqHeaderValid
		if e := event(t, d); e != (chip.Event{Began: true}) {
			t.Errorf("header: %+v", e)
		}
		f.receive(irqRxDone|irqHeaderErr, 0, []byte{9}, good, heard)
		if e := event(t, d); e.Received == nil {
			t.Errorf("packet: %+v", e)
		}
		f.receive(irqRxDone|irqHeaderErr, 0, []byte{9}, good, heard)
		if e := event(t, d); e.Received != nil || !e.Damaged {
			t.Errorf("the header of the packet before was taken for this one's: %+v", e)
		}
		f.irq = irqHeaderValid
		event(t, d)
		must(t, d.Receive())
		f.receive(irqRxDone|irqHeaderErr, 0, []byte{9}, good, heard)
		if e := event(t, d); e.Received != nil || !e.Damaged {
			t.Errorf("the header of a reception that was broken off was taken for this one's: %+v", e)
		}
	})
}

// What comes while flags are read raises no new edge: DIO1 is still high. So it must be taken at once.
func TestEventsLeavesNoFlagBehind(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.irq = irqHeaderValid | irqPreamble
		f.cleared = []func(){func() { f.receive(irqRxDone, 0, []byte("x"), good, heard) }}
		if e := event(t, d); e.Received == nil || e.Began || e.Signal || f.irq != 0 {
			t.Errorf("header, then packet: %+v, flags %04X left", e, f.irq)
		}
	})
}

// Two packets between two looks at the flags: each comes in its own event.
func TestTwoPacketsAreTwoEvents(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Receive())
		f.receive(packet, 0, []byte("first"), good, heard)
		f.fetched = func() { f.receive(packet, 5, []byte("second"), good, heard) }
		for _, want := range []string{"first", "second"} {
			if e := event(t, d); e.Received == nil || string(e.Received.Data) != want {
				t.Errorf("got %+v, want %s", e.Received, want)
			}
		}
	})
}

// The end may fall between a look at the mode and one at the flags.
func TestAnEndDuringTheLookIsNoFault(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Transmit([]byte{1}))
		f.end(0)
		f.looked = []func(){func() { f.irq |= irqTxDone }}
		if e := event(t, d); !e.Sent {
			t.Errorf("got %+v", e)
		}
	})
}

// A preamble alone raises no interrupt.
func TestPreamblesAreNotedQuietly(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		p := f.last[opDIOIRQ]
		noted, dio1 := uint16(p[0])<<8|uint16(p[1]), uint16(p[2])<<8|uint16(p[3])
		if noted&irqPreamble == 0 || dio1&irqPreamble != 0 || dio1&irqTxDone == 0 || dio1&irqRxDone == 0 {
			t.Errorf("noted %04X, on DIO1 %04X", noted, dio1)
		}
	})
}
