package ramf

import (
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// Parse reads and bounds a message without checking its signature. It keeps b: do not change it
// afterwards. A payload that came in one piece is not copied. Errors are *Error.
func Parse(b []byte) (*Message, error) {
	typ, err := readHeader(b)
	if err != nil {
		return nil, err
	}
	signed, err := cms.ParseSignedData(b[headerSize:])
	if err != nil {
		return nil, refuse(Malformed, "malformed %v: %v", typ, err)
	}
	if signed.Detached {
		return nil, refuse(Malformed, "malformed %v: the signed content is not attached", typ)
	}
	m := &Message{Type: typ, Sender: signed.Signer, Chain: signed.Others, Raw: b, signed: signed}
	if err := m.readFields(signed.Content); err != nil {
		return nil, refuse(Malformed, "malformed %v: %v", typ, err)
	}
	return m, m.checkLimits()
}

// readHeader judges the 7 octets of header and the size.
func readHeader(b []byte) (Type, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return 0, refuse(Malformed, "this is not a RAMF message: it does not start with %q", magic)
	}
	typ := Type(b[5])
	if typ != Parcel && typ != Cargo && typ != CCA {
		return 0, refuse(WrongType, "unknown message type 0x%02x", b[5])
	}
	if b[6] != version {
		return 0, refuse(WrongType, "unknown version %d of a %v", b[6], typ)
	}
	limit := MaxMessage
	if typ == Parcel {
		limit = MaxParcel
	}
	if len(b) > limit {
		return 0, refuse(TooBig, "%v of %d octets, at most %d are allowed", typ, len(b), limit)
	}
	return typ, nil
}

// readFields reads the signed SEQUENCE.
func (m *Message) readFields(b []byte) error {
	e, err := ber.Parse(b)
	if err != nil {
		return err
	}
	if e.Tag != ber.Sequence {
		return fmt.Errorf("found %v, want a SEQUENCE of fields", e.Tag)
	}
	r := e.Reader()
	to := r.Enter(ber.Context(0))
	var f fields
	m.Recipient = pki.NodeID(f.primitive(to, 0))
	if !to.Empty() {
		m.InternetAddress = string(f.primitive(to, 1))
	}
	m.ID = string(f.primitive(r, 1))
	m.Created = f.date(r, 2)
	m.TTL = f.seconds(r, 3)
	payload := r.Take(ber.Context(4))
	if err := errors.Join(f.err, to.End(), r.End()); err != nil {
		return err
	}
	m.Payload, err = payload.Octets()
	return err
}

// fields keeps the first error of a row of fields.
type fields struct{ err error }

func (f *fields) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

// primitive reads the content of [n], which must not be in pieces.
func (f *fields) primitive(r *ber.Reader, n uint32) []byte {
	e := r.Take(ber.Context(n))
	if e.Constructed {
		f.keep(fmt.Errorf("field [%d] is in pieces", n))
	}
	return e.Content
}

const dateLayout = "20060102150405"

// date reads the content of a DATE-TIME: 14 digits, UTC.
func (f *fields) date(r *ber.Reader, n uint32) time.Time {
	b := string(f.primitive(r, n))
	t, err := time.Parse(dateLayout, b)
	if err != nil || t.Format(dateLayout) != b {
		f.keep(fmt.Errorf("creation date %.20q is not 14 digits of a date", b))
	}
	return t
}

func (f *fields) seconds(r *ber.Reader, n uint32) time.Duration {
	e := r.Take(ber.Context(n))
	v, err := e.Uint()
	if r.Err() == nil {
		f.keep(err)
	}
	return time.Duration(v) * time.Second
}
