package sim

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/radio/phy"
)

func pair126(t *testing.T, p setup126) (b *bench126, x, y *host126) {
	t.Helper()
	b = newBench126(t, SX126xOpts{}, SX126xOpts{})
	return b, b.hosts[0].setup(p), b.hosts[1].setup(p)
}

func TestSX126xOnePacket(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.listen()
	x.send([]byte("hello")...)
	if data, flags := y.fetch(); string(data) != "hello" || flags&sx6IrqRxDone == 0 || flags&sx6IrqCRCErr != 0 {
		t.Errorf("got %q with flags %04x", data, flags)
	}
	r := y.do(opGetPacketStatus, 0, 0, 0, 0)
	if rssi, snr := -float64(r[2])/2, float64(int8(r[3]))/4; rssi != -96 || math.Abs(snr-21) > 0.25 {
		t.Errorf("got %v dBm and %v dB, want -96 and 21", rssi, snr)
	}
	b.blameless()
}

// The check values of the time on air, and where they begin: 126 us after SetTx from STBY_RC.
func TestSX126xTimeOnAir(t *testing.T) {
	for _, c := range []struct {
		p    setup126
		n    int
		want time.Duration
	}{
		{setup126{sf: 5, bw: 4}, 51, 34_880}, {setup126{sf: 6, bw: 4}, 51, 59_520}, {setup126{sf: 7, bw: 4}, 51, 102_656},
		{setup126{sf: 12, bw: 4}, 51, 2_465_792}, {setup126{sf: 7, bw: 4}, 222, 348_416}, {setup126{sf: 5, bw: 6}, 255, 34_640},
		{setup126{sf: 6, bw: 4, implicit: true}, 10, 21_120},
	} {
		b, x, y := pair126(t, c.p)
		if y.listen(); c.p.implicit {
			y.set(y.packet(byte(c.n))...)
			y.set(opSetRx, 0xFF, 0xFF, 0xFF)
		}
		x.load(bytes.Repeat([]byte{0x5A}, c.n)...)
		x.ready()
		from := b.now
		x.raw(opSetTx, 0, 0, 0)
		if !x.awaitDIO1(time.Minute) || !y.c.dio(1) {
			t.Fatalf("%+v: TxDone %v, RxDone %v", c.p, x.c.dio(1), y.c.dio(1))
		}
		if got := b.now.Sub(from); got != (c.want+126)*time.Microsecond {
			t.Errorf("%+v, %d octets: got %v, want %v", c.p, c.n, got, (c.want+126)*time.Microsecond)
		}
	}
}

func TestSX126xTenThousandPackets(t *testing.T) {
	b, x, y := pair126(t, setup126{sf: 5, bw: 6})
	random, packets := rand.New(rand.NewPCG(1, 2)), 10_000
	if testing.Short() {
		packets = 1_000
	}
	hosts := []*host126{x, y}
	for _, h := range hosts {
		h.listen()
	}
	for i := range packets {
		from := random.IntN(2)
		data := make([]byte, 1+random.IntN(255))
		for k := range data {
			data[k] = byte(random.Uint32())
		}
		hosts[from].send(data...)
		got, flags := hosts[1-from].fetch()
		if !bytes.Equal(got, data) || flags&sx6IrqCRCErr != 0 {
			t.Fatalf("packet %d of %d octets: got %d octets, flags %04x", i, len(data), len(got), flags)
		}
		hosts[from].listen()
	}
	b.blameless()
}

func TestSX126xIdleNeedsNobody(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	x.do(opSetStandby, 0)
	x.ready()
	y.listen()
	if at, ok := b.due(); ok {
		t.Errorf("standby and reception: something is due after %v", at.Sub(b.now))
	}
	x.do(opSetSleep, 4)
	if at, ok := b.due(); ok {
		t.Errorf("sleep: something is due after %v", at.Sub(b.now))
	}
}

func TestSX126xBusy(t *testing.T) {
	b := newBench126(t, SX126xOpts{})
	h := b.hosts[0].setup(setup126{})
	us := func(n time.Duration) time.Duration { return n * time.Microsecond }
	for _, c := range []struct {
		name string
		want time.Duration
		out  []byte
	}{
		{"register", us(1), []byte{opReadRegister, 0x07, 0x40, 0, 0}},
		{"buffer", us(1), []byte{opWriteBuffer, 0, 1}},
		{"calibration", us(3500), []byte{opCalibrate, 0x7F}},
		{"image", us(1000), []byte{opCalibrateImage, 0xD7, 0xDB}},
		{"RC to FS", us(50), []byte{opSetFs}},
		{"FS to RX", us(41), []byte{opSetRx, 0, 0, 0}},
		{"RX to TX", us(92), []byte{opSetTx, 0, 0, 0}},
		{"TX to RC", us(15), []byte{opSetStandby, 0}},
		{"RC to XOSC", us(31), []byte{opSetStandby, 1}},
		{"XOSC to FS", us(40), []byte{opSetFs}},
		{"FS to TX", us(76), []byte{opSetTx, 0, 0, 0}},
		{"TX to XOSC", us(1), []byte{opSetStandby, 1}},
		{"XOSC to TX", us(105), []byte{opSetTx, 0, 0, 0}},
		{"TX to XOSC again", us(1), []byte{opSetStandby, 1}},
		{"XOSC to RX", us(62), []byte{opSetRx, 0, 0, 0}},
		{"RX to RC", us(15), []byte{opSetStandby, 0}},
		{"RC to RX", us(83), []byte{opSetRx, 0, 0, 0}},
		{"RX to FS", us(15), []byte{opSetFs}},
		{"FS to RC", us(15), []byte{opSetStandby, 0}},
		{"RC to TX", us(126), []byte{opSetTx, 0, 0, 0}},
	} {
		h.clear()
		if got := h.set(c.out...); got != c.want {
			t.Errorf("%s: BUSY for %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSX126xReset(t *testing.T) {
	b, x, y := pair126(t, setup126{})
	y.listen()
	x.load(bytes.Repeat([]byte{1}, 200)...)
	x.set(opSetTx, 0, 0, 0)
	b.pass(20 * time.Millisecond)
	x.c.resetPin(b.now, false)
	if got := x.raw(opGetStatus, 0)[1]; got != 0 {
		t.Errorf("status in reset: %02x", got)
	}
	b.pass(time.Millisecond)
	x.c.resetPin(b.now, true)
	if got := x.ready(); got != 3500*time.Microsecond {
		t.Errorf("BUSY for %v after reset", got)
	}
	if x.c.packetType() != 0 || len(x.c.sent) != 0 || x.read(regTxClamp) != 0xC8 {
		t.Error("a reset leaves settings")
	}
	b.pass(time.Second)
	if _, flags := y.fetch(); flags&sx6IrqRxDone != 0 && flags&sx6IrqCRCErr == 0 {
		t.Errorf("half a packet was received whole: flags %04x", flags)
	}
	x.c.resetPin(b.now, false)
	x.c.resetPin(b.now, true)
	wantViolation(t, x, "reset was low for 0s")
}

func TestSX126xPower(t *testing.T) {
	b, x, _ := pair126(t, setup126{})
	x.c.power(b.now, true)
	x.ready()
	if len(x.c.sent) != 0 {
		t.Error("a brown-out leaves settings")
	}
	x.c.power(b.now, false)
	if !x.c.busy(b.now) || x.raw(opGetStatus, 0)[1] != 0 {
		t.Error("a chip without power answers")
	}
	x.c.resetPin(b.now, false)
	x.c.resetPin(b.now.Add(time.Millisecond), true)
	if x.raw(opGetStatus, 0)[1] != 0 {
		t.Error("a reset gives power")
	}
}

func TestSX126xFraming(t *testing.T) {
	b := newBench126(t, SX126xOpts{})
	h := b.hosts[0]
	if got := h.status(); got != 0xA2 {
		t.Errorf("status in standby: %02x, want a2", got)
	}
	for _, c := range []struct {
		out  []byte
		want byte
	}{
		{[]byte{0x55}, 0xA8}, {[]byte{opSetStandby}, 0xA8}, {[]byte{opSetStandby, 0, 0}, 0xA8}, {[]byte{opSetStandby, 0}, 0xA2},
		{[]byte{0x9F, 1}, 0xA8}, {[]byte{opResetStats, 0, 0, 0, 0, 0, 0}, 0xA2}, {[]byte{opSetPacketType, 2}, 0xAA}, {[]byte{opSetPacketType, 0}, 0xA2},
		{[]byte{opSetModulationParams, 7, 4, 1, 0}, 0xAA}, {[]byte{opSetStandby, 1}, 0xB2}, {[]byte{opSetTx, 0, 0, 0}, 0xBA},
	} {
		h.set(c.out...)
		if got := h.status(); got != c.want {
			t.Errorf("% x: status %02x, want %02x", c.out, got, c.want)
		}
	}
	h.set(0x55)
	if h.set(0x00); h.status() != 0xB8 {
		t.Error("no operation is an operation")
	}
	h.do(opSetPacketType, 1)
	if got := h.do(opGetPacketType, 0, 0); got[2] != 1 || got[1] != 0xB2 {
		t.Errorf("packet type: % x", got)
	}
}

func TestSX126xCommandWhileBusyIsLost(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0]
	h.do(opSetStandby, 1)
	h.raw(opSetPacketType, 1)
	wantViolation(t, h, "SetPacketType while BUSY")
	h.ready()
	if h.c.packetType() == 1 {
		t.Error("the command was carried out")
	}
	h.do(opSetStandby, 0)
	n := len(h.c.violations)
	if h.raw(0x00); len(h.c.violations) != n {
		t.Error("a lone NOP is held against the host")
	}
}

func TestSX126xRegisters(t *testing.T) {
	for _, c := range []struct {
		model   SX126xModel
		version string
		pa      []byte
		ocp     byte
	}{
		{SX1262, "SX1261 V2D", []byte{4, 7, 0, 1}, 0x38}, {SX1261, "SX1261 V2D", []byte{4, 0, 1, 1}, 0x18},
		{SX1268, "SX1268 V2D", []byte{4, 7, 0, 1}, 0x38}, {LLCC68, "LLCC68 V2D", []byte{4, 7, 0, 1}, 0x38},
	} {
		h := newBench126(t, SX126xOpts{Model: c.model}).hosts[0]
		in := h.do(append([]byte{opReadRegister, 0x03, 0x20, 0}, make([]byte, 16)...)...)
		if got := string(in[4:]); !strings.HasPrefix(got, c.version) {
			t.Errorf("version %q, want %q", got, c.version)
		}
		h.write(regOCP, 0x10)
		if h.do(append([]byte{opSetPaConfig}, c.pa...)...); h.read(regOCP) != c.ocp {
			t.Errorf("%s: SetPaConfig leaves %02x in 0x08E7, want %02x", c.version, h.read(regOCP), c.ocp)
		}
		if h.read(regIQPolarity) != 0x0D || h.read(regSyncWord) != 0x14 || h.read(regSyncWord+1) != 0x24 || h.read(regRxGain) != 0x94 {
			t.Error("wrong values after reset")
		}
		random := map[byte]bool{}
		for range 8 {
			random[h.read(regRandom)] = true
		}
		if len(random) < 4 {
			t.Errorf("the random register has %d values in 8", len(random))
		}
		h.write(0x0911, 1, 2)
		if h.read(0x0911) != 1 || h.read(0x0912) != 2 {
			t.Error("addresses do not count up")
		}
	}
}

func TestSX126xBufferGoesRound(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	x.do(opWriteBuffer, 0xFE, 1, 2, 3, 4)
	if got := x.do(opReadBuffer, 0xFF, 0, 0, 0, 0)[3:]; !bytes.Equal(got, []byte{2, 3, 4}) {
		t.Errorf("read % x across the end", got)
	}
	y.do(opSetBufferBase, 0, 0xF0)
	y.listen()
	x.do(opSetBufferBase, 0xFE, 0)
	x.do(x.packet(4)...)
	x.set(opSetTx, 0, 0, 0)
	y.awaitDIO1(time.Second)
	if got, _ := y.fetch(); !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Errorf("sent from the buffer's end: % x", got)
	}
	x.clear()
	x.do(opSetBufferBase, 0, 0)
	for n := 1; n <= 40; n++ {
		data := bytes.Repeat([]byte{byte(n)}, n)
		if x.send(data...); !bytes.Equal(fetched(y), data) {
			t.Fatalf("packet of %d octets", n)
		}
	}
	if want := byte((0xF0 + 4 + 39*40/2) & 0xFF); y.c.packet.start != want {
		t.Errorf("the last packet begins at %02x, want %02x", y.c.packet.start, want)
	}
}

func fetched(h *host126) []byte {
	data, _ := h.fetch()
	return data
}

func TestSX126xFlagsAndLines(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	x.do(opSetDioIrqParams, 0, 0x01, 0, 0, 0, 0x01, 0, 0)
	y.do(opSetDioIrqParams, 0, 0x12, 0, 0x10, 0, 0, 0, 0x02)
	y.listen()
	x.load(1)
	x.set(opSetTx, 0, 0, 0)
	x.b.pass(time.Second)
	if x.c.dio(1) || !x.c.dio(2) || x.c.dio(3) {
		t.Error("TxDone is not on DIO2 alone")
	}
	if !y.c.dio(1) || y.c.dio(2) || !y.c.dio(3) {
		t.Error("HeaderValid is not on DIO1 or RxDone not on DIO3")
	}
	if got := y.irq(); got != sx6IrqRxDone|sx6IrqHeader {
		t.Errorf("flags %04x: those that are masked are not to be seen", got)
	}
	y.do(opClearIrqStatus, 0, 0x02)
	if got := y.irq(); got != sx6IrqHeader || y.c.dio(3) {
		t.Errorf("flags %04x after clearing one", got)
	}
	if got := x.status(); got != 0xAC {
		t.Errorf("status after a transmission: %02x, want ac", got)
	}
	if got := y.status(); got != 0xD2 && got != 0xD4 {
		t.Errorf("status after a reception: %02x", got)
	}
}

func wantViolation(t *testing.T, h *host126, text string) {
	t.Helper()
	if !slices.ContainsFunc(h.c.violations, func(v string) bool { return strings.Contains(v, text) }) {
		t.Errorf("no violation %q in %q", text, h.c.violations)
	}
}

func TestSX126xModelsAndModulations(t *testing.T) {
	for bw := range sx6Bandwidths {
		for sf := byte(5); sf <= 12; sf++ {
			for _, model := range []SX126xModel{SX1262, LLCC68} {
				h := newBench126(t, SX126xOpts{Model: model}).hosts[0]
				h.do(opSetPacketType, 1)
				h.do(opSetModulationParams, sf, bw, 1, 0)
				limit := map[byte]byte{4: 9, 5: 10, 6: 11}[bw]
				if got, want := h.status() == 0xA2, model == SX1262 || sf <= limit; got != want {
					t.Errorf("%s SF%d %d Hz: taken %v, want %v", sx6ModelNames[model], sf, sx6Bandwidths[bw], got, want)
				}
			}
		}
	}
}

func TestSX126xFrequencies(t *testing.T) {
	for _, c := range []struct {
		model SX126xModel
		freq  uint32
		locks bool
	}{{SX1262, 149_000_000, false}, {SX1262, 433_000_000, true}, {SX1262, 961_000_000, false}, {SX1268, 868_000_000, false}, {SX1268, 490_000_000, true}} {
		h := newBench126(t, SX126xOpts{Model: c.model}).hosts[0].setup(setup126{freq: c.freq, skip: map[byte]bool{opCalibrateImage: true}})
		h.set(opSetFs)
		if got := h.status()>>4&7 == 4; got != c.locks {
			t.Errorf("%s at %s: locks %v, want %v", sx6ModelNames[c.model], phy.MHz(c.freq), got, c.locks)
		}
		if got := h.do(opGetDeviceErrors, 0, 0, 0)[3]&sx6ErrPLL == 0; got != c.locks {
			t.Errorf("%s at %s: the device errors say %v, want %v", sx6ModelNames[c.model], phy.MHz(c.freq), got, c.locks)
		}
	}
}

func TestSX126xTraceSeesBothWays(t *testing.T) {
	var log []string
	h := newBench126(t, SX126xOpts{Trace: func(_ time.Time, out, in []byte) { log = append(log, fmt.Sprintf("%x/%x", out, in)) }}).hosts[0]
	h.do(opReadRegister, 0x07, 0x40, 0, 0)
	if want := []string{"1d07400000/a2a2a2a214"}; !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}
