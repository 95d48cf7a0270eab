package ramf

import (
	"encoding/hex"
	"fmt"
	"io"
)

// NewID draws a message id: a UUID of version 4 (RFC 9562), as the libraries in use name their messages. Errors are those
// of rand.
func NewID(rand io.Reader) (string, error) {
	var u [16]byte
	if _, err := io.ReadFull(rand, u[:]); err != nil {
		return "", fmt.Errorf("ramf: drawing a message id: %w", err)
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
