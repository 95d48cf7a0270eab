package sim

import (
	"bytes"
	"testing"
	"time"

	channel "packhorse/radio/sim"
)

func TestSX126xHighFlagsOnEachLine(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0].setup(setup126{})
	h.do(opSetDioIrqParams, 0x02, 0, 0, 0, 0, 0, 0x02, 0)
	h.do(append([]byte{opSetRx}, micros(1000)...)...)
	h.b.pass(time.Second)
	if at := h.b.now; h.c.level(at, lineDIO1) || h.c.level(at, lineDIO2) || !h.c.level(at, lineDIO3) {
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

func TestSX126xContinuousReceptionHasNoSymbolTimeout(t *testing.T) {
	b, _, y := pair126(t, setup126{})
	y.do(opSetSymbolTimeout, 20)
	y.listen()
	b.pass(time.Second)
	if got := y.irq(); got != 0 {
		t.Errorf("flags %04x", got)
	}
}

func TestSX126xGarbledDataDiffers(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	y.write(regIQPolarity, 0x09)
	y.listen()
	x.send(1, 2, 3)
	if got := fetched(y); len(got) != 3 || bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("got % x", got)
	}
}

// What was detected in its middle is not received, and the reception ends at the timeout of SetCadParams.
func TestSX126xDetectionTimesOut(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	x.load(bytes.Repeat([]byte{1}, 200)...)
	x.set(opSetTx, 0, 0, 0)
	b.pass(50 * time.Millisecond)
	y.do(append([]byte{opSetCadParams, 2, 20, 10, sx6CadRx}, micros(10_000)...)...)
	y.do(opSetCad)
	b.pass(time.Second)
	if got := y.irq(); got != sx6IrqCadDone|sx6IrqCadDetected|sx6IrqTimeout {
		t.Errorf("flags %04x", got)
	}
}

func TestSX126xImplicitPacketOutlastsItsTimeout(t *testing.T) {
	b := newBench126(t, SX126xOpts{}, SX126xOpts{})
	p := setup126{implicit: true}
	x, y := b.hosts[0].setup(p), b.hosts[1].setup(p)
	y.do(y.packet(100)...)
	y.receiveFor(60_000)
	x.send(bytes.Repeat([]byte{1}, 100)...)
	if got := y.irq(); got&(sx6IrqRxDone|sx6IrqTimeout) != sx6IrqRxDone {
		t.Errorf("flags %04x, want the packet that had begun", got)
	}
}

func TestSX126xBadHeaderEndsASingleReception(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	b.air.Injure(1, channel.BadHeader)
	y.receiveFor(0)
	x.send(1)
	if y.status()>>4 != 0xA || y.irq()&sx6IrqHeaderErr == 0 {
		t.Errorf("status %02x, flags %04x", y.status(), y.c.irq)
	}
}

func TestSX126xAmplifierValues(t *testing.T) {
	h := newBench126(t, SX126xOpts{Model: SX1261}).hosts[0].setup(setup126{pa: []byte{6, 0, 1, 1}})
	h.b.blameless()
	h.do(opSetTxParams, 14, 8)
	if h.status()>>1&7 != byte(sx6Failed) {
		t.Error("a ramp that there is not was taken")
	}
}

func TestSX126xPacketStopsItsTimeout(t *testing.T) {
	b, x, _ := pair126(t, setup126{})
	x.load(1)
	x.clear()
	x.set(append([]byte{opSetTx}, micros(500_000)...)...)
	b.pass(2 * time.Second)
	if got := x.irq(); got != sx6IrqTxDone {
		t.Errorf("flags %04x, want TxDone alone", got)
	}
}
