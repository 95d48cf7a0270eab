package scenario

import (
	"fmt"
	"strings"
	"time"

	"packhorse/gateway"
)

// Bounds of what a command waits for.
const (
	answerTime = time.Minute
	joinTime   = 20 * time.Minute
)

func (p *play) up(c Command) error {
	n, err := p.running(c.Args[0])
	if err != nil {
		return err
	}
	if region, ok := c.Options["region"]; ok {
		if !strings.EqualFold(region, p.region) {
			return fmt.Errorf("this world is in %s", p.region)
		}
		if n.station < 0 {
			p.openRadio(n)
		}
	}
	name, ok := c.Options["domain"]
	if !ok {
		return nil
	}
	owner, err := p.o.Keys.owner(name)
	if err != nil {
		return err
	}
	if _, err := n.Do(answerTime, func(t gateway.Token) gateway.Event { return gateway.Up{Token: t, Owner: owner} }); err != nil {
		p.say("%s: %s", n.Name, refusal(err))
		return nil
	}
	p.say("%s: in domain %s", n.Name, n.Core.Snapshot(p.Now()).Domain)
	return nil
}

func (p *play) invite(c Command) error {
	n, err := p.running(c.Args[0])
	if err == nil && p.open(n) {
		p.say("%s: invites for %.0f minutes", n.Name, n.offer.Until.Sub(p.Now()).Minutes())
	}
	return err
}

// open opens a pairing, or says why it may not.
func (p *play) open(n *actor) bool {
	v, err := n.Do(answerTime, func(t gateway.Token) gateway.Event { return gateway.OpenPairing{Token: t} })
	if err != nil {
		p.say("%s: %s", n.Name, refusal(err))
		return false
	}
	n.offer, _ = v.(gateway.PairOffer)
	return true
}

func (p *play) join(c Command) error {
	_, err := p.answerInvite(c)
	return err
}

// answerInvite reports whether the first gateway joined.
func (p *play) answerInvite(c Command) (bool, error) {
	n, inviter, err := p.two(c, p.running)
	if err != nil {
		return false, err
	}
	if inviter.offer.Code == "" {
		return false, fmt.Errorf("%s never invited: invite %s", inviter.Name, inviter.Name)
	}
	text, err := inviter.text(c.Options["by"])
	if err != nil {
		return false, err
	}
	v, err := n.Do(joinTime, func(t gateway.Token) gateway.Event { return gateway.JoinPairing{Token: t, Text: text} })
	if err != nil {
		p.say("%s: %s", n.Name, refusal(err))
		return false, nil
	}
	r, _ := v.(gateway.PairResult)
	p.say("%s: joined %s through %s", n.Name, r.Domain, r.Peer)
	return true, nil
}

// text is what the person at the other gateway types or scans.
func (n *actor) text(by string) (string, error) {
	switch by {
	case "", "code":
		return n.offer.Code, nil
	case "invite":
		return n.offer.Invite, nil
	case "wrong":
		wrong := "0"
		if n.offer.Code[0] == '0' {
			wrong = "1"
		}
		return wrong + n.offer.Code[1:], nil
	}
	return "", fmt.Errorf("by=%s: code, invite or wrong", by)
}

func (p *play) pair(c Command) error {
	a, b, err := p.two(c, p.running)
	if err != nil || !p.open(b) {
		return err
	}
	joined, err := p.answerInvite(c)
	if err != nil || !joined {
		return err
	}
	if !p.Run(joinTime, func() bool { return a.Knows(b.Name) && b.Knows(a.Name) }) {
		return fmt.Errorf("%s and %s did not exchange contacts within %v", a.Name, b.Name, joinTime)
	}
	return nil
}

// contact carries by hand what lets the first gateway write to the second.
func (p *play) contact(c Command) error {
	writer, reader, err := p.two(c, p.running)
	if err != nil {
		return err
	}
	card, err := writer.Do(answerTime, func(t gateway.Token) gateway.Event { return gateway.ContactCard{Token: t} })
	if err == nil {
		card, err = reader.Do(answerTime, func(t gateway.Token) gateway.Event {
			return gateway.ExportContact{Token: t, Card: card.(string)}
		})
	}
	if err == nil {
		_, err = writer.Do(answerTime, func(t gateway.Token) gateway.Event {
			return gateway.AddContact{Token: t, Name: reader.Name, Text: card.(string)}
		})
	}
	if err != nil {
		p.say("%s: %s", writer.Name, refusal(err))
		return nil
	}
	p.say("%s: may write to %s", writer.Name, reader.Name)
	return nil
}
