package web

import (
	"net"
	"testing"
)

// calls is a listener with connections from given addresses.
type calls struct {
	net.Listener
	from []string
	last *call
}

type call struct {
	net.Conn
	from   string
	closed int
}

func (c *calls) Accept() (net.Conn, error) {
	if len(c.from) == 0 {
		return nil, net.ErrClosed
	}
	c.last = &call{from: c.from[0]}
	c.from = c.from[1:]
	return c.last, nil
}

func (c *call) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.from)
	return a
}

func (c *call) Close() error { c.closed++; return nil }

func TestConnectionsAreBounded(t *testing.T) {
	in := &calls{from: []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1", "192.0.2.3:1"}}
	l := &Listener{Listener: in, Gate: NewGate(3, 2)}
	var open []net.Conn
	for range 3 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	if got := open[2].RemoteAddr().String(); got != "192.0.2.2:1" {
		t.Errorf("the third that is let in is %s: one address has more than its share", got)
	}
	if _, err := l.Accept(); err != net.ErrClosed || in.last.closed != 1 {
		t.Errorf("a fourth is let in: %v, closed %d times", err, in.last.closed)
	}
	open[0].Close()
	open[0].Close()
	in.from = []string{"192.0.2.1:4", "192.0.2.1:5"}
	if c, err := l.Accept(); err != nil || c.RemoteAddr().String() != "192.0.2.1:4" {
		t.Errorf("a place that was left is not given again: %v", err)
	}
	if _, err := l.Accept(); err != net.ErrClosed {
		t.Error("who leaves twice leaves two places")
	}
}
