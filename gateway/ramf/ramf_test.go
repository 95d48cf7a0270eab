package ramf_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
)

type certs = []*pki.Certificate

func refusal(err error) ramf.Refusal {
	var e *ramf.Error
	if errors.As(err, &e) {
		return e.Refusal
	}
	return 0
}

// parcel is a valid parcel from the sender to the endpoint of a chain.
func parcel(c pkitest.Chain) *ramf.Message {
	return &ramf.Message{Type: ramf.Parcel, Recipient: c.Endpoint.ID, ID: "6f1c", Created: pkitest.Now.Add(-time.Minute),
		TTL: time.Hour, Payload: []byte("payload"), Sender: c.PDA, Chain: certs{c.Endpoint, c.Gateway}}
}

func sign(t testing.TB, m *ramf.Message) []byte {
	t.Helper()
	return signBy(t, m, "sender")
}

func signBy(t testing.TB, m *ramf.Message, key string) []byte {
	t.Helper()
	b, err := ramf.Sign(m, pkitest.Key(t, key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) *ramf.Message {
	t.Helper()
	m, err := ramf.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSignParseRoundTrip(t *testing.T) {
	c := pkitest.NewChain(t)
	for _, typ := range []ramf.Type{ramf.Parcel, ramf.Cargo, ramf.CCA} {
		want := parcel(c)
		want.Type, want.InternetAddress = typ, "valley.abcdefgh23456789.internal"
		b := sign(t, want)
		got := parse(t, b)
		if got.Type != typ || got.Recipient != want.Recipient || got.InternetAddress != want.InternetAddress || got.ID != want.ID ||
			!got.Created.Equal(want.Created) || got.TTL != want.TTL || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("%v: got %+v, want %+v", typ, got, want)
		}
		if !got.Sender.Equal(want.Sender) || !slices.EqualFunc(got.Chain, want.Chain, (*pki.Certificate).Equal) || !bytes.Equal(got.Raw, b) {
			t.Errorf("%v: certificates or raw octets differ", typ)
		}
		path, err := got.Check(certs{c.Root}, pkitest.Now, pki.ClockGPS)
		if err != nil || len(path) != 4 {
			t.Errorf("%v: path of %d, %v; want 4", typ, len(path), err)
		}
		for n := range b {
			if _, err := ramf.Parse(b[:n]); refusal(err) != ramf.Malformed {
				t.Fatalf("%v: %d of %d octets: %v, want malformed", typ, n, len(b), err)
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	c := pkitest.NewChain(t)
	stranger := pkitest.Issue(t, "stranger", nil, "", true, 2)
	anchors := certs{c.Root}
	for _, tt := range []struct {
		name    string
		want    ramf.Refusal
		change  func(*ramf.Message)
		anchors certs
		now     time.Time
	}{
		{"created in the future", ramf.NotYetValid, func(m *ramf.Message) { m.Created = pkitest.Now.Add(time.Second) }, anchors, pkitest.Now},
		{"expired", ramf.Expired, func(m *ramf.Message) { m.TTL = 59 * time.Second }, anchors, pkitest.Now},
		{"sender out of date", ramf.SenderExpired, func(m *ramf.Message) { m.TTL = ramf.MaxTTL }, anchors, pkitest.Now.AddDate(0, 0, 2)},
		{"chain missing", ramf.NoPath, func(m *ramf.Message) { m.Chain = nil }, anchors, pkitest.Now},
		{"foreign root", ramf.NoPath, func(*ramf.Message) {}, certs{stranger}, pkitest.Now},
		{"no anchors", ramf.NoPath, func(*ramf.Message) {}, nil, pkitest.Now},
		{"other recipient", ramf.NotAuthorised, func(m *ramf.Message) { m.Recipient = c.Gateway.ID }, anchors, pkitest.Now},
		{"anchor itself", ramf.NotAuthorised, func(*ramf.Message) {}, certs{c.PDA}, pkitest.Now},
	} {
		m := parcel(c)
		tt.change(m)
		_, err := parse(t, sign(t, m)).Check(tt.anchors, tt.now, pki.ClockNTP)
		if refusal(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	late := parse(t, sign(t, parcel(c)))
	for at, want := range map[time.Time]ramf.Refusal{late.Created.Add(-time.Second): ramf.NotYetValid, late.Expires().Add(time.Second): ramf.Expired, late.Created: 0} {
		if _, err := late.Check(anchors, at, pki.ClockNeighbour); refusal(err) != want {
			t.Errorf("by a neighbour's clock at %v: %v, want %v", at, err, want)
		}
	}
	if _, err := late.Check(anchors, time.Unix(0, 0), pki.ClockNone); err != nil {
		t.Errorf("dates judged without a clock: %v", err)
	}
	for _, at := range []time.Time{late.Created, late.Expires()} {
		if err := late.CheckSender(at, pki.ClockGPS); err != nil {
			t.Errorf("refused at %v, an end of its lifetime: %v", at, err)
		}
	}
}

func TestForgeries(t *testing.T) {
	c := pkitest.NewChain(t)
	b := sign(t, parcel(c))
	other := parcel(c)
	other.Payload = []byte("forgery")
	forged := sign(t, other)
	swap := func(from, to []byte) []byte { return bytes.Replace(b, from, to, 1) }
	for _, tt := range []struct {
		name string
		b    []byte
	}{
		{"payload changed", swap([]byte("payload"), []byte("forgery"))},
		{"signature changed", pkitest.Corrupt(b, -3)},
		{"signature of another message", append(b[:len(b)-256:len(b)-256], forged[len(forged)-256:]...)},
	} {
		if got := refusal(parse(t, tt.b).VerifySignature()); got != ramf.BadSignature {
			t.Errorf("%s: %v, want bad signature", tt.name, got)
		}
	}
	if err := (&ramf.Message{}).VerifySignature(); refusal(err) != ramf.BadSignature {
		t.Errorf("message that was never parsed: %v", err)
	}
}

func TestLimits(t *testing.T) {
	c := pkitest.NewChain(t)
	for _, tt := range []struct {
		name   string
		want   ramf.Refusal // 0: accepted
		change func(*ramf.Message)
	}{
		{"recipient of 1024", 0, func(m *ramf.Message) { m.Recipient = pki.NodeID(strings.Repeat("a", 1024)) }},
		{"recipient of 1025", ramf.Malformed, func(m *ramf.Message) { m.Recipient = pki.NodeID(strings.Repeat("a", 1025)) }},
		{"recipient in upper case", ramf.Malformed, func(m *ramf.Message) { m.Recipient = "0A" }},
		{"no recipient", ramf.Malformed, func(m *ramf.Message) { m.Recipient = "" }},
		{"empty id", 0, func(m *ramf.Message) { m.ID = "" }},
		{"id of 64", 0, func(m *ramf.Message) { m.ID = strings.Repeat("/", 64) }},
		{"id of 65", ramf.Malformed, func(m *ramf.Message) { m.ID = strings.Repeat("/", 65) }},
		{"id with a line feed", ramf.Malformed, func(m *ramf.Message) { m.ID = "a\nb" }},
		{"address without a dot", ramf.Malformed, func(m *ramf.Message) { m.InternetAddress = "localhost" }},
		{"TTL 0", 0, func(m *ramf.Message) { m.TTL = 0 }},
		{"TTL 180 days", 0, func(m *ramf.Message) { m.TTL = ramf.MaxTTL }},
		{"TTL over 180 days", ramf.Malformed, func(m *ramf.Message) { m.TTL = ramf.MaxTTL + time.Second }},
		{"negative TTL", ramf.Malformed, func(m *ramf.Message) { m.TTL = -time.Second }},
		{"no payload", 0, func(m *ramf.Message) { m.Payload = nil }},
		{"largest payload of a cargo", 0, func(m *ramf.Message) { m.Type, m.Payload = ramf.Cargo, make([]byte, ramf.MaxPayload) }},
		{"payload too big", ramf.TooBig, func(m *ramf.Message) { m.Type, m.Payload = ramf.Cargo, make([]byte, ramf.MaxPayload+1) }},
		{"parcel too big", ramf.TooBig, func(m *ramf.Message) { m.Payload = make([]byte, ramf.MaxParcel) }},
		{"unknown type", ramf.WrongType, func(m *ramf.Message) { m.Type = 0x51 }},
	} {
		m := parcel(c)
		tt.change(m)
		b, err := ramf.Sign(m, pkitest.Key(t, "sender"), rand.Reader)
		if refusal(err) != tt.want || tt.want == 0 && err != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		} else if err == nil {
			parse(t, b)
		}
	}
	for want, b := range map[ramf.Refusal][]byte{
		ramf.TooBig:    append([]byte("Awala\x43\x00"), make([]byte, ramf.MaxMessage)...),
		ramf.WrongType: []byte("Awala\x50\x01"),
		ramf.Malformed: []byte("Relay\x50\x00"),
	} {
		if _, err := ramf.Parse(b); refusal(err) != want {
			t.Errorf("%q: %v, want %v", b[:7], err, want)
		}
	}
}

func TestValidAddress(t *testing.T) {
	for s, want := range map[string]bool{
		"example.org": true, "Frankfurt.Relaycorp.Cloud": true, "example.org.": true, "_srv.example.org": true, "x.xn--p1ai": true,
		"valley.abcdefgh23456789.internal": true,
		"":                                 false, "localhost": false, ".org": false, "a..b": false, "-a.org": false, "a-.org": false, "10.0.0.1": false,
		"a b.org": false, "a.b_c": false, "*.org": false, strings.Repeat("a", 64) + ".org": false, strings.Repeat("a.", 127) + "org": false,
	} {
		if got := ramf.ValidAddress(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := pkitest.NewChain(f)
	js := ramftest.Load(f)
	f.Add(sign(f, parcel(c)))
	f.Add(js.Parcel)
	f.Add(js.Cargo)
	f.Add(js.CCA)
	f.Add(js.ParcelHashed["SHA-384"])
	f.Add(js.PaddedParcel)
	anchors := certs{c.Root, js.Cert(f, "root")}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ramf.Parse(b)
		if err != nil {
			if refusal(err) == 0 {
				t.Fatalf("%T without a refusal: %v", err, err)
			}
			return
		}
		if !bytes.Equal(m.Raw, b) {
			t.Fatal("raw octets differ")
		}
		if path, err := m.Check(anchors, pkitest.Now, pki.ClockGPS); err == nil && path[1].ID != m.Recipient {
			t.Fatal("authorised for someone else")
		}
	})
}

// BenchmarkCheck is compared with the bare verification of an RSA-2048 signature: a parcel with three links
// needs four of those.
func BenchmarkCheck(b *testing.B) {
	c := pkitest.NewChain(b)
	octets := sign(b, parcel(c))
	key := pkitest.Key(b, "sender")
	sig, err := pki.SignPSS(key, octets, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("RSA-2048", func(b *testing.B) {
		for b.Loop() {
			if err := pki.VerifyPSS(&key.PublicKey, octets, sig); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ParseAndCheck", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parse(b, octets).Check(certs{c.Root}, pkitest.Now, pki.ClockGPS); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestHostileIDs(t *testing.T) {
	c := pkitest.NewChain(t)
	for _, h := range ramftest.HostileIDs() {
		id, ok := h.ID, h.Allowed
		m, err := ramf.Parse(ramftest.Parcel(t, id, c.Endpoint.ID, pkitest.Now, c.PDA, certs{c.Endpoint, c.Gateway}, "sender"))
		if ok && (err != nil || m.ID != id) || !ok && refusal(err) != ramf.Malformed {
			t.Errorf("%q: %v, want allowed %v", id, err, ok)
		}
	}
	for _, to := range []pki.NodeID{"../../x", "", "0\x00", "0é", "0A", "0/a"} {
		_, err := ramf.Parse(ramftest.Parcel(t, "id", to, pkitest.Now, c.PDA, nil, "sender"))
		if refusal(err) != ramf.Malformed {
			t.Errorf("recipient %q: %v, want malformed", to, err)
		}
	}
}
