package poweb

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
)

// internetBackend is an Internet gateway's fake.
type internetBackend struct{ *fakeBackend }

func (b internetBackend) ConnectionParams(context.Context) ([]byte, error) {
	return []byte("params"), b.err
}

// withInternet runs a test against an Internet gateway's server.
func withInternet(t *testing.T, o InternetOptions, test func(*collectors)) {
	t.Helper()
	b := newBackend(t)
	synctest.Test(t, func(t *testing.T) {
		b.changed = make(chan struct{})
		runServer(t, b, NewInternetServer(internetBackend{b}, o), test)
	})
}

func TestInternetGatewaysAnswers(t *testing.T) {
	b := newBackend(t)
	h := newInternetHandler(internetBackend{b}, InternetOptions{})
	parcel := []byte("a parcel")
	auth := authorization(scheme, sign(t, pki.ParcelDelivery, parcel, b.chain.Endpoint, "endpoint"))
	auth["Origin"] = "https://example.org"
	other := &registration.Error{Reason: registration.OtherKey, Detail: "another key"}
	expired := &registration.Error{Reason: registration.Expired, Detail: "expired"}
	for _, p := range []post{
		{"parameters", "GET", "/connection-params.der", "", nil, nil, nil, 200},
		{"parameters fail", "GET", "/connection-params.der", "", nil, nil, errDisk, 500},
		{"posting parameters", "POST", "/connection-params.der", "", nil, nil, nil, 405},
		{"of a web page", "POST", "/v1/parcels", typeParcel, auth, parcel, nil, 202},
		{"foreign authorization", "POST", "/v1/nodes", typeRequest, nil, []byte("PNRR"), other, 403},
		{"expired authorization", "POST", "/v1/nodes", typeRequest, nil, []byte("PNRR"), expired, 400},
		{"elsewhere", "GET", "/", "", nil, nil, nil, 404},
	} {
		b.err = p.err
		got := p.send(t, h)
		if got.status != p.want {
			t.Errorf("%s: got %d %s, want %d", p.name, got.status, got.body.String(), p.want)
		}
		if p.want == 200 && (got.body.String() != "params" || got.header.Get("Content-Type") != "application/vnd.etsi.tsl.der") {
			t.Errorf("%s: got %q of type %s", p.name, got.body.String(), got.header.Get("Content-Type"))
		}
	}
	b.err = other
	local := post{method: "POST", path: "/v1/nodes", contentType: typeRequest, body: []byte("PNRR")}.send(t, NewHandler(b))
	if local.status != 400 {
		t.Errorf("foreign authorization at a private gateway: got %d, want 400", local.status)
	}
	if got := (post{method: "GET", path: pathParams}).send(t, NewHandler(b)); got.status != 404 {
		t.Errorf("parameters of a private gateway: got %d, want 404", got.status)
	}
}

func TestInternetGatewayTakesOneNode(t *testing.T) {
	withInternet(t, InternetOptions{}, func(c *collectors) {
		c.b.put("one")
		conn := c.collect("Origin", "https://example.org", modeHeader, closeWhenDone)
		c.write(conn, websocket.MessageText, []byte(c.take(conn, "one")))
		c.wantClose(conn, websocket.StatusNormalClosure)
	})
	withInternet(t, InternetOptions{}, func(c *collectors) {
		conn := c.dial()
		sig := c.sign(c.challenge(conn))
		c.write(conn, websocket.MessageBinary, appendResponse(nil, [][]byte{sig, sig}))
		c.wantClose(conn, websocket.StatusUnsupportedData)
	})
	withInternet(t, InternetOptions{}, func(c *collectors) {
		conn := c.dial()
		c.challenge(conn)
		c.write(conn, websocket.MessageBinary, make([]byte, 6<<10+1))
		c.wantClose(conn, websocket.StatusMessageTooBig)
	})
}

func TestClientOfAnInternetGateway(t *testing.T) {
	withInternet(t, InternetOptions{}, func(k *collectors) {
		k.b.put("one", "two")
		c, got := newClient(t, k.net), taken{}
		defer c.Close()
		if err := c.Collect(k.t.Context(), Collection{Signers: []Signer{signer(t, k.b.chain)}, Take: got.take}); err != nil || len(got.parcels) != 2 {
			t.Errorf("took %q, %v", got.parcels, err)
		}
		if b, err := c.ConnectionParams(k.t.Context()); err != nil || !bytes.Equal(b, []byte("params")) {
			t.Errorf("parameters: got %q, %v", b, err)
		}
		two := []Signer{signer(t, k.b.chain), {k.b.chain.PDA, pkitest.Key(t, "sender")}}
		var e *ClientError
		if err := c.Collect(k.t.Context(), Collection{Signers: two, Take: got.take}); !errors.As(err, &e) || !e.Unauthorised() {
			t.Errorf("two nodes: got %v", err)
		}
	})
}
