package registration

import (
	"crypto/rsa"
	"crypto/sha256"
	"io"

	"packhorse/gateway/pki"
)

// Request is a verified PNRR:
//
//	SEQUENCE { [0] SPKI of the node, [1] PNRA, [2] countersignature }     -- all OCTET STRINGs
//
// The countersignature is RSASSA-PSS, SHA-256, 32 octets of salt, by the node's key, over SEQUENCE {
// [0] OID ...58708.0.2.1, [1] PNRA }.
type Request struct {
	Authorization Authorization
	Endpoint      pki.NodeID
	Key           *rsa.PublicKey
	SPKI          []byte
	Raw           []byte
}

// MaxRequest bounds the octets of a PNRR with the largest keys allowed.
const MaxRequest = 4 << 10

// NewRequest is the endpoint's side: it countersigns a PNRA as it came.
func NewRequest(pnra []byte, key *rsa.PrivateKey, rand io.Reader) ([]byte, error) {
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		return nil, err
	}
	sig, err := pki.SignPSS(key, pki.RegistrationCountersignature.Plaintext(pnra), rand)
	if err != nil {
		return nil, err
	}
	return sequence(spki, pnra, sig), nil
}

// ParseRequest reads a PNRR and verifies all that can be verified by anybody: that the authorization names
// this key, the signature of the gateway that it names, and the endpoint's own. The result keeps raw.
// Errors are *Error.
func ParseRequest(raw []byte) (Request, error) {
	var auth Authorization
	r, err := parseRequest(raw, func(pnra []byte) (_ [32]byte, err error) {
		auth, err = ParseAuthorization(pnra)
		return auth.Digest, err
	})
	r.Authorization = auth
	return r, err
}

// parseRequest reads a PNRR; judge verifies its PNRA and says for which key that is.
func parseRequest(raw []byte, judge func(pnra []byte) ([32]byte, error)) (Request, error) {
	if len(raw) > MaxRequest {
		return Request{}, refuse(Malformed, "the request has %d octets, at most %d are possible", len(raw), MaxRequest)
	}
	f, ok := exactly(raw, 3)
	if !ok {
		return Request{}, refuse(Malformed, "the request is malformed")
	}
	key, err := pki.ParseSPKI(f[0])
	if err != nil {
		return Request{}, refuse(Malformed, "the request's public key: %v", err)
	}
	digest, err := judge(f[1])
	if err != nil {
		return Request{}, err
	}
	if sha256.Sum256(f[0]) != digest {
		return Request{}, refuse(OtherKey, "the authorization was made for another key")
	}
	if pki.VerifyPSS(key, pki.RegistrationCountersignature.Plaintext(f[1]), f[2]) != nil {
		return Request{}, refuse(BadSignature, "the countersignature is wrong")
	}
	return Request{Endpoint: pki.IDOf(f[0]), Key: key, SPKI: f[0], Raw: raw}, nil
}
