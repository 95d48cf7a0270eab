package cogrpc

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// service serves calls.
type service struct {
	backend  Backend
	role     Role
	patience time.Duration
	places   *places
}

// desc describes the service under one of its names.
func (s *service) desc(name string) *grpc.ServiceDesc {
	deliver, collect := deliverStream, collectStream
	deliver.Handler = func(_ any, stream grpc.ServerStream) error { return s.serve(stream, s.deliver) }
	collect.Handler = func(_ any, stream grpc.ServerStream) error { return s.serve(stream, s.collect) }
	return &grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{deliver, collect}}
}

// serve waits for a place before any of a call's messages is read.
func (s *service) serve(stream grpc.ServerStream, handle func(grpc.ServerStream) error) error {
	leave, err := s.places.take(stream.Context())
	if err != nil {
		return err
	}
	defer leave()
	return handle(stream)
}

var errSilent = status.Error(codes.DeadlineExceeded, "the other side takes too long")

// within gives up on f after some time. What f waits for must end with the call.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return errSilent
	}
}

// deliver acknowledges each cargo once it is durable. A client that cancels has what it was told.
func (s *service) deliver(stream grpc.ServerStream) error {
	for {
		m := new(message)
		err := within(s.patience, func() error { return stream.RecvMsg(m) })
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.take(stream.Context(), m.cargo)
		}
		if err == nil {
			err = within(s.patience, func() error { return stream.SendMsg(&message{id: m.id}) })
		}
		if err != nil {
			return err
		}
	}
}

// take gives a cargo to the backend. The end of the call does not undo what began.
func (s *service) take(ctx context.Context, cargo []byte) error {
	err := s.backend.DeliverCargo(context.WithoutCancel(ctx), cargo)
	var e *Error
	refused := errors.As(err, &e) && e.Refusal != Full
	if err == nil || refused && s.role == InternetGateway {
		return nil
	}
	return statusOf(err, deliverCodes)
}

// collect opens a collection. A courier answers a bad CCA as if nothing waited.
func (s *service) collect(stream grpc.ServerStream) error {
	sub, err := s.open(stream.Context())
	var e *Error
	if errors.As(err, &e) && e.Refusal != Full && s.role == Courier {
		return nil
	}
	if err != nil {
		return statusOf(err, collectCodes)
	}
	defer sub.Close()
	if s.role == Courier {
		return newCollection(s, stream, sub).run()
	}
	return s.handOut(stream, sub)
}

func (s *service) open(ctx context.Context) (Subscription, error) {
	cca, err := ccaOf(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.Collect(ctx, cca)
}

// ccaOf reads the CCA from the headers of a call.
func ccaOf(ctx context.Context) ([]byte, error) {
	values := metadata.ValueFromIncomingContext(ctx, authKey)
	if len(values) != 1 {
		return nil, &Error{Invalid, "give exactly one authorization"}
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if scheme != authScheme && scheme != authBySpec {
		return nil, &Error{Invalid, "the authorization must be of type " + authScheme}
	}
	cca, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(cca) == 0 {
		return nil, &Error{Invalid, "the CCA is not base64"}
	}
	return cca, nil
}

// handOut sends all that waits. Acknowledgements are read and mean nothing.
func (s *service) handOut(stream grpc.ServerStream, sub Subscription) error {
	go func() {
		for stream.RecvMsg(new(message)) == nil {
		}
	}()
	for {
		c, ok, err := sub.Next(stream.Context())
		if err != nil {
			return statusOf(err, collectCodes)
		}
		if !ok {
			return nil
		}
		if err := within(s.patience, func() error { return stream.SendMsg(&message{newID(), c.Raw}) }); err != nil {
			return err
		}
	}
}
