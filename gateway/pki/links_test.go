package pki_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// forge returns c with a signature that is wrong.
func forge(c *pki.Certificate) *pki.Certificate {
	x := *c.X509
	x.Signature = pkitest.Corrupt(x.Signature, 5)
	return &pki.Certificate{X509: &x, ID: c.ID, Issuer: c.Issuer}
}

// With links of any earlier calls a path is found exactly when it is found without.
func TestLinksChangeNoVerdict(t *testing.T) {
	c := pkitest.NewChain(t)
	other := pkitest.Issue(t, "stranger", nil, "", true, 2)
	deep := pkitest.Issue(t, "endpoint", c.Endpoint, "endpoint", true, 0)
	pool := certs{c.Root, c.Gateway, c.Endpoint, c.PDA, other, deep,
		forge(c.PDA), forge(c.Endpoint), forge(c.Gateway),
		pkitest.Issue(t, "gateway", c.Root, "root", false, 0), pkitest.Issue(t, "gateway", c.Root, "root", true, 0),
		pkitest.Issue(t, "gateway", other, "stranger", true, 1), pkitest.Issue(t, "sender", deep, "endpoint", false, 0),
		issueFor(t, "endpoint", c.Gateway, "gateway", 0, time.Minute, true), issueFor(t, "sender", c.Endpoint, "endpoint", time.Hour, 2*time.Hour, false)}
	r := rand.New(rand.NewPCG(6, 1))
	pick := func(n int) (out certs) {
		for range n {
			out = append(out, pool[r.IntN(len(pool))])
		}
		return out
	}
	links, found := pki.NewLinks(8), 0
	for i := range 600 {
		leaf, candidates, anchors := pick(1)[0], pick(r.IntN(6)), pick(1+r.IntN(2))
		terms := pki.Terms{Now: pkitest.Now.Add(time.Duration(r.IntN(130)-5) * time.Minute), Quality: pki.Quality(r.IntN(2))}
		want, wantErr := terms.Path(leaf, candidates, anchors)
		terms.Links = links
		got, err := terms.Path(leaf, candidates, anchors)
		if (err == nil) != (wantErr == nil) || !slices.EqualFunc(got, want, (*pki.Certificate).Equal) {
			t.Fatalf("call %d: path of %d, %v; without links %d, %v", i, len(got), err, len(want), wantErr)
		}
		if len(got) > 1 {
			found++
		}
	}
	if found < 50 {
		t.Errorf("only %d of the paths were found: nothing is tested", found)
	}
}

func TestLinksSpareSignatures(t *testing.T) {
	c := pkitest.NewChain(t)
	terms := pki.Terms{Now: pkitest.Now, Quality: pki.ClockGPS, Links: pki.NewLinks(64)}
	path := func(leaf *pki.Certificate) int {
		before := pki.Kept(terms.Links)
		if _, err := terms.Path(leaf, certs{c.Endpoint, c.Gateway}, certs{c.Root}); err != nil {
			t.Fatal(err)
		}
		return pki.Kept(terms.Links) - before
	}
	another := pkitest.Issue(t, "stranger", c.Endpoint, "endpoint", false, 0)
	for i, want := range []int{3, 0, 0} {
		if got := path(c.PDA); got != want {
			t.Errorf("call %d: %d links are new, want %d", i, got, want)
		}
	}
	if got := path(another); got != 1 {
		t.Errorf("another sender: %d links are new, want 1", got)
	}
}

// Neither who leads to no anchor nor who issues as many certificates as he likes pushes out what others have.
func TestLinksCannotBePushedOut(t *testing.T) {
	c := pkitest.NewChain(t)
	terms := pki.Terms{Now: pkitest.Now, Quality: pki.ClockGPS, Links: pki.NewLinks(32)}
	path := func(leaf *pki.Certificate, candidates ...*pki.Certificate) error {
		_, err := terms.Path(leaf, candidates, certs{c.Root})
		return err
	}
	if err := path(c.PDA, c.Endpoint, c.Gateway); err != nil {
		t.Fatal(err)
	}
	stranger := pkitest.Issue(t, "stranger", nil, "", true, 2)
	for range 8 {
		if path(pkitest.Issue(t, "sender", stranger, "stranger", false, 0), stranger) == nil || path(forge(c.PDA), c.Endpoint, c.Gateway) == nil {
			t.Fatal("found a path")
		}
	}
	if n := pki.Kept(terms.Links); n != 3 {
		t.Errorf("%d links are kept, want the 3 of a path", n)
	}
	greedy := pkitest.Issue(t, "stranger", c.Gateway, "gateway", true, 0)
	for range 40 {
		if err := path(pkitest.Issue(t, "sender", greedy, "stranger", false, 0), greedy, c.Gateway); err != nil {
			t.Fatal(err)
		}
	}
	if n := pki.Kept(terms.Links); n != 3+1+4 {
		t.Errorf("%d links are kept, want 8: 4 of the greedy one", n)
	}
	if !pki.Known(terms.Links, c.PDA, c.Endpoint) {
		t.Error("the first sender's link was pushed out")
	}
}

func TestLinksAreBounded(t *testing.T) {
	l := pki.NewLinks(16)
	for i := range 100 {
		pki.Remember(l, byte(i), pki.NodeID(rune('a'+i/2)))
		pki.Remember(l, 200, "used all the time")
	}
	if n := pki.Kept(l); n != 16 {
		t.Errorf("%d links are kept, want 16", n)
	}
	if !pki.Remembers(l, 200, "used all the time") || !pki.Remembers(l, 99, pki.NodeID(rune('a'+49))) || pki.Remembers(l, 0, "a") {
		t.Error("another link went than the one that was not used for longest")
	}
}

// Two hours ahead are allowed to who has no trusted clock, in every certificate of the path; ends are ends.
func TestTermsAhead(t *testing.T) {
	c := pkitest.NewChain(t)
	begins, ends := c.Root.X509.NotBefore, c.Root.X509.NotAfter
	path := certs{c.Endpoint, c.Gateway}
	for _, tt := range []struct {
		name  string
		now   time.Time
		ahead time.Duration
		q     pki.Quality
		ok    bool
	}{
		{"begins now", begins, 0, pki.ClockNTP, true},
		{"begins in a second", begins.Add(-time.Second), 0, pki.ClockNTP, false},
		{"begins in two hours", begins.Add(-2 * time.Hour), pki.ClockDrift, pki.ClockNTP, true},
		{"begins in two hours and a second", begins.Add(-2*time.Hour - time.Second), pki.ClockDrift, pki.ClockNTP, false},
		{"ends now", ends, pki.ClockDrift, pki.ClockNTP, true},
		{"ended a second ago", ends.Add(time.Second), pki.ClockDrift, pki.ClockNTP, false},
		{"nobody knows", ends.Add(time.Second), 0, pki.ClockNone, true},
	} {
		_, err := pki.Terms{Now: tt.now, Ahead: tt.ahead, Quality: tt.q}.Path(c.PDA, path, certs{c.Root})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, want ok %v", tt.name, err, tt.ok)
		}
	}
	later := issueFor(t, "gateway", c.Root, "root", time.Hour, 2*time.Hour, true)
	for ahead, ok := range map[time.Duration]bool{0: false, time.Hour - 1: false, time.Hour: true} {
		_, err := pki.Terms{Now: pkitest.Now, Ahead: ahead, Quality: pki.ClockNTP}.Path(c.Endpoint, certs{later}, certs{c.Root})
		if (err == nil) != ok {
			t.Errorf("an issuer that begins in an hour, %v allowed: %v, want ok %v", ahead, err, ok)
		}
	}
}
