package cogrpc

import (
	"context"
	"net/netip"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// places bounds calls: so many are served, as many more wait, and no address has more than half of all.
type places struct {
	serving chan struct{}
	mu      sync.Mutex
	all     int
	of      map[netip.Addr]int
}

func newPlaces(calls int) *places {
	return &places{serving: make(chan struct{}, calls), of: map[netip.Addr]int{}}
}

var errBusy = status.Error(codes.Unavailable, "too many calls at once; try again later")

// take waits for a place; the caller gives it back by calling leave.
func (p *places) take(ctx context.Context) (leave func(), err error) {
	from := callerOf(ctx)
	if !p.enter(from) {
		return nil, errBusy
	}
	select {
	case p.serving <- struct{}{}:
		return func() { <-p.serving; p.exit(from) }, nil
	case <-ctx.Done():
		p.exit(from)
		return nil, ctx.Err()
	}
}

func (p *places) enter(from netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := cap(p.serving); p.all >= 2*n || p.of[from] >= n {
		return false
	}
	p.all++
	p.of[from]++
	return true
}

func (p *places) exit(from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.of[from]--; p.of[from] == 0 {
		delete(p.of, from)
	}
}

func callerOf(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	return addrOf(p.Addr)
}
