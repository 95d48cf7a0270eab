// Package shell gives commands to a node over SSH.
package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxOutput bounds what is kept of a command: a day of logs fits.
const maxOutput = 64 << 20

// Shell is SSH to one node. The connection is made when it is needed, and again when it has broken. Safe for concurrent use.
type Shell struct {
	at     func() (address string, err error)
	config *ssh.ClientConfig

	mu     sync.Mutex
	client *ssh.Client // nil: not connected
}

// New is SSH to where at says, which is asked before each call of the node. Nobody is called yet. config.Timeout bounds a call
// until commands can be given; it must not be 0.
func New(at func() (address string, err error), config *ssh.ClientConfig) *Shell {
	return &Shell{at: at, config: config}
}

// Session opens one, over the connection there is or a new one.
func (s *Shell) Session(ctx context.Context) (*ssh.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		if session, err := s.client.NewSession(); err == nil {
			return session, nil
		}
		s.client.Close()
		s.client = nil
	}
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	s.client = c
	return c.NewSession()
}

func (s *Shell) dial(ctx context.Context) (*ssh.Client, error) {
	at, err := s.at()
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: s.config.Timeout, KeepAlive: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	// A board that was switched off in the handshake would hold us for ever.
	_ = conn.SetDeadline(time.Now().Add(s.config.Timeout))
	c, chans, requests, err := ssh.NewClientConn(conn, at, s.config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, chans, requests), nil
}

// Drop forgets the connection: the node has lost its power.
func (s *Shell) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// Said is what a remote command has answered on its two streams.
type Said struct {
	Out, Err []byte
	Exit     int
}

// Run runs a command with stdin, nil for none, until its end.
func (s *Shell) Run(ctx context.Context, command string, stdin io.Reader) (Said, error) {
	session, err := s.Session(ctx)
	if err != nil {
		return Said{}, err
	}
	defer session.Close()
	defer context.AfterFunc(ctx, func() { session.Close(); s.Drop() })()
	out, errs := limited{max: maxOutput}, limited{max: maxOutput}
	session.Stdin, session.Stdout, session.Stderr = stdin, &out, &errs
	code, err := exitOf(session.Run(command))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return Said{out.Bytes(), errs.Bytes(), code}, err
}

// exitOf separates a command that failed from one that did not end.
func exitOf(err error) (int, error) {
	var exit *ssh.ExitError
	if errors.As(err, &exit) && exit.Signal() == "" {
		return exit.ExitStatus(), nil
	}
	return 0, err
}

// limited keeps so many octets and passes over the others.
type limited struct {
	bytes.Buffer
	max int
}

func (l *limited) Write(b []byte) (int, error) {
	_, _ = l.Buffer.Write(b[:min(len(b), max(l.max-l.Len(), 0))])
	return len(b), nil
}
