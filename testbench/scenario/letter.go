package scenario

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"packhorse/gateway"
)

func (p *play) send(c Command) error {
	from, err := p.running(c.Args[0])
	if err != nil {
		return err
	}
	e := gateway.Send{To: c.Args[1], Type: "text/plain", Content: []byte(c.Quote)}
	if e.Priority, err = readPriority(c.Options["priority"]); err != nil {
		return err
	}
	if e.TTL, err = option(c, "ttl", readDuration, 0); err != nil {
		return err
	}
	name := fmt.Sprintf("p%d", len(p.parcels)+1)
	if _, file := c.Options["file"]; file == c.Quoted {
		return fmt.Errorf("send a text or file=SIZE")
	} else if file {
		n, err := readSize(c.Options["file"])
		if err != nil {
			return err
		}
		e.Type, e.Content = "application/octet-stream", make([]byte, n)
		_, _ = p.Rand("content of " + name).Read(e.Content)
	}
	to, _ := p.find(e.To) // or one that nobody knows
	p.hand(&parcel{name: name, from: from, to: to, content: e.Content, text: c.Quoted}, e)
	return nil
}

// hand gives a letter to its gateway, and says whether it took it.
func (p *play) hand(x *parcel, e gateway.Send) {
	p.writing = x
	v, err := x.from.Do(answerTime, func(t gateway.Token) gateway.Event { e.Token = t; return e })
	p.writing = nil
	if err != nil {
		p.say("%s: %s", x.from.Name, refusal(err))
		return
	}
	got, _ := v.(gateway.Parcel)
	if x.id == "" {
		p.accepted(x, got.ID)
	}
	p.say("%s from %s to %s: saved at %s", x.name, x.from.Name, e.To, x.from.Name)
}

func (p *play) accepted(x *parcel, id string) {
	x.id = id
	p.parcels = append(p.parcels, x)
}

func (p *play) byID(id string) *parcel {
	for _, x := range p.parcels {
		if x.id == id || p.travels(x) == id {
			return x
		}
	}
	return nil
}

// travels is the id by which other gateways know a parcel, which may have been a draft at first.
func (p *play) travels(x *parcel) string {
	if x.from == nil || x.from.Core == nil || x.id == "" {
		return x.id
	}
	v, err := x.from.Core.Parcel(p.Now(), x.id)
	if err != nil || v.Travels == "" {
		return x.id
	}
	return v.Travels
}

func (p *play) queue(c Command) error {
	return p.each(c, p.running, func(n *actor) error {
		all := n.Core.Parcels(p.Now(), false)
		if len(all) == 0 {
			p.say("%s: nothing waits", n.Name)
		}
		for _, v := range all {
			p.say("%s: %s", n.Name, p.words(v))
		}
		return nil
	})
}

// words is what may be said of a parcel without naming what differs from run to run.
func (p *play) words(v gateway.Parcel) string {
	x := p.byID(v.ID)
	if x == nil {
		return "a parcel that no command sent"
	}
	out := []string{x.name + " to " + x.to.Name, v.State.String()}
	if v.By != "" {
		out[1] += " by " + v.By
	}
	if v.Next != "" {
		out = append(out, "next "+v.Next)
	}
	if v.Why != "" {
		out = append(out, v.Why)
	}
	return strings.Join(out, ", ")
}

func (p *play) inbox(c Command) error {
	return p.each(c, p.running, func(n *actor) error {
		letters := n.Core.Letters()
		if len(letters) == 0 {
			p.say("%s: no letters", n.Name)
		}
		slices.SortFunc(letters, func(a, b gateway.Letter) int { return cmp.Compare(p.number(a.ID), p.number(b.ID)) })
		for _, l := range letters {
			if err := p.letter(n, l); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *play) number(id string) int {
	return slices.IndexFunc(p.parcels, func(x *parcel) bool { return x.id == id || p.travels(x) == id })
}

func (p *play) letter(n *actor, l gateway.Letter) error {
	x := p.byID(l.ID)
	if x == nil {
		return fmt.Errorf("%s has a letter that nobody sent", n.Name)
	}
	got, err := n.Read(l.ID)
	if err != nil {
		return fmt.Errorf("%s cannot read %s: %w", n.Name, x.name, err)
	}
	from := x.from.Name
	if l.From != from {
		from += ", who is no contact"
	}
	switch {
	case !bytes.Equal(got, x.content):
		return fmt.Errorf("%s reads %d octets of %s, sent were %d others", n.Name, len(got), x.name, len(x.content))
	case x.text:
		p.say("%s: %s from %s: %q", n.Name, x.name, from, got)
	default:
		p.say("%s: %s from %s: %d octets as sent", n.Name, x.name, from, len(got))
	}
	return nil
}
