package poweb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"

	"packhorse/gateway/cms"
	"packhorse/gateway/pki"
)

const (
	readStep = 4 << 10
	// settling is how long a gateway has to turn a handshake down: nothing says that it was taken.
	settling = time.Second
)

var (
	errSilent = errors.New("the gateway went silent")
	errFrame  = errors.New("the gateway sent a message that is not of this protocol")
)

// Collection says whose parcels are collected and what becomes of them.
type Collection struct {
	// Signers are the nodes that collect, at most 16. An Internet gateway takes one.
	Signers []Signer
	// Keep goes on with parcels that arrive later; else the collection ends when nothing waits any more.
	Keep bool
	// Ready is called when the gateway has taken the signatures. May be nil.
	Ready func()
	// Take gets each parcel, one at a time, and owns it. With nil it is acknowledged: it must be durable by
	// then, or refused for good. An error ends the collection, and the parcel will come again.
	Take func(ctx context.Context, parcel []byte) error
}

// Collect takes parcels until nothing waits (nil), the gateway ends it (nil, where it does so in good order), ctx
// ends, Take fails, or something breaks. A refused handshake is a *ClientError with the status 401.
func (c *Client) Collect(ctx context.Context, o Collection) error {
	if n := len(o.Signers); n == 0 || n > maxNodes {
		return fmt.Errorf("poweb: %d nodes cannot collect together, 1 to %d can", n, maxNodes)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	k := &collector{client: c, o: o, timer: time.AfterFunc(c.timeout, func() { stop(errSilent) })}
	defer k.timer.Stop()
	err := k.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	k.end(err)
	return collectError(err)
}

// collectError sorts out how a collection ended.
func collectError(err error) error {
	var own *takeError
	switch code := websocket.CloseStatus(err); {
	case err == nil, code == websocket.StatusNormalClosure:
		return nil
	case errors.As(err, &own):
		return own.error
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case code == websocket.StatusUnsupportedData: // the handshake, or an acknowledgement of ours
		return &ClientError{What: "collect", Status: http.StatusUnauthorized, Message: reasonOf(err)}
	case code != -1:
		return &ClientError{What: "collect", Err: fmt.Errorf("the gateway closed with %d %s", code, reasonOf(err))}
	}
	return clientError("collect", err)
}

func reasonOf(err error) string {
	var e websocket.CloseError
	errors.As(err, &e)
	return clip(e.Reason)
}

// takeError is an error of the caller's own.
type takeError struct{ error }

// collector is one collection. The timer ends it when nothing is heard for too long.
type collector struct {
	client *Client
	o      Collection
	conn   *websocket.Conn
	timer  *time.Timer
}

func (k *collector) run(ctx context.Context) error {
	if err := k.dial(ctx); err != nil {
		return err
	}
	if err := k.handshake(ctx); err != nil {
		return err
	}
	in, lost := make(chan []byte), make(chan error, 1)
	go func() { lost <- k.listen(ctx, in) }()
	settled := time.NewTimer(settling)
	defer settled.Stop()
	for {
		select {
		case <-settled.C:
			k.ready()
		case b := <-in:
			k.ready()
			if err := k.take(ctx, b); err != nil {
				return err
			}
		case err := <-lost:
			return err
		}
	}
}

// ready tells once that the handshake was taken.
func (k *collector) ready() {
	if k.o.Ready != nil {
		k.o.Ready()
		k.o.Ready = nil
	}
}

func (k *collector) dial(ctx context.Context) error {
	h := http.Header{modeHeader: {keepAlive}}
	if !k.o.Keep {
		h.Set(modeHeader, closeWhenDone)
	}
	conn, resp, err := websocket.Dial(ctx, k.client.base+"/v1/parcel-collection", &websocket.DialOptions{
		HTTPClient: k.client.http, HTTPHeader: h, CompressionMode: websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool { k.heard(); return true }})
	if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		b, _ := io.ReadAll(resp.Body) // the library keeps 1,024 octets of it
		return &ClientError{Status: resp.StatusCode, Message: messageOf(b)}
	}
	k.conn = conn
	return err
}

// heard gives the gateway its time anew.
func (k *collector) heard() { k.timer.Reset(k.client.silence) }

// handshake signs the gateway's nonce with each key.
func (k *collector) handshake(ctx context.Context) error {
	k.conn.SetReadLimit(maxChallenge)
	kind, b, err := k.conn.Read(ctx)
	if err != nil {
		return err
	}
	k.timer.Stop()
	nonce, err := parseChallenge(b)
	if err != nil || kind != websocket.MessageBinary {
		return errFrame
	}
	signatures := make([][]byte, len(k.o.Signers))
	for i, s := range k.o.Signers {
		if signatures[i], err = cms.Countersign(pki.ParcelCollection, nonce, s.Certificate, s.Key, rand.Reader); err != nil {
			return &takeError{err}
		}
	}
	k.heard()
	k.conn.SetReadLimit(MaxDelivery)
	return k.conn.Write(ctx, websocket.MessageBinary, appendResponse(nil, signatures))
}

// listen reads deliveries, and with them pings, also while a parcel is being taken. The time that a parcel waits to
// be taken is not the gateway's silence.
func (k *collector) listen(ctx context.Context, in chan<- []byte) error {
	for {
		k.heard()
		b, err := k.message(ctx)
		k.timer.Stop()
		if err != nil {
			return err
		}
		select {
		case in <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// message reads one binary message. Its octets are signs of life as well: a server cannot ping within a frame.
func (k *collector) message(ctx context.Context) ([]byte, error) {
	kind, r, err := k.conn.Reader(ctx)
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageBinary {
		return nil, errFrame
	}
	var b []byte
	for {
		k.heard()
		b = slices.Grow(b, readStep)
		n, err := r.Read(b[len(b) : len(b)+readStep]) // it fills what it is given before it returns
		b = b[:len(b)+n]
		switch err {
		case nil:
		case io.EOF:
			return b, nil
		default:
			return nil, err
		}
	}
}

// take has one parcel taken and acknowledges it.
func (k *collector) take(ctx context.Context, b []byte) error {
	id, parcel, err := parseDelivery(b)
	if err != nil {
		return errFrame
	}
	if err := k.o.Take(ctx, parcel); err != nil {
		return &takeError{err}
	}
	w, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return k.conn.Write(w, websocket.MessageText, []byte(id))
}

// end lets the gateway know that we go, as far as it still listens.
func (k *collector) end(err error) {
	code := websocket.StatusNormalClosure
	if errors.Is(err, errFrame) {
		code = websocket.StatusProtocolError
	}
	if k.conn != nil && websocket.CloseStatus(err) == -1 {
		k.conn.Close(code, "")
	}
	if k.conn != nil {
		k.conn.CloseNow()
	}
}
