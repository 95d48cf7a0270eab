package gateway

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// stickPick is one thing that an export has to write: a parcel or a note for a gateway, or cargo or a CCA, which is a
// file as it is and has no gateway.
type stickPick struct {
	to link.PeerID
	x  *entry // nil: a note
	n  *note
}

func (k stickPick) whole() bool { return k.x != nil && k.x.Type != ramf.Parcel }

func (k stickPick) digest() link.Digest {
	if k.n != nil {
		return k.n.digest
	}
	return k.x.Digest
}

func (k stickPick) size() int {
	if k.n != nil {
		return bundle.Item{Body: k.n.body}.Size()
	}
	if k.whole() {
		return k.x.Size
	}
	return bundle.Item{}.Size() + k.x.BodySize
}

func (k stickPick) priority() link.Priority {
	if k.n != nil {
		return link.Message
	}
	return k.x.Priority
}

func (k stickPick) expires() time.Time {
	if k.n != nil {
		return k.n.expires
	}
	return k.x.Expires
}

// stickPicks lists what waits for other gateways of the domain, whether a way to them is known or not, the most urgent first:
// then by gateway, so that what is for one can share a file, notes before parcels, by age.
// Cargo and CCAs go whatever line they wait in: whoever gets the file may bring them further.
func (c *Core) stickPicks(has map[link.Digest]bool) (picks []stickPick) {
	for _, d := range sortedDigests(c.notes.byDigest) {
		n := c.notes.byDigest[d]
		if to := c.noteTarget(n); !has[d] && !n.raising && c.mayExport(to) {
			picks = append(picks, stickPick{to: to, n: n})
		}
	}
	for _, x := range c.queue.all() {
		if x.fresh || !x.forwardable() || has[x.Digest] {
			continue
		}
		if x.Type != ramf.Parcel {
			picks = append(picks, stickPick{x: x})
		} else if to := c.parcelTarget(x); c.mayExport(to) {
			picks = append(picks, stickPick{to: to, x: x})
		}
	}
	slices.SortStableFunc(picks, func(a, b stickPick) int {
		return cmp.Or(cmp.Compare(a.priority(), b.priority()), bytes.Compare(a.to[:], b.to[:]))
	})
	return picks
}

// mayExport tells whether something can be sealed for a gateway.
func (c *Core) mayExport(to link.PeerID) bool {
	_, ok := c.roster.Get(to)
	return ok && to != c.self
}

// parcelTarget is the gateway that a parcel is for: where its recipient is by advert, or else the one that its delivery
// authorisation leads through, for on a stick no advert may ever have come. Zero: not known.
func (c *Core) parcelTarget(x *entry) link.PeerID {
	if gw, ok := c.gatewayOf(x.Recipient); ok {
		return gw
	}
	for _, rec := range c.roster.Members() {
		if x.Gateway != "" && nodeIDOf(rec.RSAHash) == x.Gateway {
			return rec.ID
		}
	}
	return link.PeerID{}
}

// noteTarget is the gateway that a note is for, or at least the one that its parcel came from.
func (c *Core) noteTarget(n *note) link.PeerID {
	if n.to != (link.PeerID{}) {
		return n.to
	}
	return c.laneOf(n).back
}

// waitsOnStick tells whether something named in a bundle of ours still waits here.
func (c *Core) waitsOnStick(d link.Digest) bool {
	if c.notes.byDigest[d] != nil {
		return true
	}
	x := c.queue.byDigest[d]
	return x != nil && (x.fresh || x.busy || x.forwardable())
}
