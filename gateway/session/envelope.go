package session

import (
	"crypto/aes"
	"crypto/ecdh"
	"errors"
	"fmt"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
)

// envelope is a payload taken apart.
type envelope struct {
	profile    profile
	originator PublicKey
	ukm        []byte // nil when absent
	recipient  []byte // key id
	wrapped    []byte
	iv         []byte
	ciphertext []byte
}

func parseEnvelope(payload []byte) (*envelope, error) {
	e, err := readEnvelope(payload)
	if err != nil {
		return nil, fmt.Errorf("session: malformed payload: %w", err)
	}
	return e, nil
}

func readEnvelope(payload []byte) (*envelope, error) {
	content, err := cms.ContentInfo(payload, oidEnveloped)
	if err != nil {
		return nil, err
	}
	r := content.Reader()
	if version, err := r.Take(ber.Integer).Uint(); r.Err() == nil && (err != nil || version > 4) {
		return nil, errors.New("unknown version of EnvelopedData")
	}
	r.Maybe(ber.Context(0)) // originatorInfo
	recipients := r.Enter(ber.Set)
	encrypted := r.Enter(ber.Sequence)
	attributes := r.Enter(ber.Context(1))
	if err := r.End(); err != nil {
		return nil, err
	}
	e := &envelope{}
	agreement := recipients.Enter(ber.Context(1))
	if err := recipients.End(); err != nil {
		return nil, fmt.Errorf("want exactly one KeyAgreeRecipientInfo: %w", err)
	}
	return e, errors.Join(e.readAgreement(agreement), e.readContent(encrypted), e.readAttributes(attributes))
}

// readAgreement reads KeyAgreeRecipientInfo.
func (e *envelope) readAgreement(r *ber.Reader) error {
	if version, err := r.Take(ber.Integer).Uint(); r.Err() == nil && (err != nil || version != 3) {
		return errors.New("unknown version of KeyAgreeRecipientInfo")
	}
	originator := r.Enter(ber.Context(0))
	point := originator.Enter(ber.Context(1))
	if err := originator.End(); err != nil {
		return err
	}
	var err error
	if e.originator.Key, err = readPoint(point); err != nil {
		return err
	}
	if explicit, ok := r.Maybe(ber.Context(1)); ok {
		u := explicit.Reader()
		ukm := u.Take(ber.OctetString)
		if e.ukm, err = ukm.Octets(); err != nil || u.End() != nil {
			return errors.Join(u.End(), err)
		}
	}
	if err := e.readAlgorithms(r); err != nil {
		return err
	}
	return e.readRecipient(r)
}

// readRecipient reads the one RecipientEncryptedKey, which ends KeyAgreeRecipientInfo.
func (e *envelope) readRecipient(r *ber.Reader) (err error) {
	keys := r.Enter(ber.Sequence)
	key := keys.Enter(ber.Sequence)
	if err := errors.Join(r.End(), keys.End()); err != nil {
		return err
	}
	id := key.Enter(ber.Context(0))
	e.recipient, err = keyID(id.Take(ber.OctetString))
	for !id.Empty() {
		id.Next() // date and other key attribute
	}
	wrapped := key.Take(ber.OctetString)
	if err := errors.Join(id.End(), key.End(), err); err != nil {
		return err
	}
	e.wrapped, err = wrapped.Octets()
	return err
}

// readAlgorithms reads keyEncryptionAlgorithm, whose parameter is the key wrap algorithm.
func (e *envelope) readAlgorithms(r *ber.Reader) error {
	agreement, err := cms.TakeAlgorithm(r, ber.Sequence)
	if err != nil {
		return err
	}
	if e.profile.hash, err = derivationHash(agreement.OID); err != nil {
		return err
	}
	if !agreement.Present || agreement.Parameters.Tag != ber.Sequence {
		return errors.New("key agreement does not name its key wrap")
	}
	w := agreement.Parameters.Reader()
	e.profile.wrapOID = string(w.Take(ber.ObjectIdentifier).Content)
	w.Maybe(ber.Null)
	if err := w.End(); err != nil {
		return err
	}
	e.profile.wrapKeySize, err = wrapKeySize(e.profile.wrapOID)
	return err
}

// readContent reads EncryptedContentInfo.
func (e *envelope) readContent(r *ber.Reader) error {
	if typ := r.Take(ber.ObjectIdentifier); r.Err() == nil && string(typ.Content) != oidData {
		return fmt.Errorf("encrypted content has type %x, want data", typ.Content)
	}
	algorithm, err := cms.TakeAlgorithm(r, ber.Sequence)
	if err != nil {
		return err
	}
	content := r.Take(ber.Context(0))
	if err := r.End(); err != nil {
		return err
	}
	if e.profile.contentKeySize, err = contentKeySize(algorithm.OID); err != nil {
		return err
	}
	e.iv = algorithm.Parameters.Content
	if p := algorithm.Parameters; p.Tag != ber.OctetString || p.Constructed || len(e.iv) != aes.BlockSize {
		return errors.New("AES-CBC without an initialisation vector of 16 octets")
	}
	e.ciphertext, err = content.Octets()
	return err
}

// readAttributes finds the originator's key id; other attributes are passed over.
func (e *envelope) readAttributes(r *ber.Reader) error {
	for !r.Empty() {
		a := r.Enter(ber.Sequence)
		name, values := a.Take(ber.ObjectIdentifier), a.Enter(ber.Set)
		if err := a.End(); err != nil {
			return err
		}
		if string(name.Content) != oidOriginator {
			continue
		}
		id, err := keyID(values.Take(ber.OctetString))
		if err := errors.Join(values.End(), err); err != nil {
			return err
		}
		if e.originator.ID != nil {
			return errors.New("two originator key ids")
		}
		e.originator.ID = id
	}
	if e.originator.ID == nil {
		return errors.Join(r.End(), errors.New("no originator key id"))
	}
	return r.End()
}

func keyID(e ber.Element) ([]byte, error) {
	id, err := e.Octets()
	if err == nil && (len(id) == 0 || len(id) > MaxKeyID) {
		err = fmt.Errorf("key id of %d octets, want 1 to %d", len(id), MaxKeyID)
	}
	return id, err
}

// readPoint reads the members of a SubjectPublicKeyInfo or OriginatorPublicKey on P-256. The
// curve may be left out or NULL, as RFC 5753 section 3.1.1 has it.
func readPoint(r *ber.Reader) (*ecdh.PublicKey, error) {
	algorithm, err := cms.TakeAlgorithm(r, ber.Sequence)
	if err != nil {
		return nil, err
	}
	point := r.Take(ber.BitString)
	if err := r.End(); err != nil {
		return nil, err
	}
	p := algorithm.Parameters
	curve := !algorithm.Present || p.Tag == ber.Null || p.Tag == ber.ObjectIdentifier && string(p.Content) == oidP256
	if algorithm.OID != oidECPublicKey || !curve || point.Constructed || len(point.Content) == 0 || point.Content[0] != 0 {
		return nil, errors.New("session key is not an elliptic curve key on P-256")
	}
	k, err := ecdh.P256().NewPublicKey(point.Content[1:])
	if err != nil {
		return nil, errors.New("session key is not a point of P-256")
	}
	return k, nil
}
