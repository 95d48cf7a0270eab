package web

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
)

// Gate bounds how many are inside at once, altogether and from one address, so that no stranger takes all places.
// Safe for concurrent use.
type Gate struct {
	places chan struct{}
	share  int // of one address

	mu sync.Mutex
	by map[string]int
}

// NewGate has so many places, and at most share of them for one IPv4 address or IPv6 network of 64 bits.
func NewGate(places, share int) *Gate {
	return &Gate{places: make(chan struct{}, places), share: share, by: map[string]int{}}
}

// Enter takes a place and answers how to leave it. With wait it waits for one, but not for those of its own
// address.
func (g *Gate) Enter(r *http.Request, wait bool) (leave func(), err error) {
	return g.enter(r.Context(), r.RemoteAddr, wait)
}

func (g *Gate) enter(ctx context.Context, remote string, wait bool) (leave func(), err error) {
	whose := network(remote)
	if !g.count(whose, +1) {
		return nil, ErrCrowded
	}
	if err := g.take(ctx, wait); err != nil {
		g.count(whose, -1)
		return nil, err
	}
	return func() { <-g.places; g.count(whose, -1) }, nil
}

func (g *Gate) take(ctx context.Context, wait bool) error {
	if !wait {
		select {
		case g.places <- struct{}{}:
			return nil
		default:
			return ErrCrowded
		}
	}
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count adds to what an address has; false when it has its share. Behind a proxy on this machine everybody has the
// proxy's address: loopback addresses have no share.
func (g *Gate) count(whose string, n int) bool {
	if whose == loopback {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if n > 0 && g.by[whose] >= g.share {
		return false
	}
	if g.by[whose] += n; g.by[whose] == 0 {
		delete(g.by, whose)
	}
	return true
}

// ErrCrowded turns a client away for now.
var ErrCrowded = Fail(http.StatusServiceUnavailable, "too many clients at once; try again later")

const loopback = "loopback"

// network is what one customer of a provider has: an IPv4 address or an IPv6 network of 64 bits.
func network(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	ip := a.Addr().Unmap()
	if ip.IsLoopback() {
		return loopback
	}
	if p, err := ip.WithZone("").Prefix(64); ip.Is6() && err == nil {
		return p.String()
	}
	return ip.String()
}
