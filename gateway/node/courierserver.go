package node

import (
	"context"
	"errors"

	"packhorse/gateway"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/ramf"
)

// courierBackend takes cargo of private gateways, and has theirs for them.
type courierBackend struct{ core core }

var _ cogrpc.Backend = courierBackend{}

// DeliverCargo holds cargo for an Internet gateway.
func (b courierBackend) DeliverCargo(ctx context.Context, cargo []byte) error {
	m, err := ramf.Parse(cargo)
	switch {
	case err != nil:
		return courierError(err)
	case m.Type != ramf.Cargo:
		return &cogrpc.Error{Refusal: cogrpc.Invalid, Detail: "this is no cargo"}
	case m.InternetAddress == "":
		return &cogrpc.Error{Refusal: cogrpc.Invalid, Detail: "the cargo names no Internet gateway"}
	}
	_, err = b.core.ask(ctx, func(t gateway.Token) gateway.Event {
		return gateway.Carry{Token: t, Raw: cargo, Source: cogrpc.Caller(ctx)}
	})
	return courierError(err)
}

// Collect opens a line to the cargo of who signed the CCA.
func (b courierBackend) Collect(ctx context.Context, cca []byte) (cogrpc.Subscription, error) {
	l := &line{b.core, b.core.newSub()}
	_, err := b.core.ask(ctx, func(t gateway.Token) gateway.Event {
		return gateway.CollectCargo{Token: t, Sub: l.sub, CCA: cca, Source: cogrpc.Caller(ctx)}
	})
	if err != nil {
		l.close() // the question may have been given up on while it was answered
		return nil, courierError(err)
	}
	return collector{l}, nil
}

// collector is a phone or laptop that fetches its cargo.
type collector struct{ line *line }

func (c collector) Next(ctx context.Context) (cogrpc.Cargo, bool, error) {
	x, err := c.line.next(ctx, false)
	if err != nil || x == nil {
		return cogrpc.Cargo{}, false, courierError(err)
	}
	return cogrpc.Cargo{Key: x.Key, Raw: x.Parcel}, true, nil
}

func (c collector) Ack(ctx context.Context, key string) error { return c.line.ack(ctx, key) }
func (c collector) Close()                                    { c.line.close() }

// courierError tells a client what kind of refusal it is.
func courierError(err error) error {
	var r *ramf.Error
	var g *gateway.Error
	switch {
	case errors.As(err, &r):
		return &cogrpc.Error{Refusal: cogrpc.Invalid, Detail: r.Error()}
	case errors.As(err, &g) && g.Code == "quota":
		return &cogrpc.Error{Refusal: cogrpc.Full, Detail: g.Message}
	}
	return err
}
