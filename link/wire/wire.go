// Package wire is what link puts on the air: frames and control messages, append
// and parse only. It holds no state and no keys.
//
// The first octet of every frame names its type in the high nibble:
//
//	0 data under a group key, 4-octet tag
//	1 beacon     2 query       3 record
//	4 handshake 1   5 handshake 2   6 control
//	7 data, 4-octet tag     8 the same, asking for an answer
//	9 data, 16-octet tag    A the same, asking for an answer
//	B data, 4-octet tag, asking for a sign of life
//	C PAKE 1   D PAKE 2   E pairing 1   F pairing 2
//
// The low nibble belongs to the block number in data and group frames and names a variant
// in query, PAKE 2 and control, and flags in beacons; elsewhere it is zero. Integers are big endian.
package wire

import "errors"

// Type is the kind of a frame.
type Type uint8

// The frame types.
const (
	TypeCast         Type = 0x0
	TypeBeacon       Type = 0x1
	TypeQuery        Type = 0x2
	TypeRecord       Type = 0x3
	TypeHandshake1   Type = 0x4
	TypeHandshake2   Type = 0x5
	TypeControl      Type = 0x6
	TypeData         Type = 0x7
	TypeDataPoll     Type = 0x8
	TypeDataFull     Type = 0x9
	TypeDataFullPoll Type = 0xA
	TypeDataCheck    Type = 0xB
	TypePAKE1        Type = 0xC
	TypePAKE2        Type = 0xD
	TypePairing1     Type = 0xE
	TypePairing2     Type = 0xF
)

// Sizes shared by several frames, in octets.
const (
	MACSize   = 8  // of beacon, query and record
	ShortSize = 8  // a gateway's short id
	TagSize   = 16 // of control frames, Noise messages and full data frames
	ShortTag  = 4  // of bulk data on a radio
)

// ErrFrame is returned for every frame or message that does not parse.
var ErrFrame = errors.New("wire: malformed")

// TypeOf returns the frame's type, or TypeCast for an empty frame.
func TypeOf(b []byte) Type {
	if len(b) == 0 {
		return 0
	}
	return Type(b[0] >> 4)
}

// plain reports whether b is a frame of type t with a zero low nibble and at least n octets.
func plain(b []byte, t Type, n int) bool { return len(b) >= n && b[0] == byte(t)<<4 }
