package registration

import (
	"bytes"
	"crypto/rand"
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/session"
)

func TestConnectionParams(t *testing.T) {
	k, err := session.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := pki.EncodeSPKI(pkitest.Key(t, "internet").Public())
	if err != nil {
		t.Fatal(err)
	}
	raw := EncodeConnectionParams("frankfurt.example", spki, k.Public())
	p, err := ParseConnectionParams(raw)
	if err != nil || p.Address != "frankfurt.example" || !bytes.Equal(p.SPKI, spki) || !bytes.Equal(p.Session.ID, k.ID) || !p.Session.Key.Equal(k.Public().Key) {
		t.Fatalf("got %+v, %v", p, err)
	}
	for name, bad := range map[string][]byte{
		"empty":          nil,
		"cut":            raw[:len(raw)-1],
		"more":           append(raw[:len(raw):len(raw)], 0),
		"no address":     EncodeConnectionParams("", spki, k.Public()),
		"no key":         EncodeConnectionParams("frankfurt.example", nil, k.Public()),
		"no session key": sequence([]byte("frankfurt.example"), spki),
	} {
		if _, err := ParseConnectionParams(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
