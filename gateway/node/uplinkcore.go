package node

import (
	"context"
	"errors"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
)

// nodeUplinks is the core as the uplinks see it.
type nodeUplinks struct{ n *Node }

var _ uplinkOwner = nodeUplinks{}

func (o nodeUplinks) Uplinks(ctx context.Context) (out []gateway.UplinkInfo, err error) {
	err = o.n.look(ctx, func(now time.Time, c *gateway.Core) { out = c.Uplinks(now) })
	return out, err
}

func (o nodeUplinks) MayRegister(ctx context.Context) (err error) {
	lookErr := o.n.look(ctx, func(_ time.Time, c *gateway.Core) { err = c.MayRegister() })
	return errors.Join(lookErr, err)
}

// Signer reads the certificate each time: it may have been renewed meanwhile.
func (o nodeUplinks) Signer(ctx context.Context, address string) (poweb.Signer, error) {
	var cert *pki.Certificate
	var err error
	lookErr := o.n.look(ctx, func(now time.Time, c *gateway.Core) { cert, err = c.UplinkSigner(now, address) })
	return poweb.Signer{Certificate: cert, Key: o.n.identity.RSA}, errors.Join(lookErr, err)
}

func (o nodeUplinks) Registered(ctx context.Context, address string, pnr []byte) error {
	_, err := o.n.ask(ctx, func(t gateway.Token) gateway.Event {
		return gateway.Registered{Token: t, Address: address, PNR: pnr}
	})
	return err
}

func (o nodeUplinks) Live(ctx context.Context, address string, live bool) {
	o.n.tell(ctx, gateway.Uplink{Address: address, Live: live})
}

func (o nodeUplinks) FromInternet(ctx context.Context, parcel []byte) error {
	_, err := o.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.FromInternet{Token: t, Parcel: parcel} })
	return err
}

func (o nodeUplinks) Outbound(ctx context.Context) (outbox, error) {
	s := &upSubscription{subscription{n: o.n, id: o.n.subs.Add(1)}}
	return s, o.n.tell(ctx, gateway.CollectUp{Sub: s.id, What: gateway.UpParcels})
}

// upSubscription is one collection of what waits for the Internet.
type upSubscription struct{ subscription }

func (s *upSubscription) Next(ctx context.Context) (string, []byte, error) {
	v, err := s.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: s.id, Wait: true} })
	c, _ := v.(*gateway.Collected)
	if err == nil && c == nil {
		err = errors.New("node: the collection was closed")
	}
	if err != nil {
		return "", nil, err
	}
	return c.Key, c.Parcel, nil
}

func (s *upSubscription) Ack(ctx context.Context, key string) error {
	_, err := s.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Ack{Token: t, Sub: s.id, Key: key} })
	return err
}

// Keep is told also when we are stopping.
func (s *upSubscription) Keep(ctx context.Context, key string) error {
	return s.n.tell(context.WithoutCancel(ctx), gateway.Keep{Sub: s.id, Key: key})
}

func (s *upSubscription) Drop(ctx context.Context, key, why string) error {
	_, err := s.n.ask(ctx, func(t gateway.Token) gateway.Event {
		return gateway.Drop{Token: t, Sub: s.id, Key: key, Why: why}
	})
	return err
}
