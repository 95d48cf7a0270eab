package inetnode

import (
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
)

// An endpoint behind a private gateway takes back what it authorised; a stranger cannot.
func TestDeauthorisationsOverPoWeb(t *testing.T) {
	h := newHouse(t, finder{})
	p := h.private("gateway")
	denial := func(signer *pki.Certificate, key string) []byte {
		b, err := permit.Sign(permit.PDD{Recipient: p.endpoint.ID, Expires: time.Now().Add(time.Hour), Signer: signer, Chain: []*pki.Certificate{p.signer.Certificate}}, pkitest.Key(t, key), rand.Reader)
		must(t, err)
		return b
	}
	var refused *poweb.ClientError
	err := p.web.Deauthorise(t.Context(), denial(issue(t, "endpoint", nil, "endpoint", true), "endpoint"))
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("signed with a certificate that nobody issued: %v, want 403", err)
	}
	must(t, p.web.Deliver(t.Context(), p.inward("before"), p.signer))
	must(t, p.web.Deauthorise(t.Context(), denial(p.endpoint, "endpoint")))
	if err := p.web.Deliver(t.Context(), p.inward("after"), p.signer); !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
		t.Errorf("a parcel after it: %v, want 422", err)
	}
}
