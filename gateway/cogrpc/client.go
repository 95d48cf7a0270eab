package cogrpc

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Client speaks to one server. Its methods are safe for concurrent use.
type Client struct {
	conn     *grpc.ClientConn
	patience time.Duration // with one step of a call
	farewell time.Duration // with the end of a call in which nothing is left to do
}

// ErrStalled ends a call in which nothing moved for two minutes.
var ErrStalled = errors.New("cogrpc: the other side does not go on; try again")

// DialCourier makes a client of a courier on the local network. Its certificate is not judged: nobody vouches
// for it, and cargo is sealed and signed. So public addresses are refused. Nothing is sent before the first call.
func DialCourier(a netip.AddrPort) (*Client, error) {
	if !Local(a.Addr()) {
		return nil, fmt.Errorf("cogrpc: %s is not on a local network, where couriers are", a)
	}
	return dial(a.String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, grpc.WithNoProxy())
}

// DialGateway makes a client of an Internet gateway at HOST:PORT. config is the client's side of TLS, with the
// ServerName that the certificate must have; nil: no TLS, for one on this machine. Nothing is sent before
// the first call.
func DialGateway(hostport string, config *tls.Config) (*Client, error) { return dial(hostport, config) }

func dial(target string, config *tls.Config, more ...grpc.DialOption) (*Client, error) {
	secure := insecure.NewCredentials()
	if config != nil {
		secure = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("passthrough:///"+target, append(more,
		grpc.WithTransportCredentials(secure),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithMaxHeaderListSize(maxMetadata),
		grpc.WithStaticStreamWindowSize(streamQuota),
		grpc.WithStaticConnWindowSize(connQuota),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig())...)
	if err != nil {
		return nil, fmt.Errorf("cogrpc: %w", err)
	}
	return &Client{conn, patience, farewell}, nil
}

// Close ends all calls.
func (c *Client) Close() error { return c.conn.Close() }

// call is one stream that is cut when nothing moves. Servers forbid pings, so silence is all there is to go by.
type call struct {
	grpc.ClientStream
	ctx      context.Context
	patience time.Duration
	alarm    *time.Timer
	cancel   context.CancelCauseFunc
}

func (c *Client) open(ctx context.Context, desc *grpc.StreamDesc) (*call, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &call{ctx: ctx, patience: c.patience, cancel: cancel}
	s.alarm = time.AfterFunc(c.patience, func() { cancel(ErrStalled) })
	var err error
	s.ClientStream, err = c.conn.NewStream(ctx, desc, "/"+packageName+serviceName+"/"+desc.StreamName)
	if err != nil {
		err = s.why(err)
		s.end(nil)
		return nil, err
	}
	return s, nil
}

func (c *call) moved() { c.alarm.Reset(c.patience) }

// end cuts the call; the first cause counts.
func (c *call) end(cause error) {
	c.alarm.Stop()
	c.cancel(cause)
}

// why is why a call ended: by us, or else by what the stream says.
func (c *call) why(err error) error {
	if cause := context.Cause(c.ctx); cause != nil {
		return cause
	}
	return err
}

// Collect fetches what waits for who signed the CCA. Each cargo is acknowledged once store returned nil for it;
// an error of store ends the call. n counts what was stored. An *Error is the server's refusal of the CCA. A
// courier also answers nothing to a CCA that it refuses.
func (c *Client) Collect(ctx context.Context, cca []byte, store func(cargo []byte) error) (n int, err error) {
	ctx = metadata.AppendToOutgoingContext(ctx, authKey, authScheme+" "+base64.StdEncoding.EncodeToString(cca))
	s, err := c.open(ctx, &collectStream)
	if err != nil {
		return 0, err
	}
	defer s.end(nil)
	for ; ; n++ {
		var m message
		if err := s.RecvMsg(&m); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, refusalOf(s.why(err), collectRefusals)
		}
		s.alarm.Stop() // storing takes as long as it takes
		if err := store(m.cargo); err != nil {
			return n, err
		}
		s.moved()
		// A server that hears no acknowledgements may have ended the stream: that is told by RecvMsg.
		if err := s.SendMsg(&message{id: m.id}); err != nil && !errors.Is(err, io.EOF) {
			return n, s.why(err)
		}
	}
}

// Deliver sends cargo, whose slices are borrowed until it returns. acked is called once for each cargo that the
// server has taken, by one goroutine at a time, while cargos may be asked for the next one. The end of
// the call counts as success only if all was acknowledged; what acked was not called for is to be sent again. An
// *Error is the server's refusal of a cargo, or of any more.
func (c *Client) Deliver(ctx context.Context, cargos iter.Seq2[Cargo, error], acked func(key string) error) error {
	s, err := c.open(ctx, &deliverStream)
	if err != nil {
		return err
	}
	defer s.end(nil)
	d := newDelivery(s, acked, c.farewell)
	heard := make(chan error, 1)
	go func() { heard <- d.listen() }()
	if err := d.send(cargos); err != nil {
		s.end(err)
	}
	if err = <-heard; d.finished() {
		return nil
	}
	return refusalOf(err, deliverRefusals)
}
