package domain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

func TestIdentityRoundTrip(t *testing.T) {
	f := setup(t)
	b := f.alice.Marshal()
	got, err := UnmarshalIdentity(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "alice" || got.ID() != f.alice.ID() || got.Static != f.alice.Static || !got.RSA.Equal(f.alice.RSA) {
		t.Error("the keys did not survive")
	}
	refusesEveryCut(t, b, func(b []byte) error { _, err := UnmarshalIdentity(b); return err })
	if _, err := UnmarshalIdentity(append([]byte{9}, b[1:]...)); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("another version: got %v", err)
	}
}

func TestOwnerRoundTrip(t *testing.T) {
	f := setup(t)
	if _, err := f.owner.Revoke(testNow, f.alice.ID(), f.bob.ID()); err != nil {
		t.Fatal(err)
	}
	b := f.owner.Marshal()
	got, err := UnmarshalOwner(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), b) {
		t.Error("marshalled again it differs")
	}
	refusesEveryCut(t, b, func(b []byte) error { _, err := UnmarshalOwner(b); return err })
}

func TestOwnerHalvesMustFit(t *testing.T) {
	f := setup(t)
	other := *f.owner
	other.RSA = f.alice.RSA
	if _, err := UnmarshalOwner(other.Marshal()); err == nil {
		t.Error("another RSA key: got no error")
	}
	other = *f.owner
	other.Sign = f.alice.Sign
	if _, err := UnmarshalOwner(other.Marshal()); err == nil {
		t.Error("another Ed25519 key: got no error")
	}
}

func TestDomainAddressFollowsTheKey(t *testing.T) {
	d := setup(t).owner.Info()
	label, ok := strings.CutPrefix(d.Address, "ridge.")
	label, end := strings.CutSuffix(label, ".internal")
	if !ok || !end || len(label) != 16 {
		t.Errorf("got address %s", d.Address)
	}
	if d.Cert.X509.MaxPathLen != 2 || !d.Cert.X509.IsCA {
		t.Errorf("domain certificate: got CA %t, path length %d; want true, 2", d.Cert.X509.IsCA, d.Cert.X509.MaxPathLen)
	}
}

// Whoever holds only one of the domain's keys cannot make a domain that carries the other's name.
func TestCrossSignaturesAreChecked(t *testing.T) {
	f := setup(t)
	for name, change := range map[string]func(d *Info){
		"name":          func(d *Info) { d.Name = "rIdge" },
		"Ed25519 key":   func(d *Info) { id := f.alice.ID(); d.Sign = id[:] },
		"RSA key":       func(d *Info) { d.Cert = f.aliceM.Cert },
		"no Ed25519":    func(d *Info) { d.Cross.Sign = make([]byte, 64) },
		"no RSA":        func(d *Info) { d.Cross.RSA = make([]byte, 256) },
		"RSA is absent": func(d *Info) { d.Cross.RSA = nil },
	} {
		m := *f.aliceM
		change(&m.Domain)
		if _, err := UnmarshalMembership(m.Marshal()); err == nil {
			t.Errorf("another %s: got no error", name)
		}
	}
}

func TestRecordSizeAndRoundTrip(t *testing.T) {
	f := setup(t)
	long := *f.alice
	long.Name = strings.Repeat("x", MaxName)
	m, err := admit(f.owner, &long, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Record.Raw) != MaxRecordSize || MaxRecordSize > 200 {
		t.Errorf("got %d octets, want %d and at most 200", len(m.Record.Raw), MaxRecordSize)
	}
	r := f.aliceM.Record
	if r.ID != f.alice.ID() || r.Static != f.alice.StaticPublic() || r.Name != "alice" || r.Epoch != 1 ||
		r.RSAHash != sha256.Sum256(f.aliceM.Cert.SPKI()) {
		t.Errorf("got %+v", r)
	}
	if r.NotBefore != testNow.Add(-90*time.Minute) || r.NotAfter != testNow.Add(30*24*time.Hour) {
		t.Errorf("got dates %v to %v", r.NotBefore, r.NotAfter)
	}
	parse := func(b []byte) error { _, err := ParseRecord(b, f.owner.Info()); return err }
	refusesEveryCut(t, r.Raw, parse)
	refusesEveryChange(t, r.Raw, 1, parse)
}

func TestRecordOfAnotherDomainIsRefused(t *testing.T) {
	f := setup(t)
	d := f.owner.Info()
	d.ID[0] ^= 1
	if _, err := ParseRecord(f.aliceM.Record.Raw, d); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v, want ErrSignature", err)
	}
}

func TestJoinRequest(t *testing.T) {
	f := setup(t)
	endpoint, err := pki.EncodeSPKI(f.bob.RSA.Public())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := NewJoinRequest(f.alice, endpoint, seeded(4))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseJoinRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "alice" || r.ID() != f.alice.ID() || r.Static != f.alice.StaticPublic() || !bytes.Equal(r.Endpoint, endpoint) {
		t.Errorf("got %+v", r)
	}
	parse := func(b []byte) error { _, err := ParseJoinRequest(b); return err }
	refusesEveryCut(t, raw, parse)
	refusesEveryChange(t, raw, 7, parse)
}

func TestJoinRequestNeedsBothKeys(t *testing.T) {
	f := setup(t)
	mixed := *f.alice
	mixed.Sign = f.bob.Sign // alice has not bob's Ed25519 key: she signs with her own
	raw, err := NewJoinRequest(&mixed, nil, seeded(4))
	if err != nil {
		t.Fatal(err)
	}
	forged := appendSigned(raw[:len(raw)-64:len(raw)-64], f.alice.Sign, forJoin, noDomain)
	if _, err := ParseJoinRequest(forged); !errors.Is(err, ErrSignature) {
		t.Errorf("foreign Ed25519 key: got %v, want ErrSignature", err)
	}
	spki, err := pki.EncodeSPKI(f.bob.RSA.Public())
	if err != nil {
		t.Fatal(err)
	}
	own, err := NewJoinRequest(f.alice, nil, seeded(4))
	if err != nil {
		t.Fatal(err)
	}
	at := 1 + 1 + len("alice") + 32 + 32 + 2
	claimed := append([]byte(nil), own[:len(own)-64]...)
	copy(claimed[at:], spki)
	if _, err := ParseJoinRequest(appendSigned(claimed, f.alice.Sign, forJoin, noDomain)); !errors.Is(err, ErrSignature) {
		t.Errorf("foreign RSA key: got %v, want ErrSignature", err)
	}
}

func TestMembershipRoundTripAndChain(t *testing.T) {
	f := setup(t)
	b := f.aliceM.Marshal()
	m, err := UnmarshalMembership(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Marshal(), b) || !m.Fits(f.alice) || m.Fits(f.bob) {
		t.Error("the membership did not survive")
	}
	path, err := pki.Path(m.Cert, nil, []*pki.Certificate{m.Domain.Cert}, testNow, trusted)
	if err != nil || len(path) != 2 || m.Cert.X509.MaxPathLen != 1 || !m.Cert.X509.IsCA {
		t.Errorf("got path %v, %v", path, err)
	}
	if l := m.Link(); l.ID != m.Domain.ID || l.Key != f.owner.Key || l.Epoch != 1 || !bytes.Equal(l.Record, m.Record.Raw) {
		t.Errorf("link: got %+v", l)
	}
	refusesEveryCut(t, b, func(b []byte) error { _, err := UnmarshalMembership(b); return err })
}

func TestMembershipPartsMustBelongTogether(t *testing.T) {
	f := setup(t)
	m := *f.aliceM
	m.Cert = f.bobM.Cert
	if _, err := UnmarshalMembership(m.Marshal()); err == nil {
		t.Error("certificate of another gateway: got no error")
	}
	other, err := NewOwner("ridge", testNow, seeded(11))
	if err != nil {
		t.Fatal(err)
	}
	if m.Cert, err = pki.Issue(pki.Template{Subject: f.alice.RSA.Public(), Issuer: other.Cert, IssuerKey: other.RSA,
		CA: true, PathLen: 1, NotBefore: testNow, NotAfter: testNow.Add(time.Hour), Rand: seeded(5)}); err != nil {
		t.Fatal(err)
	}
	if _, err := UnmarshalMembership(m.Marshal()); err == nil {
		t.Error("certificate of another domain: got no error")
	}
}

func TestRenew(t *testing.T) {
	f := setup(t)
	raw, err := NewJoinRequest(f.alice, nil, seeded(4))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseJoinRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	later := testNow.Add(29 * 24 * time.Hour)
	m, err := f.owner.Renew(f.aliceM.Record, r, later, seeded(5))
	if err != nil || !m.Record.NotAfter.Equal(later.Add(30*24*time.Hour)) || !m.Record.newerThan(f.aliceM.Record) {
		t.Errorf("got %v, %v", m, err)
	}
	if _, err := f.owner.Renew(f.bobM.Record, r, later, seeded(5)); err == nil {
		t.Error("another gateway's record: got no error")
	}
	if _, err := f.owner.Revoke(testNow, f.alice.ID(), f.alice.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.owner.Renew(f.aliceM.Record, r, later, seeded(5)); !errors.Is(err, ErrRevoked) {
		t.Errorf("after revocation: got %v, want ErrRevoked", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	f := setup(t)
	for _, v := range []any{f.alice, f.owner, f.owner.Info(), f.aliceM, *f.aliceM, []any{f.owner.Info()}, &f.aliceM.Domain} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			got := fmt.Sprintf(verb, v)
			if !strings.Contains(got, "hidden") || strings.Contains(got, fmt.Sprintf("%x", f.owner.Key[:4])) {
				t.Errorf("%T with %s: got %.100q", v, verb, got)
			}
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	x := setup(f)
	f.Add(x.aliceM.Record.Raw)
	f.Add(x.bobM.Record.Raw[:50])
	d := x.owner.Info()
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseRecord(b, d); err == nil && !bytes.Equal(r.Raw, b) {
			t.Fatal("accepted octets that differ from Raw")
		}
	})
}

func FuzzParseJoinRequest(f *testing.F) {
	x := setup(f)
	raw, err := NewJoinRequest(x.alice, nil, seeded(4))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:90])
	f.Fuzz(func(t *testing.T, b []byte) { ParseJoinRequest(b) })
}

func FuzzUnmarshal(f *testing.F) {
	x := setup(f)
	f.Add(x.aliceM.Marshal())
	f.Add(x.owner.Marshal())
	f.Add(x.alice.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		UnmarshalMembership(b)
		UnmarshalOwner(b)
		UnmarshalIdentity(b)
	})
}
