package cargo

import (
	"bytes"
	"errors"
	"fmt"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// enter reads the one SEQUENCE that b is.
func enter(b []byte) (*ber.Reader, error) {
	doc, err := ber.Parse(b)
	if err != nil {
		return nil, err
	}
	if doc.Tag != ber.Sequence {
		return nil, fmt.Errorf("cargo: found %v, want a SEQUENCE", doc.Tag)
	}
	return doc.Reader(), nil
}

// fields reads values one after the other and keeps the first error that the reader does not know.
type fields struct {
	r   *ber.Reader
	err error
}

func (f *fields) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) octets(t ber.Tag) []byte {
	b, err := f.r.Take(t).Octets()
	f.keep(err)
	return b
}

// text reads a VisibleString under [n].
func (f *fields) text(n uint32, limit int) string {
	b := f.octets(ber.Context(n))
	if len(b) > limit {
		f.keep(fmt.Errorf("cargo: field [%d] has %d characters, at most %d are allowed", n, len(b), limit))
		return ""
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			f.keep(errors.New("cargo: an id has other characters than visible ASCII"))
		}
	}
	return string(b)
}

func (f *fields) certificate(t ber.Tag) *pki.Certificate {
	c, err := pki.Parse(bytes.Clone(f.octets(t))) // a certificate outlives the cargo
	f.keep(err)
	return c
}
