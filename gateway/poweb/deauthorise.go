package poweb

import (
	"context"
	"net/http"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/permit"
)

// Deauthoriser is what a Backend also is when it takes PDDs, with which endpoints take their authorisations back
// (RS-018). Awala has no way to hand them in: this one is ours. A gateway without it answers 404.
//
//	POST /v1/deauthorisations   PDD -> 202
type Deauthoriser interface {
	// Deauthorise takes a PDD whose own signature is right; whether its signer may say so is for the gateway
	// to judge: a *StatusError of 403 says that they may not. Enforced and durable when it returns nil.
	Deauthorise(ctx context.Context, pdd []byte) error
}

const (
	typePDD  = "application/vnd.awala.parcel-delivery-deauthorisation"
	pathPDDs = "/v1/deauthorisations"
)

// deauthorise needs no countersignature: a PDD is signed by who may give it, and giving it twice changes nothing.
func (s *server) deauthorise(w http.ResponseWriter, r *http.Request) error {
	if err := web.CheckType(r, typePDD); err != nil {
		return err
	}
	pdd, err := web.ReadBody(w, r, permit.MaxPDD)
	if err != nil {
		return err
	}
	return s.atDesk(r, func() error {
		if _, err := permit.Parse(pdd); err != nil {
			return web.Fail(http.StatusBadRequest, err.Error())
		}
		err := s.backend.(Deauthoriser).Deauthorise(r.Context(), pdd)
		if err == nil {
			w.WriteHeader(http.StatusAccepted)
		}
		return err
	})
}

// Deauthorise posts a PDD. With nil the gateway enforces it. A gateway that knows no PDDs answers a *ClientError with
// the status 404: what was authorised there holds until it ends.
func (c *Client) Deauthorise(ctx context.Context, pdd []byte) error {
	_, err := c.call(ctx, call{what: "deauthorise", method: http.MethodPost, path: pathPDDs, kind: typePDD, body: pdd})
	return err
}
