package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"os"

	"packhorse/cmd/packhorse/internal/download"
	"packhorse/gateway/admin"
)

// openUpdate opens what a person named: a file, an address, or stdin.
func (a *app) openUpdate(ctx context.Context, from string) (io.ReadCloser, error) {
	switch {
	case from == "-":
		if terminal(a.in) {
			return nil, usage("ssh root@box packhorse update - < FILE", "- is for a file that comes in by a pipe")
		}
		return endsWith(ctx, a.in), nil
	case download.IsURL(from):
		return a.fetch(ctx, from)
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, usage("name a file, an https address, or - for stdin", "%v", err)
	}
	if st, err := f.Stat(); err != nil || st.IsDir() {
		f.Close()
		return nil, errors.Join(err, usage("name a file, an https address, or - for stdin", "%s is a directory", from))
	}
	return f, nil
}

func (a *app) fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	f, err := download.Open(ctx, address, download.Options{Broken: func(err error, have int64) {
		a.hintText("the connection broke after %s (%v): trying again", size(have), err)
	}})
	if err != nil {
		return nil, fetchError(err)
	}
	return f, nil
}

// fetchError says what to do about a file that does not come.
func fetchError(err error) error {
	e := &admin.Error{Code: admin.CodeFailed, Message: err.Error(), Fix: "check the address and the network; a file works as well: packhorse update FILE"}
	var c x509.CertificateInvalidError
	if errors.As(err, &c) && c.Reason == x509.Expired {
		e.Fix = "set the clock (packhorse clock), or use http: the update is signed"
	}
	return e
}

// endsWith is a reader that does not keep a command from ending. It reads on in the background until there is something.
func endsWith(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	return piped{out, stop}
}

type piped struct {
	*io.PipeReader
	stop func() bool
}

func (p piped) Close() error {
	p.stop()
	return p.PipeReader.Close()
}
