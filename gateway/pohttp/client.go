package pohttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"packhorse/gateway/discovery"
	"packhorse/gateway/internal/web"
)

const (
	defaultTimeout = 3 * time.Second
	maxRedirects   = 3
	maxHosts       = 3       // of one attempt; the next one has them in another order, or more luck
	maxAnswer      = 1 << 20 // octets of an answer that are read
)

// Finder looks hosts up. *discovery.Resolver is one.
type Finder interface {
	Lookup(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)
}

// Error is a parcel that was not taken.
type Error struct {
	Address string // the Awala address
	Status  int    // of HTTP; 0: there was no answer, and Err says why
	Err     error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("pohttp: %s: %v", e.Address, e.Err)
	}
	return fmt.Sprintf("pohttp: %s: %d %s", e.Address, e.Status, http.StatusText(e.Status))
}

func (e *Error) Unwrap() error { return e.Err }

// Refused tells that the parcel will never be taken there: drop it. All else is worth another attempt.
func (e *Error) Refused() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status/100 == 4 || discovery.KindOf(e.Err) == discovery.BadAddress
}

// Client posts parcels. Safe for concurrent use.
type Client struct {
	finder  Finder
	timeout time.Duration
	http    *http.Client
}

// NewClient connects to nothing yet. Timeout is that of one host, besides the time that a large parcel takes; 0: 3 s.
func NewClient(f Finder, timeout time.Duration) *Client {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &Client{finder: f, timeout: timeout, http: newHTTP(discovery.Target{})}
}

// newHTTP follows nothing by itself.
func newHTTP(t discovery.Target) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: t.TLS(), DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second},
	}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Deliver posts a parcel to the host of an Awala address; a few others are tried as long as there is no answer: who has many
// that stall must not keep a sender for hours. A name without an SRV record is taken for a host. With nil the host has the
// parcel. Errors are *Error, or the context's.
func (c *Client) Deliver(ctx context.Context, address string, parcel []byte) error {
	targets, err := c.finder.Lookup(ctx, discovery.PoHTTP, address)
	if discovery.KindOf(err) == discovery.NoSuchAddress {
		targets, err = []discovery.Target{{Address: net.JoinHostPort(address, "443"), Name: address}}, nil
	}
	status := 0
	for _, t := range targets[:min(len(targets), maxHosts)] {
		if status, err = c.try(ctx, t, parcel); err == nil {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &Error{Address: address, Err: err}
	case status/100 != 2:
		return &Error{Address: address, Status: status}
	}
	return nil
}

// try posts to one host. An own authority is for that host alone, not for where it sends us.
func (c *Client) try(ctx context.Context, t discovery.Target, parcel []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout+web.Patience(int64(len(parcel))))
	defer cancel()
	client := c.http
	if t.Roots != nil {
		client = newHTTP(t)
		defer client.CloseIdleConnections()
	}
	at := t.URL() + "/"
	for range maxRedirects + 1 {
		next := ""
		if status, next, err = post(ctx, client, at, parcel); next == "" || err != nil {
			return status, err
		}
		if at, err = follow(at, next, t.Plain); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("the host sends us on and on")
}

// post answers a status, or where else to go.
func post(ctx context.Context, client *http.Client, at string, parcel []byte) (status int, next string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(parcel))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", typeParcel)
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if next = resp.Header.Get("Location"); next == "" {
			err = errors.New("the host sends us nowhere")
		}
	}
	return resp.StatusCode, next, err
}

// follow says where a redirect leads: to https alone, unless a host of this machine sends us to itself.
func follow(from, to string, plain bool) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	u, err := base.Parse(to)
	if err != nil {
		return "", errors.New("the host sends us to no address")
	}
	if u.Scheme != "https" && !(plain && u.Scheme == base.Scheme && u.Host == base.Host) {
		return "", errors.New("the host sends us to a place without TLS")
	}
	return u.String(), nil
}
