package web

import (
	"context"
	"net"
	"sync"
)

// Listener closes at once the connections that find no place in its Gate: each costs a file and memory before it says
// anything. A connection leaves when it is closed.
type Listener struct {
	net.Listener
	Gate *Gate
}

// Accept waits for a connection that has a place.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, err := l.Gate.enter(context.Background(), c.RemoteAddr().String(), false)
		if err == nil {
			return &guest{Conn: c, leave: sync.OnceFunc(leave)}, nil
		}
		c.Close()
	}
}

// guest is a connection with a place.
type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}
