package link

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

// A small world in virtual time: nodes with a Core each, joined by channels. A channel
// carries one frame at a time, takes its airtime, and loses frames by chance.

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// seeded is a random source for keys that replays.
type seeded struct{ r *rand.ChaCha8 }

func newSeeded(seed uint64, name string) io.Reader {
	var s [32]byte
	copy(s[8:], name)
	for i := range 8 {
		s[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(s)
}

type world struct {
	t        testing.TB
	now      time.Time
	rng      *rand.Rand
	nodes    []*node
	channels []*channel
	domain   Domain
	trace    bool
	onFrame  func(from *station, b []byte) []byte // may change or drop (nil)
	watch    func(*node)                          // before a node is asked for frames
}

type channel struct {
	w        *world
	stations []*station
	airtime  func(int) time.Duration
	duplex   bool
	loss     float64
	down     bool
	mute     bool // does not say when it is clear
	busy     time.Time
	medium   Medium
	mtu      int
	access   time.Duration
	octets   int
	airUsed  time.Duration
	dataAir  time.Duration
	// copies, unless nil, says how many of a frame reach a station, in place of loss
	copies func(from, to *station) int

	rates     []Rate // besides the common setting
	others    [maxRates]time.Time
	tuneFails func() bool
}

// station is a node's port on a channel.
type station struct {
	node   *node
	ch     *channel
	port   Port
	frame  []byte
	sendAt time.Time
	endAt  time.Time
	held   time.Time // takes no frame until then
	rate   int       // setting, as in Tune
	ups    int       // times the port came up
	lost   uint64
	air    time.Duration // of the frame
}

type node struct {
	w        *world
	name     string
	core     *Core
	id       PeerID
	static   [32]byte
	public   [32]byte
	stations []*station
	boots    int
	tunes    int
	latency  time.Duration // of the disk

	bodies    map[Digest][]byte
	got       map[Digest][]byte
	items     map[Digest]Item
	stored    map[Digest]int // Received events
	partial   map[Digest]map[int]SavePartial
	dropped   map[Digest]bool
	peers     map[PeerID]bool
	strange   []PeerID
	queue     map[PeerID][]Item
	custody   map[Digest]int
	refused   map[Digest]Reason
	failed    []PairingFailed
	ups       []PeerUp
	downs     []PeerDown
	records   [][]byte
	later     []laterEvent
	verdict   func(Offered) (Verdict, Reason)
	progress  []Progress
	noStore   bool
	forgetful bool              // loses what it has of bodies
	silent    func(Digest) bool // of what it says nothing to its core
	turnsAway Reason            // what it says of bodies instead of storing them
	shunned   []Shunned
	keep      func(Event) bool // takes events in place of the gateway played here
}

type laterEvent struct {
	at time.Time
	e  Event
	do func() // in place of e
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, now: epoch, rng: rand.New(rand.NewPCG(seed, 7))}
	w.domain = Domain{ID: [16]byte{1, 2, 3}, Epoch: 1, Key: [32]byte{9, 9, byte(seed)}}
	return w
}

// sf7 is LoRa at SF7/BW125/CR4-5 with a preamble of 18 symbols, as RNodes use it.
func sf7(n int) time.Duration {
	sym := 1024 * time.Microsecond
	payload := 8 + 5*((8*n-28+28+16+27)/28)
	return time.Duration(18+4)*sym + sym/4 + time.Duration(payload)*sym
}

func (w *world) radio(loss float64) *channel {
	ch := &channel{w: w, airtime: sf7, loss: loss, medium: Radio, mtu: 254, access: 60 * time.Millisecond}
	w.channels = append(w.channels, ch)
	return ch
}

func (w *world) datagram(loss float64) *channel {
	air := func(n int) time.Duration { return time.Duration(n) * 10 * time.Microsecond }
	ch := &channel{w: w, airtime: air, loss: loss, medium: Datagram, mtu: 1200, access: 20 * time.Millisecond, duplex: true}
	w.channels = append(w.channels, ch)
	return ch
}

func (w *world) node(name string, channels ...*channel) *node {
	n := &node{w: w, name: name, latency: 5 * time.Millisecond, bodies: map[Digest][]byte{}, got: map[Digest][]byte{},
		items: map[Digest]Item{}, stored: map[Digest]int{}, partial: map[Digest]map[int]SavePartial{}, dropped: map[Digest]bool{},
		peers: map[PeerID]bool{}, queue: map[PeerID][]Item{}, custody: map[Digest]int{}, refused: map[Digest]Reason{}}
	copy(n.id[:], name)
	copy(n.static[:], "static key of "+name)
	w.nodes = append(w.nodes, n)
	n.boot(w.domain)
	for _, ch := range channels {
		n.join(ch)
	}
	return n
}

// boot starts the node's core, for the first time or again.
func (n *node) boot(d Domain) {
	n.boots++
	core, err := New(Config{Self: n.id, Static: n.static, Domain: d, Rand: newSeeded(n.w.rng.Uint64(), n.name)})
	if err != nil {
		n.w.t.Fatal(err)
	}
	n.core, n.public = core, core.public
	n.peers, n.later = map[PeerID]bool{}, nil
}

func (n *node) join(ch *channel) *station {
	s := &station{node: n, ch: ch, port: Port(len(n.stations) + 1)}
	n.stations = append(n.stations, s)
	ch.stations = append(ch.stations, s)
	n.up(s)
	return s
}

func (n *node) up(s *station) {
	e := PortUp{Port: s.port, Medium: s.ch.medium, MTU: s.ch.mtu, Airtime: s.ch.airtime, Access: s.ch.access, Rates: s.ch.rates, Retune: simRetune}
	s.rate, s.ups = 0, s.ups+1
	if s.ch.duplex {
		for _, o := range s.ch.stations {
			if o != s {
				e.Peer = o.node.id
			}
		}
	}
	n.event(e)
}

// restart loses everything in memory, as a kill does; saved partials come back.
func (n *node) restart() {
	n.boot(n.w.domain)
	for _, s := range n.stations {
		s.frame = nil
		n.up(s)
	}
	n.w.acquaint(n)
	n.giveBack()
}

func (n *node) giveBack() {
	var ds []Digest
	for d := range n.partial {
		ds = append(ds, d)
	}
	sort.Slice(ds, func(i, j int) bool { return bytes.Compare(ds[i][:], ds[j][:]) < 0 })
	for _, d := range ds {
		var blocks []int
		for b := range n.partial[d] {
			blocks = append(blocks, b)
		}
		sort.Ints(blocks)
		for _, b := range blocks {
			p := n.partial[d][b]
			n.event(Resume{p.Item, p.Block, p.Have, p.Symbols})
		}
	}
}

// acquaint makes the node know all others.
func (w *world) acquaint(n *node) {
	for _, o := range w.nodes {
		if o != n {
			n.event(AddMember{Member{ID: o.id, Static: o.public}})
		}
	}
}

func (w *world) acquaintAll() {
	for _, n := range w.nodes {
		w.acquaint(n)
	}
}

func (n *node) event(e Event) {
	n.core.HandleEvent(n.w.now, e)
	n.drain()
}

// send queues a body for a peer.
func (n *node) send(to *node, size int, pri Priority) Digest {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(n.w.rng.Uint32())
	}
	return n.sendBody(to.id, b, pri)
}

func (n *node) sendBody(to PeerID, b []byte, pri Priority) Digest {
	it := Item{Digest: DigestOf(1, b), Kind: 1, Priority: pri, Size: len(b), Lifetime: 24 * time.Hour}
	n.bodies[it.Digest] = b
	n.queue[to] = append(n.queue[to], it)
	if n.peers[to] {
		n.event(Submit{to, it})
	}
	return it.Digest
}

// drain plays the gateway.
func (n *node) drain() {
	for {
		e, ok := n.core.PollEvent()
		if !ok {
			return
		}
		n.gateway(e)
	}
}

func (n *node) gateway(e Event) {
	w := n.w
	if w.trace {
		fmt.Printf("%8.3f %s event %T %.90s\n", w.now.Sub(epoch).Seconds(), n.name, e, fmt.Sprintf("%+v", e))
	}
	if t, ok := e.(Tune); ok {
		n.tune(t)
		return
	}
	if n.keep != nil && n.keep(e) {
		return
	}
	switch e := e.(type) {
	case PeerUp:
		n.ups = append(n.ups, e)
		n.peers[e.Peer] = true
		if e.Pairing {
			n.strange = append(n.strange, e.Peer)
		}
		for _, it := range n.queue[e.Peer] {
			n.core.HandleEvent(w.now, Submit{e.Peer, it})
		}
	case PeerDown:
		n.downs = append(n.downs, e)
		if e.Last {
			delete(n.peers, e.Peer)
		}
	case Offered:
		if n.silent != nil && n.silent(e.Item.Digest) {
			return
		}
		v, r := Accept, ReasonNone
		if n.verdict != nil {
			v, r = n.verdict(e)
		} else if n.got[e.Item.Digest] != nil {
			v = Have
		}
		n.after(n.latency/5, Answer{e.Peer, e.Item.Digest, v, r})
	case Received:
		n.stored[e.Item.Digest]++
		n.got[e.Item.Digest] = append([]byte(nil), e.Body...)
		n.items[e.Item.Digest] = e.Item
		if !n.noStore {
			n.after(n.latency, Stored{Peer: e.Peer, Digest: e.Item.Digest, Reason: n.turnsAway})
		}
	case Custody:
		n.custody[e.Digest]++
		n.unqueue(e.Peer, e.Digest)
	case Shunned:
		n.shunned = append(n.shunned, e)
	case Refused:
		n.refused[e.Digest] = e.Reason
		n.unqueue(e.Peer, e.Digest)
	case Load:
		n.core.HandleEvent(w.now, Loaded{e.Digest, n.bodies[e.Digest]})
	case SavePartial:
		if n.partial[e.Item.Digest] == nil {
			n.partial[e.Item.Digest] = map[int]SavePartial{}
		}
		n.partial[e.Item.Digest][e.Block] = e
	case DropPartial:
		delete(n.partial, e.Digest)
		n.dropped[e.Digest] = true
	case RecordHeard:
		n.records = append(n.records, e.Record)
	case PairingFailed:
		n.failed = append(n.failed, e)
	case Progress:
		n.progress = append(n.progress, e)
	}
}

func (n *node) unqueue(p PeerID, d Digest) {
	var rest []Item
	for _, it := range n.queue[p] {
		if it.Digest != d {
			rest = append(rest, it)
		}
	}
	n.queue[p] = rest
}

func (l laterEvent) run(n *node) {
	if l.do == nil {
		n.event(l.e)
		return
	}
	l.do()
	n.drain()
}

func (n *node) after(d time.Duration, e Event) {
	n.later = append(n.later, laterEvent{at: n.w.now.Add(d), e: e})
}

// fill lets idle stations take a frame.
func (w *world) fill() {
	for _, n := range w.nodes {
		if w.watch != nil {
			w.watch(n)
		}
		for _, s := range n.stations {
			if s.frame != nil || s.held.After(w.now) {
				continue
			}
			_, waits := n.core.Waiting(w.now, s.port)
			before := s.promised()
			b, ok := n.core.PollTransmit(w.now, s.port, nil)
			if ok && !waits {
				w.t.Errorf("%v %s: Waiting knows of no frame, PollTransmit has one", w.now.Sub(epoch), n.name)
			}
			if !ok {
				continue
			}
			s.took(b, before)
			n.drain()
			s.frame = b
			s.sendAt = w.now
			if !s.ch.duplex {
				s.sendAt = maxTime(w.now, *s.busy()).Add(s.backoff())
			}
			s.endAt = time.Time{}
		}
	}
}

func (s *station) backoff() time.Duration {
	return 5*time.Millisecond + time.Duration(s.node.w.rng.IntN(8))*10*time.Millisecond
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// never lets run take all its time.
func never() bool { return false }

// meet runs until each of these nodes has met each other.
func (w *world) meet(limit time.Duration, nodes ...*node) bool {
	return w.run(limit, func() bool {
		for i, a := range nodes {
			for _, b := range nodes[:i] {
				if !met(a, b)() {
					return false
				}
			}
		}
		return true
	})
}

// run advances until done says so or the time is up; it reports whether done did.
func (w *world) run(limit time.Duration, done func() bool) bool {
	end := w.now.Add(limit)
	for steps := 0; ; steps++ {
		if steps > 400_000 {
			w.t.Fatal("the world does not come to rest")
		}
		w.fill()
		if done() {
			return true
		}
		next := w.next()
		if next.IsZero() || next.After(end) {
			w.now = end
			return done()
		}
		w.now = maxTime(w.now, next)
		w.turn()
	}
}

func (w *world) next() time.Time {
	var t timer
	for _, n := range w.nodes {
		if at, ok := n.core.PollTimeout(); ok {
			t.add(at)
		}
		for _, l := range n.later {
			t.add(l.at)
		}
		for _, s := range n.stations {
			if s.held.After(w.now) {
				t.add(s.held)
			}
			if s.frame != nil {
				if s.endAt.IsZero() {
					t.add(s.sendAt)
				} else {
					t.add(s.endAt)
				}
			}
		}
	}
	return t.at
}

// turn does everything that is due.
func (w *world) turn() {
	for _, n := range w.nodes {
		if at, ok := n.core.PollTimeout(); ok && !at.After(w.now) {
			n.core.HandleTimeout(w.now)
			n.drain()
			if at, ok := n.core.PollTimeout(); ok && !at.After(w.now) {
				w.t.Fatalf("%s: the timer stays at %v", n.name, at.Sub(epoch))
			}
		}
		for i := 0; i < len(n.later); i++ {
			if l := n.later[i]; !l.at.After(w.now) {
				n.later = append(n.later[:i], n.later[i+1:]...)
				i = -1
				l.run(n)
			}
		}
	}
	for _, n := range w.nodes {
		for _, s := range n.stations {
			s.turn()
		}
	}
}

func (s *station) turn() {
	w, ch := s.node.w, s.ch
	if s.frame == nil {
		return
	}
	if s.endAt.IsZero() {
		if s.sendAt.After(w.now) {
			return
		}
		if !ch.duplex && s.busy().After(w.now) {
			s.sendAt = s.busy().Add(s.backoff())
			return
		}
		s.leaves()
		if !ch.duplex {
			*s.busy() = s.endAt
		}
		if !ch.mute {
			s.node.core.HandleEvent(w.now, PortClear{s.port, s.endAt})
		}
		if w.trace {
			fmt.Printf("%8.3f %s sends %d octets %x\n", w.now.Sub(epoch).Seconds(), s.node.name, len(s.frame), s.frame[:min(len(s.frame), 5)])
		}
		return
	}
	if s.endAt.After(w.now) {
		return
	}
	b := s.frame
	s.frame = nil
	s.deliver(b)
}

func (s *station) deliver(b []byte) {
	w := s.node.w
	if w.onFrame != nil {
		if b = w.onFrame(s, b); b == nil {
			return
		}
	}
	for _, o := range s.ch.stations {
		if o == s || s.ch.down || o.rate != s.rate {
			continue
		}
		for range s.arrive(o) {
			o.node.core.HandleFrame(w.now, o.port, bytes.Clone(b), Meta{RSSIdBm: -90, SNRdB: 5, HasSignal: s.ch.medium == Radio})
			o.node.forget()
			o.node.drain()
		}
	}
}

// arrive is how often a frame reaches another station.
func (s *station) arrive(o *station) int {
	if s.ch.copies != nil {
		return s.ch.copies(s, o)
	}
	if s.node.w.rng.Float64() < s.ch.loss {
		o.lost++
		return 0
	}
	return 1
}

// forget loses what a forgetful node has of bodies before they are whole.
func (n *node) forget() {
	for _, re := range n.core.order {
		if n.forgetful && !re.storing && re.got > re.lay.n/2 {
			n.core.startOver(re)
		}
	}
}

// delivered reports whether to has the body of from, and from its custody word.
func delivered(from, to *node, ds ...Digest) func() bool {
	return func() bool {
		for _, d := range ds {
			if from.custody[d] == 0 || !bytes.Equal(to.got[d], from.bodies[d]) {
				return false
			}
		}
		return true
	}
}
