// Package sshd takes the appliance's commands over SSH (RFC 4251 to 4254), from who has one of the configured keys.
// There is no shell behind it, no password, no file transfer and no forwarding: a line is a packhorse command. A file
// goes to a command's input: `ssh packhorse@box update - < FILE`.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Command is one line that somebody gave, and where its words go.
type Command struct {
	Line           string // as typed; whoever runs it splits the words
	Stdin          io.Reader
	Stdout, Stderr io.Writer // a new line is \n, also at a terminal
	Terminal       bool      // somebody sits at a terminal of Columns by Rows, as it was at the start
	Columns, Rows  int
	User, From     string // who, and from which address
}

// Config is what the server needs.
type Config struct {
	Listen  string   // address; empty: no server
	Keys    []string // lines of authorized_keys; none: no server
	HostKey string   // file of the server's key; made where there is none
	Name    string   // of the gateway
	// Run runs a command until it ends or ctx does, and returns its exit code. It is called concurrently.
	Run func(ctx context.Context, c Command) int
	// Console takes lines from who gave no command, until they end or ctx does. Only User, From, Terminal, Columns and
	// Rows of c are set. At a terminal line has keys and a screen without translation. nil: a command is needed.
	Console func(ctx context.Context, c Command, line io.ReadWriter) error
}

// users are the names that may be given; they mean the same.
var users = map[string]bool{"packhorse": true, "root": true}

// Limits on what strangers and friends may take.
const (
	maxConns    = 8 // at once
	maxSessions = 8 // of one connection
	maxTries    = 6 // keys that a client may offer
	maxLine     = 8 << 10
	greetWithin = 30 * time.Second // until a key was accepted
	aliveEvery  = 30 * time.Second // a client that does not answer for two of these is gone
)

// Run serves until ctx ends; then it ends the sessions and returns nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	keys, err := parseKeys(cfg.Keys)
	if err != nil {
		log.Warn("a key for SSH is passed over", "error", err)
	}
	if cfg.Listen == "" || len(keys) == 0 {
		<-ctx.Done()
		return nil
	}
	host, err := hostKey(cfg.HostKey, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("sshd: %w", err)
	}
	log.Info("SSH", "listen", l.Addr().String(), "key", ssh.FingerprintSHA256(host.PublicKey()))
	s := &server{cfg: cfg, log: log, ssh: serverConfig(host, keys), places: make(chan struct{}, maxConns)}
	return s.serve(ctx, l)
}

// server has the connections.
type server struct {
	cfg    Config
	log    *slog.Logger
	ssh    *ssh.ServerConfig
	places chan struct{}
	conns  sync.WaitGroup
}

// serve accepts until ctx ends. Who comes when all places are taken is turned away at once.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	defer s.conns.Wait()
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("sshd: %w", err)
		case err != nil: // of one connection, or too many files open
			time.Sleep(100 * time.Millisecond)
			continue
		}
		select {
		case s.places <- struct{}{}:
			s.conns.Go(func() {
				defer func() { <-s.places }()
				s.conn(ctx, c)
			})
		default:
			c.Close()
		}
	}
}

// conn serves one connection until it ends or ctx does.
func (s *server) conn(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer s.survive()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	c.SetDeadline(time.Now().Add(greetWithin))
	conn, channels, requests, err := ssh.NewServerConn(c, s.ssh)
	if err != nil {
		s.log.Debug("SSH: turned away", "from", c.RemoteAddr().String(), "error", err)
		return
	}
	c.SetDeadline(time.Time{})
	s.log.Info("SSH", "user", conn.User(), "from", c.RemoteAddr().String(), "key", conn.Permissions.Extensions[keyName])
	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	go ssh.DiscardRequests(requests)
	sessions.Go(func() { keepAlive(ctx, conn) })
	s.channels(ctx, conn, channels, &sessions)
}

// survive ends what panics with its connection: the process is the init, and its end would be the board's.
func (s *server) survive() {
	if p := recover(); p != nil {
		s.log.Error("SSH: a connection panicked", "panic", p, "stack", string(debug.Stack()))
	}
}

// channels takes sessions and nothing else, so that nobody's connection goes through the box.
func (s *server) channels(ctx context.Context, conn *ssh.ServerConn, channels <-chan ssh.NewChannel, sessions *sync.WaitGroup) {
	places := make(chan struct{}, maxSessions)
	for n := range channels {
		if n.ChannelType() != "session" {
			n.Reject(ssh.Prohibited, "packhorse takes commands only")
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			n.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		ch, requests, err := n.Accept()
		if err != nil {
			<-places
			continue
		}
		sessions.Go(func() {
			defer func() { <-places }()
			x := &session{cfg: s.cfg, survive: s.survive, ch: ch, command: Command{User: conn.User(), From: conn.RemoteAddr().String()}}
			x.serve(ctx, requests)
		})
	}
}

// keepAlive ends a connection whose client is silent.
func keepAlive(ctx context.Context, conn ssh.Conn) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		dead := time.AfterFunc(aliveEvery, func() { conn.Close() })
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		if dead.Stop(); err != nil {
			return
		}
	}
}
