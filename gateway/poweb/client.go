package poweb

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
)

// Limits of the client.
const (
	// maxAnswer bounds the octets of an answer, as Awala's own client does.
	maxAnswer = 1 << 20

	localTimeout  = 3 * time.Second
	remoteTimeout = 5 * time.Second
	silence       = 7 * time.Second
	clientIdle    = 30 * time.Second
)

// ClientOptions say where a gateway is.
type ClientOptions struct {
	// URL is scheme, host and port of the gateway. The scheme http is for loopback addresses alone: who
	// delivers is authenticated by signatures, but what is delivered shows who writes to whom.
	URL string
	// TLS is for https; nil: the system's authorities, and the host of URL as the name.
	TLS *tls.Config
	// Dial makes connections; nil: that of package net. The address is host and port of URL.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout of one call, besides the time that a large body takes; 0: 3 s for loopback, else 5 s.
	Timeout time.Duration
	// Silence is how long a collection goes on without a ping or a parcel; 0: 7 s, since servers ping every 5 s.
	Silence time.Duration
}

// Client talks to one gateway on behalf of nodes. Its methods are safe for concurrent use; their errors are
// *ClientError where the gateway, or the way to it, is at fault.
type Client struct {
	base    string
	http    *http.Client
	timeout time.Duration
	silence time.Duration
}

// Signer proves who delivers or collects: a node's certificate, issued by the gateway, and its key.
type Signer struct {
	Certificate *pki.Certificate
	Key         crypto.Signer
}

// NewClient connects to nothing yet.
func NewClient(o ClientOptions) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("poweb: %q is no address of a gateway: write https://host:port", o.URL)
	}
	local := loopback(u.Hostname())
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("poweb: %q: only https is for other hosts than this one", o.URL)
	}
	c := &Client{base: u.Scheme + "://" + u.Host, http: newHTTP(o), timeout: o.Timeout, silence: o.Silence}
	if c.timeout == 0 {
		c.timeout = remoteTimeout
		if local {
			c.timeout = localTimeout
		}
	}
	if c.silence == 0 {
		c.silence = silence
	}
	return c, nil
}

// loopback tells a host that is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newHTTP is HTTP/1.1 without redirects, compression or proxies.
func newHTTP(o ClientOptions) *http.Client {
	one := new(http.Protocols)
	one.SetHTTP1(true)
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: o.Dial, TLSClientConfig: o.TLS, Protocols: one, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: 2, IdleConnTimeout: clientIdle},
	}
}

// Close lets go of idle connections. Collections end with their context.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// PreRegister asks for a PNRA for a key of this SHA-256 digest of its SPKI.
func (c *Client) PreRegister(ctx context.Context, digest [32]byte) (pnra []byte, err error) {
	return c.call(ctx, call{what: "pre-register", method: http.MethodPost, path: "/v1/pre-registrations",
		kind: typeDigest, body: []byte(hex.EncodeToString(digest[:])), want: typeAuthorization})
}

// Register sends a PNRR and answers the PNR.
func (c *Client) Register(ctx context.Context, pnrr []byte) (pnr []byte, err error) {
	return c.call(ctx, call{what: "register", method: http.MethodPost, path: "/v1/nodes",
		kind: typeRequest, body: pnrr, want: typeRegistration})
}

// RegisterKey does both steps of a registration for the node of a key and answers the PNR.
func (c *Client) RegisterKey(ctx context.Context, key *rsa.PrivateKey) (pnr []byte, err error) {
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		return nil, err
	}
	pnra, err := c.PreRegister(ctx, sha256.Sum256(spki))
	if err != nil {
		return nil, err
	}
	pnrr, err := registration.NewRequest(pnra, key, rand.Reader)
	if err != nil {
		return nil, err
	}
	return c.Register(ctx, pnrr)
}

// Deliver posts a parcel, countersigned by s. With nil the gateway has it.
func (c *Client) Deliver(ctx context.Context, parcel []byte, s Signer) error {
	sig, err := cms.Countersign(pki.ParcelDelivery, parcel, s.Certificate, s.Key, rand.Reader)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, call{what: "deliver", method: http.MethodPost, path: "/v1/parcels", kind: typeParcel,
		body: parcel, authorization: scheme + " " + base64.StdEncoding.EncodeToString(sig)})
	return err
}

// ConnectionParams asks an Internet gateway for its NodeConnectionParams.
func (c *Client) ConnectionParams(ctx context.Context) ([]byte, error) {
	return c.call(ctx, call{what: "ask for the connection parameters", method: http.MethodGet,
		path: "/connection-params.der", want: typeParams})
}

// call is one request.
type call struct {
	what, method, path  string
	kind, authorization string
	body                []byte
	want                string // content type of the answer; empty: its body does not matter
}

func (c *Client) call(ctx context.Context, q call) ([]byte, error) {
	one, cancel := context.WithTimeout(ctx, c.timeout+web.Patience(int64(len(q.body))))
	defer cancel()
	r, err := http.NewRequestWithContext(one, q.method, c.base+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Content-Type": q.kind, "Authorization": q.authorization} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := c.http.Do(r)
	if err == nil {
		defer resp.Body.Close()
		var b []byte
		if b, err = answerOf(q, resp); err == nil {
			return b, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, clientError(q.what, err)
}

// answerOf reads a response and judges it.
func answerOf(q call, r *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if r.StatusCode/100 != 2 {
		return nil, &ClientError{Status: r.StatusCode, Message: messageOf(b)}
	}
	if q.want == "" {
		return nil, nil // the status is all that counts
	}
	if err != nil {
		return nil, err
	}
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d octets", maxAnswer)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != q.want {
		return nil, fmt.Errorf("the answer is of type %q, not %s", clip(kind), q.want)
	}
	return b, nil
}

// clientError names what failed.
func clientError(what string, err error) error {
	var e *ClientError
	if errors.As(err, &e) {
		e.What = cmp.Or(e.What, what) // what a delivery found out may end a collection
		return e
	}
	return &ClientError{What: what, Err: err}
}
