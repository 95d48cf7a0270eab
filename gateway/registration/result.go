package registration

import (
	"crypto/rsa"
	"io"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// Result is a PNR:
//
//	SEQUENCE { [0] node certificate, [1] gateway certificate, [2] Internet address VisibleString, [3] SessionKey OPTIONAL }
//
// The certificates are OCTET STRINGs of DER.
type Result struct {
	Node, Gateway *pki.Certificate
	Address       string             // of the Internet gateway; of the domain, where a domain stands in its place
	Session       *session.PublicKey // with which an Internet gateway registers a private one; nil: none
}

const (
	// endpointMonths is the validity of an endpoint's certificate, clipped to its gateway's.
	endpointMonths = 6
	// maxResult bounds the octets of a PNR.
	maxResult = 2*pki.MaxCertificateSize + 2<<10

	maxAddress = 1024
)

// Issue makes the endpoint's certificate under the gateway's own one: cA, path length 0, from now on.
func Issue(r Request, gateway *pki.Certificate, key *rsa.PrivateKey, address string, now time.Time, rand io.Reader) (Result, error) {
	node, err := pki.Issue(pki.Template{
		Subject: r.Key, Issuer: gateway, IssuerKey: key, CA: true, PathLen: 0, Rand: rand,
		NotBefore: now, NotAfter: now.AddDate(0, endpointMonths, 0),
	})
	if err != nil {
		return Result{}, err
	}
	return Result{Node: node, Gateway: gateway, Address: address}, nil
}

// Marshal encodes the PNR.
func (r Result) Marshal() []byte {
	parts := []ber.Pieces{ber.Bytes(0x80, r.Node.Raw()), ber.Bytes(0x81, r.Gateway.Raw()), ber.Bytes(0x82, []byte(r.Address))}
	if r.Session != nil {
		parts = append(parts, encodeSessionKey(3, *r.Session))
	}
	return ber.Encode(0x30, parts...).Join()
}

// ParseResult is the node's side: it reads a PNR and checks that the gateway's certificate issued the
// node's. Errors are *Error.
func ParseResult(raw []byte) (Result, error) {
	if len(raw) > maxResult {
		return Result{}, refuse(Malformed, "the registration has %d octets, at most %d are possible", len(raw), maxResult)
	}
	f, extra, ok := fields(raw, 3)
	if !ok || len(f[2]) > maxAddress {
		return Result{}, refuse(Malformed, "the registration is malformed")
	}
	node, err := pki.Parse(f[0])
	if err != nil {
		return Result{}, refuse(Malformed, "the node's certificate: %v", err)
	}
	gateway, err := pki.Parse(f[1])
	if err != nil {
		return Result{}, refuse(Malformed, "the gateway's certificate: %v", err)
	}
	key, err := parseSessionKey(3, extra)
	if err != nil {
		return Result{}, refuse(Malformed, "the gateway's session key: %v", err)
	}
	if err := node.IssuedBy(gateway); err != nil {
		return Result{}, refuse(BadSignature, "%v", err)
	}
	return Result{Node: node, Gateway: gateway, Address: string(f[2]), Session: key}, nil
}
