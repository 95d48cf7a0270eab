package poweb

import (
	"context"
	"crypto/rand"
	"net/http"
	"testing"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// denier is a backend that takes PDDs.
type denier struct {
	*fakeBackend
	taken []string
}

func (d *denier) Deauthorise(_ context.Context, pdd []byte) error {
	if d.err == nil {
		d.taken = append(d.taken, string(pdd))
	}
	return d.err
}

func pddOf(t testing.TB, c pkitest.Chain) []byte {
	t.Helper()
	b, err := permit.Sign(permit.PDD{Recipient: c.Endpoint.ID, Expires: pkitest.Now, Signer: c.Endpoint, Chain: []*pki.Certificate{c.Gateway}},
		pkitest.Key(t, "endpoint"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDeauthorisationsAreTaken(t *testing.T) {
	b := &denier{fakeBackend: newBackend(t)}
	h, pdd := NewHandler(b), pddOf(t, b.chain)
	const kind = "application/vnd.awala.parcel-delivery-deauthorisation"
	for _, p := range []post{
		{"PDD", "POST", "/v1/deauthorisations", kind, nil, pdd, nil, 202},
		{"of who may not", "POST", "/v1/deauthorisations", kind, nil, pdd, web.Fail(http.StatusForbidden, "not yours"), 403},
		{"disk fails", "POST", "/v1/deauthorisations", kind, nil, pdd, errDisk, 500},
		{"garbage", "POST", "/v1/deauthorisations", kind, nil, []byte("garbage"), nil, 400},
		{"changed on the way", "POST", "/v1/deauthorisations", kind, nil, pkitest.Corrupt(pdd, -1), nil, 400},
		{"empty", "POST", "/v1/deauthorisations", kind, nil, nil, nil, 400},
		{"too long", "POST", "/v1/deauthorisations", kind, nil, make([]byte, permit.MaxPDD+1), nil, 413},
		{"another type", "POST", "/v1/deauthorisations", typeParcel, nil, pdd, nil, 415},
		{"another method", "GET", "/v1/deauthorisations", "", nil, nil, nil, 405},
		{"of a web page", "POST", "/v1/deauthorisations", kind, map[string]string{"Origin": "https://example.org"}, pdd, nil, 400},
	} {
		b.err = p.err
		if got := p.send(t, h); got.status != p.want {
			t.Errorf("%s: got %d %s, want %d", p.name, got.status, got.body.String(), p.want)
		}
	}
	if len(b.taken) != 1 || b.taken[0] != string(pdd) {
		t.Errorf("the gateway got %d PDDs, want the one", len(b.taken))
	}
	if got := (post{method: "POST", path: "/v1/deauthorisations", contentType: kind, body: pdd}).send(t, NewHandler(newBackend(t))); got.status != 404 {
		t.Errorf("a gateway that takes none: got %d, want 404", got.status)
	}
}

func TestClientDeauthorises(t *testing.T) {
	b := newBackend(t)
	d := &denier{fakeBackend: b}
	pdd := pddOf(t, b.chain)
	withGateway(t, NewHandler(d).ServeHTTP, func(t *testing.T, c *Client) {
		defer c.Close()
		if err := c.Deauthorise(t.Context(), pdd); err != nil {
			t.Error(err)
		}
		if len(d.taken) != 1 || d.taken[0] != string(pdd) {
			t.Errorf("the gateway got %q", d.taken)
		}
	})
}
