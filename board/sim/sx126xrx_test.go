package sim

import (
	"bytes"
	"math"
	"testing"
	"time"

	channel "packhorse/radio/sim"
)

// micros are ticks of the chip's timeouts, of 15.625 us.
func micros(us int) []byte {
	n := us * 64 / 1000
	return []byte{byte(n >> 16), byte(n >> 8), byte(n)}
}

func (h *host126) receiveFor(us int) {
	h.clear()
	h.set(append([]byte{opSetRx}, micros(us)...)...)
}

func TestSX126xSingleReception(t *testing.T) {
	for fallback, mode := range map[byte]byte{0x20: 2, 0x30: 3, 0x40: 4} {
		_, x, y := pair126(t, setup126{})
		y.do(opSetFallback, fallback)
		y.receiveFor(0)
		x.send(1, 2, 3)
		if data, flags := y.fetch(); !bytes.Equal(data, []byte{1, 2, 3}) || flags&sx6IrqTimeout != 0 {
			t.Errorf("got % x with flags %04x", data, flags)
		}
		if got := y.status(); got>>4&7 != mode {
			t.Errorf("fallback %02x: status %02x, want mode %d", fallback, got, mode)
		}
		x.send(4)
		if y.irq() != 0 {
			t.Error("a single reception goes on")
		}
	}
}

func TestSX126xReceptionTimesOut(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.receiveFor(500_000)
	from := b.now
	if !y.awaitDIO1(time.Minute) || y.irq() != sx6IrqTimeout || b.now.Sub(from) != 500*time.Millisecond {
		t.Errorf("flags %04x after %v", y.c.irq, b.now.Sub(from))
	}
	if got := y.status(); got != 0xA6 {
		t.Errorf("status %02x, want a6", got)
	}
	// A header stops the timer.
	y.receiveFor(50_000)
	x.load(bytes.Repeat([]byte{7}, 200)...)
	x.set(opSetTx, 0, 0, 0)
	y.awaitDIO1(time.Minute)
	if data, flags := y.fetch(); len(data) != 200 || flags&sx6IrqTimeout != 0 {
		t.Errorf("%d octets, flags %04x", len(data), flags)
	}
	b.blameless()
}

func TestSX126xSymbolTimeout(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.do(opSetSymbolTimeout, 20)
	y.receiveFor(0)
	from := b.now
	if !y.awaitDIO1(time.Minute) || y.irq() != sx6IrqTimeout || b.now.Sub(from) != 20*1024*time.Microsecond {
		t.Errorf("flags %04x after %v, want a timeout after 20 symbols", y.c.irq, b.now.Sub(from))
	}
	y.receiveFor(0)
	x.send(1)
	if _, flags := y.fetch(); flags&sx6IrqRxDone == 0 || flags&sx6IrqTimeout != 0 {
		t.Errorf("flags %04x: a preamble in time is no timeout", flags)
	}
}

func TestSX126xInjuredPackets(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	b.air.Injure(1, channel.WrongChecksum, channel.BadHeader, channel.NoChecksum)
	y.listen()
	send := func() uint16 {
		x.send(bytes.Repeat([]byte{9}, 30)...)
		flags := y.irq()
		y.clear()
		return flags
	}
	if got := send(); got != sx6IrqPreamble|sx6IrqHeader|sx6IrqRxDone|sx6IrqCRCErr || y.read(regHeaderCRC)&0x10 == 0 {
		t.Errorf("wrong checksum: flags %04x", got)
	}
	if got := send(); got != sx6IrqPreamble|sx6IrqHeaderErr {
		t.Errorf("bad header: flags %04x", got)
	}
	if got := send(); got != sx6IrqPreamble|sx6IrqHeader|sx6IrqRxDone || y.read(regHeaderCRC)&0x10 != 0 {
		t.Errorf("no checksum: flags %04x", got)
	}
	if got := y.read(regHeaderCR) >> 4 & 7; got != 1 {
		t.Errorf("coding rate %d in 0x0749, want 1", got)
	}
	if got := y.do(opGetStats, 0, 0, 0, 0, 0, 0, 0)[2:]; !bytes.Equal(got, []byte{0, 2, 0, 1, 0, 1}) {
		t.Errorf("statistics % x", got)
	}
	if y.do(opResetStats, 0, 0, 0, 0, 0, 0); y.c.stats != [3]uint16{} {
		t.Error("ResetStats leaves something")
	}
}

func TestSX126xFrequencyError(t *testing.T) {
	for _, ppm := range []float64{5, -5} {
		b, x, y := pair126(t, setup126{})
		b.air.SetCrystal(0, ppm)
		y.listen()
		x.send(1)
		raw := int32(y.read(regHeaderCRC)&0x0F)<<16 | int32(y.read(regHeaderCRC+1))<<8 | int32(y.read(regHeaderCRC+2))
		hz := 1.55 * float64(raw<<12>>12) * 125 / 1600
		if want := 869.525 * ppm; math.Abs(hz-want) > 2 {
			t.Errorf("%v ppm: %.1f Hz, want %.1f", ppm, hz, want)
		}
	}
}

func TestSX126xStrengthOfWeakPacket(t *testing.T) {
	b, x, y := pair126(t, setup126{sf: 12, bw: 4})
	b.air.SetLink(0, 1, 140)
	y.listen()
	x.send(1)
	r := y.do(opGetPacketStatus, 0, 0, 0, 0)
	if packet, signal, snr := -float64(r[2])/2, -float64(r[4])/2, float64(int8(r[3]))/4; signal != -126 || math.Abs(snr+9) > 0.3 || math.Abs(packet+116.5) > 0.6 {
		t.Errorf("packet %v, signal %v, SNR %v; want about -116.5 (mostly noise), -126, -9", packet, signal, snr)
	}
}

func TestSX126xRSSINow(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	y.listen()
	level := func() float64 { return -float64(y.do(opGetRssiInst, 0, 0)[2]) / 2 }
	if got := level(); math.Abs(got+117) > 0.6 {
		t.Errorf("an empty channel has %v dBm, want -117", got)
	}
	x.load(bytes.Repeat([]byte{1}, 100)...)
	x.set(opSetTx, 0, 0, 0)
	y.b.pass(20 * time.Millisecond)
	if got := level(); math.Abs(got+96) > 0.6 {
		t.Errorf("during a packet %v dBm, want -96", got)
	}
	y.do(opSetStandby, 0)
	y.do(opGetRssiInst, 0, 0)
	wantViolation(t, y, "GetRssiInst in mode STDBY_RC")
}

func TestSX126xDetection(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	detect := func(exit byte, timeout []byte) uint16 {
		y.do(opSetStandby, 0)
		y.clear()
		y.do(append([]byte{opSetCadParams, 2, 20, 10, exit}, timeout...)...)
		y.do(opSetCad)
		y.ready()
		from := b.now
		if !y.awaitDIO1(time.Second) || b.now.Sub(from) != 4*1024*time.Microsecond {
			t.Fatalf("CadDone after %v, want 4 symbols", b.now.Sub(from))
		}
		flags := y.irq()
		y.clear()
		return flags
	}
	none := []byte{0, 0, 0}
	if got := detect(sx6CadOnly, none); got != sx6IrqCadDone || y.status()>>4 != 0xA {
		t.Errorf("free channel: flags %04x, status %02x", got, y.status())
	}
	if got := detect(sx6CadRx, none); got != sx6IrqCadDone || y.status()>>4 != 0xA {
		t.Errorf("free channel, exit to RX: flags %04x, status %02x", got, y.status())
	}
	y.load(1)
	detect(sx6CadLBT, none)
	y.ready()
	if !y.awaitDIO1(time.Second) || y.irq() != sx6IrqTxDone {
		t.Errorf("free channel, exit to TX: flags %04x", y.c.irq)
	}
	x.load(bytes.Repeat([]byte{1}, 100)...)
	for _, exit := range []byte{sx6CadOnly, sx6CadRx, sx6CadLBT} {
		x.clear()
		x.set(opSetTx, 0, 0, 0)
		if got := detect(exit, micros(1_000_000)); got&(sx6IrqCadDone|sx6IrqCadDetected) != sx6IrqCadDone|sx6IrqCadDetected {
			t.Errorf("exit %02x: flags %04x with a packet on the air", exit, got)
		}
		if want := map[bool]byte{true: 0xD, false: 0xA}[exit == sx6CadRx]; y.status()>>4 != want {
			t.Errorf("exit %02x: status %02x", exit, y.status())
		}
		if exit == sx6CadRx {
			if y.awaitDIO1(time.Minute); y.c.irq&sx6IrqRxDone == 0 {
				t.Errorf("what was detected was not received: flags %04x", y.c.irq)
			}
		}
		x.awaitDIO1(time.Minute)
	}
}

func TestSX126xDutyCycle(t *testing.T) {
	b, x, y := pair126(t, setup126{preamble: 60})
	y.clear()
	y.set(append(append([]byte{opSetRxDutyCycle}, micros(10_000)...), micros(30_000)...)...)
	if y.status()>>4 != 0xD {
		t.Fatal("no reception")
	}
	b.pass(15 * time.Millisecond)
	if !y.c.busy(b.now) {
		t.Error("BUSY is low between the windows")
	}
	x.load(1, 2)
	x.set(opSetTx, 0, 0, 0)
	if !y.awaitDIO1(time.Second) {
		t.Fatal("a packet with a long preamble was missed")
	}
	if data, _ := y.fetch(); !bytes.Equal(data, []byte{1, 2}) || y.status()>>4 != 0xA {
		t.Errorf("got % x, status %02x", data, y.status())
	}
	y.set(append(append([]byte{opSetRxDutyCycle}, micros(10_000)...), micros(30_000)...)...)
	b.pass(15 * time.Millisecond)
	y.raw(0)
	if got := y.ready(); got != sx6WarmWake || y.status()>>4 != 0xA {
		t.Errorf("NSS between the windows: BUSY for %v, status %02x", got, y.status())
	}
	if y.ready(); !y.c.wakeAt().IsZero() {
		t.Error("the windows go on")
	}
}

func TestSX126xSleep(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	x.write(regRxGain, 0x96)
	x.do(opWriteBuffer, 0, 1, 2)
	x.do(opSetSleep, 4)
	x.b.pass(time.Millisecond)
	if !x.c.busy(x.b.now) {
		t.Error("BUSY is low in sleep")
	}
	if x.raw(opSetPacketType, 0); x.ready() != sx6WarmWake || x.c.packetType() != 1 {
		t.Error("the transaction that wakes the chip is not lost, or waking takes another time")
	}
	if x.read(regRxGain) != 0x94 || x.read(regTxClamp) != 0xDE || x.c.buffer[0] != 0 {
		t.Error("a warm sleep keeps the gain or the buffer, or loses the clamp")
	}
	x.write(regRetention, 1, 0x08, 0xAC)
	x.write(regRxGain, 0x96)
	x.do(opSetSleep, 4)
	x.b.pass(time.Millisecond)
	if x.raw(0); x.read(regRxGain) != 0x96 {
		t.Error("the retention list does not keep the gain")
	}
	y.listen()
	x.send(3)
	if got := fetched(y); !bytes.Equal(got, []byte{3}) {
		t.Errorf("after a warm sleep: got % x", got)
	}
	x.do(opSetStandby, 0)
	x.do(opSetSleep, 0)
	x.b.pass(time.Millisecond)
	if x.raw(0); x.ready() != sx6Boot || x.c.packetType() != 0 || x.read(regTxClamp) != 0xC8 {
		t.Error("a cold sleep keeps settings, or waking takes another time")
	}
	x.do(opSetSleep, 4)
	x.raw(0)
	wantViolation(t, x, "NSS fell 0s after SetSleep")
	y.set(opSetSleep, 4)
	if got := y.status(); got>>1&7 != byte(sx6Failed) {
		t.Errorf("SetSleep in RX: status %02x", got)
	}
	wantViolation(t, y, "SetSleep in mode RX")
}

func TestSX126xTransmissionTimesOut(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.listen()
	x.load(bytes.Repeat([]byte{1}, 255)...)
	x.clear()
	x.set(append([]byte{opSetTx}, micros(100_000)...)...)
	from := b.now
	if !x.awaitDIO1(time.Minute) || x.irq() != sx6IrqTimeout || b.now.Sub(from) != 100*time.Millisecond || x.status() != 0xA6 {
		t.Errorf("flags %04x after %v, status %02x", x.c.irq, b.now.Sub(from), x.status())
	}
	b.pass(time.Second)
	if _, flags := y.fetch(); flags&sx6IrqRxDone != 0 && flags&sx6IrqCRCErr == 0 {
		t.Error("half a packet arrived whole")
	}
	x.clear()
	x.set(opSetContinuousWave)
	if b.pass(time.Minute); x.status()>>4 != 0xE {
		t.Errorf("a carrier ends by itself: status %02x", x.status())
	}
	if x.set(opSetStandby, 0); x.status()>>4 != 0xA {
		t.Error("SetStandby does not end a carrier")
	}
}

func TestSX126xImplicitPacketOfNothing(t *testing.T) {
	b := newBench126(t, SX126xOpts{}, SX126xOpts{})
	p := setup126{implicit: true}
	x, y := b.hosts[0].setup(p), b.hosts[1].setup(p)
	y.do(y.packet(0)...)
	y.set(opSetRx, 0xFF, 0xFF, 0xFF)
	x.send(1, 2, 3)
	if data, flags := y.fetch(); len(data) != 0 || flags&sx6IrqRxDone == 0 {
		t.Errorf("got % x, flags %04x", data, flags)
	}
}
