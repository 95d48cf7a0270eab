package sim

import (
	"bytes"
	"testing"
	"time"
)

func TestSX126xHighFlagsOnEachLine(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0].setup(setup126{})
	h.do(opSetDioIrqParams, 0x02, 0, 0, 0, 0, 0, 0x02, 0)
	h.do(append([]byte{opSetRx}, micros(1000)...)...)
	h.b.pass(time.Second)
	if h.c.dio(1) || h.c.dio(2) || !h.c.dio(3) {
		t.Error("Timeout is not on DIO3 alone")
	}
}

func TestSX126xFrequencyWord(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0]
	h.do(opSetRfFrequency, 0x36, 0x58, 0x66, 0x66)
	if got := h.c.frequency(); got != 869_525_000 {
		t.Errorf("365866 66: %d Hz, want 869525000", got)
	}
}

func TestSX126xRefusedCommandChangesNothing(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0].setup(setup126{})
	h.do(opSetModulationParams, 13, 4, 1, 0)
	h.do(opSetFallback, 0x30)
	h.do(opSetFallback, 0x99)
	if h.c.modulation().SpreadingFactor != 7 || h.c.fallback() != sx6StandbyXOSC {
		t.Error("an impossible value was taken")
	}
}

// A reception that was broken off does not go on, though the packet does.
func TestSX126xNewReceptionStartsAnew(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.listen()
	x.load(bytes.Repeat([]byte{1}, 200)...)
	x.set(opSetTx, 0, 0, 0)
	b.pass(50 * time.Millisecond)
	y.listen()
	b.pass(time.Second)
	if got := y.irq(); got != 0 {
		t.Errorf("flags %04x from the middle of a packet", got)
	}
}

func TestSX126xCalibrationsInTheWrongOrder(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	y.do(opCalibrate, 0x7F)
	if got, _ := strength(x, y); got != -96-sx6ImageLossDB {
		t.Errorf("Calibrate after CalibrateImage: %v dBm, want %v", got, -96-sx6ImageLossDB)
	}
	_, x, y = pair126(t, setup126{freq: 490_000_000})
	y.do(opCalibrateImage, 0x6B, 0x6F)
	if got, _ := strength(x, y); got != -96-sx6ImageLossDB {
		t.Errorf("490 MHz calibrated for 433: %v dBm, want %v", got, -96-sx6ImageLossDB)
	}
}
