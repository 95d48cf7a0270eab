package poweb

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki/pkitest"
)

// taken remembers what a client took.
type taken struct{ parcels []string }

func (k *taken) take(_ context.Context, p []byte) error {
	k.parcels = append(k.parcels, string(p))
	return nil
}

func TestClientCollectsWhatWaits(t *testing.T) {
	withServer(t, func(k *collectors) {
		k.b.put("one", "two", "three")
		c, got := newClient(t, k.net), taken{}
		defer c.Close()
		if err := c.Collect(k.t.Context(), Collection{Signers: []Signer{signer(t, k.b.chain)}, Take: got.take}); err != nil {
			t.Error(err)
		}
		if want := []string{"one", "two", "three"}; !slices.Equal(got.parcels, want) || len(k.b.acked) != 3 {
			t.Errorf("took %q, acknowledged %q, want %q", got.parcels, k.b.acked, want)
		}
		if err := c.Collect(k.t.Context(), Collection{Signers: []Signer{signer(t, k.b.chain)}, Take: got.take}); err != nil {
			t.Errorf("with an empty queue: %v", err)
		}
	})
}

func TestClientKeepsCollecting(t *testing.T) {
	withServer(t, func(k *collectors) {
		c, got, ready := newClient(t, k.net), taken{}, 0
		defer c.Close()
		ctx, cancel := context.WithTimeout(k.t.Context(), 2*time.Hour)
		defer cancel()
		time.AfterFunc(time.Hour, func() { k.b.put("late") })
		err := c.Collect(ctx, Collection{Signers: []Signer{signer(t, k.b.chain)}, Keep: true, Take: got.take, Ready: func() { ready++ }})
		if err != context.DeadlineExceeded || !slices.Equal(got.parcels, []string{"late"}) || ready != 1 {
			t.Errorf("got %v, parcels %q, ready %d times", err, got.parcels, ready)
		}
	})
}

func TestParcelThatIsNotTakenComesAgain(t *testing.T) {
	withServer(t, func(k *collectors) {
		k.b.put("one")
		c, got := newClient(t, k.net), taken{}
		defer c.Close()
		o := Collection{Signers: []Signer{signer(t, k.b.chain)}, Take: func(context.Context, []byte) error { return errDisk }}
		if err := c.Collect(k.t.Context(), o); err != errDisk {
			t.Errorf("got %v, want the caller's own error", err)
		}
		if len(k.b.acked) != 0 {
			t.Fatalf("acknowledged %q", k.b.acked)
		}
		o.Take = got.take
		if err := c.Collect(k.t.Context(), o); err != nil || len(got.parcels) != 1 {
			t.Errorf("again: got %q, %v", got.parcels, err)
		}
	})
}

// A disk may take longer than the gateway may be silent; pings go on meanwhile.
func TestSlowTakingIsNoSilence(t *testing.T) {
	withServer(t, func(k *collectors) {
		k.b.put("one", "two")
		c := newClient(t, k.net)
		defer c.Close()
		n := 0
		err := c.Collect(k.t.Context(), Collection{Signers: []Signer{signer(t, k.b.chain)}, Take: func(context.Context, []byte) error {
			time.Sleep(10 * time.Minute)
			n++
			return nil
		}})
		if err != nil || n != 2 {
			t.Errorf("took %d, %v", n, err)
		}
	})
}

// A gateway that sends ahead (RS-016 allows it) is not heard while the next parcel waits to be taken.
func TestBurstIsTakenOneByOne(t *testing.T) {
	chain := pkitest.NewChain(t)
	withGateway(t, gatewaySocket(t, func(ctx context.Context, conn *websocket.Conn) {
		for _, id := range []string{"1", "2"} {
			conn.Write(ctx, websocket.MessageBinary, appendDelivery(nil, id, []byte("p"+id)))
		}
		pings, stop := context.WithCancel(ctx)
		defer stop()
		for _, id := range []string{"1", "2"} {
			if kind, ack, err := conn.Read(ctx); err != nil || string(ack) != id || kind != websocket.MessageText {
				t.Errorf("acknowledgement: got %q, %v, want %s", ack, err, id)
			}
			if id == "2" { // nobody would read the answer to a ping beside Close
				stop()
				break
			}
			go func() { // now that the client reads again
				for conn.Ping(pings) == nil {
					select {
					case <-time.After(pingEvery):
					case <-pings.Done():
						return
					}
				}
			}()
		}
		conn.Close(websocket.StatusNormalClosure, "")
	}), func(t *testing.T, c *Client) {
		var got []string
		err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, chain)}, Take: func(_ context.Context, p []byte) error {
			time.Sleep(time.Minute + pingEvery/2) // between two pings
			got = append(got, string(p))
			return nil
		}})
		if err != nil || !slices.Equal(got, []string{"p1", "p2"}) {
			t.Errorf("took %q, %v", got, err)
		}
	})
}

func TestRefusedHandshakeIsUnauthorised(t *testing.T) {
	stranger := pkitest.Issue(t, "endpoint", nil, "endpoint", true, 0)
	withServer(t, func(k *collectors) {
		c, ready := newClient(t, k.net), false
		defer c.Close()
		err := c.Collect(k.t.Context(), Collection{Signers: []Signer{{stranger, pkitest.Key(t, "endpoint")}}, Ready: func() { ready = true }})
		var e *ClientError
		if !errors.As(err, &e) || !e.Unauthorised() || e.Message == "" || ready {
			t.Errorf("got %v, ready %t; want 401 and the gateway's reason", err, ready)
		}
	})
}

// gatewaySocket is a gateway that sends what a test wants after the handshake.
func gatewaySocket(t *testing.T, after func(ctx context.Context, conn *websocket.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(maxHandshake)
		conn.Write(r.Context(), websocket.MessageBinary, appendChallenge(nil, make([]byte, nonceSize)))
		if _, _, err := conn.Read(r.Context()); err == nil {
			after(r.Context(), conn)
		}
	}
}

func TestClientLeavesAGatewayThatMisbehaves(t *testing.T) {
	chain := pkitest.NewChain(t)
	binary := func(b []byte) func(context.Context, *websocket.Conn) {
		return func(ctx context.Context, conn *websocket.Conn) {
			conn.Write(ctx, websocket.MessageBinary, b)
			conn.Read(ctx)
		}
	}
	for name, after := range map[string]func(context.Context, *websocket.Conn){
		"garbage":         binary([]byte("hello")),
		"empty":           binary(nil),
		"another message": binary(appendChallenge(nil, make([]byte, 16))),
		"too large":       binary(make([]byte, MaxDelivery+2)),
		"text": func(ctx context.Context, conn *websocket.Conn) {
			conn.Write(ctx, websocket.MessageText, appendDelivery(nil, "id", []byte("p")))
			conn.Read(ctx)
		},
		"broken off": func(context.Context, *websocket.Conn) {},
		"out of order": func(_ context.Context, conn *websocket.Conn) {
			conn.Close(websocket.StatusInternalError, "disk on fire")
		},
		"silent": func(ctx context.Context, conn *websocket.Conn) { conn.Read(ctx) },
	} {
		withGateway(t, gatewaySocket(t, after), func(t *testing.T, c *Client) {
			start := time.Now()
			err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, chain)}, Keep: true,
				Take: func(context.Context, []byte) error { t.Errorf("%s: taken", name); return nil }})
			var e *ClientError
			if !errors.As(err, &e) || e.Status != 0 || time.Since(start) > silence {
				t.Errorf("%s: got %v after %v, want a *ClientError", name, err, time.Since(start))
			}
		})
	}
}

func TestGatewayMayEndACollection(t *testing.T) {
	withGateway(t, gatewaySocket(t, func(_ context.Context, conn *websocket.Conn) {
		conn.Close(websocket.StatusNormalClosure, "")
	}), func(t *testing.T, c *Client) {
		if err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, pkitest.NewChain(t))}, Keep: true}); err != nil {
			t.Error(err)
		}
	})
}

func TestGatewayThatTakesNoCollectionsSaysWhy(t *testing.T) {
	for status, h := range map[int]http.HandlerFunc{
		503: func(w http.ResponseWriter, r *http.Request) { web.AnswerError(w, web.Fail(503, "full")) },
		302: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) },
	} {
		withGateway(t, h, func(t *testing.T, c *Client) {
			err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, pkitest.NewChain(t))}})
			var e *ClientError
			if !errors.As(err, &e) || e.Status != status {
				t.Errorf("got %v, want status %d", err, status)
			}
		})
	}
}

func TestGatewayThatNeverChallengesIsLeft(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no answer":    func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no challenge": func(w http.ResponseWriter, r *http.Request) { c, _ := websocket.Accept(w, r, nil); c.Read(r.Context()) },
	} {
		withGateway(t, h, func(t *testing.T, c *Client) {
			start := time.Now()
			err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, pkitest.NewChain(t))}})
			if !errors.Is(err, errSilent) || time.Since(start) != localTimeout {
				t.Errorf("%s: got %v after %v, want the end after %v", name, err, time.Since(start), localTimeout)
			}
		})
	}
}

// A parcel on a slow line takes longer than the silence that is allowed.
func TestLargeParcelOnASlowLine(t *testing.T) {
	chain, big := pkitest.NewChain(t), make([]byte, 256<<10)
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn)}
		s := &http.Server{Handler: gatewaySocket(t, func(ctx context.Context, conn *websocket.Conn) {
			conn.Write(ctx, websocket.MessageBinary, appendDelivery(nil, "id", big))
			if _, ack, err := conn.Read(ctx); err != nil || string(ack) != "id" {
				t.Errorf("acknowledgement: got %q, %v", ack, err)
			}
			conn.Close(websocket.StatusNormalClosure, "")
		})}
		go s.Serve(p)
		c := newClient(t, pipes{p.conns})
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, address)
			return slowConn{conn}, err
		}
		start, size := time.Now(), 0
		err := c.Collect(t.Context(), Collection{Signers: []Signer{signer(t, chain)}, Take: func(_ context.Context, p []byte) error {
			size = len(p)
			return nil
		}})
		if err != nil || size != len(big) || time.Since(start) < 10*silence {
			t.Errorf("took %d octets in %v, %v", size, time.Since(start), err)
		}
		s.Close()
		c.Close()
	})
}

// slowConn brings 2 KiB a second.
type slowConn struct{ net.Conn }

func (c slowConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	time.Sleep(time.Duration(n) * time.Second >> 11)
	return n, err
}

func TestTooManyNodesCannotCollectTogether(t *testing.T) {
	c, err := NewClient(ClientOptions{URL: fakeURL})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, maxNodes + 1} {
		if c.Collect(t.Context(), Collection{Signers: make([]Signer, n)}) == nil {
			t.Errorf("%d nodes: got no error", n)
		}
	}
}

func TestEndOfACollectionSaysWhatFailed(t *testing.T) {
	err := collectError(&ClientError{What: "deliver", Status: 401})
	if want := "poweb: deliver: 401 Unauthorized"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
