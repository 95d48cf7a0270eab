package wire

import "encoding/binary"

// Octets around the symbols of a data frame.
const (
	DataHeader       = 5
	DataOverhead     = DataHeader + ShortTag // 9
	DataFullOverhead = DataHeader + TagSize  // 21
	MaxBlocks        = 1 << 12
)

// Data is the header of a run of consecutive symbols of one block.
//
//	0 2 type nibble, 12-bit block
//	2 2 stream
//	4 1 index of the first symbol
//	5 n sealed symbols
//	    tag, 4 or 16 by type
type Data struct {
	Poll   bool // the sender waits for an answer after this frame
	Check  bool // the sender waits for a sign of life; neither Poll nor Full then
	Full   bool // 16-octet tag
	Block  uint16
	Stream uint16
	First  uint8
}

func (f Data) frameType() Type {
	t := TypeData
	if f.Check {
		return TypeDataCheck
	}
	if f.Full {
		t = TypeDataFull
	}
	if f.Poll {
		t++
	}
	return t
}

// AppendData appends the header.
func AppendData(b []byte, f Data) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(f.frameType())<<12|f.Block&(MaxBlocks-1))
	b = binary.BigEndian.AppendUint16(b, f.Stream)
	return append(b, f.First)
}

// ParseData reads the header and returns sealed symbols with their tag, borrowed.
func ParseData(b []byte) (f Data, sealed []byte, err error) {
	t := TypeOf(b)
	if t < TypeData || t > TypeDataCheck {
		return f, nil, ErrFrame
	}
	f.Check = t == TypeDataCheck
	f.Full = t == TypeDataFull || t == TypeDataFullPoll
	f.Poll = t == TypeDataPoll || t == TypeDataFullPoll
	if len(b) <= DataHeader+f.TagSize() {
		return f, nil, ErrFrame
	}
	f.Block = binary.BigEndian.Uint16(b) & (MaxBlocks - 1)
	f.Stream = binary.BigEndian.Uint16(b[2:])
	f.First = b[4]
	return f, b[DataHeader:], nil
}

// TagSize is how long the tag is.
func (f Data) TagSize() int {
	if f.Full {
		return TagSize
	}
	return ShortTag
}

// NonceSize is that of ChaCha20-Poly1305.
const NonceSize = 12

// Nonce is what this frame is sealed with when n octets of symbols follow the header. It
// names the plaintext: same stream, block, first symbol and length are the same octets.
//
//	0  1 type nibble
//	1  1 zero
//	2  2 block
//	4  2 stream
//	6  1 first symbol
//	7  3 zero
//	10 2 octets of symbols
func (f Data) Nonce(n int) (nonce [NonceSize]byte) {
	nonce[0] = byte(f.frameType())
	binary.BigEndian.PutUint16(nonce[2:], f.Block)
	binary.BigEndian.PutUint16(nonce[4:], f.Stream)
	nonce[6] = f.First
	binary.BigEndian.PutUint16(nonce[10:], uint16(n))
	return nonce
}
