package reference

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"testing"

	"periph.io/x/conn/v3/gpio"
)

// command is one transaction of the driver.
type command struct {
	octets []byte
	answer []byte
	mode   byte // of the chip then
}

const (
	standbyRC   = 2
	standbyXOSC = 3
	receiving   = 5
	sending     = 6
)

// model1262 keeps what an SX1262 was told. It answers; it has no air and no time, and is never busy unless it is stuck.
// Register values after reset are those of the recordings' own model.
type model1262 struct {
	regs    map[uint16]byte
	buf     [256]byte
	last    map[byte][]byte // parameters of the latest command of each kind, nil: none since reset
	mode    byte
	rest    byte // standby to fall back to
	irq     uint16
	errors  uint16
	tcxo    bool // of the board
	absent  bool
	stuck   bool // BUSY never falls
	found   bool // channel activity
	level   byte
	packet  packet
	offset  byte
	log     []command // since the last reset
	started int
	starts  []start1262
	lines   map[string]gpio.Level // of the antenna switch, as driven
}

// start1262 is the chip when it was told to send, receive or listen.
type start1262 struct {
	at, arg string
	from    byte
	last    map[byte][]byte
	regs    map[uint16]byte
	buf     []byte
	irq     uint16
	errors  uint16
	log     []command
	before  int
}

func newModel1262(tcxo bool) *model1262 {
	m := &model1262{tcxo: tcxo, lines: map[string]gpio.Level{}}
	m.reset()
	return m
}

func (m *model1262) reset() {
	m.regs = map[uint16]byte{0x0736: 0x0D, 0x0740: 0x14, 0x0741: 0x24, 0x0889: 0x01, 0x08AC: 0x94, 0x08D8: 0xC8, 0x08E7: 0x38, 0x0911: 0x05, 0x0912: 0x05}
	for i, c := range []byte("SX1261 V2D 2D02\x00") {
		m.regs[0x0320+uint16(i)] = c
	}
	m.last, m.buf, m.log, m.started = map[byte][]byte{}, [256]byte{}, nil, 0
	m.mode, m.rest, m.irq, m.errors = standbyRC, standbyRC, 0, 0
	if m.tcxo {
		m.errors = 0x0020 // the oscillator did not start: it has no supply yet
	}
}

func (m *model1262) resetLine() *line {
	return &line{name: "RESET", out: func(l gpio.Level) {
		if l == gpio.Low {
			m.reset()
		}
	}}
}

// busyLine is BUSY.
func (m *model1262) busyLine() *busyLine { return &busyLine{line{name: "BUSY"}, m} }

type busyLine struct {
	line
	m *model1262
}

func (b *busyLine) Read() gpio.Level { return gpio.Level(b.m.stuck) }

// switchLine is one side of the antenna switch.
func (m *model1262) switchLine(name string) *line {
	l := &line{name: name}
	l.out = func(level gpio.Level) { m.lines[name] = level }
	return l
}

func (m *model1262) status() byte { return 0x80 | m.mode<<4 | 1<<1 }

func (m *model1262) transact(w, r []byte) {
	if m.absent {
		return
	}
	for i := range r {
		r[i] = m.status()
	}
	m.answer(w, r)
	m.log = append(m.log, command{bytes.Clone(w), bytes.Clone(r), m.mode})
	m.obey(w)
}

// answer fills in what a reading command reads.
func (m *model1262) answer(w, r []byte) {
	put := func(at int, b ...byte) {
		for i, v := range b {
			if at+i < len(r) {
				r[at+i] = v
			}
		}
	}
	switch w[0] {
	case 0x1D:
		for i := 4; i < len(w); i++ {
			put(i, m.regs[uint16(w[1])<<8+uint16(w[2])+uint16(i-4)])
		}
	case 0x1E:
		for i := 3; i < len(w); i++ {
			put(i, m.buf[w[1]+byte(i-3)])
		}
	case 0x12:
		put(2, byte(m.irq>>8), byte(m.irq))
	case 0x13:
		put(2, byte(m.packet.Len), m.offset)
	case 0x14:
		put(2, m.packet.RSSI, m.packet.SNR, m.packet.SignalRSSI)
	case 0x15:
		put(2, m.level)
	case 0x17:
		put(2, byte(m.errors>>8), byte(m.errors))
	case 0x11:
		put(2, append(m.last[0x8A], 0)[0])
	}
}

// obey does what a command tells.
func (m *model1262) obey(w []byte) {
	args := bytes.Clone(w[1:])
	switch w[0] {
	case 0x0D:
		for i, v := range w[3:] {
			m.regs[uint16(w[1])<<8+uint16(w[2])+uint16(i)] = v
		}
		return
	case 0x0E:
		for i, v := range w[2:] {
			m.buf[w[1]+byte(i)] = v
		}
		return
	case 0x02:
		m.irq &^= uint16(w[1])<<8 | uint16(w[2])
	case 0x07:
		m.errors = 0
	case 0x80:
		m.mode = standbyRC + w[1]&1
	case 0x93:
		m.rest = map[byte]byte{0x20: standbyRC, 0x30: standbyXOSC, 0x40: 4}[w[1]]
	case 0x84:
		m.mode = standbyRC
		if w[1]&4 == 0 {
			m.reset()
		}
	case 0x95:
		m.regs[0x08E7] = map[byte]byte{0: 0x38, 1: 0x18}[w[3]]
	case 0x89: // starts the oscillator
		if supplied := m.last[0x97] != nil; supplied != m.tcxo {
			m.errors |= 0x0020
		}
	case 0x83:
		m.start("TX", args, sending)
	case 0x82:
		m.start("RX", args, receiving)
	case 0xC5:
		m.start("CAD", args, receiving)
	}
	m.last[w[0]] = args
}

func (m *model1262) start(at string, args []byte, mode byte) {
	s := start1262{at: at, arg: hex.EncodeToString(args), from: m.mode, last: map[byte][]byte{}, regs: map[uint16]byte{}, irq: m.irq, errors: m.errors, log: m.log, before: m.started}
	for k, v := range m.last {
		s.last[k] = v
	}
	for k, v := range m.regs {
		s.regs[k] = v
	}
	base, length := byte(0), byte(0)
	if b := m.last[0x8F]; len(b) == 2 {
		base = b[0]
	}
	if p := m.last[0x8C]; len(p) == 6 {
		length = p[3]
	}
	for i := range length {
		s.buf = append(s.buf, m.buf[base+i])
	}
	m.starts, m.started, m.mode = append(m.starts, s), len(m.log), mode
}

// ended sets flags as the chip does when it has done what it was told.
func (m *model1262) ended(irq uint16) {
	m.irq |= irq
	if m.mode == sending || len(m.last[0x82]) != 3 || m.last[0x82][0] != 0xFF {
		m.mode = m.rest
	}
}

// inject is a packet from the air.
func (m *model1262) inject(p packet) {
	m.packet, m.offset = p, 0
	if b := m.last[0x8F]; len(b) == 2 {
		m.offset = b[1]
	}
	irq := uint16(0x0004)
	switch {
	case p.HeaderError:
		irq |= 0x0020
	default:
		for i, b := range payload(p.Len) {
			m.buf[m.offset+byte(i)] = b
		}
		irq |= 0x0012
	}
	if p.CRCError {
		irq |= 0x0040
	}
	m.regs[0x0749] = p.CROnAir << 4
	m.regs[0x076B], m.regs[0x076C], m.regs[0x076D] = byte(p.FEI>>16)&0x0F, byte(p.FEI>>8), byte(p.FEI)
	if p.CRC {
		m.regs[0x076B] |= 0x10
	}
	m.ended(irq)
}

// field is the parameters of a recorded field's command.
var fields = map[string]struct {
	op   byte
	want func(state) string
}{
	"packet_type": {0x8A, func(s state) string { return s.PacketType }},
	"mod":         {0x8B, func(s state) string { return s.Mod }},
	"pkt":         {0x8C, func(s state) string { return s.Pkt }},
	"tcxo":        {0x97, func(s state) string { return s.TCXO }},
	"dio2":        {0x9D, func(s state) string { return s.DIO2 }},
	"regulator":   {0x96, func(s state) string { return s.Regulator }},
	"calimg":      {0x98, func(s state) string { return s.CalImg }},
	"cad":         {0x88, func(s state) string { return s.CAD }},
}

// compare says where a start differs from the recorded one.
func (s start1262) compare(t *testing.T, want state, masks masks, p params, deviations []string) (diff []string) {
	t.Helper()
	allowed := map[string]bool{}
	for _, d := range deviations {
		allowed[d] = true
	}
	say := func(what, got, rec string) {
		if got != rec && !allowed[what] {
			diff = append(diff, fmt.Sprintf("%s %s: %s, recorded %s", want.At, what, got, rec))
		}
	}
	for what, mask := range masks[want.At] {
		f, ok := fields[what]
		if !ok {
			continue
		}
		if want.Pkt != "" && what == "pkt" && want.At == "RX" {
			mask = "FFFFFF00FFFF"
			if want.Pkt[4:6] == "01" {
				mask = "FFFFFFFFFFFF"
			}
		}
		bits := unhex(t, mask)
		say(what, masked(s.last[f.op], bits), masked(unhex(t, f.want(want)), bits))
	}
	if want.At == "TX" {
		say("pa", s.amplifier(want, p), "")
	}
	if want.At == "RX" && want.Arg != "" {
		arg, rec := word(decode(s.arg)), word(unhex(t, want.Arg))
		say("arg", within(arg, rec, rec/100), "")
	}
	say("freq", within(word(s.last[0x86]), word(unhex(t, want.Freq)), 64), "")
	if want.At == "TX" {
		say("buf", hex.EncodeToString(s.buf), fmt.Sprintf("%x", unhex(t, want.Buf)))
	}
	flags := map[string]uint16{"TX": 0x0001, "RX": 0x0002, "CAD": 0x0180}[want.At]
	say("irq", fmt.Sprintf("%04X", s.irq&flags), fmt.Sprintf("%04X", word(unhex(t, want.IRQ))&uint64(flags)))
	if want.At != "CAD" {
		say("err", fmt.Sprintf("%04X", s.errors), want.Err)
	}
	if d := s.last[0x08]; len(d) != 8 || word(d[:2])&word(d[2:4])&uint64(flags) != uint64(flags) {
		diff = append(diff, fmt.Sprintf("%s: interrupts %x leave out %04X", want.At, d, flags))
	}
	return append(diff, s.compareRegisters(want, masksOf(masks, want.At), p, allowed)...)
}

// amplifier is empty when the amplifier is set for the recorded power in one of the ways that give it.
func (s start1262) amplifier(want state, p params) string {
	got := fmt.Sprintf("%X %X", s.last[0x95], s.last[0x8E][:1])
	dBm := p.PowerDBm
	if want.TxP != "" && want.PA == "04070001" {
		dBm = int(int8(unhexByte(want.TxP))) // a run may have changed it
	}
	for _, ok := range append(amplifier[dBm], fmt.Sprintf("04070001 %02X", byte(int8(dBm)))) {
		if got == ok {
			return ""
		}
	}
	return fmt.Sprintf("amplifier %s is not set for %d dBm", got, dBm)
}

// masksOf are the registers that matter at a start (compare.json keeps them apart in one string map a state).
func masksOf(m masks, at string) map[string]string { return m[at+" regs"] }

func (s start1262) compareRegisters(want state, table map[string]string, p params, allowed map[string]bool) (diff []string) {
	for reg, mask := range table {
		n, err := strconv.ParseUint(reg, 16, 16)
		rec, recorded := want.Regs[reg]
		if err != nil || !recorded || allowed[reg] {
			continue
		}
		bits := unhexByte(mask)
		if got := s.regs[uint16(n)] & bits; got != unhexByte(rec)&bits {
			diff = append(diff, fmt.Sprintf("%s %s: %02X, recorded %s (bits %02X)", want.At, reg, s.regs[uint16(n)], rec, bits))
		}
	}
	return diff
}

// missing are the operations that should have been issued before a start.
func (s start1262) missing(want state, deviations []string) (out []string) {
	for _, m := range want.Must {
		ok := false
		for _, d := range deviations {
			ok = ok || d == m.Reg+m.Op
		}
		switch {
		case ok:
		case m.IRQCleared:
			ok = s.cleared()
		case m.Op != "":
			ok = s.told(m)
		default:
			ok = s.set(m)
		}
		if !ok {
			out = append(out, fmt.Sprintf("%s: %+v was not issued", want.At, m))
		}
	}
	return out
}

func (s start1262) cleared() bool {
	for _, c := range s.log[s.before:] {
		if c.octets[0] == 0x02 && (c.mode == standbyRC || c.mode == standbyXOSC) {
			return true
		}
	}
	return s.irq == 0
}

func (s start1262) told(m must) bool {
	data := decode(m.Data)
	mask := bytes.Repeat([]byte{0xFF}, len(data))
	if m.Mask != "" {
		mask = decode(m.Mask)
	}
	for _, c := range s.log {
		if c.octets[0] == unhexByte(m.Op) && masked(c.octets[1:], mask) == masked(data, mask) {
			return true
		}
	}
	return false
}

// set tells whether the register was written with these bits, or read and found so, after the last command AfterOp.
func (s start1262) set(m must) (ok bool) {
	reg, _ := strconv.ParseUint(m.Reg, 16, 16)
	mask, value := unhexByte(m.Mask), unhexByte(m.Value)
	for _, c := range s.log {
		if m.AfterOp != "" && c.octets[0] == unhexByte(m.AfterOp) {
			ok = false
		}
		first, values := 3, c.octets
		if c.octets[0] == 0x1D {
			first, values = 4, c.answer
		} else if c.octets[0] != 0x0D {
			continue
		}
		at := int(reg) - int(c.octets[1])<<8 - int(c.octets[2])
		if at >= 0 && first+at < len(values) && values[first+at]&mask == value {
			ok = true
		}
	}
	return ok
}

func masked(b, mask []byte) string {
	out := make([]byte, min(len(b), len(mask)))
	for i := range out {
		out[i] = b[i] & mask[i]
	}
	return hex.EncodeToString(out)
}

func word(b []byte) (n uint64) {
	for _, v := range b {
		n = n<<8 | uint64(v)
	}
	return n
}

// within is empty when two numbers differ by no more than given.
func within(a, b, by uint64) string {
	if max(a, b)-min(a, b) <= by {
		return ""
	}
	return fmt.Sprintf("%X, recorded %X", a, b)
}

func decode(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func (m *model1262) sent()           { m.ended(0x0001) }
func (m *model1262) expired()        { m.ended(0x0200) }
func (m *model1262) setLevel(v byte) { m.level = v }
func (m *model1262) count() int      { return len(m.starts) }

func (m *model1262) scanned(busy bool) {
	irq := uint16(0x0080)
	if busy {
		irq |= 0x0100
	}
	m.ended(irq)
}
