package wire

import "encoding/binary"

// Octets of the handshake frames.
const (
	BootSize       = 4
	NoiseKK        = 48 + BootSize // each message of Noise KK, its payload the boot that its sender names in beacons
	HintSize       = 4
	EphemeralSize  = 32
	Handshake1Size = 1 + HintSize + 2 + NoiseKK // 59
	Handshake2Size = 1 + 2 + 2 + NoiseKK        // 57
)

// Handshake1 opens a session.
//
//	0 1  type
//	1 4  hint: MAC of both static keys, ephemeral and index under the domain key
//	5 2  the sender's index: put it in front of what is meant for this session
//	7 52 Noise message, its first 32 octets the ephemeral key
type Handshake1 struct {
	Hint  [HintSize]byte
	Index uint16
	Noise []byte // borrowed
}

// AppendHandshake1 appends the frame.
func AppendHandshake1(b []byte, f Handshake1) []byte {
	b = append(b, byte(TypeHandshake1)<<4)
	b = append(b, f.Hint[:]...)
	b = binary.BigEndian.AppendUint16(b, f.Index)
	return append(b, f.Noise...)
}

// ParseHandshake1 reads a whole frame.
func ParseHandshake1(b []byte) (f Handshake1, err error) {
	if len(b) != Handshake1Size || !plain(b, TypeHandshake1, Handshake1Size) {
		return f, ErrFrame
	}
	copy(f.Hint[:], b[1:])
	f.Index = binary.BigEndian.Uint16(b[5:])
	f.Noise = b[7:]
	return f, nil
}

// Handshake2 answers.
//
//	0 1  type
//	1 2  index of the opener
//	3 2  index of the answerer
//	5 52 Noise message
type Handshake2 struct {
	To, Index uint16
	Noise     []byte // borrowed
}

// AppendHandshake2 appends the frame.
func AppendHandshake2(b []byte, f Handshake2) []byte {
	b = append(b, byte(TypeHandshake2)<<4)
	b = binary.BigEndian.AppendUint16(b, f.To)
	b = binary.BigEndian.AppendUint16(b, f.Index)
	return append(b, f.Noise...)
}

// ParseHandshake2 reads a whole frame.
func ParseHandshake2(b []byte) (f Handshake2, err error) {
	if len(b) != Handshake2Size || !plain(b, TypeHandshake2, Handshake2Size) {
		return f, ErrFrame
	}
	f.To = binary.BigEndian.Uint16(b[1:])
	f.Index = binary.BigEndian.Uint16(b[3:])
	f.Noise = b[5:]
	return f, nil
}
