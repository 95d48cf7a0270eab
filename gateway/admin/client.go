package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
)

// maxAnswer bounds what a client reads of one answer: a letter with its content.
const maxAnswer = 64 << 20

// client asks a gateway over its unix socket.
type client struct {
	socket string
	http   *http.Client
	clock  atomic.Value // string: what the last answer said
}

// Dial makes a client for the gateway on a unix socket. It does not connect yet: when
// nobody listens, each call answers an *Error of CodeOffline. Safe for concurrent use.
func Dial(socket string) Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConns: 2}}}
}

// Close releases idle connections.
func (c *client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, "GET", "/v1/status", nil, &s)
}

func (c *client) Up(ctx context.Context, u Up) (s Status, err error) {
	return s, c.call(ctx, "POST", "/v1/up", u, &s)
}

func (c *client) Send(ctx context.Context, q Send) (Parcel, error) {
	var p ParcelReply
	err := c.call(ctx, "POST", "/v1/send", q, &p)
	return p.Parcel, err
}

func (c *client) Parcel(ctx context.Context, id string) (Parcel, error) {
	var p ParcelReply
	err := c.call(ctx, "GET", "/v1/parcels/"+url.PathEscape(id), nil, &p)
	return p.Parcel, err
}

func (c *client) Queue(ctx context.Context) ([]Parcel, error) {
	var q QueueReply
	err := c.call(ctx, "GET", "/v1/queue", nil, &q)
	return q.Parcels, err
}

func (c *client) Inbox(ctx context.Context) ([]Letter, error) {
	var in InboxReply
	err := c.call(ctx, "GET", "/v1/inbox", nil, &in)
	return in.Letters, err
}

func (c *client) Read(ctx context.Context, id string) (Letter, error) {
	var l LetterReply
	err := c.call(ctx, "POST", "/v1/inbox/"+url.PathEscape(id), nil, &l)
	return l.Letter, err
}

func (c *client) Delete(ctx context.Context, id string) (int, error) {
	path := "/v1/inbox"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	var d DeletedReply
	err := c.call(ctx, "DELETE", path, nil, &d)
	return d.Letters, err
}

func (c *client) OpenPairing(ctx context.Context) (PairOffer, error) {
	var o PairOfferReply
	err := c.call(ctx, "POST", "/v1/pairing", nil, &o)
	return o.PairOffer, err
}

func (c *client) JoinPairing(ctx context.Context, code string) (PairResult, error) {
	var p PairResultReply
	err := c.call(ctx, "POST", "/v1/pairing/join", joinRequest{code}, &p)
	return p.PairResult, err
}

func (c *client) Pairing(ctx context.Context) (PairResult, error) {
	var p PairResultReply
	err := c.call(ctx, "GET", "/v1/pairing", nil, &p)
	return p.PairResult, err
}

func (c *client) ContactCard(ctx context.Context) (string, error) {
	var t TextReply
	err := c.call(ctx, "GET", "/v1/contacts/card", nil, &t)
	return t.Text, err
}

func (c *client) ContactExport(ctx context.Context, card string) (string, error) {
	var t TextReply
	err := c.call(ctx, "POST", "/v1/contacts/export", exportRequest{card}, &t)
	return t.Text, err
}

func (c *client) ContactAdd(ctx context.Context, name, text string) error {
	return c.call(ctx, "POST", "/v1/contacts", contactRequest{name, text}, &DoneReply{})
}

func (c *client) Contacts(ctx context.Context) ([]string, error) {
	var l ContactsReply
	err := c.call(ctx, "GET", "/v1/contacts", nil, &l)
	return l.Contacts, err
}

// Events streams until ctx ends or the gateway stops: the channel is closed then.
func (c *client) Events(ctx context.Context) (<-chan Event, error) {
	res, err := c.do(ctx, "GET", "/v1/events", nil)
	if err != nil {
		return nil, err
	}
	ch := make(chan Event)
	go func() {
		defer close(ch)
		defer res.Body.Close()
		for d := json.NewDecoder(res.Body); ; {
			var e Event
			if d.Decode(&e) != nil {
				return
			}
			select {
			case ch <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch, nil
}

// ClockQuality is that of the gateway, from its last answer.
func (c *client) ClockQuality() string {
	s, _ := c.clock.Load().(string)
	return s
}

// call asks and decodes the answer into out, which has a Head.
func (c *client) call(ctx context.Context, method, path string, in any, out interface{ said() string }) error {
	res, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	return c.read(res, path, out)
}

// callWith is call with octets.
func (c *client) callWith(ctx context.Context, path string, body io.Reader, out interface{ said() string }) error {
	res, err := c.doWith(ctx, "POST", path, body)
	if err != nil {
		return err
	}
	return c.read(res, path, out)
}

func (c *client) read(res *http.Response, path string, out interface{ said() string }) error {
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the gateway's answer to %s: %w", path, err)
	}
	c.clock.Store(out.said())
	return nil
}

// do sends a request; an answer that is no success becomes its *Error.
func (c *client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	return c.doWith(ctx, method, path, body)
}

func (c *client) doWith(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://packhorse"+path, body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, c.offline(ctx, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	var e ErrorReply
	if json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(&e) != nil || e.Error == nil {
		return nil, &Error{Code: CodeFailed, Message: "the gateway answered " + res.Status, Exit: 1}
	}
	return nil, e.Error
}

// offline says why the gateway could not be asked.
func (c *client) offline(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &Error{Code: CodeOffline, Exit: CodeOffline.Exit(), Message: "no gateway answers on " + c.socket, Fix: "packhorse run"}
	switch {
	case errors.Is(err, os.ErrPermission):
		e.Message = "not allowed to open " + c.socket
		e.Fix = "run as the gateway's user, or join the group of the socket"
	case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED):
		e.Message = "the gateway went away while it was asked: " + err.Error()
		e.Fix = "packhorse status"
	}
	return e
}
