package cogrpc

import (
	"context"
	"net/netip"
	"sync"

	"google.golang.org/grpc/peer"
)

// crowd bounds how many there are at once, in all and from one address (of IPv6 on the Internet, from one network of 64
// bits, which one customer has), so that one stranger cannot keep the others out. Safe for concurrent use.
type crowd struct {
	max, each int

	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

// newCrowd lets half of max come from one address.
func newCrowd(max int) *crowd { return &crowd{max: max, each: max / 2, of: map[netip.Addr]int{}} }

// enter tells whether there is room for one more, who calls exit in the end.
func (c *crowd) enter(from netip.Addr) bool {
	from = customer(from)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.max || c.of[from] >= c.each {
		return false
	}
	c.all++
	c.of[from]++
	return true
}

func (c *crowd) exit(from netip.Addr) {
	from = customer(from)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.of[from]--; c.of[from] == 0 {
		delete(c.of, from)
	}
}

// Caller is the network address that a call comes from, as one customer has it; empty for what is no call.
func Caller(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	return customer(addrOf(p.Addr)).String()
}

// customer is what an address counts as. On a local network all have the same 64 bits.
func customer(a netip.Addr) netip.Addr {
	if p, err := a.Prefix(64); err == nil && a.Is6() && !Local(a) {
		return p.Addr()
	}
	return a
}
