package boards

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil/benchfile"
)

const (
	dialLimit = 10 * time.Second
	// maxOutput bounds what is kept of a command: a day of logs fits.
	maxOutput = 64 << 20
)

// shell is SSH to one node. The connection is made when it is needed, and again when it has broken. Safe for concurrent use.
type shell struct {
	at     *benchfile.SSH
	config *ssh.ClientConfig

	mu     sync.Mutex
	client *ssh.Client // nil: not connected
}

// newShell reads the key. The node is not called yet.
func newShell(at *benchfile.SSH) (*shell, error) {
	pem, err := os.ReadFile(at.Key)
	if err != nil {
		return nil, fmt.Errorf("the key for SSH: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, fmt.Errorf("the key for SSH %s: %w: a bench needs one without passphrase", at.Key, err)
	}
	host, err := at.PublicKey()
	if err != nil {
		return nil, err
	}
	return &shell{at: at, config: &ssh.ClientConfig{User: at.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: algorithms(host), Timeout: dialLimit}}, nil
}

// algorithms are those by which a server can prove that it has this key, so that it does not offer another one.
func algorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}

// session opens one, over the connection there is or a new one.
func (s *shell) session(ctx context.Context) (*ssh.Session, error) {
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

func (s *shell) dial(ctx context.Context) (*ssh.Client, error) {
	d := net.Dialer{Timeout: dialLimit, KeepAlive: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", s.at.Address)
	if err != nil {
		return nil, err
	}
	// A board that was switched off in the handshake would hold us for ever.
	_ = conn.SetDeadline(time.Now().Add(dialLimit))
	c, chans, requests, err := ssh.NewClientConn(conn, s.at.Address, s.config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, chans, requests), nil
}

// drop forgets the connection: the node has lost its power.
func (s *shell) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// said is what a remote command has answered.
type said struct {
	out, err []byte
	exit     int
}

// run runs a command with stdin, nil for none, until its end.
func (s *shell) run(ctx context.Context, command string, stdin io.Reader) (said, error) {
	session, err := s.session(ctx)
	if err != nil {
		return said{}, err
	}
	defer session.Close()
	defer context.AfterFunc(ctx, func() { session.Close(); s.drop() })()
	out, errs := limited{max: maxOutput}, limited{max: maxOutput}
	session.Stdin, session.Stdout, session.Stderr = stdin, &out, &errs
	code, err := exitOf(session.Run(command))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return said{out.Bytes(), errs.Bytes(), code}, err
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
