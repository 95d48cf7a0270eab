package suite

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// clock measures: end notes the seconds since as a figure.
func (b *Bench) clock(figure string) (end func()) {
	from := b.Marks.Since()
	return func() { b.Figures[figure] = b.Marks.Since() - from }
}

// random is a source of its own for each content, the same in every run with this seed.
func (b *Bench) random() *rand.Rand {
	b.drawn++
	return rand.New(rand.NewPCG(b.Params.Seed, b.drawn))
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789 "

// text is words that a console takes as they are.
func text(r *rand.Rand, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[r.IntN(len(letters))]
	}
	if n > 0 {
		out[0], out[n-1] = 'a', 'z'
	}
	return out
}

func octets(r *rand.Rand, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// parcel is a letter on its way.
type parcel struct {
	id       string
	from, to *Peer
	content  []byte
}

// sendText hands a text to a gateway, which has it on disk when this returns.
func (b *Bench) sendText(ctx context.Context, from, to *Peer, content []byte) (parcel, error) {
	return from.submit(from.Run(ctx, "send", to.gateway, "--text", string(content), "--json"))(to, content)
}

// sendFile does it with any octets.
func (b *Bench) sendFile(ctx context.Context, from, to *Peer, content []byte) (parcel, error) {
	f, ok := from.Node.(hil.Feeder)
	if !ok {
		return parcel{}, &hil.Unable{What: "send a file from " + from.Name(), Why: "its console takes lines of text only: give it SSH"}
	}
	return from.submit(f.RunWith(ctx, content, "send", to.gateway, "-", "--json"))(to, content)
}

func (p *Peer) submit(r hil.Result, err error) func(to *Peer, content []byte) (parcel, error) {
	return func(to *Peer, content []byte) (parcel, error) {
		if err != nil {
			return parcel{}, err
		}
		reply, err := answer[admin.ParcelReply](p, r, []string{"send", to.gateway})
		if err == nil && reply.State != admin.Saved {
			err = p.wrong([]string{"send"}, fmt.Sprintf("a letter that was just sent is %q, not saved", reply.State))
		}
		return parcel{reply.ID, p, to, content}, err
	}
}

// receipt waits until the sender has the recipient's signature, and no longer keeps the letter.
func (l parcel) receipt(ctx context.Context) error {
	return poll(ctx, fmt.Sprintf("receipt at %s for %s", l.from.Name(), l.id), func() (bool, error) {
		q, err := ask[admin.QueueReply](ctx, l.from, "queue")
		for _, p := range q.Parcels {
			if p.ID == l.id {
				return p.State == admin.Delivered, refused(p)
			}
		}
		return err == nil, err
	})
}

func refused(p admin.Parcel) error {
	if p.State == admin.Refused || p.State == admin.Expired {
		return fmt.Errorf("the letter %s is %s: %s", p.ID, p.State, p.Why)
	}
	return nil
}

// arrived counts how often the recipient has it.
func (l parcel) arrived(ctx context.Context) (ids []string, err error) {
	in, err := ask[admin.InboxReply](ctx, l.to, "inbox")
	if err != nil {
		return nil, err
	}
	for _, i := range in.Letters {
		if i.SizeBytes != len(l.content) || i.From != l.from.gateway {
			continue
		}
		got, err := ask[admin.LetterReply](ctx, l.to, "inbox", "read", i.ID)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(got.Content, l.content) {
			ids = append(ids, i.ID)
		}
	}
	return ids, nil
}

// once checks that the recipient has the letter, octet for octet and one time, and deletes it there.
func (l parcel) once(ctx context.Context) error {
	ids, err := l.arrived(ctx)
	if err != nil {
		return err
	}
	if len(ids) != 1 {
		return fmt.Errorf("%s has the letter %s of %d octets %d times, want once", l.to.Name(), l.id, len(l.content), len(ids))
	}
	_, err = ask[admin.DeletedReply](ctx, l.to, "inbox", "delete", ids[0])
	return err
}

// delivered waits for the receipt and checks the other side.
func (l parcel) delivered(ctx context.Context) error {
	if err := l.receipt(ctx); err != nil {
		return err
	}
	return l.once(ctx)
}

// whole is the check of a node's store.
func (p *Peer) whole(ctx context.Context) error {
	r, err := p.Run(ctx, "store", "check", "--json")
	if err != nil {
		return err
	}
	if r.Exit != 0 {
		return p.wrong([]string{"store", "check"}, failure("", r))
	}
	type check struct {
		OK bool `json:"ok"`
	}
	v, err := answer[check](p, r, []string{"store", "check"})
	if err == nil && !v.OK {
		err = p.wrong([]string{"store", "check"}, cut(r.Output))
	}
	return err
}

// perSecond is the figure of a transfer.
func perSecond(octets int, took time.Duration) float64 {
	return float64(octets) / max(took.Seconds(), 0.001)
}
