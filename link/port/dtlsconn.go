package port

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"

	"packhorse/link"
)

var (
	errDead     = errors.New("the other gateway is silent")
	errExpelled = errors.New("the other gateway is no longer a member")
)

// verifier adapts a check of the certificates to the library.
func verifier(check func([][]byte) error) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error { return check(raw) }
}

// inner is one authenticated connection.
type inner struct {
	conn  *dtls.Conn
	peer  link.PeerID
	heard atomic.Int64 // time of the last datagram, Unix nanoseconds
	end   context.CancelCauseFunc
}

// handshake authenticates the other side.
func (t *DTLS) handshake(ctx context.Context, conn *dtls.Conn) (link.PeerID, error) {
	ctx, cancel := context.WithTimeout(ctx, t.time.handshake)
	defer cancel()
	if err := conn.HandshakeContext(ctx); errors.Is(err, context.DeadlineExceeded) {
		return link.PeerID{}, fmt.Errorf("no answer from %s", conn.RemoteAddr())
	} else if err != nil {
		return link.PeerID{}, err
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return link.PeerID{}, errCertificate
	}
	return peerID(state.PeerCertificates)
}

// serve runs an authenticated connection as a port until it breaks.
func (t *DTLS) serve(ctx context.Context, h Host, c *inner, took time.Duration) error {
	ctx, c.end = context.WithCancelCause(ctx)
	defer c.end(nil)
	c.touch()
	handle := h.Open(dtlsUp(c.peer, took))
	defer handle.Close()
	go t.watch(ctx, c)
	err := both(ctx,
		func(ctx context.Context) error { return t.read(ctx, h, c, handle) },
		func(ctx context.Context) error { return t.write(ctx, h, c, handle) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dtlsUp describes the connection. A handshake takes three round trips, so half
// a trip is a sixth of it; a little more leaves time for slow boards.
func dtlsUp(id link.PeerID, handshake time.Duration) link.PortUp {
	const least, most = 5 * time.Millisecond, time.Second
	return link.PortUp{
		Medium:  link.Datagram,
		MTU:     dtlsMTU,
		Airtime: func(n int) time.Duration { return time.Duration(n) * dtlsOctetTime },
		Access:  max(least, min(most, handshake/4)),
		Peer:    id,
	}
}

// register makes c the peer's one inbound connection: a gateway that connects
// again has lost the earlier one. False means that there are too many.
func (t *DTLS) register(c *inner) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, again := t.inbound[c.peer]
	if !again && len(t.inbound) >= dtlsConnections {
		return false
	}
	if again {
		old.conn.Close()
	}
	t.inbound[c.peer] = c
	return true
}

func (t *DTLS) unregister(c *inner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inbound[c.peer] == c {
		delete(t.inbound, c.peer)
	}
}

func (c *inner) touch() { c.heard.Store(time.Now().UnixNano()) }

func (t *DTLS) read(ctx context.Context, h Host, c *inner, handle Handle) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	buf := make([]byte, 16<<10) // the largest record (RFC 6347 section 4.1)
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			return err
		}
		c.touch()
		if n == 0 || n > dtlsMTU { // a keep-alive, or what no gateway sends
			continue
		}
		handle.Frame(buf[:n], link.Meta{})
		t.count(h, 1, 0)
	}
}

// write sends what the link has, no faster than a modest uplink carries.
func (t *DTLS) write(ctx context.Context, h Host, c *inner, handle Handle) error {
	for {
		frame, err := handle.Next(ctx)
		if err != nil {
			return err
		}
		if _, err := c.conn.Write(frame); err != nil {
			return err
		}
		took := time.Duration(len(frame)) * dtlsOctetTime
		handle.Clear(time.Now().Add(took))
		t.count(h, 0, 1)
		if err := pause(ctx, took); err != nil {
			return err
		}
	}
}

// watch keeps NATs open with empty records, and ends a connection whose peer is
// gone or expelled: UDP itself would never tell.
func (t *DTLS) watch(ctx context.Context, c *inner) {
	for pause(ctx, t.time.keepAlive) == nil {
		switch {
		case !t.spec.Allowed(c.peer):
			c.end(errExpelled)
		case time.Since(time.Unix(0, c.heard.Load())) > t.time.dead:
			c.end(errDead)
		default:
			c.conn.Write(nil) // a broken socket shows in read
		}
	}
}
