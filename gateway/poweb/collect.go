package poweb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"packhorse/gateway/pki"
)

const (
	pingEvery        = 5 * time.Second // the client gives up 7 s after the last one
	pongTimeout      = 20 * time.Second
	handshakeTimeout = 20 * time.Second
	writeTimeout     = time.Minute
	maxAck           = 1 << 10
	maxReason        = 123 // octets of text in a close frame (RFC 6455 section 5.5)

	modeHeader       = "X-Relaynet-Streaming-Mode"
	modeHeaderBySpec = "X-Awala-Streaming-Mode"
	closeWhenDone    = "close-upon-completion"
	keepAlive        = "keep-alive"
)

// closing is an end of a collection that the client is told about.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c *closing) Error() string { return c.reason }

// collect upgrades to a WebSocket and serves it.
func (s *server) collect(w http.ResponseWriter, r *http.Request) error {
	leave, err := s.sockets.Enter(r, false)
	if err != nil {
		return err
	}
	defer leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // Origin is judged below
	if err != nil {
		return nil // Accept has answered
	}
	// The end of the request's context must not cut the connection before a close frame is out.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer context.AfterFunc(r.Context(), func() {
		conn.Close(websocket.StatusGoingAway, "the gateway is stopping")
		cancel()
	})()
	c := &collection{server: s, conn: conn, cancel: cancel, acks: make(chan string, 1),
		keep: !headerHas(r.Header, modeHeader, closeWhenDone) && !headerHas(r.Header, modeHeaderBySpec, closeWhenDone)}
	c.end(c.serve(ctx, r))
	return nil
}

// collection is one app's connection.
type collection struct {
	server  *server
	conn    *websocket.Conn
	cancel  context.CancelFunc
	keep    bool // wait for new parcels when nothing is left
	acks    chan string
	helpers sync.WaitGroup
}

// end tells the client why, while somebody still reads its answer, and then stops all.
func (c *collection) end(err error) {
	var told *closing
	if errors.As(err, &told) {
		reason := told.reason[:min(len(told.reason), maxReason)]
		c.conn.Close(told.code, strings.ToValidUTF8(reason, ""))
	}
	c.cancel()
	c.conn.CloseNow()
	c.helpers.Wait()
}

func (c *collection) serve(ctx context.Context, r *http.Request) error {
	switch {
	case c.server.foreign(r):
		return &closing{websocket.StatusPolicyViolation, "web pages are refused"}
	case len(c.server.backend.Anchors()) == 0:
		return internal(errNotReady)
	}
	c.helpers.Go(func() { c.ping(ctx) })
	ids, err := c.handshake(ctx)
	if err != nil {
		return err
	}
	sub, err := c.server.backend.Collect(ctx, ids)
	if err != nil {
		return internal(err)
	}
	defer sub.Close()
	c.conn.SetReadLimit(maxAck)
	c.helpers.Go(func() { c.read(ctx) })
	return c.deliver(ctx, sub)
}

func (c *collection) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		one, cancel := context.WithTimeout(ctx, pongTimeout)
		err := c.conn.Ping(one)
		cancel()
		if err != nil {
			c.conn.CloseNow()
			return
		}
	}
}

// handshake learns whose parcels the client may have: it signs our nonce with each
// endpoint's key.
func (c *collection) handshake(ctx context.Context) ([]pki.NodeID, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	var nonce [nonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, internal(err)
	}
	if err := c.conn.Write(ctx, websocket.MessageBinary, appendChallenge(nil, nonce[:])); err != nil {
		return nil, err
	}
	c.conn.SetReadLimit(c.server.handshakeLimit)
	_, b, err := c.conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	signatures, err := parseResponse(b)
	if err != nil {
		return nil, &closing{websocket.StatusUnsupportedData, "the handshake response is malformed"}
	}
	if n := len(signatures); n == 0 || n > c.server.nodes {
		return nil, &closing{websocket.StatusUnsupportedData, fmt.Sprintf("the handshake response has %d signatures, 1 to %d are taken", n, c.server.nodes)}
	}
	var ids []pki.NodeID
	for _, sig := range signatures {
		judged, err := c.server.judge(sig)
		if err == nil {
			err = judged.Verify(pki.ParcelCollection, nonce[:])
		}
		if err != nil {
			return nil, &closing{websocket.StatusUnsupportedData, "a signature of the handshake is refused: " + err.Error()}
		}
		if id := judged.Signer.ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// read passes acknowledgements on until the client goes.
func (c *collection) read(ctx context.Context) {
	defer c.cancel()
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		select {
		case c.acks <- string(b):
		case <-ctx.Done():
			return
		}
	}
}

// deliver sends one parcel at a time and waits for its acknowledgement: the JavaScript
// library loses what arrives together.
func (c *collection) deliver(ctx context.Context, sub Subscription) error {
	for {
		d, ok, err := c.next(ctx, sub)
		if err != nil {
			return err
		}
		if !ok {
			return &closing{websocket.StatusNormalClosure, ""}
		}
		if err := c.send(ctx, d.Parcel); err != nil {
			return err
		}
		if err := sub.Ack(context.WithoutCancel(ctx), Delivery{Key: d.Key}); err != nil {
			return internal(err)
		}
	}
}

type next struct {
	d   Delivery
	ok  bool
	err error
}

// next waits for a parcel. An acknowledgement meanwhile is one of nothing.
func (c *collection) next(ctx context.Context, sub Subscription) (Delivery, bool, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	got := make(chan next, 1)
	go func() {
		d, ok, err := sub.Next(waiting, c.keep)
		got <- next{d, ok, err}
	}()
	select {
	case n := <-got:
		if n.err != nil && ctx.Err() == nil {
			n.err = internal(n.err)
		}
		return n.d, n.ok, n.err
	case <-c.acks:
		cancel()
		<-got
		return Delivery{}, false, unknownDelivery
	}
}

var unknownDelivery = &closing{websocket.StatusUnsupportedData, "acknowledged a delivery that was not made"}

func (c *collection) send(ctx context.Context, parcel []byte) error {
	id := newDeliveryID()
	w, cancel := context.WithTimeout(ctx, writeTimeout)
	err := c.conn.Write(w, websocket.MessageBinary, appendDelivery(nil, id, parcel))
	cancel()
	if err != nil {
		return err
	}
	ack, err := c.acknowledgement(ctx)
	if err == nil && ack != id {
		return unknownDelivery
	}
	return err
}

// acknowledgement waits for the next one. A client may acknowledge and hang up at once: what
// it said before that counts.
func (c *collection) acknowledgement(ctx context.Context) (string, error) {
	select {
	case ack := <-c.acks:
		return ack, nil
	case <-ctx.Done():
	}
	select {
	case ack := <-c.acks:
		return ack, nil
	default:
		return "", ctx.Err()
	}
}

// newDeliveryID is a random UUID (RFC 9562 section 5.4).
func newDeliveryID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process first
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func internal(err error) error {
	return &closing{websocket.StatusInternalError, err.Error()}
}
