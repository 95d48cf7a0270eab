package cargo

import (
	"errors"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// EncodeRequest writes a CargoCollectionRequest, the plaintext of a CCA: the certificate by which the private gateway
// lets the Internet gateway send it cargo.
func EncodeRequest(cda *pki.Certificate) []byte {
	return ber.Encode(0x30, ber.Bytes(0x80, cda.Raw())).Join()
}

// ParseRequest reads a CargoCollectionRequest. The certificate is not verified.
func ParseRequest(plain []byte) (*pki.Certificate, error) {
	r, err := enter(plain)
	if err != nil {
		return nil, err
	}
	f := fields{r: r}
	cda := f.certificate(ber.Context(0))
	if err := errors.Join(r.End(), f.err); err != nil {
		return nil, err
	}
	return cda, nil
}
