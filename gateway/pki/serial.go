package pki

import (
	"bytes"
	"crypto/x509"

	"packhorse/gateway/cms/ber"
)

// parseX509 reads a certificate as crypto/x509 does, except for one thing: a serial number
// padded with zero octets is accepted. Awala's JavaScript library writes those in one of 512
// certificates, because it takes 8 random octets as they are. The octets that
// were signed stay as they came.
func parseX509(der []byte) (*x509.Certificate, error) {
	mended, tbs := mendSerial(der)
	if mended == nil {
		return x509.ParseCertificate(der)
	}
	x, err := x509.ParseCertificate(mended)
	if err != nil {
		return nil, err
	}
	x.Raw, x.RawTBSCertificate = der, tbs
	return x, nil
}

// mendSerial returns the certificate with a minimal serial number and the original
// TBSCertificate, or nil when there is nothing to mend.
func mendSerial(der []byte) (mended, tbs []byte) {
	e, err := ber.Parse(der)
	if err != nil || e.Tag != ber.Sequence || e.Indefinite {
		return nil, nil
	}
	outer := e.Reader()
	t := outer.Take(ber.Sequence)
	if outer.Err() != nil || t.Indefinite {
		return nil, nil
	}
	inner := t.Reader()
	version := inner.Take(ber.Context(0))
	serial := inner.Take(ber.Integer)
	digits := bytes.TrimLeft(serial.Content, "\x00")
	if inner.Err() != nil || len(digits) == 0 || digits[0] >= 0x80 || len(digits) == len(serial.Content) {
		return nil, nil
	}
	rebuild := func(number []byte) []byte {
		after := ber.Pieces{t.Content[len(version.Raw)+len(serial.Raw):]}
		body := ber.Encode(0x30, ber.Pieces{version.Raw}, ber.Bytes(0x02, number), after)
		return ber.Encode(0x30, body, ber.Pieces{e.Content[len(t.Raw):]}).Join()
	}
	if !bytes.Equal(rebuild(serial.Content), der) { // not DER elsewhere either
		return nil, nil
	}
	return rebuild(digits), t.Raw
}

// RawSerial is the content octets of the serial number as they stand in the certificate. Do not
// change it.
func (c *Certificate) RawSerial() []byte {
	e, err := ber.Parse(c.X509.RawTBSCertificate)
	if err != nil {
		return nil
	}
	r := e.Reader()
	r.Maybe(ber.Context(0))
	return r.Take(ber.Integer).Content
}
