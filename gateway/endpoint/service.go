package endpoint

import (
	"fmt"

	"packhorse/gateway/cms/ber"
)

// MaxType bounds the type of a service message that we write, in characters.
const MaxType = 1024

// encodeService writes the plaintext of a parcel:
//
//	ServiceMessage ::= SEQUENCE { [0] type VisibleString, [1] content OCTET STRING }
func encodeService(typ string, content []byte) ([]byte, error) {
	if typ == "" || len(typ) > MaxType {
		return nil, fmt.Errorf("endpoint: type of the message has %d characters, want 1 to %d", len(typ), MaxType)
	}
	for i := range len(typ) {
		if typ[i] < ' ' || typ[i] > '~' {
			return nil, fmt.Errorf("endpoint: type %q of the message has other characters than visible ASCII", typ)
		}
	}
	return ber.Encode(0x30, ber.Bytes(0x80, []byte(typ)), ber.Bytes(0x81, content)).Join(), nil
}

// parseService reads it. The content refers to b.
func parseService(b []byte) (typ string, content []byte, err error) {
	e, err := ber.Parse(b)
	if err == nil && e.Tag != ber.Sequence {
		err = fmt.Errorf("found %v", e.Tag)
	}
	if err != nil {
		return "", nil, fmt.Errorf("endpoint: malformed service message: %w", err)
	}
	r := e.Reader()
	t, c := r.Take(ber.Context(0)), r.Take(ber.Context(1))
	if err := r.End(); err != nil {
		return "", nil, fmt.Errorf("endpoint: malformed service message: %w", err)
	}
	name, err := t.Octets()
	if err != nil {
		return "", nil, fmt.Errorf("endpoint: malformed service message: %w", err)
	}
	content, err = c.Octets()
	return string(name), content, err
}
