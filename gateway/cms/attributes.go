package cms

import (
	"errors"
	"fmt"

	"packhorse/gateway/cms/ber"
)

// readAttributes reads signedAttrs. contentType and messageDigest must be there once each, with
// one value; any others are accepted. The signature covers their DER, so that they must have come with a
// definite length; what is inside is taken as it came, like the digest of it.
func (s *SignedData) readAttributes(attrs ber.Element) error {
	if attrs.Indefinite {
		return errors.New("cms: signed attributes are not in DER")
	}
	s.attrs = attrs.Raw
	typ, err := attribute(attrs, oidContentType, ber.ObjectIdentifier)
	if err != nil {
		return err
	}
	if s.digest, err = attribute(attrs, oidMessageDigest, ber.OctetString); err != nil {
		return err
	}
	if string(typ) != oidData {
		return errors.New("cms: signed attribute contentType is missing or not data")
	}
	if len(s.digest) != s.digestHash.Size() {
		return fmt.Errorf("cms: messageDigest has %d octets, want %d", len(s.digest), s.digestHash.Size())
	}
	return nil
}

// attribute returns the value of the one attribute of this name, nil when there is none.
func attribute(attrs ber.Element, oid string, tag ber.Tag) (value []byte, err error) {
	r := attrs.Reader()
	for !r.Empty() {
		a := r.Enter(ber.Sequence)
		name, values := a.Take(ber.ObjectIdentifier), a.Take(ber.Set)
		if err := errors.Join(r.Err(), a.End()); err != nil {
			return nil, err
		}
		if string(name.Content) != oid {
			continue
		}
		if value, err = single(value, values, tag); err != nil {
			return nil, err
		}
	}
	return value, r.End()
}

// single reads the one value of an attribute that has not been seen before.
func single(before []byte, values ber.Element, tag ber.Tag) ([]byte, error) {
	r := values.Reader()
	v := r.Take(tag)
	if err := r.End(); err != nil {
		return nil, err
	}
	if before != nil || v.Constructed {
		return nil, errors.New("cms: signed attribute comes twice or in pieces")
	}
	return v.Content, nil
}

// encodeAttributes writes contentType and messageDigest, in the order that DER wants, with
// identifier [0] to store or SET OF to sign.
func encodeAttributes(identifier byte, digest []byte) ber.Pieces {
	encode := func(oid string, value ber.Pieces) ber.Pieces {
		return ber.Encode(idSequence, ber.Bytes(idOID, []byte(oid)), ber.Encode(idSet, value))
	}
	return ber.Encode(identifier,
		encode(oidContentType, ber.Bytes(idOID, []byte(oidData))),
		encode(oidMessageDigest, ber.Bytes(idOctets, digest)),
	)
}
