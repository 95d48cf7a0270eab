package wire

import "encoding/binary"

// Alive answers a data frame that asks for a sign of life only: its receiver holds the stream's keys. It is as
// short as can be, because it comes every few frames of a burst.
//
//	0 1 type nibble, 1
//	1 2 the receiver's index
//	3 1 data frames of the stream heard since the receiver last spoke, at most 255
//	4 4 tag of nothing, under the data key, with AliveNonce
//
// It lets a burst go on and moves nothing else, so a short tag is enough.
type Alive struct {
	To    uint16
	Heard uint8
	Tag   [ShortTag]byte
}

// Octets of an Alive and of its header, which is authenticated.
const (
	AliveHeader = 4
	AliveSize   = AliveHeader + ShortTag
)

const aliveFirst = byte(TypeControl)<<4 | 1

// AppendAliveHeader appends what the tag covers.
func AppendAliveHeader(b []byte, to uint16, heard uint8) []byte {
	return append(binary.BigEndian.AppendUint16(append(b, aliveFirst), to), heard)
}

// IsAlive tells an Alive from the control frames whose type it shares.
func IsAlive(b []byte) bool { return len(b) > 0 && b[0] == aliveFirst }

// ParseAlive reads the frame.
func ParseAlive(b []byte) (f Alive, err error) {
	if len(b) != AliveSize || !IsAlive(b) {
		return f, ErrFrame
	}
	f.To = binary.BigEndian.Uint16(b[1:])
	f.Heard = b[3]
	copy(f.Tag[:], b[AliveHeader:])
	return f, nil
}

// AliveNonce is the nonce of the answer to a frame with this header and n octets of symbols. Its
// first octet is that of no data frame.
func (f Data) AliveNonce(n int) [NonceSize]byte {
	nonce := f.Nonce(n)
	nonce[0] = aliveFirst
	return nonce
}
