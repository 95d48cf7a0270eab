package registration

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/session"
)

func gatewayKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func digestOf(t testing.TB, name string) [32]byte {
	t.Helper()
	spki, err := pki.EncodeSPKI(pkitest.Key(t, name).Public())
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(spki)
}

func request(t testing.TB, pnra []byte, name string) []byte {
	t.Helper()
	raw, err := NewRequest(pnra, pkitest.Key(t, name), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func reason(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return 0
}

func TestAuthorizationOctets(t *testing.T) {
	c := Claim{Digest: [32]byte{1, 2}, Sequence: 0x0102030405060708}
	copy(c.Gateway[:], gatewayKey(5).Public().(ed25519.PublicKey))
	a := Authorize(c, time.Date(2026, 11, 21, 14, 5, 9, 7, time.UTC), gatewayKey(5))
	// SEQUENCE of 156, [0] 14 digits, [1] 72 octets
	want := "30819c" + "800e" + hex.EncodeToString([]byte("20261121140509")) + "8148" + "0102"
	if got := hex.EncodeToString(a.Raw); !strings.HasPrefix(got, want) || len(a.Raw) != 159 {
		t.Errorf("got %d octets %s\nwant 159 octets %s...", len(a.Raw), got, want)
	}
	back, err := ParseAuthorization(a.Raw)
	if err != nil || back.Claim != c || !back.Expiry.Equal(a.Expiry) {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestRegistration(t *testing.T) {
	chain := pkitest.NewChain(t)
	d, now := NewDesk(gatewayKey(1)), pkitest.Now
	pnra := d.PreRegister(now, digestOf(t, "endpoint"), 77)
	r, err := d.Register(now.Add(Lifetime), request(t, pnra, "endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Endpoint != chain.Endpoint.ID || r.Authorization.Sequence != 77 || r.Authorization.Gateway != d.gateway {
		t.Errorf("got %+v", r)
	}
	res, err := Issue(r, chain.Gateway, pkitest.Key(t, "gateway"), "ridge.aaaaaaaaaaaaaaaa.internal", now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseResult(res.Marshal())
	if err != nil || !back.Node.Equal(res.Node) || !back.Gateway.Equal(chain.Gateway) || back.Address != res.Address {
		t.Errorf("read back %+v, %v", back, err)
	}
	x := back.Node.X509
	if back.Node.ID != r.Endpoint || back.Node.Issuer != chain.Gateway.ID || !x.IsCA || x.MaxPathLen != 0 ||
		!x.NotBefore.Equal(now) || x.NotAfter.After(chain.Gateway.X509.NotAfter) {
		t.Errorf("node certificate: %s by %s, CA %t, path length %d, %v to %v", back.Node.ID, back.Node.Issuer, x.IsCA, x.MaxPathLen, x.NotBefore, x.NotAfter)
	}
}

func TestRegistrationRefusals(t *testing.T) {
	now := pkitest.Now
	digest := digestOf(t, "endpoint")
	cases := map[string]struct {
		want Reason
		run  func(d *Desk) error
	}{
		"used twice": {Expired, func(d *Desk) error {
			raw := request(t, d.PreRegister(now, digest, 1), "endpoint")
			if _, err := d.Register(now, raw); err != nil {
				t.Fatal(err)
			}
			_, err := d.Register(now, raw)
			return err
		}},
		"too late": {Expired, func(d *Desk) error {
			_, err := d.Register(now.Add(Lifetime+1), request(t, d.PreRegister(now, digest, 1), "endpoint"))
			return err
		}},
		"of another gateway": {Expired, func(d *Desk) error {
			_, err := d.Register(now, request(t, NewDesk(gatewayKey(2)).PreRegister(now, digest, 1), "endpoint"))
			return err
		}},
		"for another key": {OtherKey, func(d *Desk) error {
			_, err := d.Register(now, request(t, d.PreRegister(now, digest, 1), "sender"))
			return err
		}},
		"signed by another key": {BadSignature, func(d *Desk) error {
			f, _, _ := fields(request(t, d.PreRegister(now, digest, 1), "endpoint"), 3)
			g, _, _ := fields(request(t, f[1], "sender"), 3)
			_, err := d.Register(now, sequence(f[0], f[1], g[2]))
			return err
		}},
		"forged authorization": {BadSignature, func(d *Desk) error {
			pnra := d.PreRegister(now, digest, 1)
			pnra[len(pnra)-1] ^= 1
			_, err := d.Register(now, request(t, pnra, "endpoint"))
			return err
		}},
		"another gateway named in it": {BadSignature, func(d *Desk) error {
			c := Claim{Digest: digest, Gateway: d.gateway, Sequence: 9}
			_, err := d.Register(now, request(t, Authorize(c, now, gatewayKey(2)).Raw, "endpoint"))
			return err
		}},
		"empty": {Malformed, func(d *Desk) error { _, err := d.Register(now, nil); return err }},
		"a foreign gateway's": {Malformed, func(d *Desk) error {
			_, err := d.Register(now, request(t, sequence([]byte("20261121140509"), digest[:], make([]byte, 64)), "endpoint"))
			return err
		}},
	}
	for name, c := range cases {
		if err := c.run(NewDesk(gatewayKey(1))); reason(err) != c.want {
			t.Errorf("%s: got %v, want reason %d", name, err, c.want)
		}
	}
}

func TestDeskIsBounded(t *testing.T) {
	d, now := NewDesk(gatewayKey(1)), pkitest.Now
	first := d.PreRegister(now, digestOf(t, "endpoint"), 1)
	for n := range maxOpen {
		d.PreRegister(now, [32]byte{byte(n)}, 1)
	}
	if _, err := d.Register(now, request(t, first, "endpoint")); len(d.open) != maxOpen || reason(err) != Expired {
		t.Errorf("got %d open, oldest: %v; want %d and Expired", len(d.open), err, maxOpen)
	}
}

func TestSequencesRise(t *testing.T) {
	now := pkitest.Now
	const top = ^uint64(0)
	base := uint64(now.Unix()) << 16
	for _, c := range []struct {
		known uint64
		q     pki.Quality
		want  uint64
	}{{0, pki.ClockGPS, base}, {base, pki.ClockGPS, base + 1}, {base + 9, pki.ClockNTP, base + 10}, {0, pki.ClockNone, 1}, {41, pki.ClockNone, 42}, {top, pki.ClockGPS, top}} {
		if got := NextSequence(c.known, now, c.q); got != c.want {
			t.Errorf("after %d with clock %d: got %d, want %d", c.known, c.q, got, c.want)
		}
	}
	if Ahead(base, now, pki.ClockGPS) || Ahead(NextSequence(0, now.Add(23*time.Hour), pki.ClockGPS), now, pki.ClockGPS) {
		t.Error("a clock of 23 hours ahead is refused")
	}
	if !Ahead(top, now, pki.ClockGPS) || !Ahead(NextSequence(0, now.Add(25*time.Hour), pki.ClockGPS), now, pki.ClockNeighbour) || Ahead(top, now, pki.ClockNone) {
		t.Error("a sequence of a day and an hour ahead passes, or one without a clock does not")
	}
}

func TestParsersRefuseEveryCut(t *testing.T) {
	chain := pkitest.NewChain(t)
	d := NewDesk(gatewayKey(1))
	pnra := d.PreRegister(pkitest.Now, digestOf(t, "endpoint"), 1)
	for name, c := range map[string]struct {
		raw   []byte
		parse func([]byte) error
	}{
		"PNRA": {pnra, func(b []byte) error { _, err := ParseAuthorization(b); return err }},
		"PNRR": {request(t, pnra, "endpoint"), func(b []byte) error { _, err := ParseRequest(b); return err }},
		"PNR":  {Result{Node: chain.Endpoint, Gateway: chain.Gateway, Address: "a.internal"}.Marshal(), func(b []byte) error { _, err := ParseResult(b); return err }},
	} {
		if err := c.parse(c.raw); err != nil {
			t.Errorf("%s whole: %v", name, err)
		}
		for n := range c.raw {
			if c.parse(c.raw[:n]) == nil {
				t.Errorf("%s cut at %d: got no error", name, n)
			}
		}
		if c.parse(append(c.raw[:len(c.raw):len(c.raw)], 0)) == nil {
			t.Errorf("%s with an octet too many: got no error", name)
		}
	}
}

func TestResultCarriesASessionKey(t *testing.T) {
	chain := pkitest.NewChain(t)
	k, err := session.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := k.Public()
	raw := Result{Node: chain.Endpoint, Gateway: chain.Gateway, Address: "a.internal", Session: &key}.Marshal()
	r, err := ParseResult(raw)
	if err != nil || r.Session == nil || !bytes.Equal(r.Session.ID, key.ID) || !r.Session.Key.Equal(key.Key) {
		t.Errorf("got %+v, %v", r, err)
	}
	params := EncodeConnectionParams("a.example", chain.Root.SPKI(), key)
	if !bytes.HasSuffix(params, raw[len(raw)-len(session.EncodePublicKey(key.Key)):]) || !bytes.HasPrefix(params[4:], []byte("\x80\x09a.example\x81")) {
		t.Errorf("connection parameters: got %x", params)
	}
	for n := range 40 { // the key is the last part
		if r, err := ParseResult(pkitest.Corrupt(raw, -n-1)); err == nil && r.Session.Key.Equal(key.Key) {
			t.Errorf("octet %d from the end does not matter", n)
		}
	}
	if _, err := ParseResult(Result{Node: chain.PDA, Gateway: chain.Gateway, Address: "a"}.Marshal()); reason(err) != BadSignature {
		t.Errorf("a node certificate by another issuer: got %v", err)
	}
}

func TestOfficeTakesItsAuthorizationBackOnce(t *testing.T) {
	now, digest := pkitest.Now, digestOf(t, "gateway")
	open := func(name string) *Office { return NewOffice(pkitest.Key(t, name), rand.Reader) }
	o := open("root")
	pnra, err := o.PreRegister(now, digest)
	if err != nil {
		t.Fatal(err)
	}
	// SEQUENCE of 308, [0] 14 digits, [1] the digest, [2] 256 octets
	if want := append([]byte("\x30\x82\x01\x36\x80\x0e20260504120010\x81\x20"), digest[:]...); !bytes.HasPrefix(pnra, want) {
		t.Errorf("got %x, want %x...", pnra, want)
	}
	raw := request(t, pnra, "gateway")
	for name, c := range map[string]struct {
		want Reason
		err  func() error
	}{
		"a key that it is not for": {OtherKey, func() error { _, err := o.Register(now, request(t, pnra, "sender")); return err }},
		"another gateway":          {BadSignature, func() error { _, err := open("stranger").Register(now, raw); return err }},
		"after a restart":          {Expired, func() error { _, err := open("root").Register(now, raw); return err }},
		"a cut authorization":      {Malformed, func() error { _, err := o.Register(now, request(t, pnra[:40], "gateway")); return err }},
		"a domain's authorization": {Malformed, func() error {
			_, err := o.Register(now, request(t, NewDesk(gatewayKey(1)).PreRegister(now, digest, 1), "gateway"))
			return err
		}},
	} {
		if err := c.err(); reason(err) != c.want {
			t.Errorf("%s: got %v, want reason %d", name, err, c.want)
		}
	}
	r, err := o.Register(now.Add(Lifetime), raw)
	if err != nil || r.Endpoint != pki.IDOf(r.SPKI) {
		t.Fatalf("got %+v, %v", r, err)
	}
	if _, err := o.Register(now.Add(Lifetime), raw); reason(err) != Expired {
		t.Errorf("the second time: got %v", err)
	}
	late, _ := o.PreRegister(now, digest)
	if _, err := o.Register(now.Add(Lifetime+time.Second), request(t, late, "gateway")); reason(err) != Expired {
		t.Errorf("too late: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	chain := pkitest.NewChain(f)
	pnra := NewDesk(gatewayKey(1)).PreRegister(pkitest.Now, digestOf(f, "endpoint"), 1)
	f.Add(pnra)
	f.Add(request(f, pnra, "endpoint"))
	f.Add(Result{Node: chain.Endpoint, Gateway: chain.Gateway, Address: "a.internal"}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseAuthorization(b)
		ParseRequest(b)
		ParseResult(b)
	})
}
