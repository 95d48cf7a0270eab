package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"packhorse/gateway"
)

// patience is how long `run until` waits when it is not told.
const patience = time.Hour

func (p *play) run(c Command) error {
	if c.Args[0] != "until" {
		d, err := readDuration(c.Args[0])
		if err != nil || len(c.Args) > 1 || len(c.Options) > 0 {
			return fmt.Errorf("write it as: run 30s, or run until WHAT [within=1h]")
		}
		p.Run(d, nil)
		return nil
	}
	limit, err := option(c, "within", readDuration, patience)
	if err != nil {
		return err
	}
	done, err := p.condition(c.Args[1:])
	if err != nil {
		return err
	}
	if !p.Run(limit, done) {
		return fmt.Errorf("not so within %v: %s%s", limit, strings.Join(c.Args[1:], " "), p.where())
	}
	return nil
}

// where tells how far every parcel is, for an error.
func (p *play) where() string {
	var b strings.Builder
	for _, x := range p.parcels {
		v := x.from.Parcels[x.id]
		fmt.Fprintf(&b, "\n  %s to %s: %v %s at %s", x.name, x.to.Name, v.State, v.Why, x.from.Name)
	}
	return b.String()
}

// condition reads what is waited for.
func (p *play) condition(w []string) (func() bool, error) {
	switch {
	case len(w) == 1 && w[0] == "delivered":
		return func() bool {
			return p.every(func(s gateway.State) bool { return s == gateway.Delivered })
		}, nil
	case len(w) == 1 && w[0] == "settled":
		return func() bool { return p.every(func(s gateway.State) bool { return s >= gateway.Delivered }) }, nil
	case len(w) >= 2 && p.isParcel(w[0]):
		return p.ofParcel(w)
	case len(w) == 3:
		return p.ofNode(w)
	}
	return nil, fmt.Errorf("%q is nothing to wait for: see the commands in the package's documentation", strings.Join(w, " "))
}

// isParcel tells whether a word names a parcel; a node of that name goes first.
func (p *play) isParcel(word string) bool {
	_, err := p.find(word)
	return err != nil && len(word) > 1 && word[0] == 'p' && strings.Trim(word[1:], "0123456789") == ""
}

func (p *play) every(is func(gateway.State) bool) bool {
	return !slices.ContainsFunc(p.parcels, func(x *parcel) bool { return !is(x.from.Parcels[x.id].State) })
}

func (p *play) ofParcel(w []string) (func() bool, error) {
	i := slices.IndexFunc(p.parcels, func(x *parcel) bool { return x.name == w[0] })
	if i < 0 {
		return nil, fmt.Errorf("no parcel %s was sent", w[0])
	}
	x := p.parcels[i]
	n := x.from
	if len(w) > 2 {
		var err error
		if n, err = p.find(w[len(w)-1]); err != nil {
			return nil, err
		}
	}
	switch {
	case len(w) == 3 && w[1] == "at":
		return func() bool { return n.Parcels[x.id].State != 0 }, nil
	case len(w) == 4 && w[1] == "half" && w[2] == "from":
		return func() bool { return half(n.Parcels[x.id]) }, nil
	case len(w) == 2 || len(w) == 4 && w[2] == "at":
		return reached(n, x, w[1])
	}
	return nil, fmt.Errorf("%q is nothing to wait for: p1 STATE [at A], p1 at A, p1 half from A", strings.Join(w, " "))
}

// half is in the middle: what is done already cannot be interrupted any more.
func half(v gateway.Parcel) bool {
	return v.State == gateway.Saved && v.Done < v.Total && 2*v.Done >= v.Total
}

// reached waits for a state, or for the happy ones after it.
func reached(n *actor, x *parcel, word string) (func() bool, error) {
	for s := gateway.Saved; s <= gateway.Refused; s++ {
		if s.String() == word {
			return func() bool {
				v := n.Parcels[x.id].State
				return v == s || s < gateway.Delivered && v > s && v <= gateway.Delivered
			}, nil
		}
	}
	return nil, fmt.Errorf("%q is no state: saved, carried, delivered, expired, refused", word)
}

func (p *play) ofNode(w []string) (func() bool, error) {
	n, err := p.find(w[0])
	if err != nil {
		return nil, err
	}
	if w[1] == "waits" {
		return func() bool { return n.Core != nil && n.waits(p.Now(), w[2]) }, nil
	}
	other, err := p.find(w[2])
	if err != nil {
		return nil, err
	}
	switch w[1] {
	case "hears":
		return func() bool { return n.Hears(other.Name) }, nil
	case "lost":
		return func() bool { return !n.Hears(other.Name) }, nil
	case "reaches":
		return func() bool { return n.Core != nil && n.reaches(p.Now(), other.Name) }, nil
	case "knows":
		return func() bool { return n.Core != nil && n.Knows(other.Name) }, nil
	}
	return nil, fmt.Errorf("%q is nothing to wait for: hears, lost, reaches, knows, waits", w[1])
}

func (n *actor) waits(now time.Time, why string) bool {
	return slices.ContainsFunc(n.Core.Parcels(now, false), func(v gateway.Parcel) bool { return v.Why == why })
}

// reaches tells whether there is a way to a gateway, over others or not.
func (n *actor) reaches(now time.Time, name string) bool {
	return slices.ContainsFunc(n.Core.Snapshot(now).Peers, func(v gateway.Peer) bool {
		return v.Name == name && (len(v.Ports) > 0 || v.Via != "")
	})
}
