package link

import (
	"bytes"
	"slices"
	"time"
)

// keeper is a gateway with a disk above a node's core, for worlds where nodes restart and withdraw. It holds the
// core to what api.go promises, and reports what breaks it.
type keeper struct {
	n     *node
	fail  func(format string, args ...any)
	wants []*want
	disk  map[Digest][]byte // custody that was given, by whoever's word
	told  map[Digest][]told // of this life
	loads map[Digest]bool   // bodies in the core
	turns map[Digest]Reason // what this gateway turns away: offers, and bodies
	saved map[Digest]bool   // partial transfers on disk
	liars map[PeerID]bool   // of whom only what the core vouches for is believed
}

// want is an item on its way to one peer.
type want struct {
	item  Item
	to    *keeper
	state wantState
	gone  bool // withdrawn, or its body is gone
}

type wantState uint8

const (
	waiting   wantState = iota // no session, or busy there
	submitted                  // the core has it
	ended                      // custody, refused or withdrawn
)

// told is a body that the core gave us.
type told struct {
	from   PeerID
	stored bool // and Stored answered it
}

func newKeeper(n *node, fail func(string, ...any)) *keeper {
	k := &keeper{n: n, fail: fail, disk: map[Digest][]byte{}, turns: map[Digest]Reason{}}
	n.keep = k.event
	k.forget()
	return k
}

// forget is what a restart does to the memory.
func (k *keeper) forget() {
	k.told, k.loads = map[Digest][]told{}, map[Digest]bool{}
	for _, w := range k.wants {
		if w.state == submitted {
			w.state = waiting
		}
	}
}

func (k *keeper) restart() {
	k.forget()
	k.n.restart()
}

func (k *keeper) fault(format string, args ...any) {
	k.fail(k.n.name+": "+format, args...)
}

// want queues a body for another gateway.
func (k *keeper) want(to *keeper, body []byte, pri Priority, ask bool) *want {
	it := Item{Digest: DigestOf(1, body), Kind: 1, Priority: pri, Size: len(body), Lifetime: time.Hour, Cost: 5, Ask: ask}
	if w := k.find(to.n.id, it.Digest); w != nil {
		return w
	}
	w := &want{item: it, to: to}
	k.n.bodies[it.Digest] = body
	k.wants = append(k.wants, w)
	k.submit(w)
	k.n.drain()
	return w
}

func (k *keeper) find(to PeerID, d Digest) *want {
	i := slices.IndexFunc(k.wants, func(w *want) bool { return w.to.n.id == to && w.item.Digest == d })
	if i < 0 {
		return nil
	}
	return k.wants[i]
}

func (k *keeper) submit(w *want) {
	if w.state == waiting && k.n.peers[w.to.n.id] {
		w.state = submitted
		k.n.core.HandleEvent(k.n.w.now, Submit{w.to.n.id, w.item})
	}
}

func (k *keeper) withdraw(w *want) {
	w.gone = true
	if w.state == ended {
		return
	}
	w.state = ended
	k.n.event(Withdraw{w.to.n.id, w.item.Digest})
}

// event takes what the core says; false leaves it to the node.
func (k *keeper) event(e Event) bool {
	switch e := e.(type) {
	case PeerUp:
		k.peerUp(e)
	case PeerDown:
		k.peerDown(e)
	case Offered:
		k.later(k.n.latency/5, func() { k.answer(e) })
	case Received:
		k.received(e)
	case Custody:
		k.custody(e)
	case Refused:
		k.refused(e)
	case Load:
		k.load(e)
	case Unload:
		delete(k.loads, e.Digest)
	default:
		return false
	}
	return true
}

func (k *keeper) later(d time.Duration, do func()) {
	k.n.later = append(k.n.later, laterEvent{at: k.n.w.now.Add(d), do: do})
}

func (k *keeper) peerUp(e PeerUp) {
	k.n.peers[e.Peer] = true
	for _, w := range k.wants {
		if w.to.n.id == e.Peer {
			k.submit(w)
		}
	}
}

func (k *keeper) peerDown(e PeerDown) {
	if !e.Last {
		return
	}
	delete(k.n.peers, e.Peer)
	for _, w := range k.wants {
		if w.to.n.id == e.Peer && w.state == submitted {
			w.state = waiting
		}
	}
}

func (k *keeper) answer(e Offered) {
	a := Answer{Peer: e.Peer, Digest: e.Item.Digest}
	if k.disk[e.Item.Digest] != nil {
		a.Verdict = Have
	} else if r, ok := k.turns[e.Item.Digest]; ok && r != ReasonMalformed {
		a.Verdict, a.Reason = Refuse, r
	}
	k.n.core.HandleEvent(k.n.w.now, a)
}

// received checks that the body is the one, and that this gateway was not given it before: by the same
// peer in this life, or at all if it was offered.
func (k *keeper) received(e Received) {
	d := e.Item.Digest
	honest := k.liars[e.Peer] || e.Item.Kind == 1 && e.Item.Lifetime == time.Hour
	if DigestOf(e.Item.Kind, e.Body) != d || e.Item.Size != len(e.Body) || !honest {
		k.fault("received %+v with a body of %d octets and digest %v", e.Item, len(e.Body), DigestOf(e.Item.Kind, e.Body))
	}
	for _, t := range k.told[d] {
		if !t.stored {
			k.fault("received %v of %v while it is being stored", d, e.Peer)
		} else if _, refused := k.turns[d]; t.from == e.Peer && !refused {
			k.fault("received %v of %v twice", d, e.Peer)
		}
	}
	if k.disk[d] != nil && len(e.Body) > maxPush {
		k.fault("received %v of %v, which it has", d, e.Peer)
	}
	k.told[d] = append(k.told[d], told{from: e.Peer})
	body := bytes.Clone(e.Body)
	k.later(k.n.latency, func() { k.store(e, body) })
}

// maxPush is the largest body that comes without an offer on any port of the trials, which nobody can
// know before it is there.
const maxPush = 1400

func (k *keeper) store(e Received, body []byte) {
	d := e.Item.Digest
	for i := range k.told[d] {
		k.told[d][i].stored = true
	}
	reason := k.turns[d]
	if reason == ReasonNone {
		k.disk[d] = body
	}
	k.n.core.HandleEvent(k.n.w.now, Stored{Peer: e.Peer, Digest: d, Reason: reason})
}

func (k *keeper) custody(e Custody) {
	w := k.find(e.Peer, e.Digest)
	if w == nil || w.state != submitted {
		k.fault("custody of %v at %v, which was not submitted", e.Digest, e.Peer)
		return
	}
	w.state = ended
	delete(k.told, e.Digest) // it has left, and may come back
	if w.to.disk[e.Digest] == nil && !k.liars[e.Peer] {
		k.fault("custody of %v at %s, which has it not", e.Digest, w.to.n.name)
	}
}

// busyAgain is how long a gateway waits after it was told that another is busy.
const busyAgain = 30 * time.Second

func (k *keeper) refused(e Refused) {
	w := k.find(e.Peer, e.Digest)
	if w == nil || w.state != submitted {
		k.fault("%v refused by %v, where it was not submitted", e.Digest, e.Peer)
		return
	}
	if e.Reason == ReasonBusy {
		w.state = waiting
		k.later(busyAgain, func() { k.submit(w) })
		return
	}
	w.state = ended
	if r := w.to.turns[e.Digest]; r != e.Reason && !k.liars[e.Peer] {
		k.fault("%v refused by %s for %d, want %d", e.Digest, w.to.n.name, e.Reason, r)
	}
}

func (k *keeper) load(e Load) {
	if k.loads[e.Digest] {
		k.fault("%v loaded twice", e.Digest)
	}
	body := k.n.bodies[e.Digest]
	k.loads[e.Digest] = body != nil
	k.later(k.n.latency/10, func() {
		if body == nil {
			k.lost(e.Digest)
		}
		k.n.core.HandleEvent(k.n.w.now, Loaded{e.Digest, body})
	})
}

// lost ends every want of a body that is not on disk any more.
func (k *keeper) lost(d Digest) {
	for _, w := range k.wants {
		if w.item.Digest == d && w.state != ended {
			w.state, w.gone = ended, true
		}
	}
}
