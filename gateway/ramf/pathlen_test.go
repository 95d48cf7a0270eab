package ramf_test

import (
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

// Path lengths are enforced in every message, in anchors too, and whatever is remembered of earlier paths.
func TestPathLengths(t *testing.T) {
	c := pkitest.NewChain(t)
	gateway := func(pathLen int) *pki.Certificate { return pkitest.Issue(t, "gateway", c.Root, "root", true, pathLen) }
	low := pkitest.Issue(t, "root", nil, "", true, 1)
	below := pkitest.Issue(t, "sender", c.Endpoint, "endpoint", true, 0) // a CA that may not be one there
	under := pkitest.Issue(t, "sender", below, "sender", false, 0)
	links := pki.NewLinks(64)
	for range 2 {
		for _, tt := range []struct {
			name   string
			sender *pki.Certificate
			to     pki.NodeID
			chain  certs
			anchor *pki.Certificate
			want   ramf.Refusal
		}{
			{"as issued", c.PDA, c.Endpoint.ID, certs{c.Endpoint, c.Gateway}, c.Root, 0},
			{"gateway of 1", c.PDA, c.Endpoint.ID, certs{c.Endpoint, gateway(1)}, c.Root, 0},
			{"gateway of 0", c.PDA, c.Endpoint.ID, certs{c.Endpoint, gateway(0)}, c.Root, ramf.NoPath},
			{"gateway of 0 as anchor", c.PDA, c.Endpoint.ID, certs{c.Endpoint}, gateway(0), ramf.NoPath},
			{"root of 1", c.PDA, c.Endpoint.ID, certs{c.Endpoint, c.Gateway}, low, ramf.NoPath},
			{"authorised by a sender", under, below.ID, certs{below, c.Endpoint, c.Gateway}, c.Root, ramf.NoPath},
			{"authorised by a sender, the endpoint trusted", under, below.ID, certs{below}, c.Endpoint, ramf.NoPath},
			{"cargo under its issuer", c.Gateway, c.Root.ID, nil, c.Root, 0},
		} {
			m := parcel(c)
			m.Sender, m.Recipient, m.Chain = tt.sender, tt.to, tt.chain
			key := "sender"
			if tt.sender == c.Gateway {
				m.Type, key = ramf.Cargo, "gateway"
			}
			terms := pki.Terms{Now: pkitest.Now, Quality: pki.ClockGPS, Links: links}
			if _, err := parse(t, signBy(t, m, key)).CheckBy(terms, certs{tt.anchor}); refusal(err) != tt.want || tt.want == 0 && err != nil {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
	}
}
