package sim

import (
	"testing"
	"time"

	"packhorse/radio/phy"
	channel "packhorse/radio/sim"
)

var epoch126 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// bench126 is chips on one air in virtual time, without goroutines.
type bench126 struct {
	t     *testing.T
	air   *channel.Air
	now   time.Time
	hosts []*host126
}

// host126 talks to one chip by hand.
type host126 struct {
	b *bench126
	c *sx126x
	p setup126
}

// setup126 is how a chip is set; the zero value is 869.525 MHz, SF7, 125 kHz, 14 dBm.
type setup126 struct {
	freq              uint32
	sf, bw, cr        byte
	implicit, invert  bool
	noCRC             bool
	preamble          uint16
	power             int8
	pa                []byte
	skip              map[byte]bool // commands left out
	skipWorkarounds   bool
	tcxo, dio2Command bool
}

func newBench126(t *testing.T, opts ...SX126xOpts) *bench126 {
	t.Helper()
	cfg := channel.Config{Seed: 7}
	for range opts {
		cfg.Stations = append(cfg.Stations, channel.Station{Modem: channel.Chip})
	}
	air, err := channel.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench126{t: t, air: air, now: epoch126}
	for i, o := range opts {
		h := &host126{b: b, c: newSX126x(air, i, o)}
		h.c.power(b.now, true)
		b.hosts = append(b.hosts, h)
	}
	b.pass(10 * time.Millisecond)
	return b
}

// due is when something happens next.
func (b *bench126) due() (time.Time, bool) {
	next, ok := b.air.PollTimeout()
	for _, h := range b.hosts {
		if w := h.c.wakeAt(); !w.IsZero() && (!ok || w.Before(next)) {
			next, ok = w, true
		}
	}
	return next, ok
}

// step goes to the next thing that happens, at most to the limit; false: nothing happens before.
func (b *bench126) step(limit time.Time) bool {
	at, ok := b.due()
	if !ok || at.After(limit) {
		b.now = limit
		return false
	}
	b.now = at
	b.air.HandleTimeout(at)
	for a, ok := b.air.PollArrival(); ok; a, ok = b.air.PollArrival() {
		b.hosts[a.Station].c.arrived(a)
	}
	for _, h := range b.hosts {
		h.c.timeout(at)
	}
	return true
}

// pass lets time pass.
func (b *bench126) pass(d time.Duration) {
	for limit := b.now.Add(d); b.step(limit); {
	}
}

// raw is one transaction, whatever BUSY says.
func (h *host126) raw(out ...byte) []byte {
	h.c.selected(h.b.now)
	in := make([]byte, len(out))
	for i, o := range out {
		in[i] = h.c.octet(h.b.now, o)
	}
	h.c.deselected(h.b.now)
	return in
}

// ready waits for BUSY.
func (h *host126) ready() time.Duration {
	from := h.b.now
	for h.c.busy(h.b.now) {
		if !h.b.step(from.Add(time.Minute)) {
			h.b.t.Fatal("BUSY stays high")
		}
	}
	return h.b.now.Sub(from)
}

// do is one transaction with a chip that is ready.
func (h *host126) do(out ...byte) []byte {
	h.ready()
	return h.raw(out...)
}

// set does it and returns how long BUSY is high then.
func (h *host126) set(out ...byte) time.Duration {
	h.do(out...)
	return h.ready()
}

// awaitDIO1 steps to the rising of DIO1; false: not within the time.
func (h *host126) awaitDIO1(d time.Duration) bool {
	for limit := h.b.now.Add(d); !h.c.dio(1); {
		if !h.b.step(limit) {
			return h.c.dio(1)
		}
	}
	return true
}

func (h *host126) irq() uint16 {
	r := h.do(opGetIrqStatus, 0, 0, 0)
	return uint16(r[2])<<8 | uint16(r[3])
}

func (h *host126) clear() { h.do(opClearIrqStatus, 0x43, 0xFF) }

func (h *host126) status() byte { return h.do(opGetStatus, 0)[1] }

func (h *host126) write(address uint16, v ...byte) {
	h.do(append([]byte{opWriteRegister, byte(address >> 8), byte(address)}, v...)...)
}

func (h *host126) read(address uint16) byte {
	return h.do(opReadRegister, byte(address>>8), byte(address), 0, 0)[4]
}

func (p setup126) modulation() phy.Modulation {
	return phy.Modulation{FrequencyHz: p.freq, SpreadingFactor: p.sf, BandwidthHz: sx6Bandwidths[p.bw], CodingRate: p.cr + 4, PreambleSymbols: p.preamble}
}

// setup sets the chip as a good host does, but for what p leaves out.
func (h *host126) setup(p setup126) *host126 {
	if p.freq == 0 {
		p.freq = 869_525_000
	}
	if p.sf == 0 {
		p.sf, p.bw = 7, 4
	}
	if p.cr == 0 {
		p.cr = 1
	}
	if p.preamble == 0 {
		p.preamble = 8
		if p.sf < 7 {
			p.preamble = 12
		}
	}
	if p.power == 0 {
		p.power = 14
	}
	if p.pa == nil {
		p.pa = []byte{4, 7, 0, 1}
		if h.c.o.Model == SX1261 {
			p.pa = []byte{4, 0, 1, 1}
		}
	}
	h.p = p
	ldro := byte(0)
	if p.modulation().LowDataRate() {
		ldro = 1
	}
	f := uint64(p.freq) << 25 / 32_000_000
	band := map[uint32][]byte{433: {0x6B, 0x6F}, 869: {0xD7, 0xDB}, 868: {0xD7, 0xDB}, 490: {0x75, 0x81}, 915: {0xE1, 0xE9}}[p.freq/1_000_000]
	steps := [][]byte{{opSetStandby, 0}}
	if p.tcxo {
		steps = append(steps, []byte{opSetDIO3AsTCXO, 2, 0, 1, 0x40}, []byte{opClearDeviceErrors, 0, 0})
	}
	if p.dio2Command {
		steps = append(steps, []byte{opSetDIO2AsRfSwitch, 1})
	}
	steps = append(steps, []byte{opCalibrate, 0x7F}, []byte{opSetRegulatorMode, 1}, []byte{opSetPacketType, 1},
		[]byte{opSetRfFrequency, byte(f >> 24), byte(f >> 16), byte(f >> 8), byte(f)}, append([]byte{opCalibrateImage}, band...))
	if !p.skipWorkarounds && h.c.o.Model != SX1261 {
		steps = append(steps, []byte{opWriteRegister, 0x08, 0xD8, 0xDE})
	}
	steps = append(steps, append([]byte{opSetPaConfig}, p.pa...), []byte{opSetTxParams, byte(p.power), 4}, []byte{opSetBufferBase, 0, 0},
		[]byte{opSetModulationParams, p.sf, p.bw, p.cr, ldro}, h.packet(255), []byte{opSetDioIrqParams, 0x03, 0xF7, 0x03, 0xE3, 0, 0, 0, 0})
	for _, s := range steps {
		if !p.skip[s[0]] {
			h.set(s...)
		}
	}
	if !p.skipWorkarounds {
		h.quality()
		h.polarity()
	}
	return h
}

// packet is SetPacketParams for a payload of n octets.
func (h *host126) packet(n byte) []byte {
	p := h.p
	b := func(v bool) byte {
		if v {
			return 1
		}
		return 0
	}
	return []byte{opSetPacketParams, byte(p.preamble >> 8), byte(p.preamble), b(p.implicit), n, b(!p.noCRC), b(p.invert)}
}

func (h *host126) quality() {
	v := h.read(regTxModulation) | bitTxModulation
	if h.p.bw == 6 {
		v &^= bitTxModulation
	}
	h.write(regTxModulation, v)
}

func (h *host126) polarity() {
	v := h.read(regIQPolarity) | bitIQPolarity
	if h.p.invert {
		v &^= bitIQPolarity
	}
	h.write(regIQPolarity, v)
}

// load puts a payload into the buffer.
func (h *host126) load(data ...byte) {
	h.do(append([]byte{opWriteBuffer, 0}, data...)...)
	h.do(h.packet(byte(len(data)))...)
}

// send transmits and waits for the end.
func (h *host126) send(data ...byte) {
	h.b.t.Helper()
	h.do(opSetStandby, 0)
	h.load(data...)
	h.clear()
	h.set(opSetTx, 0, 0, 0)
	if !h.awaitDIO1(time.Minute) {
		h.b.t.Fatalf("no TxDone: %v", h.c.violations)
	}
	h.clear()
}

// listen receives until told otherwise.
func (h *host126) listen() {
	h.do(opSetStandby, 0)
	h.do(h.packet(255)...)
	h.clear()
	h.set(opSetRx, 0xFF, 0xFF, 0xFF)
}

// fetch is the packet that was received, and its flags.
func (h *host126) fetch() (data []byte, flags uint16) {
	flags = h.irq()
	h.clear()
	r := h.do(opGetRxBufferStatus, 0, 0, 0)
	in := h.do(append([]byte{opReadBuffer, r[3], 0}, make([]byte, r[2])...)...)
	return in[3:], flags
}

// blameless fails for each violation.
func (b *bench126) blameless() {
	b.t.Helper()
	for i, h := range b.hosts {
		for _, v := range h.c.violations {
			b.t.Errorf("chip %d: %s", i, v)
		}
	}
}
