package gateway

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store/queue"
)

// crowd is a core among neighbours that are only names, with parcels that come, go, rest and are turned away.
type crowd struct {
	t     *testing.T
	r     *rand.Rand
	b     *bench
	s     *site
	peers []link.PeerID
	to    []pki.NodeID
	n     uint64
	now   map[link.Digest]bool // submitted as of now
}

const far = 9 // a gateway behind the first two neighbours

func newCrowd(t *testing.T, seed uint64) *crowd {
	w := &crowd{t: t, r: rand.New(rand.NewPCG(seed, 5)), b: newBench(t)}
	w.s = w.b.site("ada")
	w.b.found(w.s, "ridge")
	for i := range 3 {
		w.peers = append(w.peers, link.PeerID{byte(i + 1)})
	}
	for i := range 6 {
		gw := link.PeerID{byte(i + 1)}
		if i >= 3 {
			gw = link.PeerID{far + byte(i%2)}
		}
		id := someone(20 + i)
		w.to = append(w.to, id)
		w.place(id, gw)
	}
	for i := range 2 {
		w.s.core.routes.Learn(link.PeerID{far}, 1, w.peers[i], 1, 1)
	}
	return w
}

// place has an endpoint at a gateway.
func (w *crowd) place(id pki.NodeID, gw link.PeerID) {
	w.n++
	w.s.core.adverts.set(&advert{kind: ItemEngineAdvert, subject: engineSubject(id), endpoint: id, gateway: gw, digest: link.Digest{0: 0xff, 15: byte(w.n)}, since: w.b.now})
	w.s.core.dirty = true
}

func (w *crowd) up(id link.PeerID) {
	w.s.known(id)
	w.s.core.dirty = true
}

func (w *crowd) down(id link.PeerID) {
	w.s.core.peerDown(w.b.now, link.PeerDown{Peer: id, Port: 99, Last: true})
}

// arrive takes a parcel in that only its record tells of.
func (w *crowd) arrive() {
	c := w.s.core
	w.n++
	rec := parcelRecord{Type: ramf.Parcel, State: Saved, Held: true, Priority: link.Priority(w.r.IntN(3)), Size: 10, BodySize: 10, Arrival: w.n, Since: w.b.now,
		Expires: w.b.now.Add(30 * day), Sender: someone(1), Recipient: w.to[w.r.IntN(len(w.to))], ID: fmt.Sprint(w.n)}
	if w.r.IntN(5) > 0 {
		rec.Priority = link.Bulk
	}
	if w.r.IntN(2) == 0 {
		rec.From = w.peers[w.r.IntN(3)]
	}
	binary.BigEndian.PutUint64(rec.Digest[:], w.n)
	binary.BigEndian.PutUint64(rec.Sum[:], w.n)
	x := newEntry(rec)
	if _, err := c.queue.Append(x.item(), nil, nil); err != nil {
		w.t.Fatal(err)
	}
	c.queue.Settle(w.b.now, x.id, true)
	c.queue.add(x)
	c.reline(x)
	c.dirty = true
}

// note takes a contact in, now and then one that wandered.
func (w *crowd) note() {
	w.n++
	n := &note{kind: ItemContact, digest: link.Digest{byte(w.r.Uint32()), 0, byte(w.n), byte(w.n >> 8)}, body: []byte("contact"), from: w.peers[w.r.IntN(3)],
		to: link.PeerID{byte(1 + w.r.IntN(10))}, expires: w.b.now.Add(day), since: w.b.now}
	if w.r.IntN(4) == 0 {
		n.hands = freeHands
	}
	w.s.core.keepNote(n)
}

// raise has a neighbour offer a note in more hands than we knew of.
func (w *crowd) raise() {
	c := w.s.core
	for _, d := range sortedDigests(c.notes.byDigest) {
		if w.r.IntN(8) > 0 {
			continue
		}
		it := link.Item{Kind: ItemContact, Digest: d, Cost: c.notes.byDigest[d].hands + 1}
		c.raise(w.b.now, it, func(time.Time, link.Reason) {})
		if c.settle(w.b.now); c.submitted(d) {
			w.t.Errorf("note %x goes on in fewer hands while the higher number is not on disk", d[:4])
		}
		w.s.carryOut()
	}
}

// one picks a neighbour and something submitted to it.
func (w *crowd) one() (id link.PeerID, d link.Digest, ok bool) {
	id = w.peers[w.r.IntN(3)]
	p := w.s.core.peers[id]
	if p == nil {
		return id, d, false
	}
	for _, d := range sortedDigests(p.sub) {
		if (w.s.core.queue.byDigest[d] != nil || w.s.core.notes.byDigest[d] != nil) && w.r.IntN(4) == 0 {
			return id, d, true
		}
	}
	return id, d, false
}

func (w *crowd) step() {
	c := w.s.core
	switch w.r.IntN(14) {
	case 0, 1, 2, 3, 4:
		w.arrive()
	case 5, 6:
		if id, d, ok := w.one(); ok {
			c.custody(w.b.now, link.Custody{Peer: id, Digest: d})
		}
	case 7, 8:
		if id, d, ok := w.one(); ok {
			reasons := []link.Reason{link.ReasonBusy, link.ReasonFull, link.ReasonUnauthorised, link.ReasonLoop}
			c.refused(w.b.now, link.Refused{Peer: id, Digest: d, Reason: reasons[w.r.IntN(4)]})
		}
	case 9:
		if x := c.queue.byDigest[link.Digest{7: byte(w.r.Uint64N(w.n + 1))}]; x != nil {
			c.change(x, func(r *parcelRecord) { r.Turns++ }, nil, ignoreResult)
		}
	case 13:
		if id := w.to[w.r.IntN(len(w.to))]; w.r.IntN(8) > 0 {
		} else if w.r.IntN(3) == 0 {
			c.adverts.remove(engineSubject(id))
			c.dirty = true
		} else {
			w.place(id, link.PeerID{byte(1 + w.r.IntN(far+1))})
		}
	case 10:
		w.b.now = w.b.now.Add(time.Duration(w.r.IntN(40)) * time.Second)
		c.HandleTimeout(w.b.now)
	case 12:
		if w.r.IntN(3) == 0 {
			w.raise()
		}
		w.note()
	case 11:
		if id := w.peers[w.r.IntN(3)]; c.peers[id] == nil {
			w.up(id)
		} else if w.r.IntN(4) == 0 {
			w.down(id)
		}
	}
	c.settle(w.b.now)
	w.s.carryOut()
}

func TestWindowsHoldWhatIsMostUrgentAndHasAWay(t *testing.T) {
	steps := 1200
	if testing.Short() {
		steps = 400
	}
	for seed := range uint64(3) {
		w := newCrowd(t, seed)
		for i := range steps {
			w.step()
			if w.check(); t.Failed() {
				t.Fatalf("seed %d, step %d", seed, i)
			}
		}
	}
}

// check holds the windows against what looking at every parcel tells.
func (w *crowd) check() {
	c := w.s.core
	w.checkNotes()
	before := w.now
	w.now = map[link.Digest]bool{}
	for _, x := range c.queue.all() {
		at := w.holders(x)
		_, state, _ := c.queue.Get(x.id)
		switch {
		case len(at) > 1:
			w.t.Errorf("parcel %s is with %d neighbours", x.ID, len(at))
		case len(at) == 1:
			w.now[x.Digest] = true
			w.checkHeld(x, at[0], state)
		case x.forwardable() && !x.busy:
			w.checkIdle(x, state)
		}
		if len(at) == 1 && !before[x.Digest] && x.Priority != link.Emergency {
			if n, _ := w.ahead(x, at[0]); n >= window {
				w.t.Errorf("parcel %s was taken into a window with %d before it", x.ID, n)
			}
		}
	}
}

func (w *crowd) checkNotes() {
	c := w.s.core
	for d, n := range c.notes.byDigest {
		hop, ok := c.noteHop(c.laneOf(n))
		at, _ := n.rest(w.b.now, hop)
		var with []*peer
		for _, p := range c.neighbours() {
			if p.sub[d] {
				with = append(with, p)
			}
		}
		_, state, _ := c.notes.Get(n.id())
		switch {
		case len(with) > 1, len(with) == 1 && (!ok || with[0].id != hop || !at.IsZero() || state != queue.Leased):
			w.t.Errorf("note %x is with %d neighbours, way %v, rests until %v, state %d", d[:4], len(with), ok, at, state)
		case len(with) == 0 && ok && at.IsZero() && (state != queue.Waiting || w.before(hop) < window):
			w.t.Errorf("note %x in state %d waits though %d has only %d before it", d[:4], state, hop[0], w.before(hop))
		case len(with) == 0 && state != queue.Waiting && at.IsZero():
			w.t.Errorf("note %x is in state %d with nobody", d[:4], state)
		}
	}
}

// before counts what a neighbour has that goes before all parcels.
func (w *crowd) before(id link.PeerID) (n int) {
	for d := range w.s.core.peers[id].sub {
		if w.s.core.queue.byDigest[d] == nil {
			n++
		}
	}
	return n
}

func (w *crowd) holders(x *entry) (out []*peer) {
	for _, p := range w.s.core.neighbours() {
		if p.sub[x.Digest] {
			out = append(out, p)
		}
	}
	return out
}

// ahead counts the parcels with a neighbour that go before another, and what goes before all parcels.
func (w *crowd) ahead(x *entry, p *peer) (parcels, others int) {
	for d := range p.sub {
		if y := w.s.core.queue.byDigest[d]; y != nil && compareEntries(y, x) < 0 {
			parcels++
		}
	}
	return parcels, w.before(p.id)
}

func (w *crowd) checkHeld(x *entry, p *peer, s queue.State) {
	if _, held := p.hold[x.Digest]; held || !x.forwardable() || x.busy || x.next != p.id || s != queue.Leased {
		w.t.Errorf("parcel %s is with %d: held back %v, %v, busy %v, state %d", x.ID, p.id[0], held, x.State, x.busy, s)
	}
}

func (w *crowd) checkIdle(x *entry, s queue.State) {
	c := w.s.core
	hop, ok := c.nextHop(c.lineOf(x), c.queue.ways[c.lineOf(x)])
	rests := ok && !x.resting(w.b.now, hop).IsZero()
	if s != queue.Waiting && !(rests && s == queue.Leased) { // one that may not go back yet need not have been looked at
		w.t.Errorf("parcel %s rests: %v, got state %d", x.ID, rests, s)
	}
	if !ok || rests {
		return
	}
	if parcels, others := w.ahead(x, c.peers[hop]); x.Priority == link.Emergency || parcels+others < window {
		w.t.Errorf("parcel %s of priority %d waits though %d has only %d and %d before it", x.ID, x.Priority, hop[0], parcels, others)
	}
}
