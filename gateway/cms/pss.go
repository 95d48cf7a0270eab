package cms

import (
	"crypto"
	"errors"

	"packhorse/gateway/cms/ber"
)

// pssHash reads the algorithm of a signature and returns its hash. Only RSASSA-PSS passes, with
// the same hash for message and MGF1 and as much salt as the hash has octets (RFC 4055 section 3.1).
// Absent members would mean SHA-1, so they are refused.
func pssHash(a Algorithm) (crypto.Hash, error) {
	if a.OID != oidPSS || !a.Present || a.Parameters.Tag != ber.Sequence {
		return 0, errors.New("cms: signature algorithm is not RSASSA-PSS with parameters")
	}
	r := a.Parameters.Reader()
	hash, err := explicitHash(r.Enter(ber.Context(0)))
	if err != nil {
		return 0, err
	}
	mgf, err := explicitMGF1(r.Enter(ber.Context(1)))
	if err != nil {
		return 0, err
	}
	salt, err := explicitInteger(r.Enter(ber.Context(2)))
	if err != nil {
		return 0, err
	}
	if trailer, ok := r.Maybe(ber.Context(3)); ok {
		if n, err := explicitInteger(trailer.Reader()); err != nil || n != 1 {
			return 0, errors.New("cms: RSASSA-PSS trailer field is not 1")
		}
	}
	if err := r.End(); err != nil {
		return 0, err
	}
	if mgf != hash || salt != hash.Size() {
		return 0, errors.New("cms: RSASSA-PSS mask hash or salt length does not match its hash")
	}
	return hash, nil
}

func explicitHash(r *ber.Reader) (crypto.Hash, error) {
	a, err := TakeAlgorithm(r, ber.Sequence)
	if err = errors.Join(err, r.End()); err != nil {
		return 0, err
	}
	return hashOf(a)
}

func explicitMGF1(r *ber.Reader) (crypto.Hash, error) {
	a, err := TakeAlgorithm(r, ber.Sequence)
	if err = errors.Join(err, r.End()); err != nil {
		return 0, err
	}
	if a.OID != oidMGF1 || !a.Present || a.Parameters.Tag != ber.Sequence {
		return 0, errors.New("cms: RSASSA-PSS mask is not MGF1")
	}
	p := a.Parameters.Reader()
	inner := Algorithm{OID: string(p.Take(ber.ObjectIdentifier).Content)}
	inner.Parameters, inner.Present = p.Next()
	if err := p.End(); err != nil {
		return 0, err
	}
	return hashOf(inner)
}

func explicitInteger(r *ber.Reader) (int, error) {
	e := r.Take(ber.Integer)
	if err := r.End(); err != nil {
		return 0, err
	}
	return e.Uint()
}

// encodeSHA256 writes its AlgorithmIdentifier with NULL, as Awala's libraries do.
func encodeSHA256() ber.Pieces {
	return ber.Encode(idSequence, ber.Bytes(idOID, []byte(oidSHA256)), ber.Bytes(idNull, nil))
}

// encodePSS writes RSASSA-PSS with SHA-256, MGF1-SHA-256 and 32 octets of salt.
func encodePSS() ber.Pieces {
	mgf := ber.Encode(idSequence, ber.Bytes(idOID, []byte(oidMGF1)), encodeSHA256())
	return ber.Encode(idSequence, ber.Bytes(idOID, []byte(oidPSS)), ber.Encode(idSequence,
		ber.Encode(idContext0, encodeSHA256()),
		ber.Encode(idContext0+1, mgf),
		ber.Encode(idContext0+2, ber.Bytes(idInteger, []byte{32})),
	))
}
