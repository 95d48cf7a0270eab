package suite

import (
	"context"
	"fmt"
	"time"
)

// crash is a power cut in the middle of a transfer, again and again.
var crash = Suite{"crash", "power cuts in the middle of a transfer: the store stays whole, and the letter arrives once", []Case{
	{"recipient", "the recipient's power is cut while it receives", 30 * time.Second, cuts(func(from, to *Peer, _ int) *Peer { return to })},
	{"sender", "the sender's power is cut while it sends", 30 * time.Second, cuts(func(from, to *Peer, _ int) *Peer { return from })},
	{"both", "the power of both is cut in turn", 30 * time.Second, cuts(func(from, to *Peer, i int) *Peer {
		return []*Peer{from, to}[i%2]
	})},
}}

// cuts sends a file and cuts the power of whom victim names, as often as the parameters say.
func cuts(victim func(from, to *Peer, i int) *Peer) func(context.Context, *Bench) error {
	return func(ctx context.Context, b *Bench) error {
		from, to, err := b.two()
		if err != nil {
			return err
		}
		for i := range 2 {
			if _, err := victim(from, to, i).switchable(); err != nil {
				return err
			}
		}
		if _, _, err := from.frames(ctx); err != nil {
			return err
		}
		if err := b.together(ctx); err != nil {
			return err
		}
		l, err := b.long(ctx, from, to)
		if err != nil {
			return err
		}
		defer b.clock("delivered_after_cuts_s")()
		for i := range b.Params.Cuts {
			if err := b.cutOnce(ctx, l, victim(from, to, i), i); err != nil {
				return err
			}
		}
		b.Figures["cuts"] = float64(b.Params.Cuts)
		if err := l.delivered(ctx); err != nil {
			return err
		}
		return stores(ctx, b)
	}
}

// long sends a letter that takes long enough for all cuts: a file, or where the node takes none as much text as its
// console does in one line.
func (b *Bench) long(ctx context.Context, from, to *Peer) (parcel, error) {
	r := b.random()
	l, err := b.sendFile(ctx, from, to, octets(r, b.Params.FileBytes))
	if _, unable := asUnable(err); unable {
		// A serial console in line mode takes 4,095 characters at once (termios(3), N_TTY).
		return b.sendText(ctx, from, to, text(r, min(b.Params.FileBytes, 3000)))
	}
	return l, err
}

// cutOnce waits until the transfer has gone on for some frames, cuts the power, and looks at what is left.
func (b *Bench) cutOnce(ctx context.Context, l parcel, victim *Peer, i int) error {
	begin, _, err := l.from.frames(ctx)
	if err != nil {
		return err
	}
	if err := poll(ctx, "frames to cut", func() (bool, error) {
		now, _, err := l.from.frames(ctx)
		return now >= begin+b.Params.CutFrames, err
	}); err != nil {
		return err
	}
	if err := victim.Off(ctx); err != nil {
		return err
	}
	if err := rest(ctx, b.Params.Pause); err != nil {
		return err
	}
	if _, err := victim.On(ctx); err != nil {
		return fmt.Errorf("after cut %d: %w", i+1, err)
	}
	if err := victim.whole(ctx); err != nil {
		return fmt.Errorf("after cut %d: %w", i+1, err)
	}
	got, err := l.arrived(ctx)
	if err == nil && len(got) > 0 && i+1 < b.Params.Cuts {
		err = fmt.Errorf("the letter had arrived when its transfer was cut for the %d. time of %d: send a longer one (--file-bytes)", i+1, b.Params.Cuts)
	}
	return err
}
