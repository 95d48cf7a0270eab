package wire

// Alive answers a data frame that asks for a sign of life only: its receiver holds the stream's keys. It is as
// short as can be, because it comes every few frames of a burst.
//
//	0 1 type nibble, 1
//	1 1 data frames of the stream heard since the receiver last spoke, at most 255
//	2 4 tag of nothing, under the data key, with AliveNonce and Nonce
//
// It lets a burst go on and moves nothing else, so a short tag is enough. Whom it is for the tag alone tells: few
// wait for one at a time.
type Alive struct {
	Heard uint8
	Tag   [ShortTag]byte
}

// Octets of an Alive and of its header, which is authenticated.
const (
	AliveHeader = 2
	AliveSize   = AliveHeader + ShortTag
)

const aliveFirst = byte(TypeControl)<<4 | 1

// AppendAliveHeader appends what the tag covers.
func AppendAliveHeader(b []byte, heard uint8) []byte { return append(b, aliveFirst, heard) }

// IsAlive tells an Alive from the control frames whose type it shares.
func IsAlive(b []byte) bool { return len(b) > 0 && b[0] == aliveFirst }

// ParseAlive reads the frame.
func ParseAlive(b []byte) (f Alive, err error) {
	if len(b) != AliveSize || !IsAlive(b) {
		return f, ErrFrame
	}
	f.Heard = b[1]
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

// Nonce completes that of the answer by what it says, so that one nonce never seals two answers: who repeats the
// question at the receiver may get another one.
func (f Alive) Nonce(of [NonceSize]byte) [NonceSize]byte {
	of[7] = f.Heard
	return of
}
