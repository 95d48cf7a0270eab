package cogrpc

import (
	"net"
	"net/netip"
	"sync"
)

// guard is a listener that turns strangers away and bounds how many connections are open.
type guard struct {
	net.Listener
	allow func(netip.Addr) bool
	open  *crowd
}

// Accept waits for a connection that may stay; others are closed at once.
func (g *guard) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addrOf(c.RemoteAddr())
		if (g.allow == nil || g.allow(from)) && g.open.enter(from) {
			return &guarded{Conn: c, leave: sync.OnceFunc(func() { g.open.exit(from) })}, nil
		}
		c.Close()
	}
}

// guarded gives its place back when it is closed.
type guarded struct {
	net.Conn
	leave func()
}

func (c *guarded) Close() error {
	c.leave()
	return c.Conn.Close()
}

// addrOf is the address of a TCP peer, without zone; the zero Addr, which nobody allows, for others.
func addrOf(a net.Addr) netip.Addr {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// Local tells whether an address is of this machine or of a network that the Internet does not reach: who is
// there needs no certificate that anybody vouches for (RS-008).
func Local(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback()
}
