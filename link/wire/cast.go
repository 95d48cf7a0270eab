package wire

import "encoding/binary"

// Cast is the header of a run of consecutive symbols of one block for several neighbours at once.
//
//	0 2 type nibble 0, 12-bit block
//	2 2 bit 15: the sender waits for answers; 15-bit group stream
//	4 1 index of the first symbol
//	5 n sealed symbols
//	  4 tag
//
// It is sealed under the sender's group key, which every member of its groups holds: the tag shows that a member
// made the frame, not which.
type Cast struct {
	Poll   bool // the members answer in the order of their places
	Block  uint16
	Stream uint16 // below MaxCasts
	First  uint8
}

// Sizes of a Cast.
const (
	CastHeader   = 5
	CastOverhead = CastHeader + ShortTag // 9
	MaxCasts     = 1 << 15
	CastKeySize  = 16 // what the group key is derived from
	CastSize     = 22 // of the message of kind 10 with the key
)

// AppendCast appends the header.
func AppendCast(b []byte, f Cast) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(TypeCast)<<12|f.Block&(MaxBlocks-1))
	b = binary.BigEndian.AppendUint16(b, f.named())
	return append(b, f.First)
}

// named is the stream with the bit that asks.
func (f Cast) named() uint16 {
	if f.Poll {
		return f.Stream | MaxCasts
	}
	return f.Stream &^ MaxCasts
}

// ParseCast reads the header and returns sealed symbols with their tag, borrowed.
func ParseCast(b []byte) (f Cast, sealed []byte, err error) {
	if len(b) <= CastOverhead || TypeOf(b) != TypeCast {
		return f, nil, ErrFrame
	}
	f.Block = binary.BigEndian.Uint16(b)
	stream := binary.BigEndian.Uint16(b[2:])
	f.Poll, f.Stream, f.First = stream&MaxCasts != 0, stream&^MaxCasts, b[4]
	return f, b[CastHeader:], nil
}

// Nonce is what this frame is sealed with when n octets of symbols follow the header. It names
// the plaintext, as that of Data does.
//
//	0  2 zero
//	2  2 block
//	4  2 stream with the bit that asks
//	6  1 first symbol
//	7  3 zero
//	10 2 octets of symbols
func (f Cast) Nonce(n int) (nonce [NonceSize]byte) {
	binary.BigEndian.PutUint16(nonce[2:], f.Block)
	binary.BigEndian.PutUint16(nonce[4:], f.named())
	nonce[6] = f.First
	binary.BigEndian.PutUint16(nonce[10:], uint16(n))
	return nonce
}

// Membership is what kind 10 says: under which group stream the sender's stream goes too.
type Membership struct {
	Group uint16            // below MaxCasts
	Place uint8             // when to answer: after so many others
	Key   [CastKeySize]byte // with FlagKey
}

func (m *Message) appendCast(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, m.Cast.Group)
	b = append(b, m.Cast.Place)
	if m.Flags&FlagKey != 0 {
		b = append(b, m.Cast.Key[:]...)
	}
	return b
}

func (m *Message) parseCast(r *reader) {
	m.Cast.Group, m.Cast.Place = r.uint16(), r.octet()
	r.bad = r.bad || m.Cast.Group >= MaxCasts
	if m.Flags&FlagKey != 0 {
		copy(m.Cast.Key[:], r.take(CastKeySize))
	}
}
