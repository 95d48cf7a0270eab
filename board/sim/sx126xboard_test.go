package sim

import (
	"bytes"
	"testing"
	"time"
)

// strength is how one packet of x reaches y, in dBm; ok: it does.
func strength(x, y *host126) (dBm float64, ok bool) {
	y.listen()
	x.send(1, 2, 3)
	flags := y.irq()
	y.clear()
	return -float64(y.do(opGetPacketStatus, 0, 0, 0, 0)[4]) / 2, flags&sx6IrqRxDone != 0 && flags&sx6IrqCRCErr == 0
}

func TestSX126xOscillator(t *testing.T) {
	for _, c := range []struct {
		name    string
		board   float64
		command []byte
		want    uint16
	}{
		{"crystal", 0, nil, 0},
		{"crystal, told of a TCXO", 0, []byte{opSetDIO3AsTCXO, 2, 0, 1, 0x40}, sx6ErrXOSC},
		{"TCXO", 1.8, []byte{opSetDIO3AsTCXO, 2, 0, 1, 0x40}, 0},
		{"TCXO, not told", 1.8, nil, sx6ErrXOSC},
		{"TCXO, too little voltage", 1.8, []byte{opSetDIO3AsTCXO, 0, 0, 1, 0x40}, sx6ErrXOSC},
		{"TCXO, too short a delay", 1.8, []byte{opSetDIO3AsTCXO, 2, 0, 0, 0x04}, sx6ErrXOSC},
	} {
		h := newBench126(t, SX126xOpts{TCXOVolts: c.board}).hosts[0]
		errors := func() uint16 {
			r := h.do(opGetDeviceErrors, 0, 0, 0)
			return uint16(r[2])<<8 | uint16(r[3])
		}
		if got := errors() == sx6ErrXOSC; got != (c.board > 0) {
			t.Errorf("%s: error after reset %v", c.name, got)
		}
		if c.command != nil {
			h.do(c.command...)
		}
		h.do(opClearDeviceErrors, 0, 0)
		h.set(opCalibrate, 0x7F)
		failed := h.status()>>1&7 == byte(sx6Failed)
		if got := errors(); got != c.want || failed != (c.want != 0) {
			t.Errorf("%s: errors %04x, status %02x; want %04x", c.name, got, h.status(), c.want)
		}
		h.set(opSetStandby, 1)
		if got := h.status()>>4&7 == 3; got != (c.want == 0) {
			t.Errorf("%s: STDBY_XOSC %v", c.name, got)
		}
	}
}

func TestSX126xWaitsForItsTCXO(t *testing.T) {
	h := newBench126(t, SX126xOpts{TCXOVolts: 1.8}).hosts[0].setup(setup126{tcxo: true})
	if got, want := h.set(opSetRx, 0xFF, 0xFF, 0xFF), 5083*time.Microsecond; got != want {
		t.Errorf("RX from STDBY_RC: BUSY for %v, want %v", got, want)
	}
	if h.c.dio(3) != true {
		t.Error("DIO3 does not supply the TCXO")
	}
	h.b.blameless()
}

func TestSX126xOutputPower(t *testing.T) {
	for _, c := range []struct {
		model SX126xModel
		pa    []byte
		set   int8
		want  float64
	}{
		{SX1262, []byte{4, 7, 0, 1}, 22, 22}, {SX1262, []byte{4, 7, 0, 1}, -9, -9}, {SX1262, []byte{3, 5, 0, 1}, 22, 20},
		{SX1262, []byte{2, 3, 0, 1}, 22, 17}, {SX1262, []byte{2, 2, 0, 1}, 22, 14}, {SX1262, []byte{3, 6, 0, 1}, 22, 20},
		{SX1262, []byte{1, 6, 0, 1}, 22, 17}, {SX1262, []byte{1, 4, 0, 1}, 20, 14}, {SX1262, []byte{4, 0, 1, 1}, 14, -16},
		{SX1261, []byte{4, 0, 1, 1}, 14, 14}, {SX1261, []byte{6, 0, 1, 1}, 14, 15}, {SX1261, []byte{4, 0, 1, 1}, -17, -17},
		{SX1261, []byte{4, 0, 1, 1}, 22, 14}, {LLCC68, []byte{4, 7, 0, 1}, 22, 22},
	} {
		b := newBench126(t, SX126xOpts{Model: c.model}, SX126xOpts{})
		x, y := b.hosts[0].setup(setup126{power: c.set, pa: c.pa}), b.hosts[1].setup(setup126{})
		b.air.SetLink(0, 1, 80)
		if got, ok := strength(x, y); !ok || got != c.want-80 {
			t.Errorf("%s, PA % x, %d dBm: %v at the receiver (%v), want %v", sx6ModelNames[c.model], c.pa, c.set, got, ok, c.want-80)
		}
	}
}

func TestSX126xCurrentLimitsPower(t *testing.T) {
	b, x, y := pair126(t, setup126{power: 22})
	b.air.SetLink(0, 1, 80)
	x.write(regOCP, 0x18)
	if got, _ := strength(x, y); got != 17-80 {
		t.Errorf("60 mA: %v, want %v", got, 17-80)
	}
}

func TestSX126xAntennaSwitch(t *testing.T) {
	const loss = sx6SwitchLossDB
	run := func(o SX126xOpts, p setup126, tx, rx [2]bool) (sent, heard float64) {
		b := newBench126(t, o, SX126xOpts{})
		b.air.SetLink(0, 1, 80)
		x, y := b.hosts[0].setup(p), b.hosts[1].setup(setup126{})
		pins := func(v [2]bool) {
			x.c.txEnable, x.c.rxEnable = v[0], v[1]
			x.c.switched()
		}
		pins(tx)
		sent, _ = strength(x, y)
		pins(rx)
		heard, _ = strength(y, x)
		return sent, heard
	}
	none := [2]bool{}
	for _, c := range []struct {
		name        string
		o           SX126xOpts
		p           setup126
		tx, rx      [2]bool
		sent, heard float64 // lost
	}{
		{"no switch", SX126xOpts{}, setup126{}, none, none, 0, 0},
		{"DIO2", SX126xOpts{DIO2Switch: true}, setup126{dio2Command: true}, none, none, 0, 0},
		{"DIO2 not told", SX126xOpts{DIO2Switch: true}, setup126{}, none, none, loss, 0},
		{"pins", SX126xOpts{TxEnable: true, RxEnable: true}, setup126{}, [2]bool{true, false}, [2]bool{false, true}, 0, 0},
		{"pins both low", SX126xOpts{TxEnable: true, RxEnable: true}, setup126{}, none, none, loss, loss},
		{"pins swapped", SX126xOpts{TxEnable: true, RxEnable: true}, setup126{}, [2]bool{false, true}, [2]bool{true, false}, loss, loss},
		{"RXEN and DIO2", SX126xOpts{DIO2Switch: true, RxEnable: true}, setup126{dio2Command: true}, none, [2]bool{false, true}, 0, 0},
		{"TXEN left high", SX126xOpts{TxEnable: true}, setup126{}, [2]bool{true, false}, [2]bool{true, false}, 0, loss},
	} {
		if sent, heard := run(c.o, c.p, c.tx, c.rx); sent != 14-80-c.sent || heard != 14-80-c.heard {
			t.Errorf("%s: sent %v, heard %v; want %v and %v", c.name, sent, heard, 14-80-c.sent, 14-80-c.heard)
		}
	}
}

func TestSX126xSwitchTurnedWhileReceiving(t *testing.T) {
	b := newBench126(t, SX126xOpts{RxEnable: true}, SX126xOpts{})
	x, y := b.hosts[0].setup(setup126{}), b.hosts[1].setup(setup126{})
	x.listen()
	x.c.rxEnable = true
	x.c.switched()
	y.send(1)
	if got := -float64(x.do(opGetPacketStatus, 0, 0, 0, 0)[4]) / 2; got != -96 {
		t.Errorf("%v dBm, want -96", got)
	}
}

func TestSX126xDIO2FollowsTransmissions(t *testing.T) {
	_, x, _ := pair126(t, setup126{dio2Command: true})
	x.load(bytes.Repeat([]byte{1}, 50)...)
	if x.c.dio(2) {
		t.Error("DIO2 is high in standby")
	}
	if x.set(opSetTx, 0, 0, 0); !x.c.dio(2) {
		t.Error("DIO2 is low in TX")
	}
	if x.set(opSetStandby, 0); x.c.dio(2) {
		t.Error("DIO2 stays high after TX")
	}
}

func TestSX126xImageCalibration(t *testing.T) {
	for _, c := range []struct {
		freq uint32
		pair []byte
		lost float64
	}{
		{869_525_000, []byte{0xD7, 0xDB}, 0}, {869_525_000, nil, sx6ImageLossDB}, {915_000_000, nil, 0},
		{433_000_000, []byte{0x6B, 0x6F}, 0}, {433_000_000, []byte{0xD7, 0xDB}, sx6ImageLossDB}, {490_000_000, []byte{0x75, 0x81}, 0},
	} {
		_, x, y := pair126(t, setup126{freq: c.freq, skip: map[byte]bool{opCalibrateImage: true}})
		if c.pair != nil {
			y.do(opCalibrateImage, c.pair[0], c.pair[1])
		}
		if got, ok := strength(x, y); !ok || got != 14-110-c.lost {
			t.Errorf("%d Hz, pair % x: %v, want %v", c.freq, c.pair, got, 14-110-c.lost)
		}
	}
}
