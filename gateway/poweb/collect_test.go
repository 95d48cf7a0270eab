package poweb

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// pipes is a network in memory, which virtual time can wait for.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p.conns); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

// collectors is a server in a bubble of virtual time, with its clients.
type collectors struct {
	t      *testing.T
	b      *fakeBackend
	client *http.Client
	net    pipes
	pings  int
}

// withServer runs a test against a server on an in-memory network.
func withServer(t *testing.T, test func(*collectors)) {
	b := newBackend(t)
	synctest.Test(t, func(t *testing.T) {
		b.changed = make(chan struct{})
		runServer(t, b, NewServer(b), test)
	})
}

// runServer serves within a bubble until the test is over.
func runServer(t *testing.T, b *fakeBackend, s *http.Server, test func(*collectors)) {
	net := pipes{make(chan net.Conn)}
	go s.Serve(net)
	transport := &http.Transport{DialContext: net.dial}
	test(&collectors{t: t, b: b, net: net, client: &http.Client{Transport: transport}})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	transport.CloseIdleConnections()
	synctest.Wait()
	if b.open != 0 {
		t.Errorf("subscriptions left open: got %d, want 0", b.open)
	}
}

func (c *collectors) dial(headers ...string) *websocket.Conn {
	c.t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	conn, _, err := websocket.Dial(c.t.Context(), "ws://127.0.0.1/v1/parcel-collection", &websocket.DialOptions{
		HTTPClient: c.client, HTTPHeader: h,
		OnPingReceived: func(context.Context, []byte) bool { c.pings++; return true },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(MaxDelivery)
	return conn
}

// collect dials and answers the challenge as the endpoint.
func (c *collectors) collect(headers ...string) *websocket.Conn {
	c.t.Helper()
	conn := c.dial(headers...)
	c.write(conn, websocket.MessageBinary, appendResponse(nil, [][]byte{c.sign(c.challenge(conn))}))
	return conn
}

func (c *collectors) sign(nonce []byte) []byte {
	return sign(c.t, pki.ParcelCollection, nonce, c.b.chain.Endpoint, "endpoint")
}

func (c *collectors) challenge(conn *websocket.Conn) []byte {
	c.t.Helper()
	nonce, err := parseChallenge(c.read(conn))
	if err != nil || len(nonce) != nonceSize {
		c.t.Fatalf("challenge: got nonce %x, %v", nonce, err)
	}
	return nonce
}

func (c *collectors) read(conn *websocket.Conn) []byte {
	c.t.Helper()
	typ, b, err := conn.Read(c.t.Context())
	if err != nil || typ != websocket.MessageBinary {
		c.t.Fatalf("read: got type %v, %v, want binary", typ, err)
	}
	return b
}

func (c *collectors) write(conn *websocket.Conn, typ websocket.MessageType, b []byte) {
	c.t.Helper()
	if err := conn.Write(c.t.Context(), typ, b); err != nil {
		c.t.Fatal(err)
	}
}

// take reads a delivery and returns its id.
func (c *collectors) take(conn *websocket.Conn, want string) string {
	c.t.Helper()
	id, parcel, err := parseDelivery(c.read(conn))
	if err != nil || string(parcel) != want || len(id) != 36 {
		c.t.Fatalf("delivery: got %q with id %q, %v, want %q", parcel, id, err, want)
	}
	return id
}

// wantClose reads until the end.
func (c *collectors) wantClose(conn *websocket.Conn, want websocket.StatusCode) {
	c.t.Helper()
	_, b, err := conn.Read(c.t.Context())
	if got := websocket.CloseStatus(err); got != want {
		c.t.Errorf("got %q, %v, want a close with %d", b, err, want)
	}
}

func TestCollectionUntilTheQueueIsEmpty(t *testing.T) {
	for _, header := range []string{"X-Relaynet-Streaming-Mode", "X-Awala-Streaming-Mode"} {
		withServer(t, func(c *collectors) {
			c.b.put("one", "two")
			conn := c.collect(header, "close-upon-completion")
			c.write(conn, websocket.MessageText, []byte(c.take(conn, "one")))
			c.write(conn, websocket.MessageBinary, []byte(c.take(conn, "two")))
			c.wantClose(conn, websocket.StatusNormalClosure)
			if want := []string{"key one", "key two"}; !slices.Equal(c.b.acked, want) {
				t.Errorf("acknowledged: got %q, want %q", c.b.acked, want)
			}
			if want := []pki.NodeID{c.b.chain.Endpoint.ID}; !slices.Equal(c.b.asked, want) {
				t.Errorf("collected for %v, want %v", c.b.asked, want)
			}
		})
	}
}

func TestEmptyQueueClosesAtOnce(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.wantClose(c.collect("X-Relaynet-Streaming-Mode", "close-upon-completion"), websocket.StatusNormalClosure)
	})
}

func TestKeptConnectionGetsWhatArrives(t *testing.T) {
	withServer(t, func(c *collectors) {
		conn := c.collect("X-Relaynet-Streaming-Mode", "keep-alive")
		time.AfterFunc(time.Hour, func() { c.b.put("late") })
		c.write(conn, websocket.MessageText, []byte(c.take(conn, "late")))
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"key late"}; !slices.Equal(c.b.acked, want) {
			t.Errorf("acknowledged: got %q, want %q", c.b.acked, want)
		}
		conn.CloseNow()
	})
}

func TestPingsEveryFiveSeconds(t *testing.T) {
	withServer(t, func(c *collectors) {
		conn := c.collect()
		ctx := conn.CloseRead(c.t.Context())
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		if c.pings != 12 || ctx.Err() != nil {
			t.Errorf("in a minute: got %d pings, %v, want 12", c.pings, ctx.Err())
		}
		conn.CloseNow()
	})
}

func TestSilentClientIsDropped(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.collect() // and reads no more, so it answers no ping
		time.Sleep(pingEvery + pongTimeout + time.Second)
		synctest.Wait()
		if c.b.open != 0 {
			t.Errorf("subscriptions: got %d, want 0", c.b.open)
		}
	})
}

func TestOneDeliveryIsInFlight(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.b.put("one", "two")
		conn := c.collect()
		id := c.take(conn, "one")
		silence, cancel := context.WithTimeout(c.t.Context(), time.Hour)
		defer cancel()
		if _, b, err := conn.Read(silence); err == nil || silence.Err() == nil {
			t.Errorf("before the acknowledgement of %s: got %q, %v, want nothing", id, b, err)
		}
	})
}

func TestUnacknowledgedParcelComesAgain(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.b.put("one")
		conn := c.collect()
		first := c.take(conn, "one")
		conn.CloseNow()
		conn = c.collect()
		if second := c.take(conn, "one"); second == first {
			t.Errorf("delivery id: got %s twice", first)
		}
		conn.CloseNow()
	})
}

func TestAcknowledgementCountsWhenTheClientHangsUpBehindIt(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.b.put("last")
		conn := c.collect()
		c.write(conn, websocket.MessageText, []byte(c.take(conn, "last")))
		conn.Close(websocket.StatusNormalClosure, "")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(c.b.queue) != 0 {
			t.Error("the parcel is still queued")
		}
	})
}

func TestBadAcknowledgements(t *testing.T) {
	for name, ack := range map[string]string{"unknown": "00000000-0000-4000-8000-000000000000", "empty": "", "long": strings.Repeat("x", 500)} {
		withServer(t, func(c *collectors) {
			c.b.put("one")
			conn := c.collect()
			c.take(conn, "one")
			c.write(conn, websocket.MessageText, []byte(ack))
			c.wantClose(conn, websocket.StatusUnsupportedData)
			if len(c.b.acked) != 0 {
				t.Errorf("%s: got %q acknowledged, want nothing", name, c.b.acked)
			}
		})
	}
	withServer(t, func(c *collectors) {
		conn := c.collect()
		synctest.Wait()
		c.write(conn, websocket.MessageText, []byte("nothing is in flight"))
		c.wantClose(conn, websocket.StatusUnsupportedData)
	})
}

func TestBadHandshakes(t *testing.T) {
	stranger := pkitest.Issue(t, "endpoint", nil, "endpoint", true, 0)
	for name, answer := range map[string]func(c *collectors, nonce []byte) []byte{
		"empty":          func(*collectors, []byte) []byte { return nil },
		"not ASN.1":      func(*collectors, []byte) []byte { return []byte("hello") },
		"no signature":   func(*collectors, []byte) []byte { return appendResponse(nil, nil) },
		"another nonce":  func(c *collectors, _ []byte) []byte { return appendResponse(nil, [][]byte{c.sign([]byte("nonce"))}) },
		"no CMS":         func(*collectors, []byte) []byte { return appendResponse(nil, [][]byte{[]byte("x")}) },
		"one bad of two": func(c *collectors, n []byte) []byte { return appendResponse(nil, [][]byte{c.sign(n), []byte("x")}) },
		"a delivery's signature": func(c *collectors, n []byte) []byte {
			return appendResponse(nil, [][]byte{sign(c.t, pki.ParcelDelivery, n, c.b.chain.Endpoint, "endpoint")})
		},
		"a stranger": func(c *collectors, n []byte) []byte {
			return appendResponse(nil, [][]byte{sign(c.t, pki.ParcelCollection, n, stranger, "endpoint")})
		},
		"too many signatures": func(c *collectors, n []byte) []byte {
			return appendResponse(nil, slices.Repeat([][]byte{[]byte("x")}, maxNodes+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(c *collectors) {
				conn := c.dial()
				c.write(conn, websocket.MessageBinary, answer(c, c.challenge(conn)))
				c.wantClose(conn, websocket.StatusUnsupportedData)
			})
		})
	}
}

func TestHandshakeIsBounded(t *testing.T) {
	withServer(t, func(c *collectors) {
		conn := c.dial()
		c.challenge(conn)
		c.write(conn, websocket.MessageBinary, make([]byte, maxHandshake+1))
		c.wantClose(conn, websocket.StatusMessageTooBig)
	})
	withServer(t, func(c *collectors) {
		conn := c.dial()
		c.challenge(conn)
		start := time.Now()
		if _, _, err := conn.Read(c.t.Context()); err == nil || time.Since(start) > handshakeTimeout+time.Second {
			t.Errorf("silent client: got %v after %v, want the end after %v", err, time.Since(start), handshakeTimeout)
		}
	})
}

func TestWebPagesAreClosed(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.wantClose(c.dial("Origin", "https://example.org"), websocket.StatusPolicyViolation)
	})
}

func TestGatewaysOwnTroubleIsSaid(t *testing.T) {
	withServer(t, func(c *collectors) {
		c.b.anchors = nil
		c.wantClose(c.dial(), websocket.StatusInternalError)
	})
	withServer(t, func(c *collectors) {
		c.b.err = errDisk
		c.wantClose(c.collect(), websocket.StatusInternalError)
		c.b.open = 0 // a failed Collect opened nothing
	})
}

func TestShutdownEndsCollections(t *testing.T) {
	withServer(t, func(c *collectors) {
		conn := c.collect()
		synctest.Wait()
		time.AfterFunc(time.Second, func() { c.b.put("bye") })
		c.write(conn, websocket.MessageText, []byte(c.take(conn, "bye")))
		go c.wantClose(conn, websocket.StatusGoingAway)
		time.Sleep(time.Minute)
	})
}

func TestTooManyCollections(t *testing.T) {
	withServer(t, func(c *collectors) {
		conns := make([]*websocket.Conn, maxSockets)
		for i := range conns {
			conns[i] = c.dial()
		}
		_, resp, err := websocket.Dial(c.t.Context(), "ws://127.0.0.1/v1/parcel-collection", &websocket.DialOptions{HTTPClient: c.client})
		if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one too many: got %v, %v, want 503", resp, err)
		}
		for _, conn := range conns {
			conn.CloseNow()
		}
		synctest.Wait()
		c.dial().CloseNow()
	})
}
