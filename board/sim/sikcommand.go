package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sikGuard   = time.Second
	sikCommand = 16 // octets of a command line; one more leaves command mode
	sikBoot    = time.Second
)

// escape looks for silence, "+++", silence (at.c).
type escape struct {
	last   time.Time // octet
	pluses int       // after silence
}

func (e *escape) heard(now time.Time) { e.last, e.pluses = now, 0 }

func (e *escape) octet(now time.Time, c byte) {
	silent := now.Sub(e.last) >= sikGuard
	switch {
	case c == '+' && (e.pluses == 0 && silent || e.pluses == 1 || e.pluses == 2):
		e.pluses++
		e.last = now
	default:
		e.heard(now)
	}
}

// complete tells once that the sequence is.
func (e *escape) complete(now time.Time) bool {
	at, ok := e.due()
	if !ok || now.Before(at) {
		return false
	}
	e.heard(now)
	return true
}

func (e *escape) due() (time.Time, bool) { return e.last.Add(sikGuard), e.pluses == 3 }

// sikCommands is command mode.
type sikCommands struct {
	active, ready bool
	line          []byte
}

// input takes one octet and returns its echo.
func (a *sikCommands) input(c byte) string {
	switch {
	case c == '\r':
		a.ready = true
		return "\r\n"
	case len(a.line) == sikCommand:
		*a = sikCommands{}
	case c >= ' ' && c < 0x7F:
		c = strings.ToUpper(string(rune(c)))[0]
		a.line = append(a.line, c)
		return string(rune(c))
	}
	return ""
}

func (m *sikModem) execute(now time.Time) {
	line := string(m.at.line)
	m.at.line, m.at.ready = nil, false
	rest, ok := strings.CutPrefix(line, "AT")
	if !ok {
		return
	}
	switch {
	case rest == "":
		m.say("OK")
	case rest == "I":
		m.say(m.sik.Banner)
	case rest == "I5":
		for i, p := range m.ram {
			m.say(fmt.Sprintf("S%d:%s=%d", i, p.name, p.value))
		}
	case rest == "I7":
		m.say(fmt.Sprintf("L/R RSSI: %d/%d  L/R noise: %d/%d pkts: %d  txe=0 rxe=0 stx=0 srx=%d ecc=0/0 temp=25 dco=0",
			m.rssi, m.rssi, 40, 40, m.packets, m.overflow))
	case rest == "O":
		m.at = sikCommands{}
		m.escape.heard(now)
	case rest == "Z":
		m.air.Off(now, m.station)
		m.running, m.ram, m.booted, m.at = false, nil, now.Add(sikBoot), sikCommands{}
	case rest == "&W":
		m.flash = append(m.flash[:0], m.ram...)
		m.say("OK")
	case strings.HasPrefix(rest, "S"):
		m.register(rest[1:])
	default:
		m.say("ERROR")
	}
}

func (m *sikModem) say(text string) { m.out = append(append(m.out, text...), "\r\n"...) }

// register is ATSn? and ATSn=v.
func (m *sikModem) register(rest string) {
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	n, err := strconv.Atoi(rest[:digits])
	if err != nil || n >= len(m.ram) {
		m.say("ERROR")
		return
	}
	if rest[digits:] == "?" {
		m.say(strconv.Itoa(int(m.ram[n].value)))
		return
	}
	text, ok := strings.CutPrefix(rest[digits:], "=")
	v, err := strconv.ParseUint(text, 10, 32)
	if !ok || err != nil || !m.setParameter(n, uint32(v)) {
		m.say("ERROR")
		return
	}
	m.say("OK")
}

type sikParameter struct {
	name  string
	value uint32
}

func sikDefaults(without []string) []sikParameter {
	all := []sikParameter{
		{"FORMAT", 26}, {"SERIAL_SPEED", 57}, {"AIR_SPEED", 64}, {"NETID", 25}, {"TXPOWER", 20}, {"ECC", 0}, {"MAVLINK", 1},
		{"OPPRESEND", 0}, {"MIN_FREQ", 0}, {"MAX_FREQ", 0}, {"NUM_CHANNELS", 0}, {"DUTY_CYCLE", 100}, {"LBT_RSSI", 0},
		{"MANCHESTER", 0}, {"RTSCTS", 0}, {"MAX_WINDOW", 131},
	}
	return slices.DeleteFunc(all, func(p sikParameter) bool { return slices.Contains(without, p.name) })
}

// value of a parameter that runs; 0 if this firmware has none.
func (m *sikModem) value(name string) uint32 {
	for _, p := range m.ram {
		if p.name == name {
			return p.value
		}
	}
	return 0
}

// sikLevels are what an HM-TRP can send with; it takes the next higher one.
var sikLevels = []uint32{1, 2, 5, 8, 11, 14, 17, 20}

var sikRates = []uint32{2, 4, 8, 16, 19, 24, 32, 48, 64, 96, 128, 192, 250}

func nextOf(list []uint32, v uint32) uint32 {
	for _, l := range list {
		if l >= v {
			return l
		}
	}
	return list[len(list)-1]
}

// setParameter is param_set: some take effect at once, others with the next boot.
func (m *sikModem) setParameter(n int, v uint32) bool {
	p := &m.ram[n]
	switch p.name {
	case "FORMAT":
		return false
	case "AIR_SPEED":
		if v > 256 {
			return false
		}
	case "ECC", "OPPRESEND":
		if v > 1 {
			return false
		}
	case "MAVLINK":
		if v > 2 {
			return false
		}
	case "MAX_WINDOW":
		if v > 131 {
			return false
		}
	case "TXPOWER":
		if v > 20 {
			return false
		}
		v = nextOf(sikLevels, v)
	case "DUTY_CYCLE":
		v = min(v, 100)
	case "LBT_RSSI":
		if v != 0 {
			v = min(max(v, 25), 220)
		}
	}
	p.value = v
	return true
}

// settleParameters is radio_init: what is 0 gets the board's default, and what it cannot do the nearest.
func (m *sikModem) settleParameters() {
	type board struct{ low, high, power, channels, least, most uint32 }
	b := map[int]board{
		433: {433_050, 434_790, 10, 10, 414_000, 460_000},
		868: {868_000, 870_000, 10, 10, 849_000, 889_000},
		915: {915_000, 928_000, 20, 50, 868_000, 935_000},
	}[m.sik.Board]
	for i := range m.ram {
		p := &m.ram[i]
		instead := map[string]uint32{"MIN_FREQ": b.low, "MAX_FREQ": b.high, "TXPOWER": b.power, "NUM_CHANNELS": b.channels}[p.name]
		if p.value == 0 {
			p.value = instead
		}
		switch p.name {
		case "MIN_FREQ", "MAX_FREQ":
			p.value = min(max(p.value, b.least), b.most)
		case "NUM_CHANNELS":
			p.value = min(p.value, 50)
		case "AIR_SPEED":
			p.value = nextOf(sikRates, p.value)
		case "TXPOWER":
			p.value = nextOf(sikLevels, p.value)
		}
	}
}
