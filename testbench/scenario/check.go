package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"packhorse/gateway"
	"packhorse/store"
)

// check holds every parcel against what the network promises: at most one durable delivery, of what was
// sent, and until its end it is kept somewhere that can still deliver it.
func (p *play) check(Command) error {
	var wrong []string
	count := map[string]int{}
	for _, n := range p.nodes {
		wrong = append(wrong, p.strays(n)...)
	}
	for _, x := range p.parcels {
		end, err := p.fate(x)
		count[end]++
		if err != nil {
			wrong = append(wrong, x.name+": "+err.Error())
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	out := fmt.Sprintf("%d sent", len(p.parcels))
	for _, end := range []string{"delivered once", "kept", "expired", "refused"} {
		if count[end] > 0 {
			out += fmt.Sprintf(", %d %s", count[end], end)
		}
	}
	p.say("%s", out)
	return nil
}

// strays are letters that nobody sent to this gateway, or that it got more than once.
func (p *play) strays(n *actor) (wrong []string) {
	for key, times := range n.Delivered {
		x := p.byID(key[:min(len(key), 12)])
		if x == nil || x.to != n {
			wrong = append(wrong, n.Name+" has a letter that nobody sent to it")
		} else if times != 1 {
			wrong = append(wrong, fmt.Sprintf("%s became durable %d times at %s", x.name, times, n.Name))
		}
	}
	return wrong
}

// fate is how a parcel stands, and what is wrong with that.
func (p *play) fate(x *parcel) (string, error) {
	for _, n := range []*actor{x.from, x.to} {
		if n.Core == nil {
			return "lost", fmt.Errorf("%s is stopped: start %s, then check", n.Name, n.Name)
		}
	}
	v, err := x.from.Core.Parcel(p.Now(), x.id)
	if err != nil {
		return "lost", fmt.Errorf("%s does not know it any more", x.from.Name)
	}
	there := false
	for key := range x.to.Delivered {
		there = there || strings.HasPrefix(key, p.travels(x))
	}
	switch {
	case there:
		got, err := x.to.Read(p.travels(x))
		if err == nil && !bytes.Equal(got, x.content) {
			err = fmt.Errorf("%s has %d octets that were not sent", x.to.Name, len(got))
		}
		return "delivered once", err
	case v.State == gateway.Delivered:
		return "lost", fmt.Errorf("%s thinks it is delivered, %s does not have it", x.from.Name, x.to.Name)
	case v.State == gateway.Expired || v.State == gateway.Refused:
		return v.State.String(), nil
	case !p.holds(x.from, x.id):
		return "lost", fmt.Errorf("%s, and %s keeps it no more", v.State, x.from.Name)
	}
	return "kept", nil
}

func (p *play) holds(n *actor, id string) bool {
	for _, v := range n.Core.Parcels(p.Now(), false) {
		if v.ID == id {
			return true
		}
	}
	return false
}

// fill takes all the room that is left in a store, as other data on the disk would.
func (p *play) fill(c Command) error {
	n, err := p.running(c.Args[0])
	if err != nil {
		return err
	}
	if p.StoreBytes == 0 {
		return errors.New("give the world a store=SIZE first")
	}
	for size := int(p.StoreBytes); size >= 16; {
		key := fmt.Sprintf("ballast %d", len(n.ballast))
		err := n.Store.Apply(store.Op{Kind: gateway.KindSetting, Key: key, Value: make([]byte, size)})
		switch {
		case err == nil:
			n.ballast = append(n.ballast, key)
		case errors.Is(err, store.ErrFull):
			size /= 2
		default:
			return err
		}
	}
	return nil
}

// room removes what fill wrote.
func (p *play) room(c Command) error {
	n, err := p.running(c.Args[0])
	if err != nil {
		return err
	}
	var ops []store.Op
	for _, key := range n.ballast {
		ops = append(ops, store.Op{Kind: gateway.KindSetting, Key: key, Delete: true})
	}
	n.ballast = nil
	return n.Store.Apply(ops...)
}
