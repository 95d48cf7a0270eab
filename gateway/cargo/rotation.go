package cargo

import (
	"errors"
	"fmt"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// Rotation brings a node a new certificate from who issued the one before. Nothing of it is verified.
type Rotation struct {
	Leaf        *pki.Certificate
	Authorities []*pki.Certificate // above the leaf, at most pki.MaxCandidates
}

// Marshal encodes the rotation as an item of a cargo.
func (r Rotation) Marshal() []byte {
	var above ber.Pieces
	for _, c := range r.Authorities {
		above = append(above, ber.Bytes(0x04, c.Raw())...)
	}
	body := ber.Encode(0x30, ber.Bytes(0x80, r.Leaf.Raw()), ber.Encode(0xa1, above))
	return append(ber.Pieces{[]byte(rotationHeader)}, body...).Join()
}

func parseRotation(b []byte) (*Rotation, error) {
	r, err := enter(b)
	if err != nil {
		return nil, err
	}
	f := fields{r: r}
	out := &Rotation{Leaf: f.certificate(ber.Context(0))}
	above := fields{r: r.Enter(ber.Context(1))}
	for !above.r.Empty() && above.err == nil {
		if len(out.Authorities) == pki.MaxCandidates {
			return nil, fmt.Errorf("cargo: more than %d authorities", pki.MaxCandidates)
		}
		out.Authorities = append(out.Authorities, above.certificate(ber.OctetString))
	}
	if err := errors.Join(r.End(), above.r.End(), f.err, above.err); err != nil {
		return nil, err
	}
	return out, nil
}
