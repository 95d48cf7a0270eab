package endpoint_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
	"packhorse/gateway/session"
)

const address = "valley.abcdefgh23456789.internal"

var (
	random = rand.NewChaCha8([32]byte{1})
	from   = pkitest.Now.Add(-time.Hour)
	until  = pkitest.Now.Add(time.Hour)
)

// newEndpoint makes an endpoint that is registered with the gateway of a chain.
func newEndpoint(t testing.TB, name string, c pkitest.Chain) *endpoint.Endpoint {
	t.Helper()
	e, err := endpoint.FromKey(pkitest.Key(t, name), random)
	if err != nil {
		t.Fatal(err)
	}
	e.Certificate = pkitest.Issue(t, name, c.Gateway, "gateway", true, 0)
	e.Chain = []*pki.Certificate{c.Gateway, c.Root}
	return e
}

// introduce lets from write to to.
func introduce(t testing.TB, from, to *endpoint.Endpoint, name string) {
	t.Helper()
	params, err := to.Authorise(from.PublicCard().SPKI, endpoint.Grant{Address: address, From: pkitest.Now.Add(-time.Hour), Until: until}, random)
	if err != nil {
		t.Fatal(err)
	}
	c, err := endpoint.ParseContact(name, params)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.AddContact(c); err != nil {
		t.Fatal(err)
	}
}

func seal(t testing.TB, from *endpoint.Endpoint, to pki.NodeID, text string, created time.Time) []byte {
	t.Helper()
	b, err := from.Seal(to, "id-"+text, "text/plain", []byte(text), created, time.Hour, random)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pair is two endpoints of one gateway that may write to each other.
func pair(t testing.TB) (alice, bob *endpoint.Endpoint, c pkitest.Chain) {
	t.Helper()
	c = pkitest.NewChain(t)
	alice, bob = newEndpoint(t, "alice", c), newEndpoint(t, "bob", c)
	introduce(t, alice, bob, "bob")
	introduce(t, bob, alice, "alice")
	return alice, bob, c
}

func TestConversation(t *testing.T) {
	alice, bob, c := pair(t)
	for i := range 5 {
		who, whom := alice, bob
		if i%2 == 1 {
			who, whom = bob, alice
		}
		text := fmt.Sprintf("message %d", i)
		created := pkitest.Now.Add(time.Duration(i-30) * time.Minute)
		parcel := seal(t, who, whom.ID(), text, created)
		m, err := ramf.Parse(parcel)
		if err != nil {
			t.Fatal(err)
		}
		if path, err := m.Check([]*pki.Certificate{c.Root}, pkitest.Now, pki.ClockGPS); err != nil || len(path) != 4 || m.InternetAddress != address {
			t.Fatalf("%s: path of %d, %v", text, len(path), err)
		}
		got, err := whom.Open(parcel)
		if err != nil || string(got.Content) != text || got.Type != "text/plain" || got.Sender != who.ID() || got.ID != "id-"+text || !got.Created.Equal(created) {
			t.Fatalf("%s: got %+v, %v", text, got, err)
		}
		if who, whom = restart(t, who), restart(t, whom); i%2 == 0 {
			alice, bob = who, whom
		} else {
			bob, alice = who, whom
		}
	}
}

// restart stores and restores an endpoint.
func restart(t testing.TB, e *endpoint.Endpoint) *endpoint.Endpoint {
	t.Helper()
	b := e.Marshal()
	shuffled := slices.Clone(b)
	slices.Reverse(shuffled)
	back, skipped, err := endpoint.Unmarshal(shuffled, e.Key)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	if again := back.Marshal(); !reflect.DeepEqual(again, b) {
		t.Fatal("state changes when stored again")
	}
	return back
}

func TestMarshal(t *testing.T) {
	alice, bob, _ := pair(t)
	key := pkitest.Key(t, "alice")
	records := alice.Marshal()
	for name, secret := range map[string][]byte{"d": key.D.Bytes(), "p": key.Primes[0].Bytes(), "q": key.Primes[1].Bytes()} {
		for _, r := range records {
			if bytes.Contains(r.Value, secret) {
				t.Errorf("%s holds %s of the identity key", r.Key, name)
			}
		}
	}
	if _, _, err := endpoint.Unmarshal(records, bob.Key); err == nil || !strings.Contains(err.Error(), "identity key") {
		t.Errorf("with another key: %v", err)
	}
	for i, r := range records {
		for n := range r.Value {
			cut := slices.Clone(records)
			cut[i].Value = r.Value[:n]
			_, skipped, err := endpoint.Unmarshal(cut, alice.Key)
			if (err == nil) == (i == 0) || i > 0 && (len(skipped) != 1 || skipped[0].Key != r.Key) {
				t.Fatalf("%s with %d of %d octets: got %v, %v", r.Key, n, len(r.Value), skipped, err)
			}
		}
	}
	fresh, err := endpoint.FromKey(key, random)
	if err != nil {
		t.Fatal(err)
	}
	if back := restart(t, fresh); back.Certificate != nil || len(back.Sessions) != 1 || back.Sessions[0].Peer != "" {
		t.Errorf("fresh endpoint came back as %+v", back)
	}
}

// Parcels arrive in any order; the answer goes to the key of the newest.
func TestNewerSessionWins(t *testing.T) {
	alice, bob, _ := pair(t)
	first := seal(t, alice, bob.ID(), "first", pkitest.Now.Add(-2*time.Minute))
	second := seal(t, alice, bob.ID(), "second", pkitest.Now.Add(-time.Minute))
	for _, parcel := range [][]byte{second, first} {
		if _, err := bob.Open(parcel); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := bob.Contact(alice.ID())
	want := alice.Sessions[len(alice.Sessions)-1]
	again := got
	again.SessionAt = time.Time{}
	if err := bob.AddContact(again); err != nil {
		t.Fatal(err)
	}
	if kept, _ := bob.Contact(alice.ID()); !kept.SessionAt.Equal(got.SessionAt) {
		t.Errorf("adding the contact again moved the date back to %v", kept.SessionAt)
	}
	if !bytes.Equal(got.Session.ID, want.ID) || !got.SessionAt.Equal(pkitest.Now.Add(-time.Minute)) {
		t.Errorf("answers go to key %x of %v, want %x of the second parcel", got.Session.ID, got.SessionAt, want.ID)
	}
}

func TestOpenRefuses(t *testing.T) {
	alice, bob, c := pair(t)
	carol := newEndpoint(t, "carol", c)
	introduce(t, carol, bob, "bob")
	forCarol, _ := carol.Contact(bob.ID())
	stolen, _ := alice.Contact(bob.ID())
	parcel := seal(t, alice, bob.ID(), "hello", from)

	stolen.Session = forCarol.Session // sealed to the key that bob gave to carol
	if err := alice.AddContact(stolen); err != nil {
		t.Fatal(err)
	}
	foreign := seal(t, alice, bob.ID(), "foreign key", from)
	unauthorised, err := ramf.Sign(&ramf.Message{Type: ramf.Parcel, Recipient: bob.ID(), Created: from, TTL: time.Hour, Payload: []byte{1},
		Sender: alice.Certificate, Chain: alice.Chain}, alice.Key, random)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		parcel     []byte
	}{
		{"for someone else", "not a parcel for us", seal(t, bob, alice.ID(), "x", from)},
		{"sealed to another sender's key", "no longer", foreign},
		{"not authorised", "not trusted", unauthorised},
		{"forged", "not signed", pkitest.Corrupt(parcel, -1)},
		{"garbage", "RAMF", []byte("garbage")},
	} {
		before := bob.Marshal()
		if _, err := bob.Open(tt.parcel); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if !reflect.DeepEqual(bob.Marshal(), before) {
			t.Errorf("%s: the state changed", tt.name)
		}
	}
	if _, err := bob.Open(parcel); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestSealRefuses(t *testing.T) {
	alice, bob, _ := pair(t)
	for _, tt := range []struct {
		name, want, typ, id string
		to                  pki.NodeID
		content             []byte
	}{
		{"stranger", "not a contact", "text/plain", "1", alice.ID(), nil},
		{"no type", "type", "", "1", bob.ID(), nil},
		{"type in other characters", "visible", "text\n", "1", bob.ID(), nil},
		{"long id", "message id", "text/plain", strings.Repeat("1", 65), bob.ID(), nil},
		{"too much", "at most", "text/plain", "1", bob.ID(), make([]byte, ramf.MaxPlaintext)},
	} {
		before := alice.Marshal()
		_, err := alice.Seal(tt.to, tt.id, tt.typ, tt.content, from, time.Hour, random)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if !reflect.DeepEqual(alice.Marshal(), before) {
			t.Errorf("%s: the state changed", tt.name)
		}
	}
}

func TestAuthoriseLimited(t *testing.T) {
	alice, bob, _ := pair(t)
	want := pki.RateLimit{Limit: 3, Period: 24 * time.Hour}
	params, err := bob.Authorise(alice.PublicCard().SPKI, endpoint.Grant{Address: address, From: from, Until: until, Rate: &want}, random)
	if err != nil {
		t.Fatal(err)
	}
	k, err := endpoint.ParseContact("bob", params)
	if err != nil || k.PDA.RateLimit == nil || *k.PDA.RateLimit != want {
		t.Errorf("got %+v, %v; want %+v", k.PDA, err, want)
	}
	if _, err := bob.Authorise(alice.PublicCard().SPKI, endpoint.Grant{Address: address, From: from, Until: until, Rate: &pki.RateLimit{}}, random); err == nil {
		t.Error("authorised for no parcels at all")
	}
}

func TestContacts(t *testing.T) {
	alice, bob, c := pair(t)
	carol := newEndpoint(t, "carol", c)
	params, err := bob.Authorise(carol.PublicCard().SPKI, endpoint.Grant{Address: address, From: from, Until: until}, random)
	if err != nil {
		t.Fatal(err)
	}
	for n := range params {
		if _, err := endpoint.ParseContact("bob", params[:n]); err == nil {
			t.Fatalf("read %d of %d octets", n, len(params))
		}
	}
	k, err := endpoint.ParseContact("bob", params)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Chain) != 2 || k.Chain[0].ID != bob.ID() || k.Chain[1].ID != c.Gateway.ID {
		t.Errorf("chain of %d, want the endpoint's certificate and its gateway's", len(k.Chain))
	}
	if err := alice.AddContact(k); err == nil || !strings.Contains(err.Error(), "another endpoint") {
		t.Errorf("authorisation of someone else: %v", err)
	}
	for i := range params {
		if _, err := endpoint.ParseContact("bob", pkitest.Corrupt(params, i)); err == nil && i > bytes.Index(params, k.PDA.X509.Signature) && i < bytes.Index(params, k.PDA.X509.Signature)+256 {
			t.Errorf("accepted an authorisation with a changed signature at %d", i)
		}
	}
	k.Name = "alice"
	if err := carol.AddContact(k); err != nil {
		t.Fatal(err)
	}
	other, _ := endpoint.ParseContact("alice", params)
	other.ID, other.SPKI, other.PDA = alice.ID(), alice.PublicCard().SPKI, nil
	if err := carol.AddContact(other); err == nil || !strings.Contains(err.Error(), "another contact named") {
		t.Errorf("name taken: %v", err)
	}
	other.ID = bob.ID()
	if err := carol.AddContact(other); err == nil || !strings.Contains(err.Error(), "not that of its key") {
		t.Errorf("foreign id: %v", err)
	}
	if _, err := carol.Authorise(bob.PublicCard().SPKI, endpoint.Grant{From: from, Until: until}, random); err == nil {
		t.Error("authorised without an address")
	}
	carol.Certificate = nil
	if _, err := carol.Authorise(bob.PublicCard().SPKI, endpoint.Grant{Address: address, From: from, Until: until}, random); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("authorised without a certificate: %v", err)
	}
}

// A peer to whom much is sent costs others nothing: each keeps the key it was given.
func TestSessionsAreBounded(t *testing.T) {
	alice, bob, c := pair(t)
	carol := newEndpoint(t, "carol", c)
	introduce(t, carol, alice, "alice")
	for i := range 2 * endpoint.MaxSessions {
		seal(t, alice, bob.ID(), fmt.Sprint(i), from)
	}
	if len(alice.Sessions) != endpoint.MaxSessions {
		t.Errorf("%d session keys, want %d", len(alice.Sessions), endpoint.MaxSessions)
	}
	if alice.Sessions[0].Peer != "" {
		t.Error("the unbound key is gone")
	}
	if _, err := alice.Open(seal(t, carol, alice.ID(), "hello", from)); err != nil {
		t.Errorf("carol's only key is gone: %v", err)
	}
	if _, err := alice.Open(seal(t, bob, alice.ID(), "hello", from)); err == nil {
		t.Error("bob's oldest key is still there")
	}
}

// fromJavaScript is the endpoint whose keys the fixture holds.
func fromJavaScript(t testing.TB, f *ramftest.Fixture, name string) *endpoint.Endpoint {
	t.Helper()
	e, err := endpoint.FromKey(f.RSA(t, name), random)
	if err != nil {
		t.Fatal(err)
	}
	e.Certificate = f.Cert(t, name)
	e.Sessions = []endpoint.StoredKey{{PrivateKey: session.PrivateKey{ID: f.SessionKeyID, Key: f.Session(t)}}}
	return e
}

func TestJavaScript(t *testing.T) {
	f := ramftest.Load(t)
	recipient, sender := fromJavaScript(t, f, "recipient"), fromJavaScript(t, f, "sender")
	got, err := recipient.Open(f.Parcel)
	if err != nil || got.Type != "text/plain" || string(got.Content) != "water is safe to drink" || got.Sender != f.IDs["sender"] {
		t.Errorf("parcel: %+v, %v", got, err)
	}
	c, err := endpoint.ParseContact("js", f.ConnParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.AddContact(c); err != nil {
		t.Fatal(err)
	}
	if got, err = recipient.Open(seal(t, sender, f.IDs["recipient"], "from Go", pkitest.Now)); err != nil || string(got.Content) != "from Go" {
		t.Errorf("over its connection parameters: %+v, %v", got, err)
	}
}

func FuzzParseContact(f *testing.F) {
	js := ramftest.Load(f)
	recipient := fromJavaScript(f, js, "recipient")
	params, err := recipient.Authorise(js.Cert(f, "sender").SPKI(), endpoint.Grant{Address: address, From: pkitest.Now, Until: until}, random)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(js.ConnParams)
	f.Add(params)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := endpoint.ParseContact("x", b)
		if err == nil && (c.PDA == nil || c.Session.Key == nil || !c.ID.Valid() || c.PDA.Issuer != c.ID) {
			t.Fatalf("accepted an incomplete contact: %+v", c)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	js := ramftest.Load(f)
	e := fromJavaScript(f, js, "sender")
	c, err := endpoint.ParseContact("js", js.ConnParams)
	if err != nil {
		f.Fatal(err)
	}
	e.Contacts = []endpoint.Contact{c}
	for _, r := range e.Marshal() {
		f.Add(r.Key, r.Value)
	}
	state := e.Marshal()[0]
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		records := []endpoint.Record{state, {Key: key, Value: b}}
		if key == state.Key {
			records = records[1:]
		}
		back, _, err := endpoint.Unmarshal(records, e.Key)
		if err != nil {
			return
		}
		if again, skipped, err := endpoint.Unmarshal(back.Marshal(), e.Key); err != nil || len(skipped) > 0 || !reflect.DeepEqual(again.Marshal(), back.Marshal()) {
			t.Fatalf("what was read cannot be read again: %v, %v", skipped, err)
		}
	})
}
