package suite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// soak is traffic for minutes or hours.
var soak = Suite{"soak", "letters of any size in both directions for a while, without and with power cuts", []Case{
	{"traffic", "every letter arrives once", 20 * time.Second, traffic(false)},
	{"traffic with cuts", "also when the power of either node is cut now and then", 30 * time.Second, traffic(true)},
}}

func traffic(withCuts bool) func(context.Context, *Bench) error {
	return func(ctx context.Context, b *Bench) error {
		x, y, err := b.two()
		if err != nil {
			return err
		}
		for _, p := range []*Peer{x, y} {
			if _, err := p.switchable(); withCuts && err != nil {
				return err
			}
		}
		if err := b.together(ctx); err != nil {
			return err
		}
		return b.soak(ctx, b.random(), withCuts)
	}
}

// soak sends letters until its time is over, and then waits for the last.
func (b *Bench) soak(ctx context.Context, r *rand.Rand, withCuts bool) error {
	began, n, octets := b.Marks.Since(), 0, 0
	for b.Marks.Since()-began < b.Params.Soak.Seconds() {
		way := r.IntN(2)
		l, err := b.any(ctx, r, b.peers[way], b.peers[1-way])
		if err != nil {
			return err
		}
		n, octets = n+1, octets+len(l.content)
		if withCuts && n%b.Params.SoakCut == 0 {
			victim := b.peers[r.IntN(2)]
			if _, err := victim.Cycle(ctx); err != nil {
				return fmt.Errorf("cut before letter %d was delivered: %w", n, err)
			}
		}
		if err := l.delivered(ctx); err != nil {
			return fmt.Errorf("letter %d: %w", n, err)
		}
	}
	b.Figures["letters"], b.Figures["octets"] = float64(n), float64(octets)
	return stores(ctx, b)
}

// any sends a text or, where the node takes it, a file of any size.
func (b *Bench) any(ctx context.Context, r *rand.Rand, from, to *Peer) (parcel, error) {
	if r.IntN(3) == 0 {
		l, err := b.sendFile(ctx, from, to, octets(r, 1+r.IntN(b.Params.FileBytes)))
		if _, unable := asUnable(err); !unable {
			return l, err
		}
	}
	return b.sendText(ctx, from, to, text(r, 2+r.IntN(200)))
}
