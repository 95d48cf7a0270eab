package reference

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"testing"

	"periph.io/x/conn/v3/gpio"
)

// access is one register that the driver read or wrote.
type access struct {
	write      bool
	reg, value byte
	mode       byte // of the chip then
}

// model1276 keeps the registers of an SX1276 and what was done to them. It answers; it has no air and no time. Reset values
// are those of the recordings' own model.
type model1276 struct {
	regs    [128]byte
	fifo    [256]byte
	version byte
	absent  bool
	log     []access // since the last reset
	started int      // of log, at the last start
	starts  []start1276
	busy    byte // what a channel activity detection finds: 0x01 or 0
}

// start1276 is the chip when it was told to send, receive or listen.
type start1276 struct {
	at   string
	regs [128]byte
	fifo []byte
	log  []access
	last int // of log, at the start before
}

func newModel1276(version byte) *model1276 {
	m := &model1276{version: version}
	m.reset()
	return m
}

func (m *model1276) reset() {
	m.regs = [128]byte{0x01: 0x09, 0x09: 0x4F, 0x0A: 0x09, 0x0B: 0x2B, 0x0C: 0x20, 0x0E: 0x80, 0x1D: 0x72, 0x1E: 0x70, 0x1F: 0x64, 0x21: 0x08, 0x22: 0x01,
		0x23: 0xFF, 0x26: 0x04, 0x2F: 0x45, 0x30: 0x55, 0x31: 0xC3, 0x33: 0x27, 0x36: 0x03, 0x37: 0x0A, 0x39: 0x12, 0x3A: 0x49, 0x3B: 0x1D, 0x44: 0x2D, 0x4B: 0x09, 0x4D: 0x84}
	m.regs[0x06], m.regs[0x07], m.regs[0x42] = 0x6C, 0x80, m.version
	m.fifo, m.log, m.started = [256]byte{}, nil, 0
}

func (m *model1276) resetLine() *line {
	return &line{name: "RESET", out: func(l gpio.Level) {
		if l == gpio.Low {
			m.reset()
		}
	}}
}

func (m *model1276) transact(w, r []byte) {
	reg, write := w[0]&0x7F, w[0]&0x80 != 0
	for i := 1; i < len(w); i++ {
		if m.absent {
			continue
		}
		if r[i] = m.read(reg); write {
			m.write(reg, w[i])
		}
		if reg == 0 {
			m.regs[0x0D]++
		} else {
			reg++
		}
	}
}

func (m *model1276) read(reg byte) byte {
	v := m.regs[reg]
	if reg == 0 {
		v = m.fifo[m.regs[0x0D]]
	}
	m.log = append(m.log, access{reg: reg, value: v, mode: m.regs[1] & 7})
	return v
}

func (m *model1276) write(reg, v byte) {
	m.log = append(m.log, access{true, reg, v, m.regs[1] & 7})
	switch reg {
	case 0x00:
		m.fifo[m.regs[0x0D]] = v
	case 0x01:
		m.mode(v)
	case 0x12:
		m.regs[reg] &^= v
	case 0x10, 0x13, 0x18, 0x19, 0x1A, 0x1B, 0x28, 0x29, 0x2A, 0x42:
	default:
		m.regs[reg] = v
	}
}

func (m *model1276) mode(v byte) {
	if m.regs[1]&7 != 0 {
		v = v&^0x80 | m.regs[1]&0x80
	}
	m.regs[1] = v
	at, starts := map[byte]string{3: "TX", 5: "RXCONT", 6: "RXSINGLE", 7: "CAD"}[v&7]
	if !starts {
		return
	}
	s := start1276{at: at, regs: m.regs, log: m.log, last: m.started}
	for i := range m.regs[0x22] {
		s.fifo = append(s.fifo, m.fifo[m.regs[0x0E]+i])
	}
	m.starts, m.started = append(m.starts, s), len(m.log)
}

// ended sets flags as the chip does when it has done what it was told, and stands by where the mode ends by itself.
func (m *model1276) ended(flags byte) {
	m.regs[0x12] |= flags
	if m.regs[1]&7 != 5 {
		m.regs[1] = m.regs[1]&^7 | 1
	}
}

// inject is a packet from the air.
func (m *model1276) inject(p packet) {
	at := m.regs[0x0F]
	for i, b := range payload(p.Len) {
		m.fifo[at+byte(i)] = b
	}
	m.regs[0x10], m.regs[0x13], m.regs[0x19], m.regs[0x1A] = at, byte(p.Len), p.SNR, p.RSSI
	m.regs[0x28], m.regs[0x29], m.regs[0x2A] = byte(p.FEI>>16), byte(p.FEI>>8), byte(p.FEI)
	m.regs[0x1C], m.regs[0x18] = 0, p.CROnAir<<5|m.regs[0x18]&0x1F
	flags := byte(0x50)
	if p.CRC {
		m.regs[0x1C] = 0x40
	}
	if p.CRCError {
		flags |= 0x20
	}
	m.ended(flags)
}

// compare says where a start differs from the recorded one.
func (s start1276) compare(t *testing.T, want state, masks masks, p params) (diff []string) {
	t.Helper()
	table := masks[want.At]
	if as := table["as"]; as != "" {
		merged := map[string]string{}
		for _, from := range []map[string]string{masks[as], table} {
			for k, v := range from {
				merged[k] = v
			}
		}
		table = merged
	}
	for reg, mask := range table {
		n, err := strconv.ParseUint(reg, 16, 8)
		if err != nil {
			continue // "06-08", "fifo" and "as" are below
		}
		bits := maskFor(reg, mask, want, p)
		got, rec := s.regs[n]&bits, unhex(t, want.Regs[reg])[0]&bits
		if got != rec {
			diff = append(diff, fmt.Sprintf("%s %s: %02X, recorded %02X (bits %02X)", want.At, reg, got, rec, bits))
		}
	}
	if p.Errata && want.At != "CAD" {
		name := "errata_true_bw_under_500"
		if want.Regs["1D"][0] == '9' {
			name = "errata_true_bw_500"
		}
		for reg, mask := range masks[name] {
			n, _ := strconv.ParseUint(reg, 16, 8)
			bits := unhex(t, mask)[0]
			if got, rec := s.regs[n]&bits, unhex(t, want.Regs[reg])[0]&bits; got != rec {
				diff = append(diff, fmt.Sprintf("%s %s: %02X, recorded %02X (errata)", want.At, reg, got, rec))
			}
		}
	}
	if want.At == "TX" && hex.EncodeToString(s.fifo) != fmt.Sprintf("%x", unhex(t, want.FIFO)) {
		diff = append(diff, fmt.Sprintf("TX sends %x, recorded %s", s.fifo, want.FIFO))
	}
	return append(diff, s.carrier(t, want)...)
}

// carrier compares the frequency word, one step either way.
func (s start1276) carrier(t *testing.T, want state) []string {
	got := int(s.regs[6])<<16 | int(s.regs[7])<<8 | int(s.regs[8])
	rec := 0
	for _, r := range []string{"06", "07", "08"} {
		rec = rec<<8 | int(unhex(t, want.Regs[r])[0])
	}
	if d := got - rec; d < -1 || d > 1 {
		return []string{fmt.Sprintf("%s carrier: %06X, recorded %06X", want.At, got, rec)}
	}
	return nil
}

// maskFor reads a mask of the table, of which some hold only in some runs.
func maskFor(reg, mask string, want state, p params) byte {
	switch {
	case reg == "22" && want.At != "TX":
		if unhexByte(want.Regs["1D"])&1 == 0 {
			return 0
		}
		return 0xFF
	case reg == "09":
		if unhexByte(want.Regs["09"])&0x80 == 0 {
			return 0xFF
		}
		return 0x8F
	}
	return unhexByte(mask)
}

func unhexByte(s string) byte {
	n, err := strconv.ParseUint(s[:2], 16, 8)
	if err != nil {
		panic(err)
	}
	return byte(n)
}

// missing are the operations that should have been issued before a start.
func (s start1276) missing(t *testing.T, want state) (out []string) {
	t.Helper()
	for _, m := range want.Must {
		if m.IRQCleared {
			if !s.cleared() {
				out = append(out, want.At+": flags were not cleared in standby")
			}
			continue
		}
		reg, mask, value := unhexByte(m.Reg), unhexByte(m.Mask), unhexByte(m.Value)
		issued := false
		for _, a := range s.log {
			issued = issued || a.reg == reg && a.value&mask == value
		}
		if !issued {
			out = append(out, fmt.Sprintf("%s: %s & %s = %s was neither written nor read", want.At, m.Reg, m.Mask, m.Value))
		}
	}
	return out
}

// cleared tells whether the flags were cleared in standby since the start before.
func (s start1276) cleared() bool {
	for _, a := range s.log[s.last:] {
		if a.write && a.reg == 0x12 && a.mode == 1 && a.value != 0 {
			return true
		}
	}
	return false
}

func (m *model1276) sent()           { m.ended(0x08) }
func (m *model1276) expired()        { m.ended(0x80) }
func (m *model1276) setLevel(v byte) { m.regs[0x1B] = v }
func (m *model1276) count() int      { return len(m.starts) }

func (m *model1276) scanned(busy bool) {
	flags := byte(0x04)
	if busy {
		flags |= 0x01
	}
	m.ended(flags)
}
