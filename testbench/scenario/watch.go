package scenario

import (
	"fmt"
	"strings"
	"time"

	"packhorse/gateway"
	"packhorse/link"
)

func (p *play) trace(c Command) error {
	if p.tracing = c.Args[0] == "on"; !p.tracing && c.Args[0] != "off" {
		return fmt.Errorf("trace on, or trace off")
	}
	return nil
}

// watch follows what a gateway tells people.
func (p *play) watch(n *actor) {
	n.Watch = func(e gateway.Event) {
		if e, ok := e.(gateway.ParcelChanged); ok {
			if x := p.writing; x != nil && x.from == n && x.id == "" && e.Parcel.Origin && p.byID(e.Parcel.ID) == nil {
				p.accepted(x, e.Parcel.ID)
			}
		}
		t := p.event(n, e)
		if p.tracing && t != "" {
			p.say("%s: %s", n.Name, t)
		}
	}
}

// event is an event in words, empty for what is no news.
func (p *play) event(n *actor, e gateway.Event) string {
	switch e := e.(type) {
	case gateway.ParcelChanged:
		return n.news(e.Parcel.ID, p.moved(e.Parcel))
	case gateway.LetterArrived:
		return "letter " + p.name(e.Letter.ID) + " from " + p.sender(e.Letter)
	case gateway.PeerChanged:
		return n.news("peer "+e.Peer.Name, "peer "+e.Peer.Name+" "+n.on(e.Peer.Ports))
	case gateway.PairingEnded:
		if e.Err != nil {
			return "pairing ended: " + refusal(e.Err)
		}
		return "paired with " + e.Result.Peer
	case gateway.Notice:
		return "note: " + e.Text
	}
	return ""
}

// news is t unless it was the last thing told under that name.
func (n *actor) news(name, t string) string {
	if n.told[name] == t {
		return ""
	}
	n.told[name] = t
	return t
}

func (p *play) moved(v gateway.Parcel) string {
	t := p.name(v.ID) + " " + v.State.String()
	if v.By != "" && v.State == gateway.Carried {
		t += " by " + v.By
	}
	if v.State == gateway.Refused {
		t += ": " + v.Why
	}
	return t
}

func (p *play) name(id string) string {
	if x := p.byID(id); x != nil {
		return x.name
	}
	return "(another parcel)"
}

func (p *play) sender(l gateway.Letter) string {
	if l.From == string(l.Sender) {
		return "a stranger"
	}
	return l.From
}

// on names the ports of a session.
func (n *actor) on(ports []link.Port) string {
	var names []string
	for _, port := range ports {
		name := fmt.Sprint("port ", port)
		if i := int(port) - 1; i >= 0 && i < len(n.ports) {
			name = n.ports[i]
		}
		names = append(names, name)
	}
	if names == nil {
		return "gone"
	}
	return "on " + strings.Join(names, " and ")
}

func (p *play) status(c Command) error {
	return p.each(c, p.find, func(n *actor) error {
		if n.Core == nil {
			p.say("%s: stopped", n.Name)
			return nil
		}
		s := n.Core.Snapshot(p.Now())
		p.say("%s: %s", n.Name, describe(s, n.Core.Contacts()))
		for _, v := range s.Peers {
			switch {
			case len(v.Ports) > 0:
				p.say("%s: peer %s %s", n.Name, v.Name, n.on(v.Ports))
			case v.Via != "":
				p.say("%s: peer %s via %s", n.Name, v.Name, v.Via)
			default:
				p.say("%s: peer %s away", n.Name, v.Name)
			}
		}
		return nil
	})
}

func describe(s gateway.Snapshot, contacts []string) string {
	t := "in no domain"
	if s.Domain != "" {
		t = "in domain " + s.Domain
	}
	if s.Owner {
		t += ", owner"
	}
	t += ", contacts: none"
	if len(contacts) > 0 {
		t = strings.TrimSuffix(t, "none") + strings.Join(contacts, " ")
	}
	return t + fmt.Sprintf(", keeps %d", s.Parcels)
}

func (p *play) airtime(c Command) error {
	under, err := option(c, "under", readDuration, 0)
	if err != nil {
		return err
	}
	var sum time.Duration
	err = p.each(c, p.find, func(n *actor) error {
		var used time.Duration
		if n.station >= 0 {
			used = p.Air.Airtime(n.station) - n.air
			n.air += used
		}
		sum += used
		word := "silent"
		if used > 0 {
			word = "spoke"
		}
		p.say("%s: %s", n.Name, word)
		return nil
	})
	if err == nil && under > 0 && sum >= under {
		err = fmt.Errorf("%v of air, not under %v", sum.Round(time.Millisecond), under)
	}
	return err
}
