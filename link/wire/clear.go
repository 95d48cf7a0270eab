package wire

import "encoding/binary"

// Clear says that the medium around its sender belongs to one station for a while: everybody else who hears it
// keeps silent. It is the clear-to-send of IEEE 802.11 without a request, because the receiver knows what is to come.
//
//	0 1 type query, low nibble 1
//	1 2 how long, in units of ClearUnitMS
//	3 2 whom it is for: its session index, as in a control frame
//	5 2 the sender: first octets of its short id
//	7 2 count of its clears in this boot
//	9 8 MAC over 0..8 and the sender's boot
type Clear struct {
	Duration uint16
	To       uint16
	From     [2]byte
	Count    uint16
}

// Octets of a whole Clear, and the unit of its duration in milliseconds.
const (
	ClearSize   = 9 + MACSize // 17
	ClearUnitMS = 10
)

const clearFirst = byte(TypeQuery)<<4 | 1

// AppendClear appends the frame without its MAC.
func AppendClear(b []byte, f Clear) []byte {
	b = append(b, clearFirst)
	b = binary.BigEndian.AppendUint16(b, f.Duration)
	b = binary.BigEndian.AppendUint16(b, f.To)
	b = append(b, f.From[:]...)
	return binary.BigEndian.AppendUint16(b, f.Count)
}

// IsClear tells a Clear from the query whose type it shares.
func IsClear(b []byte) bool { return len(b) > 0 && b[0] == clearFirst }

// ParseClear reads a whole frame; the MAC is checked with SplitMAC.
func ParseClear(b []byte) (f Clear, err error) {
	if len(b) != ClearSize || !IsClear(b) {
		return f, ErrFrame
	}
	f.Duration = binary.BigEndian.Uint16(b[1:])
	f.To = binary.BigEndian.Uint16(b[3:])
	copy(f.From[:], b[5:])
	f.Count = binary.BigEndian.Uint16(b[7:])
	return f, nil
}
