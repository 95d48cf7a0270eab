package suite

import (
	"context"
	"errors"
	"time"
)

// road is the way of a letter: what users do every day.
var road = Suite{"road", "two nodes pair by a typed code and send each other texts and files, with receipts", []Case{
	{"pair", "they join one domain, and each has a way to the other", 17 * time.Second, func(ctx context.Context, b *Bench) error { return b.together(ctx) }},
	{"text there", "a text from the first node to the second arrives once, and its receipt comes back", 6 * time.Second, carry(0, 1, false)},
	{"text back", "a text the other way", 6 * time.Second, carry(1, 0, false)},
	{"file there", "a file from the first node to the second", 17 * time.Second, carry(0, 1, true)},
	{"file back", "a file the other way", 17 * time.Second, carry(1, 0, true)},
	{"stores", "the store of each node is whole", time.Second, stores},
}}

// carry sends one letter between two nodes.
func carry(from, to int, file bool) func(context.Context, *Bench) error {
	return func(ctx context.Context, b *Bench) error {
		if err := b.together(ctx); err != nil {
			return err
		}
		send, content := b.sendText, text(b.random(), b.Params.TextBytes)
		if file {
			send, content = b.sendFile, octets(b.random(), b.Params.FileBytes)
		}
		began := b.Marks.Since()
		l, err := send(ctx, b.peers[from], b.peers[to], content)
		if err != nil {
			return err
		}
		if err := l.receipt(ctx); err != nil {
			return err
		}
		took := b.Marks.Since() - began
		b.Figures["receipt_s"], b.Figures["octets_per_s"] = took, perSecond(len(content), time.Duration(took*float64(time.Second)))
		return l.once(ctx)
	}
}

// stores checks them all.
func stores(ctx context.Context, b *Bench) error {
	var errs []error
	for _, p := range b.peers {
		errs = append(errs, p.whole(ctx))
	}
	return errors.Join(errs...)
}
