package pki_test

import (
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

// Certificates that all issue each other must not make the search long.
func TestPathBounded(t *testing.T) {
	root := pkitest.Issue(t, "stranger", nil, "", true, 2)
	var ring certs
	for range 20 {
		ring = append(ring, pkitest.Issue(t, "ring", nil, "", true, 2))
	}
	if _, err := pki.Path(ring[0], ring[1:], certs{root}, pkitest.Now, pki.ClockGPS); err == nil {
		t.Error("found a path")
	}
	if testing.Short() {
		return
	}
	leaf := pkitest.Issue(t, "leaf", ring[19], "ring", false, 0)
	if _, err := pki.Path(leaf, ring[:18], certs{ring[19]}, pkitest.Now, pki.ClockGPS); err != nil {
		t.Errorf("anchor hidden by the ring: %v", err)
	}
}
