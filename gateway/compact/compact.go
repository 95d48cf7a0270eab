// Package compact makes parcels small for the air and rebuilds them bit for bit. Pure.
//
// The body of a parcel on the air begins with its form:
//
//	0  plain: the parcel as it is
//	1  deflated: DEFLATE (RFC 1951) with a preset dictionary of what is constant in Awala's messages
//	2  keyed: node ids and key hashes that can be computed from the public keys in the parcel are
//	   taken out (see keys.go), then as form 1
//
// Pack chooses the smallest that rebuilds exactly. The form fixes dictionary and method for ever: another
// dictionary is another form. Different gateways may pack one parcel differently, also with different
// versions of Go; so the body is carried as it came and only Unpack's result is compared.
package compact

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// MaxSize is the most octets Unpack returns, the limit of a whole message (RS-001, as shipped).
const MaxSize = 9_437_184

// Forms of a body.
const (
	formPlain    = 0
	formDeflated = 1
	formKeyed    = 2
)

const (
	// Up to this size the slowest compression is worth its time; above, nearly all is ciphertext.
	smallParcel = 64 << 10
	// From this size on the certificates, all that shrinks, are less than half a percent: nothing is compressed.
	largeParcel = 1 << 20
	// fastLevel is the least that honours a dictionary.
	fastLevel = 2
)

// ErrBody tells that a body cannot be unpacked: it is damaged, too large or from a newer version.
var ErrBody = errors.New("compact: the body is no parcel")

// Pack makes the body of a parcel. It fails only on a parcel of more than MaxSize octets. The result shares
// nothing with parcel.
func Pack(parcel []byte) ([]byte, error) {
	if len(parcel) > MaxSize {
		return nil, fmt.Errorf("compact: a parcel of %d octets is larger than %d", len(parcel), MaxSize)
	}
	best := append([]byte{formPlain}, parcel...)
	if len(parcel) >= largeParcel {
		return best, nil
	}
	if b := deflate(formDeflated, parcel); len(b) < len(best) {
		best = b
	}
	keyed, ok := takeKeys(parcel)
	if !ok {
		return best, nil
	}
	if b := deflate(formKeyed, keyed); len(b) < len(best) {
		best = b
	}
	return best, nil
}

// Unpack rebuilds the parcel of a body. The result may share memory with body. Errors wrap ErrBody.
func Unpack(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrBody)
	}
	switch form := body[0]; form {
	case formPlain:
		if len(body)-1 > MaxSize {
			return nil, fmt.Errorf("%w: it has more than %d octets", ErrBody, MaxSize)
		}
		return body[1:], nil
	case formDeflated:
		return inflate(body[1:])
	case formKeyed:
		b, err := inflate(body[1:])
		if err != nil {
			return nil, err
		}
		return putKeys(b)
	default:
		return nil, fmt.Errorf("%w: its form is %d, this program knows 0 to %d", ErrBody, form, formKeyed)
	}
}

func deflate(form byte, b []byte) []byte {
	level := flate.BestCompression
	if len(b) > smallParcel {
		level = fastLevel
	}
	out := bytes.NewBuffer([]byte{form})
	w, err := flate.NewWriterDict(out, level, []byte(dictionary))
	if err != nil {
		return append(out.Bytes(), b...) // never: the level is valid
	}
	w.Write(b) // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}

// inflate never holds more than MaxSize octets, and wants b to end where the stream does.
func inflate(b []byte) ([]byte, error) {
	in := bytes.NewReader(b)
	out, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(in, []byte(dictionary)), MaxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrBody, err)
	case len(out) > MaxSize:
		return nil, fmt.Errorf("%w: it expands beyond %d octets", ErrBody, MaxSize)
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: %d octets follow its end", ErrBody, in.Len())
	}
	return out, nil
}
