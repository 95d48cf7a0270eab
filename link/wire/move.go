package wire

// MoveSize is the longest message about an excursion, in octets.
const MoveSize = 10

// UnknownSNR stands for an SNR that was not measured.
const UnknownSNR = -128

// Answers to a move: MovedYes, or why not.
const (
	MovedYes     uint8 = 0
	MovedUnknown uint8 = 1 // no such setting here
	MovedWeak    uint8 = 2 // the margin here is too small; the SNR says how small
	MovedBusy    uint8 = 3 // later
	MovedNever   uint8 = 4 // this radio stays where it is
)

// FlagBack on a move ends an excursion: its sender returns to the common setting once this has left.
const FlagBack Flag = 0x10

// Excursion is the part of a Message that move and moved carry.
//
//	move     setting 6, number 1, span 1, snr 1; with FlagBack nothing
//	moved    code 1, number 1, span 1, snr 1
//
// A move proposes to change to a setting, a moved answers the move of the same number. Once a
// moved with MovedYes has left the air both stations change.
type Excursion struct {
	Setting [6]byte // as named by phy.Setting.Code
	Number  uint8
	Span    uint8 // seconds, at most; moved may shorten it
	SNRdB   int8  // of the other's frames here, as on the common setting
}

func (k Kind) excursion() bool { return k == KindMove || k == KindMoved }

func appendExcursion(b []byte, m *Message) []byte {
	if m.Kind == KindMove && m.Flags&FlagBack != 0 {
		return b
	}
	if m.Kind == KindMove {
		b = append(b, m.Setting[:]...)
	} else {
		b = append(b, m.Code)
	}
	return append(b, m.Number, m.Span, byte(m.SNRdB))
}

func (m *Message) parseExcursion(r *reader) {
	if m.Kind == KindMove && m.Flags&FlagBack != 0 {
		return
	}
	if m.Kind == KindMove {
		copy(m.Setting[:], r.take(len(m.Setting)))
	} else {
		m.Code = r.octet()
	}
	m.Number, m.Span, m.SNRdB = r.octet(), r.octet(), int8(r.octet())
}
