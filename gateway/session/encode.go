package session

import (
	"crypto/ecdh"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
)

// encode writes an envelope in writeProfile.
func (e *envelope) encode() ber.Pieces {
	wrap := ber.Encode(0x30, ber.Bytes(0x06, []byte(writeProfile.wrapOID)))
	agreement := ber.Encode(0xa1,
		ber.Bytes(0x02, []byte{3}),
		ber.Encode(0xa0, ber.Encode(0xa1, encodePoint(e.originator.Key)...)),
		ber.Encode(0xa1, ber.Bytes(0x04, e.ukm)),
		ber.Encode(0x30, ber.Bytes(0x06, []byte(oidStdDH+"\x01")), wrap),
		ber.Encode(0x30, ber.Encode(0x30,
			ber.Encode(0xa0, ber.Bytes(0x04, e.recipient)),
			ber.Bytes(0x04, e.wrapped))),
	)
	content := ber.Encode(0x30,
		ber.Bytes(0x06, []byte(oidData)),
		ber.Encode(0x30, ber.Bytes(0x06, []byte(oidCBC128)), ber.Bytes(0x04, e.iv)),
		ber.Bytes(0x80, e.ciphertext),
	)
	keyID := ber.Encode(0x30, ber.Bytes(0x06, []byte(oidOriginator)), ber.Encode(0x31, ber.Bytes(0x04, e.originator.ID)))
	return cms.EncodeContentInfo(oidEnveloped, ber.Encode(0x30,
		ber.Bytes(0x02, []byte{2}),
		ber.Encode(0x31, agreement),
		content,
		ber.Encode(0xa1, keyID),
	))
}

// encodePoint writes the members of a SubjectPublicKeyInfo.
func encodePoint(k *ecdh.PublicKey) []ber.Pieces {
	algorithm := ber.Encode(0x30, ber.Bytes(0x06, []byte(oidECPublicKey)), ber.Bytes(0x06, []byte(oidP256)))
	return []ber.Pieces{algorithm, ber.Encode(0x03, ber.Pieces{{0}, k.Bytes()})}
}
