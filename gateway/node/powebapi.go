package node

import (
	"context"
	"errors"
	"net/http"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
	"packhorse/gateway/shell"
)

// powebAPI answers apps.
type powebAPI struct{ n *Node }

var (
	_ poweb.Backend      = powebAPI{}
	_ poweb.Clock        = powebAPI{}
	_ poweb.Deauthoriser = powebAPI{}
)

// Clock lets the server judge the dates of countersigners' certificates.
func (a powebAPI) Clock() (time.Time, pki.Quality) { return time.Now(), a.n.clockQuality() }

func (a powebAPI) PreRegister(ctx context.Context, digest [32]byte) (pnra []byte, err error) {
	lookErr := a.n.look(ctx, func(now time.Time, c *gateway.Core) { pnra, err = c.PreRegister(now, digest) })
	return pnra, shell.PoWebError(errors.Join(lookErr, err))
}

func (a powebAPI) Register(ctx context.Context, pnrr []byte) ([]byte, error) {
	v, err := a.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Register{Token: t, PNRR: pnrr} })
	pnr, _ := v.([]byte)
	return pnr, shell.PoWebError(err)
}

func (a powebAPI) Anchors() (out []*pki.Certificate) {
	a.n.look(context.Background(), func(now time.Time, c *gateway.Core) { out = c.Anchors(now) })
	return out
}

func (a powebAPI) Deliver(ctx context.Context, parcel []byte) error {
	_, err := a.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Deliver{Token: t, Parcel: parcel} })
	return shell.PoWebError(err)
}

// Deauthorise takes the word of an endpoint of this gateway.
func (a powebAPI) Deauthorise(ctx context.Context, pdd []byte) error {
	_, err := a.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Deauthorise{Token: t, PDD: pdd} })
	if g := (*gateway.Error)(nil); errors.As(err, &g) && g.Code == "refused" {
		return &poweb.StatusError{Status: http.StatusForbidden, Message: g.Message + "; " + g.Fix}
	}
	return shell.PoWebError(err)
}

func (a powebAPI) Collect(ctx context.Context, ids []pki.NodeID) (poweb.Subscription, error) {
	s := &subscription{n: a.n, id: a.n.subs.Add(1)}
	return s, a.n.tell(ctx, gateway.Collect{Sub: s.id, IDs: ids})
}

// subscription is one collection of parcels.
type subscription struct {
	n  *Node
	id uint64
}

func (s *subscription) Next(ctx context.Context, wait bool) (poweb.Delivery, bool, error) {
	v, err := s.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: s.id, Wait: wait} })
	c, _ := v.(*gateway.Collected)
	if err != nil || c == nil {
		return poweb.Delivery{}, false, shell.PoWebError(err)
	}
	return poweb.Delivery{Key: c.Key, Parcel: c.Parcel}, true, nil
}

func (s *subscription) Ack(ctx context.Context, d poweb.Delivery) error {
	_, err := s.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Ack{Token: t, Sub: s.id, Key: d.Key} })
	return shell.PoWebError(err)
}

func (s *subscription) Close() {
	s.n.tell(context.Background(), gateway.CloseCollect{Sub: s.id})
}
