package cogrpc

import (
	"context"
	"net/netip"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// places bounds calls: so many are served, as many more wait, and no address has more than half of all.
type places struct {
	serving chan struct{}
	*crowd
}

func newPlaces(calls int) *places {
	return &places{make(chan struct{}, calls), newCrowd(2 * calls)}
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

func callerOf(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	return addrOf(p.Addr)
}
