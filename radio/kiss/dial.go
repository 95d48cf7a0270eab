package kiss

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

const (
	defaultPort = "8001" // Direwolf's KISSPORT
	keepAlive   = 15 * time.Second
	// patience is how long a program that reads nothing may hold up Write.
	patience = 5 * time.Second
)

// Dial connects to a TNC over TCP, such as Direwolf: address is tcp://host:port, or tcp://host for port 8001. KISS over TCP has
// no password: keep it on this machine or behind a firewall.
func Dial(ctx context.Context, address string) (io.ReadWriteCloser, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "tcp" || u.Hostname() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("kiss: address %q: give tcp://host:port", address)
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	d := net.Dialer{KeepAlive: keepAlive, Timeout: patience}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("kiss: nobody answers at %s: does Direwolf run there, with KISSPORT %s in its configuration? (%w)", address, port, err)
	}
	return &socket{c}, nil
}

// socket is a connection on which Write does not block for ever.
type socket struct{ net.Conn }

func (s *socket) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}
