package cms

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// Sign makes a SignedData with the content attached. key is that of signer's certificate;
// others are attached after it. Salt comes from rand.
func Sign(content []byte, signer *pki.Certificate, others []*pki.Certificate, key crypto.Signer, rand io.Reader) (ber.Pieces, error) {
	attached := ber.Encode(idContext0, ber.Bytes(idOctets, content))
	return sign(content, attached, signer, others, key, rand)
}

// SignDetached makes a SignedData without the content, with the signer's certificate alone.
func SignDetached(content []byte, signer *pki.Certificate, key crypto.Signer, rand io.Reader) ([]byte, error) {
	p, err := sign(content, nil, signer, nil, key, rand)
	if err != nil {
		return nil, err
	}
	return p.Join(), nil
}

func sign(content []byte, attached ber.Pieces, signer *pki.Certificate, others []*pki.Certificate, key crypto.Signer, rand io.Reader) (ber.Pieces, error) {
	if pub, ok := key.Public().(*rsa.PublicKey); !ok || !pub.Equal(signer.Key()) {
		return nil, errors.New("cms: the key is not that of the signer's certificate")
	}
	if len(others) > pki.MaxCandidates {
		return nil, fmt.Errorf("cms: %d certificates to attach, at most %d", len(others), pki.MaxCandidates)
	}
	digest := sha256.Sum256(content)
	input := sha256.Sum256(encodeAttributes(idSet, digest[:]).Join())
	signature, err := key.Sign(rand, input[:], &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256})
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	certificates := ber.Pieces{signer.Raw()}
	for _, c := range others {
		certificates = append(certificates, c.Raw())
	}
	return EncodeContentInfo(oidSignedData, ber.Encode(idSequence,
		ber.Bytes(idInteger, []byte{1}),
		ber.Encode(idSet, encodeSHA256()),
		ber.Encode(idSequence, ber.Bytes(idOID, []byte(oidData)), attached),
		ber.Encode(idContext0, certificates),
		ber.Encode(idSet, encodeSignerInfo(signer, digest[:], signature)),
	)), nil
}

func encodeSignerInfo(signer *pki.Certificate, digest, signature []byte) ber.Pieces {
	id := ber.Encode(idSequence, ber.Pieces{signer.X509.RawIssuer}, ber.Bytes(idInteger, signer.RawSerial()))
	return ber.Encode(idSequence,
		ber.Bytes(idInteger, []byte{1}),
		id,
		encodeSHA256(),
		encodeAttributes(idContext0, digest),
		encodePSS(),
		ber.Bytes(idOctets, signature),
	)
}
