// Package download reads a file from a web server as one stream over connections that break: it goes on where the last
// one ended. It keeps nothing on disk and verifies nothing; what reads from it must.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of a download.
const (
	maxInVain = 8                // attempts in a row that bring nothing
	maxInAll  = 200              // attempts
	idleLimit = 60 * time.Second // without an octet a connection counts as broken
)

// Options are what a test or a command may want otherwise.
type Options struct {
	Client *http.Client
	// Wait is called before attempt n after one that failed, from 1; nil: a second, then twice as long up to a minute.
	Wait func(ctx context.Context, n int) error
	// Broken hears of connections that broke, and that it will be tried again.
	Broken func(err error, have int64)
}

// Error is an answer of the server that asking again does not change.
type Error struct {
	Status int
	Text   string
}

func (e *Error) Error() string { return e.Text }

// ErrChanged says that the file on the server was replaced while it was being read.
var ErrChanged = errors.New("the file on the server changed while it was fetched")

// IsURL tells whether a word is an address that Open takes.
func IsURL(word string) bool {
	u, err := url.Parse(word)
	return err == nil && (strings.EqualFold(u.Scheme, "https") || strings.EqualFold(u.Scheme, "http")) && u.Host != ""
}

// File is a download. It is for one goroutine.
type File struct {
	ctx    context.Context
	cancel context.CancelFunc
	url    string
	o      Options

	have int64  // octets that were read
	size int64  // of the file; -1: the server does not tell
	tag  string // by which the server knows the file again
	body io.ReadCloser
	vain int
	all  int
}

// Open asks for a file over https or http. It is closed by whoever opened it.
func Open(ctx context.Context, address string, o Options) (*File, error) {
	if !IsURL(address) {
		return nil, fmt.Errorf("%.200q is no address of the web: https://HOST/FILE", address)
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Wait == nil {
		o.Wait = backOff
	}
	f := &File{url: address, o: o, size: -1, body: http.NoBody}
	f.ctx, f.cancel = context.WithCancel(ctx)
	if err := f.connect(); err != nil {
		f.cancel()
		return nil, err
	}
	return f, nil
}

// backOff waits 1, 2, 4 ... 60 s.
func backOff(ctx context.Context, n int) error {
	t := time.NewTimer(min(time.Second<<min(n-1, 6), time.Minute))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Size is in octets; -1: the server did not tell.
func (f *File) Size() int64 { return f.size }

// Read answers io.EOF only when the whole file was read.
func (f *File) Read(p []byte) (int, error) {
	for f.size < 0 || f.have < f.size {
		n, err := f.body.Read(p)
		f.have += int64(n)
		switch {
		case n > 0:
			f.vain = 0
			return n, nil
		case err == io.EOF && f.size < 0:
			return 0, io.EOF
		case err == nil:
			continue
		}
		if err := f.again(err); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// Close ends the download.
func (f *File) Close() error {
	defer f.cancel()
	return f.body.Close()
}

// again connects until that works or there is no hope.
func (f *File) again(why error) error {
	f.body.Close()
	f.body = http.NoBody
	for {
		if err := f.mayTry(why); err != nil {
			return err
		}
		if why = f.connect(); why == nil {
			return nil
		}
	}
}

func (f *File) mayTry(why error) error {
	var final *Error
	switch {
	case f.ctx.Err() != nil:
		return f.ctx.Err()
	case errors.As(why, &final) || errors.Is(why, ErrChanged):
		return why
	}
	f.vain, f.all = f.vain+1, f.all+1
	if f.vain > maxInVain || f.all > maxInAll {
		return fmt.Errorf("the connection broke %d times, with %d octets read: %w", f.all, f.have, why)
	}
	if f.o.Broken != nil {
		f.o.Broken(why, f.have)
	}
	return f.o.Wait(f.ctx, f.vain)
}

// connection is a body whose connection is given up when it is silent for too long.
type connection struct {
	io.ReadCloser
	ctx    context.Context
	idle   *time.Timer
	cancel func()
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if n > 0 {
		c.idle.Reset(idleLimit)
	}
	if err != nil && context.Cause(c.ctx) == errSilent {
		err = errSilent
	}
	return n, err
}

func (c *connection) Close() error {
	c.idle.Stop()
	c.cancel()
	return c.ReadCloser.Close()
}

var errSilent = fmt.Errorf("the server said nothing for %s", idleLimit)

// connect asks for what is still missing.
func (f *File) connect() error {
	ctx, cancel := context.WithCancelCause(f.ctx)
	c := &connection{http.NoBody, ctx, time.AfterFunc(idleLimit, func() { cancel(errSilent) }), func() { cancel(nil) }}
	err := f.ask(ctx, c)
	if err == nil {
		f.body = c
		return nil
	}
	if context.Cause(ctx) == errSilent {
		err = errSilent
	}
	c.Close()
	return err
}

func (f *File) ask(ctx context.Context, c *connection) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept-Encoding", "identity")
	if f.have > 0 {
		q.Header.Set("Range", "bytes="+strconv.FormatInt(f.have, 10)+"-")
		if f.tag != "" {
			q.Header.Set("If-Range", f.tag)
		}
	}
	r, err := f.o.Client.Do(q)
	if err != nil {
		return err
	}
	c.ReadCloser, r.Body = r.Body, c
	return f.judge(r)
}

// judge takes an answer that goes on where the last one ended, and reads up to there where the server begins anew.
func (f *File) judge(r *http.Response) error {
	switch r.StatusCode {
	case http.StatusPartialContent:
		from, size, ok := contentRange(r.Header.Get("Content-Range"))
		tag := tagOf(r.Header)
		if !ok || from != f.have || size >= 0 && f.size >= 0 && size != f.size || tag != "" && tag != f.tag {
			return ErrChanged
		}
		return nil
	case http.StatusOK:
		return f.fromTheStart(r)
	case http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed:
		return ErrChanged
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return errors.New("the server answers " + r.Status)
	}
	if r.StatusCode >= 500 && r.StatusCode != http.StatusNotImplemented {
		return errors.New("the server answers " + r.Status)
	}
	return &Error{r.StatusCode, "the server answers " + r.Status}
}

func (f *File) fromTheStart(r *http.Response) error {
	tag := tagOf(r.Header)
	if f.have == 0 {
		f.size, f.tag = r.ContentLength, tag
		return nil
	}
	if tag != f.tag || r.ContentLength != f.size {
		return ErrChanged
	}
	_, err := io.CopyN(io.Discard, r.Body, f.have) // it knows no ranges
	return err
}

// tagOf is what If-Range takes (RFC 9110, 13.1.5): a strong entity tag, else the date of the file.
func tagOf(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 10-99/100" (RFC 9110, 14.4); size -1: unknown.
func contentRange(s string) (from, size int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, all, ok2 := strings.Cut(s, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	size = -1
	if all != "*" {
		var bad error
		size, bad = strconv.ParseInt(all, 10, 64)
		err = errors.Join(err, bad)
	}
	return from, size, ok && ok2 && ok3 && err == nil && from >= 0
}
