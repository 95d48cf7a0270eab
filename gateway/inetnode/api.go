package inetnode

import (
	"context"
	"errors"
	"net/http"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/inet"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pohttp"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/shell"
)

var (
	_ poweb.InternetBackend = powebAPI{}
	_ poweb.Receiver        = powebAPI{}
	_ poweb.Clock           = powebAPI{}
	_ poweb.Deauthoriser    = powebAPI{}
	_ cogrpc.Backend        = cargoAPI{}
	_ pohttp.Backend        = pohttpAPI{}
)

// powebAPI answers private gateways.
type powebAPI struct{ n *Node }

// Clock lets the server judge the dates of countersigners' certificates.
func (a powebAPI) Clock() (time.Time, pki.Quality) {
	return time.Now(), pki.Quality(a.n.clock.Load())
}

func (a powebAPI) Anchors() []*pki.Certificate { return *a.n.anchors.Load() }

func (a powebAPI) PreRegister(ctx context.Context, digest [32]byte) (pnra []byte, err error) {
	look := a.n.owner.Look(ctx, func(now time.Time) { pnra, err = a.n.core.PreRegister(now, digest) })
	return pnra, shell.PoWebError(errors.Join(look, err))
}

func (a powebAPI) ConnectionParams(ctx context.Context) (b []byte, err error) {
	look := a.n.owner.Look(ctx, func(now time.Time) { b, err = a.n.core.ConnectionParams(now) })
	return b, shell.PoWebError(errors.Join(look, err))
}

func (a powebAPI) Register(ctx context.Context, pnrr []byte) ([]byte, error) {
	v, err := a.n.ask(ctx, func(t inet.Token) inet.Event { return inet.Register{Token: t, PNRR: pnrr} })
	pnr, _ := v.([]byte)
	return pnr, shell.PoWebError(err)
}

// Deliver is never called: DeliverFrom is.
func (a powebAPI) Deliver(ctx context.Context, parcel []byte) error {
	return a.DeliverFrom(ctx, "", parcel)
}

func (a powebAPI) DeliverFrom(ctx context.Context, signer pki.NodeID, parcel []byte) error {
	_, err := a.n.ask(ctx, func(t inet.Token) inet.Event { return inet.Deliver{Token: t, By: signer, Parcel: parcel} })
	return shell.PoWebError(err)
}

// Deauthorise takes the word of an endpoint of a private gateway of ours.
func (a powebAPI) Deauthorise(ctx context.Context, pdd []byte) error {
	p, err := permit.Parse(pdd)
	if err != nil {
		return &poweb.StatusError{Status: http.StatusBadRequest, Message: err.Error()}
	}
	err = a.DeliverFrom(ctx, p.Signer.ID, pdd)
	if s := (*poweb.StatusError)(nil); errors.As(err, &s) && s.Status == http.StatusUnprocessableEntity {
		s.Status = http.StatusForbidden
	}
	return err
}

// Collect opens a subscription. The server asks for one private gateway at a time.
func (a powebAPI) Collect(ctx context.Context, ids []pki.NodeID) (poweb.Subscription, error) {
	s := &subscription{n: a.n, id: a.n.subs.Add(1)}
	return s, a.n.tell(ctx, inet.Collect{Sub: s.id, ID: ids[0]})
}

// subscription is one collection of parcels.
type subscription struct {
	n  *Node
	id uint64
}

func (s *subscription) Next(ctx context.Context, wait bool) (poweb.Delivery, bool, error) {
	v, err := s.n.ask(ctx, func(t inet.Token) inet.Event { return inet.Next{Token: t, Sub: s.id, Wait: wait} })
	c, _ := v.(*inet.Collected)
	if err != nil || c == nil {
		return poweb.Delivery{}, false, shell.PoWebError(err)
	}
	return poweb.Delivery{Key: c.Key, Parcel: c.Parcel}, true, nil
}

func (s *subscription) Ack(ctx context.Context, d poweb.Delivery) error {
	_, err := s.n.ask(ctx, func(t inet.Token) inet.Event { return inet.Ack{Token: t, Sub: s.id, Key: d.Key} })
	return shell.PoWebError(err)
}

func (s *subscription) Close() { s.n.tell(context.Background(), inet.Close{Sub: s.id}) }

// pohttpAPI answers other Internet nodes.
type pohttpAPI struct{ n *Node }

func (a pohttpAPI) Deliver(ctx context.Context, parcel []byte) error {
	_, err := a.n.ask(ctx, func(t inet.Token) inet.Event { return inet.Deliver{Token: t, Parcel: parcel} })
	var refused *ramf.Error
	if errors.As(err, &refused) {
		return err
	}
	return shell.PoWebError(err)
}

// cargoAPI answers couriers.
type cargoAPI struct{ n *Node }

func (a cargoAPI) DeliverCargo(ctx context.Context, raw []byte) error {
	v, err := a.n.ask(ctx, func(t inet.Token) inet.Event { return inet.TakeCargo{Token: t, Raw: raw} })
	if taken, ok := v.(inet.CargoTaken); ok && err == nil {
		a.n.log.Info("cargo taken", "parcels", taken.Parcels, "acks", taken.Acks, "skipped", taken.Skipped)
	}
	return cargoError(err)
}

func (a cargoAPI) Collect(ctx context.Context, cca []byte) (cogrpc.Subscription, error) {
	s := &collection{n: a.n, id: a.n.subs.Add(1)}
	_, err := a.n.ask(ctx, func(t inet.Token) inet.Event { return inet.OpenCCA{Token: t, Sub: s.id, CCA: cca} })
	if err != nil {
		s.Close() // the question may have been given up on while it was answered
		return nil, cargoError(err)
	}
	return s, nil
}

// cargoError chooses the refusal of an error.
func cargoError(err error) error {
	var refused *ramf.Error
	var cca *inet.CCAError
	var g *gateway.Error
	switch {
	case errors.As(err, &refused):
		return &cogrpc.Error{Refusal: cogrpc.Invalid, Detail: refused.Detail}
	case errors.As(err, &cca):
		of := map[inet.CCARefusal]cogrpc.Refusal{inet.BadCCA: cogrpc.Invalid, inet.OtherRecipient: cogrpc.Foreign, inet.Fulfilled: cogrpc.Spent}
		return &cogrpc.Error{Refusal: of[cca.Refusal], Detail: cca.Detail}
	case errors.As(err, &g) && g.Code == "quota":
		return &cogrpc.Error{Refusal: cogrpc.Full, Detail: g.Message}
	}
	return err
}

// collection is the cargo of one CCA.
type collection struct {
	n  *Node
	id uint64
}

func (s *collection) Next(ctx context.Context) (cogrpc.Cargo, bool, error) {
	v, err := s.n.ask(ctx, func(t inet.Token) inet.Event { return inet.NextCargo{Token: t, Sub: s.id} })
	made, _ := v.(*inet.CargoMade)
	if err != nil || made == nil {
		return cogrpc.Cargo{}, false, cargoError(err)
	}
	s.n.log.Info("cargo made", "parcels", made.Parcels, "acks", made.Acks)
	return cogrpc.Cargo{Raw: made.Raw}, true, nil
}

// Ack does nothing: cargo counts as delivered when the private gateway says so in cargo of its own.
func (s *collection) Ack(context.Context, string) error { return nil }

func (s *collection) Close() { s.n.tell(context.Background(), inet.Close{Sub: s.id}) }
