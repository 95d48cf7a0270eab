package ramf

import (
	"crypto"
	"encoding/asn1"
	"io"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
)

// Sign encodes and signs a message with the key of m.Sender; m.Chain is attached. Sets nothing in
// m. Fractions of seconds are dropped. Salt comes from rand. What breaks a limit is refused with an *Error.
func Sign(m *Message, key crypto.Signer, rand io.Reader) ([]byte, error) {
	if err := m.checkLimits(); err != nil {
		return nil, err
	}
	fields, err := m.encodeFields()
	if err != nil {
		return nil, err
	}
	signed, err := cms.Sign(fields, m.Sender, m.Chain, key, rand)
	if err != nil {
		return nil, err
	}
	header := append([]byte(magic), byte(m.Type), version)
	b := append(ber.Pieces{header}, signed...).Join()
	_, err = readHeader(b)
	return b, err
}

func (m *Message) encodeFields() ([]byte, error) {
	ttl, err := asn1.Marshal(int64(m.TTL / time.Second))
	if err != nil {
		return nil, err
	}
	to := ber.Bytes(0x80, []byte(m.Recipient))
	if m.InternetAddress != "" {
		to = append(to, ber.Bytes(0x81, []byte(m.InternetAddress))...)
	}
	return ber.Encode(0x30,
		ber.Encode(0xa0, to),
		ber.Bytes(0x81, []byte(m.ID)),
		ber.Bytes(0x82, []byte(m.Created.UTC().Format(dateLayout))),
		ber.Bytes(0x83, ttl[2:]),
		ber.Bytes(0x84, m.Payload),
	).Join(), nil
}
