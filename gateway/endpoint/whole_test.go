package endpoint

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/session"
)

// whole writes the state as version 1 had it: in one record.
func whole(e *Endpoint) []byte {
	var sessions, contacts []ber.Pieces
	for _, k := range e.Sessions {
		sessions = append(sessions, ber.Encode(0x30, octets(k.ID), octets(k.Key.Bytes()), octets([]byte(k.Peer))))
	}
	for _, c := range e.Contacts {
		date := binary.BigEndian.AppendUint64(nil, uint64(c.SessionAt.Unix()))
		contacts = append(contacts, ber.Encode(0x30, octets([]byte(c.Name)), octets(c.SPKI), octets([]byte(c.InternetAddress)),
			encodeCertificate(c.PDA), encodeChain(c.Chain), octets(c.Session.ID), octets(session.EncodePublicKey(c.Session.Key)), octets(date)))
	}
	return ber.Encode(0x30, ber.Bytes(0x02, []byte{1}), encodeCertificate(e.Certificate), encodeChain(e.Chain),
		ber.Encode(0x30, sessions...), ber.Encode(0x30, contacts...)).Join()
}

func TestStateOfVersion1IsRead(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	c := pkitest.NewChain(t)
	e, err := FromKey(pkitest.Key(t, "endpoint"), random)
	if err != nil {
		t.Fatal(err)
	}
	e.Certificate, e.Chain = c.Endpoint, []*pki.Certificate{c.Gateway, c.Root}
	for _, name := range []string{"ada", "ben"} {
		k, err := session.NewKey(random)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := pki.EncodeSPKI(pkitest.Key(t, name).Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := e.AddContact(Contact{Name: name, ID: pki.IDOf(spki), SPKI: spki, InternetAddress: "a.internal", Session: k.Public(), SessionAt: pkitest.Now.Truncate(time.Second)}); err != nil {
			t.Fatal(err)
		}
		e.keepSession(k, pki.IDOf(spki))
	}
	got, skipped, err := Unmarshal([]Record{{stateKey, whole(e)}}, e.Key)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	if !reflect.DeepEqual(got.Marshal(), e.Marshal()) {
		t.Errorf("got %d sessions and %d contacts, want them as they were: %d and %d", len(got.Sessions), len(got.Contacts), len(e.Sessions), len(e.Contacts))
	}
	for n := range whole(e) {
		if _, _, err := Unmarshal([]Record{{stateKey, whole(e)[:n]}}, e.Key); err == nil {
			t.Fatalf("read %d octets of it", n)
		}
	}
}
