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
	var typ, digest []byte
	for r := attrs.Reader(); ; {
		if r.Empty() {
			if err := r.End(); err != nil {
				return err
			}
			break
		}
		a := r.Enter(ber.Sequence)
		name, values := a.Take(ber.ObjectIdentifier), a.Take(ber.Set)
		if err := errors.Join(r.Err(), a.End()); err != nil {
			return err
		}
		var err error
		switch string(name.Content) {
		case oidContentType:
			typ, err = single(typ, values, ber.ObjectIdentifier)
		case oidMessageDigest:
			digest, err = single(digest, values, ber.OctetString)
		}
		if err != nil {
			return err
		}
	}
	if string(typ) != oidData {
		return errors.New("cms: signed attribute contentType is missing or not data")
	}
	if len(digest) != s.digestHash.Size() {
		return fmt.Errorf("cms: messageDigest has %d octets, want %d", len(digest), s.digestHash.Size())
	}
	s.digest = digest
	return nil
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
	attribute := func(oid string, value ber.Pieces) ber.Pieces {
		return ber.Encode(idSequence, ber.Bytes(idOID, []byte(oid)), ber.Encode(idSet, value))
	}
	return ber.Encode(identifier,
		attribute(oidContentType, ber.Bytes(idOID, []byte(oidData))),
		attribute(oidMessageDigest, ber.Bytes(idOctets, digest)),
	)
}
