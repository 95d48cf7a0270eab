package node

import (
	"context"
	"errors"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/radio/phy"
)

// adminAPI answers the local API.
type adminAPI struct{ n *Node }

var _ admin.Backend = adminAPI{}

// API is what the admin socket serves, for callers in the same process. It answers while Run runs.
func (n *Node) API() admin.Backend { return adminAPI{n} }

// adminError gives every error its word and exit code.
func adminError(err error) error {
	var g *gateway.Error
	var r *ramf.Error
	switch {
	case errors.As(err, &g):
		return &admin.Error{Code: admin.Code(g.Code), Message: g.Message, Fix: g.Fix}
	case errors.As(err, &r):
		return &admin.Error{Code: admin.CodeRefused, Message: r.Error(), Fix: "the recipient may have to authorise us anew: packhorse contact"}
	case errors.Is(err, phy.ErrNotAllowed):
		return &admin.Error{Code: admin.CodeRegion, Message: err.Error(), Fix: "change the [[radio]] section, or name the region that you are in"}
	}
	return err
}

// askFor is ask with a typed answer.
func askFor[T any](ctx context.Context, n *Node, request func(gateway.Token) gateway.Event) (T, error) {
	v, err := n.ask(ctx, request)
	out, _ := v.(T)
	return out, adminError(err)
}

func (n *Node) snapshot(ctx context.Context) (s gateway.Snapshot, err error) {
	err = n.look(ctx, func(now time.Time, c *gateway.Core) { s = c.Snapshot(now) })
	return s, err
}

func (a adminAPI) Up(ctx context.Context, u admin.Up) (admin.Status, error) {
	if err := a.n.up(ctx, u); err != nil {
		return admin.Status{}, adminError(err)
	}
	return a.Status(ctx)
}

// Reload leaves it to who knows the files.
func (a adminAPI) Reload(ctx context.Context) (admin.Reloaded, error) {
	if a.n.cfg.Reload == nil {
		return admin.Reloaded{}, &admin.Error{Code: admin.CodeRefused, Message: "this gateway has no configuration to read again", Fix: "start it anew"}
	}
	return a.n.cfg.Reload(ctx)
}

func (a adminAPI) Send(ctx context.Context, s admin.Send) (admin.Parcel, error) {
	pri, err := priorityOf(s.Priority)
	if err != nil {
		return admin.Parcel{}, err
	}
	p, err := askFor[gateway.Parcel](ctx, a.n, func(t gateway.Token) gateway.Event {
		return gateway.Send{Token: t, To: s.To, Type: s.Type, Filename: s.Filename, Priority: pri, TTL: s.TTL, Content: s.Content}
	})
	if err != nil {
		return admin.Parcel{}, err
	}
	if now, err := a.Parcel(ctx, p.ID); err == nil {
		return now, nil // by now it has a next hop, and a cost
	}
	return a.n.parcelInfo(p), nil
}

func priorityOf(s string) (link.Priority, error) {
	for p, word := range priorityWords {
		if s == word {
			return link.Priority(p), nil
		}
	}
	if s == "" {
		return link.Message, nil
	}
	return 0, &admin.Error{Code: admin.CodeUsage, Message: "no priority " + s, Fix: "emergency, message or bulk"}
}

var priorityWords = [...]string{link.Emergency: "emergency", link.Message: "message", link.Bulk: "bulk"}

func (a adminAPI) Parcel(ctx context.Context, id string) (out admin.Parcel, err error) {
	var p gateway.Parcel
	var miss error
	if err := a.n.look(ctx, func(now time.Time, c *gateway.Core) { p, miss = c.Parcel(now, id) }); err != nil {
		return out, err
	}
	return a.n.parcelInfo(p), adminError(miss)
}

func (a adminAPI) Queue(ctx context.Context) ([]admin.Parcel, error) {
	var list []gateway.Parcel
	err := a.n.look(ctx, func(now time.Time, c *gateway.Core) { list = c.Parcels(now, false) })
	out := make([]admin.Parcel, 0, len(list))
	for _, p := range list {
		out = append(out, a.n.parcelInfo(p))
	}
	return out, err
}

func (a adminAPI) Inbox(ctx context.Context) ([]admin.Letter, error) {
	var list []gateway.Letter
	err := a.n.look(ctx, func(_ time.Time, c *gateway.Core) { list = c.Letters() })
	out := make([]admin.Letter, 0, len(list))
	for _, l := range list {
		out = append(out, letterInfo(l))
	}
	return out, err
}

func (a adminAPI) Read(ctx context.Context, id string) (admin.Letter, error) {
	l, err := askFor[gateway.Letter](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.ReadLetter{Token: t, ID: id} })
	return letterInfo(l), err
}

// canPair refuses a pairing that nobody could hear of.
func (n *Node) canPair() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plan.region == "" && (n.running == nil || n.running.count == 0 || len(n.plan.radios) > 0) {
		return &admin.Error{Code: admin.CodeRegion, Message: "no region is set: no radio transmits, so nobody can be paired with", Fix: "packhorse up --region EU868"}
	}
	return nil
}

func (a adminAPI) Delete(ctx context.Context, id string) (int, error) {
	return askFor[int](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.DeleteLetter{Token: t, ID: id} })
}

func (a adminAPI) OpenPairing(ctx context.Context) (admin.PairOffer, error) {
	o, err := askFor[gateway.PairOffer](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.OpenPairing{Token: t} })
	if err == nil {
		if err = a.n.canPair(); err != nil {
			a.n.tell(ctx, gateway.ClosePairing{})
			return admin.PairOffer{}, err
		}
	}
	return admin.PairOffer{Code: o.Code, Invite: o.Invite, Until: o.Until}, err
}

func (a adminAPI) JoinPairing(ctx context.Context, text string) (admin.PairResult, error) {
	if err := a.n.canPair(); err != nil {
		return admin.PairResult{}, err
	}
	r, err := askFor[gateway.PairResult](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.JoinPairing{Token: t, Text: text} })
	if ctx.Err() != nil {
		a.n.tell(context.WithoutCancel(ctx), gateway.ClosePairing{})
	}
	return admin.PairResult{Domain: r.Domain, Peer: r.Peer}, err
}

func (a adminAPI) Pairing(ctx context.Context) (admin.PairResult, error) {
	r, err := askFor[gateway.PairResult](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.AwaitPairing{Token: t} })
	return admin.PairResult{Domain: r.Domain, Peer: r.Peer}, err
}

func (a adminAPI) ContactCard(ctx context.Context) (string, error) {
	return askFor[string](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.ContactCard{Token: t} })
}

func (a adminAPI) ContactExport(ctx context.Context, card string) (string, error) {
	return askFor[string](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.ExportContact{Token: t, Card: card} })
}

func (a adminAPI) ContactAdd(ctx context.Context, name, text string) error {
	_, err := askFor[any](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.AddContact{Token: t, Name: name, Text: text} })
	return err
}

func (a adminAPI) Contacts(ctx context.Context) (out []string, err error) {
	err = a.n.look(ctx, func(_ time.Time, c *gateway.Core) { out = c.Contacts() })
	return out, err
}

func (a adminAPI) Events(ctx context.Context) (<-chan admin.Event, error) {
	return a.n.events.subscribe(ctx)
}
