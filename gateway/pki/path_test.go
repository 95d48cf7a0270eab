package pki_test

import (
	"crypto/rand"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

type certs = []*pki.Certificate

func TestPath(t *testing.T) {
	c := pkitest.NewChain(t)
	stranger := pkitest.Issue(t, "stranger", nil, "", true, 2)
	again := pkitest.Issue(t, "root", nil, "", true, 2) // same key and name, other certificate
	for _, tt := range []struct {
		name                string
		leaf                *pki.Certificate
		candidates, anchors certs
		want                certs
	}{
		{"to the root", c.PDA, certs{c.Endpoint, c.Gateway}, certs{c.Root}, certs{c.PDA, c.Endpoint, c.Gateway, c.Root}},
		{"any order, extras", c.PDA, certs{stranger, c.Root, c.Gateway, c.PDA, c.Endpoint}, certs{c.Root}, certs{c.PDA, c.Endpoint, c.Gateway, c.Root}},
		{"anchor not self-issued", c.PDA, certs{c.Endpoint, c.Gateway}, certs{c.Gateway}, certs{c.PDA, c.Endpoint, c.Gateway}},
		{"anchor is the issuer", c.PDA, nil, certs{c.Endpoint}, certs{c.PDA, c.Endpoint}},
		{"leaf is the anchor", c.Root, nil, certs{c.Root}, certs{c.Root}},
		{"second anchor", c.Gateway, nil, certs{stranger, c.Root}, certs{c.Gateway, c.Root}},
		{"renewed anchor", c.Gateway, certs{c.Root}, certs{again}, certs{c.Gateway, again}},
	} {
		got, err := pki.Path(tt.leaf, tt.candidates, tt.anchors, pkitest.Now, pki.ClockGPS)
		if err != nil || !slices.EqualFunc(got, tt.want, (*pki.Certificate).Equal) {
			t.Errorf("%s: path of %d, %v; want %d", tt.name, len(got), err, len(tt.want))
		}
	}
}

func TestPathRefuses(t *testing.T) {
	c := pkitest.NewChain(t)
	stranger := pkitest.Issue(t, "stranger", nil, "", true, 2)
	notCA := pkitest.Issue(t, "gateway", c.Root, "root", false, 0)
	shallow := pkitest.Issue(t, "gateway", c.Root, "root", true, 0)
	below := pkitest.Issue(t, "sender", nil, "", true, 0)
	forged := *c.Endpoint.X509
	forged.Signature = pkitest.Corrupt(forged.Signature, 5)
	badLink := &pki.Certificate{X509: &forged, ID: c.Endpoint.ID, Issuer: c.Endpoint.Issuer}
	late := pkitest.Now.Add(25 * time.Hour)
	brief := issueFor(t, "sender", c.Endpoint, "endpoint", 0, time.Minute, false)
	future := issueFor(t, "gateway", c.Root, "root", time.Hour, 2*time.Hour, true)
	for _, tt := range []struct {
		name, want          string
		leaf                *pki.Certificate
		candidates, anchors certs
		now                 time.Time
		q                   pki.Quality
	}{
		{"no anchors", "no attached", c.PDA, nil, nil, pkitest.Now, pki.ClockGPS},
		{"missing link", "no attached", c.PDA, certs{c.Gateway}, certs{c.Root}, pkitest.Now, pki.ClockGPS},
		{"foreign anchor", "no attached", c.PDA, certs{c.Endpoint, c.Gateway, c.Root}, certs{stranger}, pkitest.Now, pki.ClockGPS},
		{"issuer without cA", "may not issue", c.Endpoint, certs{notCA}, certs{c.Root}, pkitest.Now, pki.ClockGPS},
		{"path length", "allows 0", c.PDA, certs{c.Endpoint, shallow}, certs{c.Root}, pkitest.Now, pki.ClockGPS},
		{"forged link", "signature", c.PDA, certs{badLink, c.Gateway}, certs{c.Root}, pkitest.Now, pki.ClockGPS},
		{"leaf out of date", "not valid", c.PDA, certs{c.Endpoint}, certs{c.Gateway}, late, pki.ClockNTP},
		{"leaf alone out of date", "not valid", brief, certs{c.Endpoint, c.Gateway}, certs{c.Root}, pkitest.Now.Add(time.Hour), pki.ClockNTP},
		{"issuer alone not yet in date", "not valid", c.Endpoint, certs{future}, certs{c.Root}, pkitest.Now, pki.ClockNTP},
		{"self-issued leaf", "no attached", below, certs{below, c.Gateway}, certs{c.Root}, pkitest.Now, pki.ClockGPS},
	} {
		_, err := pki.Path(tt.leaf, tt.candidates, tt.anchors, tt.now, tt.q)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := pki.Path(c.PDA, certs{c.Endpoint}, certs{c.Gateway}, late, pki.ClockNone); err != nil {
		t.Errorf("dates judged without a clock: %v", err)
	}
}

func issueFor(t *testing.T, subject string, issuer *pki.Certificate, issuerName string, from, until time.Duration, ca bool) *pki.Certificate {
	t.Helper()
	c, err := pki.Issue(pki.Template{
		Subject: pkitest.Key(t, subject).Public(), Issuer: issuer, IssuerKey: pkitest.Key(t, issuerName),
		NotBefore: pkitest.Now.Add(from), NotAfter: pkitest.Now.Add(until), CA: ca, PathLen: 0, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unconstrained self-issues a CA certificate without a path length, which Issue never does.
func unconstrained(t *testing.T, name string) *pki.Certificate {
	t.Helper()
	like := pkitest.Issue(t, name, nil, "", true, 2).X509
	x := &x509.Certificate{SerialNumber: like.SerialNumber, RawSubject: like.RawSubject, NotBefore: like.NotBefore, NotAfter: like.NotAfter,
		SignatureAlgorithm: like.SignatureAlgorithm, BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1}
	der, err := x509.CreateCertificate(rand.Reader, x, x, pkitest.Key(t, name).Public(), pkitest.Key(t, name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := pki.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Certificates that all issue each other must not make the search long.
func TestPathBounded(t *testing.T) {
	root := pkitest.Issue(t, "stranger", nil, "", true, 2)
	var ring certs
	for range 20 {
		ring = append(ring, unconstrained(t, "ring"))
	}
	if _, err := pki.Path(ring[0], ring[1:], certs{root}, pkitest.Now, pki.ClockGPS); err == nil {
		t.Error("found a path")
	}
	for _, n := range []int{6, 7, len(ring)} { // few enough to verify every link, and too many
		steps, verified := pki.SearchCost(ring[0], ring[1:n], certs{root}, pkitest.Now)
		if limit := pki.MaxSteps + pki.MaxDepth*n; steps > limit || verified > pki.MaxVerify {
			t.Errorf("ring of %d: %d steps and %d signatures, want at most %d and %d", n, steps, verified, limit, pki.MaxVerify)
		}
	}
	leaf := pkitest.Issue(t, "leaf", ring[19], "ring", false, 0)
	if _, err := pki.Path(leaf, ring[:18], certs{ring[19]}, pkitest.Now, pki.ClockGPS); err != nil {
		t.Errorf("anchor hidden by the ring: %v", err)
	}
}
