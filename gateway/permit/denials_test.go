package permit

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

type certs = []*pki.Certificate

// plain is a path that begins with a PDA without a limit.
func plain(t testing.TB) certs {
	c := pkitest.NewChain(t)
	return certs{c.PDA, c.Endpoint, c.Gateway, c.Root}
}

var terms = pki.Terms{Now: pkitest.Now, Quality: pki.ClockNTP}

func pdd(path certs, serials ...*big.Int) PDD {
	return PDD{Recipient: path[1].ID, Serials: serials, Expires: pkitest.Now.Add(time.Hour), Signer: path[1], Chain: path[2:3]}
}

func signed(t testing.TB, p PDD, key string) []byte {
	t.Helper()
	b, err := Sign(p, pkitest.Key(t, key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPDDOctets(t *testing.T) {
	path := plain(t)
	p := pdd(path, big.NewInt(0x80), big.NewInt(5))
	b := signed(t, p, "endpoint")
	// SEQUENCE of 93: VisibleString of 65, SET of two INTEGERs in order, DATE-TIME
	want := "305d" + "1a41" + hex.EncodeToString([]byte(path[1].ID)) + "3107" + "020105" + "02020080" + "1f210e" + hex.EncodeToString([]byte("20260504130000"))
	if !strings.HasPrefix(string(b), "Awala\x52\x00") || !strings.Contains(hex.EncodeToString(b), want) {
		t.Errorf("%s is not in %x", want, b)
	}
	got, err := Parse(b)
	if err != nil || got.Recipient != p.Recipient || !got.Expires.Equal(p.Expires) || len(got.Serials) != 2 || !got.Signer.Equal(path[1]) {
		t.Fatalf("read back %+v, %v", got, err)
	}
	for n := range b {
		if _, err := Parse(b[:n]); !errors.Is(err, ErrDenial) {
			t.Fatalf("%d of %d octets: %v", n, len(b), err)
		}
	}
	for i := range b {
		if i%7 == 0 {
			p, err := Parse(pkitest.Corrupt(b, i))
			if err == nil && p.Verify(terms, path[3:]) == nil && !p.Signer.Equal(path[1]) {
				t.Fatalf("octet %d: accepted by another signer", i)
			}
		}
	}
}

func TestPDDRefuses(t *testing.T) {
	path := plain(t)
	content := func(parts ...string) string { return "30" + length(parts) + strings.Join(parts, "") }
	id, set, date := "1a41"+hex.EncodeToString([]byte(path[1].ID)), "3103020105", "1f210e"+hex.EncodeToString([]byte("20260504130000"))
	for _, tt := range []struct{ name, content string }{
		{"no date", content(id, set)},
		{"date without a day", content(id, set, "1f210e"+hex.EncodeToString([]byte("20260532130000")))},
		{"date with a zone", content(id, set, "1f210f"+hex.EncodeToString([]byte("20260504130000Z")))},
		{"negative serial number", content(id, "31030201ff", date)},
		{"serial number 0", content(id, "3103020100", date)},
		{"serial number of 33 octets", content(id, "3123"+"0221"+strings.Repeat("01", 33), date)},
		{"recipient that is no id", content("1a03"+"2e2e2f", set, date)},
		{"another tag", content("0c41"+id[4:], set, date)},
		{"something behind", content(id, set, date, "0500")},
		{"not a sequence", id},
	} {
		b, err := hex.DecodeString(tt.content)
		if err != nil {
			t.Fatal(err)
		}
		octets, err := cms.Sign(b, path[1], nil, pkitest.Key(t, "endpoint"), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(append(ber.Pieces{[]byte(header)}, octets...).Join()); !errors.Is(err, ErrDenial) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for name, change := range map[string]func(*PDD){
		"recipient":         func(p *PDD) { p.Recipient = "../../x" },
		"year":              func(p *PDD) { p.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"negative serial":   func(p *PDD) { p.Serials = []*big.Int{big.NewInt(-1)} },
		"too many serials":  func(p *PDD) { p.Serials = make([]*big.Int, MaxSerials+1) },
		"signer of another": func(p *PDD) { p.Signer = path[2] },
	} {
		p := pdd(path)
		change(&p)
		if _, err := Sign(p, pkitest.Key(t, "endpoint"), rand.Reader); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func length(parts []string) string {
	n := len(strings.Join(parts, "")) / 2
	if n < 0x80 {
		return hex.EncodeToString([]byte{byte(n)})
	}
	return hex.EncodeToString([]byte{0x81, byte(n)})
}

func TestWhoMayDeny(t *testing.T) {
	path := plain(t)
	root := path[3:]
	other := pkitest.Issue(t, "stranger", path[3], "root", true, 1) // a gateway that the anchor trusts
	fake := pkitest.Issue(t, "endpoint", other, "stranger", true, 0)
	for _, tt := range []struct {
		name         string
		signer       *pki.Certificate
		key          string
		chain        certs
		at           time.Time
		ok, enforced bool
	}{
		{"the endpoint", path[1], "endpoint", path[2:3], pkitest.Now, true, true},
		{"its gateway", path[2], "gateway", path[1:2], pkitest.Now, true, true},
		{"its gateway, without the endpoint's certificate", path[2], "gateway", nil, pkitest.Now, false, false},
		{"another gateway", other, "stranger", path[1:3], pkitest.Now, false, false},
		{"another gateway that certified the key itself", other, "stranger", certs{fake}, pkitest.Now, true, false},
		{"the sender", path[0], "sender", path[1:3], pkitest.Now, false, false},
		{"the endpoint, nobody trusted", path[1], "endpoint", nil, pkitest.Now, false, false},
		{"the endpoint, after its certificate", path[1], "endpoint", path[2:3], pkitest.Now.AddDate(0, 0, 2), false, false},
	} {
		p := pdd(path, path[0].X509.SerialNumber)
		p.Signer, p.Chain, p.Expires = tt.signer, tt.chain, tt.at.Add(time.Hour)
		d := NewDenials()
		records, err := d.Add(signed(t, p, tt.key), pki.Terms{Now: tt.at, Quality: pki.ClockNTP}, root)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrDenial) || (len(records) == 1) != tt.ok {
			t.Errorf("%s: %d records, %v; want ok %v", tt.name, len(records), err, tt.ok)
		}
		if got := d.Denied(path, tt.at, pki.ClockNTP); got != tt.enforced {
			t.Errorf("%s: denied %v, want %v", tt.name, got, tt.enforced)
		}
	}
}

func TestDenied(t *testing.T) {
	path := plain(t)
	second := append(certs{pkitest.Issue(t, "sender", path[1], "endpoint", false, 0)}, path[1:]...)
	others := append(certs{pkitest.Issue(t, "sender", path[2], "gateway", false, 0)}, path[2:]...)
	one, all := pdd(path, path[0].X509.SerialNumber), pdd(path)
	all.Expires = one.Expires.Add(time.Hour)
	d := NewDenials()
	first, err := d.Add(signed(t, one, "endpoint"), terms, path[3:])
	if err != nil {
		t.Fatal(err)
	}
	deny := func(what string, d *Denials, now time.Time, q pki.Quality, want ...bool) {
		t.Helper()
		for i, p := range []certs{path, second, others} {
			if got := d.Denied(p, now, q); got != want[i] {
				t.Errorf("%s: path %d denied %v, want %v", what, i, got, want[i])
			}
		}
	}
	deny("one", d, pkitest.Now, pki.ClockNTP, true, false, false)
	deny("one, at its end", d, one.Expires, pki.ClockNTP, true, false, false)
	deny("one, expired", d, one.Expires.Add(time.Second), pki.ClockNTP, false, false, false)
	deny("one, without a clock", d, one.Expires.Add(time.Second), pki.ClockNone, true, false, false)
	if again, err := d.Add(first[0].Value, terms, path[3:]); len(again) != 1 || again[0].Key != first[0].Key || err != nil || d.pdds != 1 {
		t.Errorf("the same again: %d records, %v; %d PDDs", len(again), err, d.pdds)
	}
	records, err := d.Add(signed(t, all, "endpoint"), terms, path[3:])
	if err != nil || len(records) != 2 || records[0].Key != first[0].Key || !records[0].Delete || d.pdds != 1 || d.serials != 0 {
		t.Fatalf("all: %d records, %v; %d PDDs with %d serials left", len(records), err, d.pdds, d.serials)
	}
	deny("all", d, pkitest.Now, pki.ClockNTP, true, true, false)
	restarted := NewDenials()
	if err := restarted.Load(records[1].Key, records[1].Value); err != nil {
		t.Fatal(err)
	}
	deny("all, after a restart", restarted, pkitest.Now, pki.ClockNTP, true, true, false)
	if gone := restarted.Expire(all.Expires); gone != nil {
		t.Errorf("at its end: %v", gone)
	}
	if gone := restarted.Expire(all.Expires.Add(time.Second)); len(gone) != 1 || gone[0].Key != records[1].Key || len(restarted.rows) != 0 {
		t.Errorf("after its end: %v", gone)
	}
	if _, err := d.Add(signed(t, one, "endpoint"), pki.Terms{Now: one.Expires.Add(time.Second), Quality: pki.ClockNTP}, path[3:]); !errors.Is(err, ErrDenial) {
		t.Errorf("expired: %v", err)
	}
}

// An endpoint has its bound, its gateway cannot fill it, and taking back all always fits.
func TestDenialsAreBounded(t *testing.T) {
	path := plain(t)
	d := NewDenials()
	add := func(key string, p PDD) error { _, err := d.Add(signed(t, p, key), terms, path[3:]); return err }
	by := func(i int64, signer string) PDD {
		p := pdd(path, big.NewInt(1000+i))
		if signer == "gateway" {
			p.Signer, p.Chain = path[2], path[1:2]
		}
		return p
	}
	for _, signer := range []string{"gateway", "endpoint"} {
		for i := range int64(maxEndpointPDDs) {
			if err := add(signer, by(i, signer)); err != nil {
				t.Fatal(err)
			}
		}
		if err := add(signer, by(maxEndpointPDDs, signer)); !errors.Is(err, ErrFull) {
			t.Errorf("PDD %d by the %s: %v", maxEndpointPDDs, signer, err)
		}
	}
	many := pdd(path)
	for i := range int64(MaxSerials) {
		many.Serials = append(many.Serials, big.NewInt(5000+i))
	}
	if err := add("endpoint", many); !errors.Is(err, ErrFull) {
		t.Errorf("more serial numbers than an endpoint may have: %v", err)
	}
	if err := add("endpoint", pdd(path)); err != nil || d.pdds != maxEndpointPDDs+1 || d.serials != maxEndpointPDDs {
		t.Errorf("all taken back: %v; %d PDDs, %d serials", err, d.pdds, d.serials)
	}
}

func FuzzParsePDD(f *testing.F) {
	path := plain(f)
	f.Add(signed(f, pdd(path), "endpoint"))
	f.Add(signed(f, pdd(path, big.NewInt(5), big.NewInt(1<<40)), "endpoint"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrDenial) {
				t.Fatal(err)
			}
			return
		}
		if !p.Recipient.Valid() || len(p.Serials) > MaxSerials {
			t.Fatalf("got %+v", p)
		}
	})
}

// Whoever has an endpoint's key can certify any other, and whoever has a PDA a path to an anchor: neither makes endpoints of
// them, or one phone could fill the table and the air with PDDs.
func TestOnlyEndpointsOfGatewaysDeny(t *testing.T) {
	path := plain(t)
	below := pkitest.Issue(t, "stranger", path[1], "endpoint", true, 0)
	own := pkitest.Issue(t, "endpoint", path[1], "endpoint", true, 2)
	for _, tt := range []struct {
		name, key string
		p         PDD
	}{
		{"a sender of itself", "sender", PDD{Recipient: path[0].ID, Signer: path[0], Chain: path[1:3]}},
		{"a key that an endpoint certified, of itself", "stranger", PDD{Recipient: below.ID, Signer: below, Chain: path[1:3]}},
		{"an endpoint of a key that it certified", "endpoint", PDD{Recipient: below.ID, Signer: path[1], Chain: certs{below, path[2]}}},
		{"an endpoint that allowed itself more", "endpoint", PDD{Recipient: below.ID, Signer: own, Chain: certs{below, path[1], path[2]}}},
	} {
		tt.p.Expires = pkitest.Now.Add(time.Hour)
		if _, err := NewDenials().Add(signed(t, tt.p, tt.key), terms, path[3:]); !errors.Is(err, ErrDenial) {
			t.Errorf("%s: got %v, want it refused", tt.name, err)
		}
	}
}

// One gateway and its endpoints leave room for others.
func TestOneGatewayCannotFillTheTable(t *testing.T) {
	path := plain(t)
	d := NewDenials()
	p := pdd(path, big.NewInt(7))
	if _, err := d.Add(signed(t, p, "endpoint"), terms, path[3:]); err != nil || d.under[path[2].ID] != 1 {
		t.Fatalf("%v; %d counted", err, d.under[path[2].ID])
	}
	d.under[path[2].ID] = maxGatewayPDDs
	other := pkitest.Issue(t, "stranger", path[3], "root", true, 1)
	theirs := pkitest.Issue(t, "sender", other, "stranger", true, 0)
	q := PDD{Recipient: theirs.ID, Expires: p.Expires, Signer: theirs, Chain: certs{other}}
	if _, err := d.Add(signed(t, pdd(path, big.NewInt(8)), "endpoint"), terms, path[3:]); !errors.Is(err, ErrFull) {
		t.Errorf("one more of a full gateway: %v", err)
	}
	if _, err := d.Add(signed(t, q, "sender"), terms, path[3:]); err != nil {
		t.Errorf("one of another: %v", err)
	}
	d.Expire(p.Expires.Add(time.Second))
	if len(d.under) != 1 || d.under[path[2].ID] != maxGatewayPDDs-1 {
		t.Errorf("after their end %v are counted", d.under)
	}
}
