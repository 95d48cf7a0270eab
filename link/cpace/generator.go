package cpace

import (
	"crypto/sha512"

	"github.com/gtank/ristretto255"
)

// Domain separation strings of the group (section 8.3) and of the key (section 7.2).
const (
	dsi    = "CPaceRistretto255"
	dsiISK = "CPaceRistretto255_ISK"
)

// generator is calculate_generator: the element that the password, the channel and the session choose.
func generator(password, channelID, sid []byte) *ristretto255.Element {
	h := sha512.Sum512(generatorString(password, channelID, sid))
	return ristretto255.NewElement().FromUniformBytes(h[:])
}

// generatorString pads the first hash block after the password with zeros, so that hashing the password
// takes a time that does not depend on what follows (appendix A.2).
func generatorString(password, channelID, sid []byte) []byte {
	head := appendLV(nil, []byte(dsi), password)
	pad := max(0, sha512.BlockSize-1-len(head))
	return appendLV(head, make([]byte, pad), channelID, sid)
}

// appendLV is lv_cat: each part behind its length in LEB128 (appendix A.1).
func appendLV(b []byte, parts ...[]byte) []byte {
	for _, p := range parts {
		n := len(p)
		for ; n > 0x7f; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		b = append(append(b, byte(n)), p...)
	}
	return b
}
