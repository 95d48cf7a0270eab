package cogrpc

import (
	"net/netip"
	"sync"
)

// crowd bounds how many there are at once, in all and from one address, so that one stranger cannot keep the
// others out. Safe for concurrent use.
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.of[from]--; c.of[from] == 0 {
		delete(c.of, from)
	}
}
