package world

import (
	"crypto/ecdh"
	"fmt"
	"slices"
	"time"

	"packhorse/link"
	"packhorse/link/access"
)

// diskTime is how long a batch takes to become durable: a sync on an SD card.
const diskTime = 20 * time.Millisecond

// LinkNode is a node with a link and nothing above it: it takes every item, says
// that it is durable after diskTime, and passes it on only to Onward. It keeps its
// bodies and partial transfers across Restart, as a disk would.
type LinkNode struct {
	*Node
	Member    link.Member
	Delivered map[link.Digest][]byte
	Custody   map[link.Digest]time.Time // of ours, at the last peer that took it
	Given     map[Given]time.Time       // custody of ours, by peer
	Refused   map[link.Digest]link.Reason
	Took      map[link.Digest]int // how often the link gave us this body
	Peers     map[link.PeerID]bool
	Received  map[link.Digest]time.Time // when the link first gave us this body
	Onward    *LinkNode                 // what is durable here is submitted to this node; nil: to none

	// Watch sees every event that the link has for its gateway; nil watches nothing.
	Watch func(link.Event)
	// Turns says why an item is not wanted here; nil, or ReasonNone: it is.
	Turns func(link.Item) link.Reason

	core    *link.Core
	cfg     link.Config
	members []link.Member
	bodies  map[link.Digest][]byte
	submits []link.Submit
	kept    map[partialKey]link.SavePartial
}

// Given names what a peer took of us.
type Given struct {
	Peer   link.PeerID
	Digest link.Digest
}

type partialKey struct {
	digest link.Digest
	block  int
}

// LinkNodes makes nodes that are members of one domain, with a radio each, and starts them.
func (w *World) LinkNodes(names ...string) ([]*LinkNode, error) {
	var nodes []*LinkNode
	for _, name := range names {
		n := &LinkNode{Node: w.addNode(name), Delivered: map[link.Digest][]byte{}, Custody: map[link.Digest]time.Time{},
			Refused: map[link.Digest]link.Reason{}, Took: map[link.Digest]int{}, Peers: map[link.PeerID]bool{}, Received: map[link.Digest]time.Time{}, Given: map[Given]time.Time{},
			bodies: map[link.Digest][]byte{}, kept: map[partialKey]link.SavePartial{}}
		if err := n.makeKeys(); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		for _, m := range nodes {
			if m != n {
				n.members = append(n.members, m.Member)
			}
		}
		n.Radio()
		if err := n.Start(); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

func (n *LinkNode) makeKeys() error {
	r := n.w.Rand("keys of " + n.Name)
	var seed [32]byte
	_, _ = r.Read(seed[:])
	key, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		return err
	}
	_, _ = r.Read(n.Member.ID[:])
	copy(n.Member.Static[:], key.PublicKey().Bytes())
	n.cfg = link.Config{Self: n.Member.ID, NoClears: n.w.NoClears, Domain: link.Domain{ID: [16]byte{1}, Epoch: 1, Key: [32]byte{2}, Record: []byte("record of " + n.Name)}}
	copy(n.cfg.Static[:], seed[:])
	return nil
}

// Start makes a new link, tells it what the disk holds, and runs it.
func (n *LinkNode) Start() error {
	n.cfg.Rand = n.w.Rand(fmt.Sprintf("%s life %d", n.Name, n.life))
	core, err := link.New(n.cfg)
	if err != nil {
		return err
	}
	n.core = core
	for _, m := range n.members {
		core.HandleEvent(n.w.now, link.AddMember{Member: m})
	}
	for _, k := range sortedPartials(n.kept) {
		p := n.kept[k]
		core.HandleEvent(n.w.now, link.Resume{Item: p.Item, Block: p.Block, Have: p.Have, Symbols: p.Symbols})
	}
	n.start(linkShell{n})
	return nil
}

// Stats are the link's counters in this life.
func (n *LinkNode) Stats() link.Stats { return n.core.Stats() }

// Stop ends the node as a kill does.
func (n *LinkNode) Stop() {
	n.stop()
	clear(n.Peers)
}

// Submit gives the node a body for a peer; it is submitted again on each PeerUp until
// the peer has it. The digest names it.
func (n *LinkNode) Submit(to *LinkNode, kind uint8, p link.Priority, body []byte) link.Digest {
	return n.SubmitAll([]*LinkNode{to}, kind, p, body)
}

// SubmitAll is Submit for several peers in one turn.
func (n *LinkNode) SubmitAll(to []*LinkNode, kind uint8, p link.Priority, body []byte) link.Digest {
	d := link.DigestOf(kind, body)
	n.bodies[d] = body
	for _, q := range to {
		s := link.Submit{Peer: q.Member.ID, Item: link.Item{Digest: d, Kind: kind, Priority: p, Size: len(body), Lifetime: 24 * time.Hour}}
		n.submits = append(n.submits, s)
		if n.shell != nil {
			n.core.HandleEvent(n.w.now, s)
		}
	}
	n.settle()
	return d
}

// Withdraw takes a Submit back.
func (n *LinkNode) Withdraw(to *LinkNode, d link.Digest) {
	n.submits = slices.DeleteFunc(n.submits, func(s link.Submit) bool { return s.Peer == to.Member.ID && s.Item.Digest == d })
	if n.shell != nil {
		n.core.HandleEvent(n.w.now, link.Withdraw{Peer: to.Member.ID, Digest: d})
		n.settle()
	}
}

// Link is the node's link, for tests that look inside; anew after each Start.
func (n *LinkNode) Link() *link.Core { return n.core }

// linkShell answers the core as a gateway and its disk would.
type linkShell struct{ *LinkNode }

func (s linkShell) HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta) {
	s.core.HandleFrame(now, p, b, m)
}
func (s linkShell) HandleTimeout(now time.Time) { s.core.HandleTimeout(now) }
func (s linkShell) PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool) {
	return s.core.PollTransmit(now, p, buf)
}
func (s linkShell) Waiting(now time.Time, p link.Port) (access.Class, bool) {
	return s.core.Waiting(now, p)
}
func (s linkShell) PollTimeout() (time.Time, bool)        { return s.core.PollTimeout() }
func (s linkShell) portEvent(now time.Time, e link.Event) { s.core.HandleEvent(now, e) }
func (s linkShell) tell(e link.Event)                     { s.core.HandleEvent(s.w.now, e) }
func (s linkShell) afterDisk(f func())                    { s.later(diskTime, f) }
func (s linkShell) carryOut(now time.Time) {
	for e, ok := s.core.PollEvent(); ok; e, ok = s.core.PollEvent() {
		s.event(now, e)
	}
}

func (s linkShell) event(now time.Time, e link.Event) {
	if s.Watch != nil {
		s.Watch(e)
	}
	switch e := e.(type) {
	case link.PeerUp:
		s.w.Tracef("%s: peer up on port %d", s.Name, e.Port)
		s.Peers[e.Peer] = true
		s.resubmit(e.Peer)
	case link.PeerDown:
		s.w.Tracef("%s: peer down on port %d: %s", s.Name, e.Port, e.Reason)
		if e.Last {
			delete(s.Peers, e.Peer)
		}
	case link.Offered:
		s.tell(s.answer(e))
	case link.Received:
		s.received(e)
	case link.Custody:
		s.w.Tracef("%s: custody of %v at the peer", s.Name, e.Digest)
		s.Custody[e.Digest] = now
		s.Given[Given{e.Peer, e.Digest}] = now
	case link.Refused:
		s.w.Tracef("%s: %v refused: %d", s.Name, e.Digest, e.Reason)
		s.Refused[e.Digest] = e.Reason
	case link.Tune:
		s.ports[e.Port-1].(*radioPort).tune(e.Rate)
	case link.Load:
		s.tell(link.Loaded{Digest: e.Digest, Body: s.bodies[e.Digest]})
	case link.SavePartial:
		e.Symbols = append([]byte(nil), e.Symbols...)
		s.afterDisk(func() { s.kept[partialKey{e.Item.Digest, e.Block}] = e })
	case link.DropPartial:
		s.dropPartial(e.Digest)
	}
}

func (s linkShell) resubmit(peer link.PeerID) {
	for _, sub := range s.submits {
		if _, done := s.Given[Given{peer, sub.Item.Digest}]; sub.Peer == peer && !done {
			s.tell(sub)
		}
	}
}

func (s linkShell) answer(e link.Offered) link.Answer {
	a := link.Answer{Peer: e.Peer, Digest: e.Item.Digest, Verdict: s.verdict(e.Item.Digest)}
	if a.Reason = s.turns(e.Item); a.Reason != link.ReasonNone {
		a.Verdict = link.Refuse
	}
	return a
}

func (n *LinkNode) turns(it link.Item) link.Reason {
	if n.Turns == nil {
		return link.ReasonNone
	}
	return n.Turns(it)
}

func (s linkShell) verdict(d link.Digest) link.Verdict {
	if _, have := s.Delivered[d]; have {
		return link.Have
	}
	return link.Accept
}

func (s linkShell) received(e link.Received) {
	d := e.Item.Digest
	s.w.Tracef("%s: received %v, %d octets", s.Name, d, len(e.Body))
	if s.Took[d]++; s.Took[d] == 1 {
		s.Received[d] = s.w.now
	}
	s.afterDisk(func() {
		if r := s.turns(e.Item); r != link.ReasonNone {
			s.tell(link.Stored{Peer: e.Peer, Digest: d, Reason: r})
			return
		}
		s.Delivered[d] = e.Body
		s.tell(link.Stored{Peer: e.Peer, Digest: d})
		if s.Onward != nil {
			s.Submit(s.Onward, e.Item.Kind, e.Item.Priority, e.Body)
		}
	})
}

func (n *LinkNode) dropPartial(d link.Digest) {
	for _, k := range sortedPartials(n.kept) {
		if k.digest == d {
			delete(n.kept, k)
		}
	}
}
