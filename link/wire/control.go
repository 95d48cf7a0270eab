package wire

import "encoding/binary"

// Octets around the messages of a control frame.
const (
	ControlHeader   = 5
	ControlOverhead = ControlHeader + TagSize // 21
)

// Control is the header of a sealed sequence of messages. It is authenticated with them.
//
//	0 1  type
//	1 2  the receiver's index
//	3 2  low 16 bits of the sender's counter
//	5 n  sealed messages, perhaps none
//	  16 tag
type Control struct {
	To      uint16
	Counter uint16
}

// AppendControl appends the header.
func AppendControl(b []byte, f Control) []byte {
	b = append(b, byte(TypeControl)<<4)
	b = binary.BigEndian.AppendUint16(b, f.To)
	return binary.BigEndian.AppendUint16(b, f.Counter)
}

// ParseControl reads the header and returns the sealed messages with their tag, borrowed.
func ParseControl(b []byte) (f Control, sealed []byte, err error) {
	if !plain(b, TypeControl, ControlOverhead) {
		return f, nil, ErrFrame
	}
	f.To = binary.BigEndian.Uint16(b[1:])
	f.Counter = binary.BigEndian.Uint16(b[3:])
	return f, b[ControlHeader:], nil
}

// ControlNonce is the nonce of a counter, laid out as in the Noise specification, section 12.3.
func ControlNonce(counter uint64) (nonce [NonceSize]byte) {
	binary.LittleEndian.PutUint64(nonce[4:], counter)
	return nonce
}
