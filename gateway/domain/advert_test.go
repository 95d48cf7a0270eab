package domain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
	"packhorse/link"
)

func testNode(t testing.TB, f fixture) NodeAdvert {
	t.Helper()
	a, err := NewNodeAdvert(f.alice, f.aliceM, 7, []Transport{{link.Radio, "EU868"}, {link.Datagram, "relay.example:5684"}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func testEngine(t testing.TB, at *Identity, endpoint string, sequence uint64) EngineAdvert {
	t.Helper()
	spki, err := pki.EncodeSPKI(pkitest.Key(t, endpoint).Public())
	if err != nil {
		t.Fatal(err)
	}
	desk := registration.NewDesk(at.Sign)
	raw, err := registration.NewRequest(desk.PreRegister(testNow, sha256.Sum256(spki), sequence), pkitest.Key(t, endpoint), seeded(6))
	if err != nil {
		t.Fatal(err)
	}
	r, err := desk.Register(testNow, raw)
	if err != nil {
		t.Fatal(err)
	}
	return NewEngineAdvert(r)
}

func TestNodeAdvert(t *testing.T) {
	f := setup(t)
	a := testNode(t, f)
	got, err := ParseNodeAdvert(a.Raw, f.owner.Info())
	if err != nil || !reflect.DeepEqual(got, a) || got.Gateway() != f.alice.ID() {
		t.Errorf("got %+v, %v", got, err)
	}
	parse := func(b []byte) error { _, err := ParseNodeAdvert(b, f.owner.Info()); return err }
	refusesEveryCut(t, a.Raw, parse)
	refusesEveryChange(t, a.Raw, 1, parse)
	up, err := NewNodeAdvert(f.alice, f.aliceM, 9, []Transport{{MediumUplink, "a.example.com"}, {link.Radio, "b.example.com"}, {MediumUplink, "\x1b[2J"}, {MediumUplink, ""}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseNodeAdvert(up.Raw, f.owner.Info()); err != nil || !slices.Equal(got.Uplinks(), []string{"a.example.com", ""}) {
		t.Errorf("uplinks: got %q, %v", got.Uplinks(), err)
	}
	forged, err := NewNodeAdvert(f.bob, f.aliceM, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := parse(forged.Raw); !errors.Is(err, ErrSignature) {
		t.Errorf("alice's record signed by bob: got %v, want ErrSignature", err)
	}
	if _, err := NewNodeAdvert(f.alice, f.aliceM, 8, make([]Transport, 9)); err == nil {
		t.Error("nine transports: got no error")
	}
	if _, err := NewNodeAdvert(f.alice, f.aliceM, 8, []Transport{{link.Datagram, strings.Repeat("x", 65)}}); err == nil {
		t.Error("a long address: got no error")
	}
}

func TestEngineAdvert(t *testing.T) {
	f := setup(t)
	a := testEngine(t, f.alice, "endpoint", 41)
	got, err := ParseEngineAdvert(a.Raw)
	if err != nil || !reflect.DeepEqual(got, a) || got.Gateway != f.alice.ID() || got.Sequence != 41 {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(a.Raw) != 725 {
		t.Errorf("got %d octets, want 725", len(a.Raw))
	}
	parse := func(b []byte) error { _, err := ParseEngineAdvert(b); return err }
	refusesEveryCut(t, a.Raw, parse)
	refusesEveryChange(t, a.Raw, 5, parse)
}

// bob heard alice's advert of an endpoint and wants the endpoint's parcels. He can sign whatever he likes with
// his own keys, but the endpoint never countersigned his name.
func TestNoMemberClaimsAnEndpoint(t *testing.T) {
	f := setup(t)
	heard, err := registration.ParseRequest(testEngine(t, f.alice, "endpoint", 41).Raw[1:])
	if err != nil {
		t.Fatal(err)
	}
	claim := heard.Authorization.Claim
	claim.Gateway, claim.Sequence = f.bob.ID(), 99
	his := registration.Authorize(claim, testNow, f.bob.Sign)
	at := bytes.Index(heard.Raw, heard.Authorization.Raw)
	moved := append([]byte{engineVersion}, heard.Raw...)
	copy(moved[1+at:], his.Raw)
	if len(his.Raw) != len(heard.Authorization.Raw) {
		t.Fatal("the forgery needs authorizations of one length")
	}
	var e *registration.Error
	if _, err := ParseEngineAdvert(moved); !errors.As(err, &e) || e.Reason != registration.BadSignature {
		t.Errorf("the old countersignature on his authorization: got %v", err)
	}
	own, err := registration.NewRequest(his.Raw, f.bob.RSA, seeded(6))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseEngineAdvert(append([]byte{engineVersion}, own...)); !errors.As(err, &e) || e.Reason != registration.OtherKey {
		t.Errorf("countersigned by himself: got %v", err)
	}
}

func TestReceipt(t *testing.T) {
	f := setup(t)
	id := f.owner.Info().ID
	r := NewReceipt(Receipt{Parcel: sha256.Sum256([]byte("parcel")), Origin: f.bob.ID(), Time: testNow,
		Quality: pki.ClockGPS, Verdict: Delivered}, f.alice, id)
	got, err := ParseReceipt(r.Raw, id)
	if err != nil || !reflect.DeepEqual(got, r) || got.Recipient != f.alice.ID() {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(r.Raw) != ReceiptSize || ReceiptSize > 200 {
		t.Errorf("got %d octets, want %d and at most 200", len(r.Raw), ReceiptSize)
	}
	parse := func(b []byte) error { _, err := ParseReceipt(b, id); return err }
	refusesEveryCut(t, r.Raw, parse)
	refusesEveryChange(t, r.Raw, 1, parse)
	if _, err := ParseReceipt(r.Raw, [16]byte{1}); !errors.Is(err, ErrSignature) {
		t.Errorf("in another domain: got %v, want ErrSignature", err)
	}
	for _, v := range []Verdict{0, 4} {
		if parse(NewReceipt(Receipt{Verdict: v}, f.alice, id).Raw) == nil {
			t.Errorf("verdict %d: got no error", v)
		}
	}
}

func FuzzParseAdverts(f *testing.F) {
	x := setup(f)
	d := x.owner.Info()
	f.Add(testNode(f, x).Raw)
	f.Add(testEngine(f, x.alice, "endpoint", 41).Raw)
	f.Add(NewReceipt(Receipt{Verdict: Delivered}, x.alice, d.ID).Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseNodeAdvert(b, d); err == nil && !bytes.Equal(a.Raw, b) {
			t.Fatal("node advert: accepted octets that differ from Raw")
		}
		if a, err := ParseEngineAdvert(b); err == nil && !bytes.Equal(a.Raw, b) {
			t.Fatal("engine advert: accepted octets that differ from Raw")
		}
		if a, err := ParseReceipt(b, d.ID); err == nil && !bytes.Equal(a.Raw, b) {
			t.Fatal("receipt: accepted octets that differ from Raw")
		}
	})
}
