package sim

// E32 is an E32-xxxT module as it comes out of its box, or as somebody has set it.
type E32 struct {
	FirstHz uint32 // of channel 0; default 862 MHz
	Watt    bool   // a T30
	Echo    bool   // it answers a setting with the setting
	// Setting is address high and low, rates, channel and options that are kept without power; all zero: as modules come.
	Setting [5]byte
}

var e32Factory = [5]byte{0, 0, 0x1A, 0x06, 0x44}

const (
	e32Buffer    = 512
	e32SubPacket = 58
	e32MostRate  = 5 // 19.2k; codes 6 and 7 are the same
)

type e32Series struct {
	kind        E32
	saved, regs [5]byte
}

func newE32(kind E32) *e32Series {
	if kind.FirstHz == 0 {
		kind.FirstHz = 862_000_000
	}
	if kind.Setting == [5]byte{} {
		kind.Setting = e32Factory
	}
	return &e32Series{kind: kind, saved: kind.Setting, regs: kind.Setting}
}

func (e *e32Series) room() int { return e32Buffer }

func (e *e32Series) forget() { e.regs = e.saved }

func (e *e32Series) configMode(m1, m0 bool) bool { return m1 && m0 }

func (e *e32Series) octet(float64) byte { return 0 }

func (e *e32Series) setting() ebyteSetting {
	powers := e32Powers
	if e.kind.Watt {
		powers = wattPowers
	}
	r := e.regs
	return ebyteSetting{
		mod:      ebyteRates[min(r[2]&7, e32MostRate)].modulation(e.kind.FirstHz + uint32(r[3]&0x1F)*1_000_000),
		powerDBm: powers[r[4]&3],
		baud:     ebyteBauds[r[2]>>3&7],
		sub:      e32SubPacket,
		prefix:   [ebytePrefix]byte{r[0], r[1], 0xE3},
	}
}

// command executes one command; what is no command gets no answer.
func (e *e32Series) command(b []byte) (answer []byte, restart bool) {
	three := len(b) == 3 && b[1] == b[0] && b[2] == b[0]
	switch {
	case three && b[0] == 0xC1:
		return append([]byte{0xC0}, e.regs[:]...), false
	case three && b[0] == 0xC3:
		return []byte{0xC3, 0x45, 0x10, 0x14}, false
	case three && b[0] == 0xC4:
		return nil, true
	case len(b) == 6 && (b[0] == 0xC0 || b[0] == 0xC2):
		copy(e.regs[:], b[1:])
		if b[0] == 0xC0 {
			e.saved = e.regs
		}
		if e.kind.Echo {
			return b, false
		}
	}
	return nil, false
}
