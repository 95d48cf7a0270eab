// Package cms is the part of the Cryptographic Message Syntax (RFC 5652) that Awala uses:
// SignedData with one RSASSA-PSS signer (RS-018), attached and detached. It reads BER and writes DER. Pure.
//
//	ContentInfo ::= SEQUENCE { id-signedData, [0] SignedData }
//	SignedData  ::= SEQUENCE {
//	    INTEGER 1,
//	    SET { SHA-256 },
//	    SEQUENCE { id-data, [0] OCTET STRING content },     [0] absent when detached
//	    [0] { Certificate signer, Certificate ... },        any order when read
//	    SET { SignerInfo } }                                exactly one
//	SignerInfo  ::= SEQUENCE {
//	    INTEGER 1,
//	    SEQUENCE { issuer Name, serialNumber },
//	    digest algorithm,
//	    [0] { contentType, messageDigest },                 others are accepted
//	    RSASSA-PSS, parameters always written,
//	    OCTET STRING signature }
//
// SHA-256, SHA-384 and SHA-512 are read, with the same hash for signature and mask and a salt of the
// hash's size; SHA-256 is written. PKCS#1 v1.5 and SHA-1 are refused. RFC 4056 section 3 wants the digest to
// use the signature's hash too; Awala's JavaScript library binds the latter to the key and lets
// applications choose the former, so that they may differ here.
package cms

import (
	"crypto"
	_ "crypto/sha256" // the hashes of hashOf
	_ "crypto/sha512"
	"errors"
	"fmt"

	"packhorse/gateway/cms/ber"
)

// Content octets of the object identifiers, as string constants so that nobody can change them.
const (
	oidData          = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // 1.2.840.113549.1.7.1
	oidSignedData    = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" // 1.2.840.113549.1.7.2
	oidContentType   = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03" // 1.2.840.113549.1.9.3
	oidMessageDigest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04" // 1.2.840.113549.1.9.4
	oidMGF1          = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" // 1.2.840.113549.1.1.8
	oidPSS           = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" // 1.2.840.113549.1.1.10
	oidSHA256        = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // 2.16.840.1.101.3.4.2.1
	oidSHA384        = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidSHA512        = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"
)

// Identifier octets of the DER that is written.
const (
	idInteger  = 0x02
	idOctets   = 0x04
	idNull     = 0x05
	idOID      = 0x06
	idSequence = 0x30
	idSet      = 0x31
	idContext0 = 0xa0
)

// ContentInfo reads the outermost SEQUENCE and returns the content, if it is of the type whose
// object identifier has these content octets.
func ContentInfo(b []byte, oid string) (ber.Element, error) {
	e, err := ber.Parse(b)
	if err != nil {
		return ber.Element{}, err
	}
	if e.Tag != ber.Sequence {
		return ber.Element{}, fmt.Errorf("cms: found %v, want a ContentInfo", e.Tag)
	}
	r := e.Reader()
	typ := r.Take(ber.ObjectIdentifier)
	explicit := r.Enter(ber.Context(0))
	content := explicit.Take(ber.Sequence)
	if err := errors.Join(explicit.End(), r.End()); err != nil {
		return ber.Element{}, fmt.Errorf("cms: malformed ContentInfo: %w", err)
	}
	if string(typ.Content) != oid {
		return ber.Element{}, fmt.Errorf("cms: content type %x is not the expected one", typ.Content)
	}
	return content, nil
}

// EncodeContentInfo wraps content. oid is the content octets of its type.
func EncodeContentInfo(oid string, content ber.Pieces) ber.Pieces {
	return ber.Encode(idSequence, ber.Bytes(idOID, []byte(oid)), ber.Encode(idContext0, content))
}

// Algorithm is an AlgorithmIdentifier.
type Algorithm struct {
	OID        string // content octets
	Parameters ber.Element
	Present    bool // whether there are parameters; NULL counts
}

// TakeAlgorithm reads an AlgorithmIdentifier of this tag.
func TakeAlgorithm(r *ber.Reader, tag ber.Tag) (Algorithm, error) {
	s := r.Enter(tag)
	a := Algorithm{OID: string(s.Take(ber.ObjectIdentifier).Content)}
	a.Parameters, a.Present = s.Next()
	return a, s.End()
}

// none says that there are no parameters, or NULL.
func (a Algorithm) none() bool { return !a.Present || a.Parameters.Tag == ber.Null }

// hashOf names the hash of an AlgorithmIdentifier.
func hashOf(a Algorithm) (crypto.Hash, error) {
	if a.none() {
		switch a.OID {
		case oidSHA256:
			return crypto.SHA256, nil
		case oidSHA384:
			return crypto.SHA384, nil
		case oidSHA512:
			return crypto.SHA512, nil
		}
	}
	return 0, fmt.Errorf("cms: hash algorithm %x is not SHA-256, SHA-384 or SHA-512", a.OID)
}
