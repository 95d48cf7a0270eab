package wire

import "encoding/binary"

// Octets of the pairing frames.
const (
	SessionTagSize  = 4
	PAKEMessage     = 32
	LockSize        = 8
	PAKESize        = 1 + SessionTagSize + PAKEMessage  // 37
	PAKE2Size       = PAKESize + LockSize               // 45
	RejectSize      = 1 + SessionTagSize + 1 + LockSize // 14
	PairingOverhead = 1 + SessionTagSize + 2            // 7
	NoiseNN         = 48                                // each message of Noise NN, and the second of IK
	NoiseIK1        = 96
)

const rejectNibble = 1

// PAKE is one message of the password authenticated key exchange.
//
//	0 1  type: PAKE 1 or PAKE 2
//	1 4  session tag, the joiner's choice
//	5 32 group element
//	37 8 PAKE 2: lock, a hash of the key in the reject that may follow
type PAKE struct {
	Type    Type
	Tag     [SessionTagSize]byte
	Message [PAKEMessage]byte
	Lock    [LockSize]byte
}

// AppendPAKE appends the frame.
func AppendPAKE(b []byte, f PAKE) []byte {
	b = append(b, byte(f.Type)<<4)
	b = append(b, f.Tag[:]...)
	b = append(b, f.Message[:]...)
	if f.Type == TypePAKE2 {
		b = append(b, f.Lock[:]...)
	}
	return b
}

// ParsePAKE reads a whole frame.
func ParsePAKE(b []byte) (f PAKE, err error) {
	f.Type = TypeOf(b)
	one, two := f.Type == TypePAKE1 && len(b) == PAKESize, f.Type == TypePAKE2 && len(b) == PAKE2Size
	if !one && !two || b[0]&15 != 0 {
		return PAKE{}, ErrFrame
	}
	copy(f.Tag[:], b[1:])
	copy(f.Message[:], b[5:])
	copy(f.Lock[:], b[PAKESize:])
	return f, nil
}

// Reject tells a joiner that its code was wrong. Both sides have different keys then, so no MAC could be verified;
// the key, whose hash was in PAKE 2, shows that it comes from whoever sent that.
//
//	0 1 type PAKE 2, low nibble 1
//	1 4 session tag
//	5 1 tries left
//	6 8 key
type Reject struct {
	Tag  [SessionTagSize]byte
	Left uint8
	Key  [LockSize]byte
}

// AppendReject appends the frame.
func AppendReject(b []byte, f Reject) []byte {
	b = append(b, byte(TypePAKE2)<<4|rejectNibble)
	b = append(b, f.Tag[:]...)
	return append(append(b, f.Left), f.Key[:]...)
}

// ParseReject reads a whole frame.
func ParseReject(b []byte) (f Reject, err error) {
	if len(b) != RejectSize || b[0] != byte(TypePAKE2)<<4|rejectNibble {
		return f, ErrFrame
	}
	copy(f.Tag[:], b[1:])
	f.Left = b[5]
	copy(f.Key[:], b[6:])
	return f, nil
}

// Pairing carries a Noise message between strangers.
//
//	0 1 type: pairing 1 or pairing 2
//	1 4 session tag
//	5 2 the sender's index
//	7 n Noise message: 48 (NN, IK's answer) or 96 (IK's opening)
type Pairing struct {
	Type  Type
	Tag   [SessionTagSize]byte
	Index uint16
	Noise []byte // borrowed
}

// AppendPairing appends the frame.
func AppendPairing(b []byte, f Pairing) []byte {
	b = append(b, byte(f.Type)<<4)
	b = append(b, f.Tag[:]...)
	b = binary.BigEndian.AppendUint16(b, f.Index)
	return append(b, f.Noise...)
}

// ParsePairing reads a whole frame.
func ParsePairing(b []byte) (f Pairing, err error) {
	if len(b) < PairingOverhead || b[0]&15 != 0 {
		return f, ErrFrame
	}
	f.Type, f.Noise = TypeOf(b), b[PairingOverhead:]
	n := len(f.Noise)
	opening := f.Type == TypePairing1 && (n == NoiseNN || n == NoiseIK1)
	if !opening && !(f.Type == TypePairing2 && n == NoiseNN) {
		return f, ErrFrame
	}
	copy(f.Tag[:], b[1:])
	f.Index = binary.BigEndian.Uint16(b[5:])
	return f, nil
}
