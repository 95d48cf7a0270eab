package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// between opens sessions of A, B and C on one channel and returns a clear that B gives A.
func between(t *testing.T) (w *world, a, b, c *node, clear func() []byte) {
	t.Helper()
	w = newWorld(t, 1)
	ch := w.radio(0)
	a, b, c = w.node("a", ch), w.node("b", ch), w.node("c", ch)
	w.acquaint(a)
	w.acquaint(b)
	w.acquaint(c)
	if !w.run(10*time.Minute, func() bool { return len(a.peers) == 2 && len(b.peers) == 2 && len(c.peers) == 2 }) {
		t.Fatal("no sessions")
	}
	w.run(time.Minute, never)
	clear = func() []byte {
		b.core.now = w.now
		return b.core.appendClear(b.core.peer(a.id).paths[0], nil)
	}
	return w, a, b, c, clear
}

func (n *node) hears(b []byte) { n.core.HandleFrame(n.w.now, 1, b, Meta{}) }

func (n *node) quiet() time.Duration { return n.core.ports[0].clearing.quiet.Sub(n.w.now) }

func TestClearSilencesAllButOne(t *testing.T) {
	w, a, _, c, clear := between(t)
	f := clear()
	a.hears(f)
	c.hears(f)
	if a.quiet() > 0 || c.quiet() <= 0 {
		t.Fatalf("A is silent: %v, C: %v; want C alone", a.quiet() > 0, c.quiet() > 0)
	}
	c.core.HandleEvent(w.now, Submit{Peer: a.id, Item: Item{Digest: Digest{1}, Kind: 1, Size: 1000, Lifetime: time.Hour}})
	if _, ok := c.core.PollTransmit(w.now, 1, nil); ok {
		t.Error("C speaks in A's turn")
	}
	w.now = w.now.Add(c.quiet())
	c.core.HandleTimeout(w.now)
	if c.quiet() > 0 {
		t.Error("C is still silent when the turn is over")
	}
}

func TestClearsThatSilenceNobody(t *testing.T) {
	w, _, b, c, clear := between(t)
	before := c.core.Stats().Dropped
	good := clear()
	forged := append([]byte(nil), good...)
	forged[1]++
	c.hears(forged)
	stranger := append([]byte(nil), good...)
	stranger[5] ^= 1
	c.hears(stranger)
	c.hears(good[:10])
	boot := b.core.boot
	b.core.boot++
	c.hears(clear())
	b.core.boot = boot
	if c.quiet() > 0 {
		t.Fatal("a forged clear silences")
	}
	c.hears(good)
	w.now = w.now.Add(c.quiet() + time.Second)
	c.core.HandleTimeout(w.now)
	c.hears(good)
	if c.quiet() > 0 {
		t.Error("a repeated clear silences again")
	}
	d := c.core.Stats().Dropped
	for r := range d {
		d[r] -= before[r]
	}
	if d[DropForeign] != 3 || d[DropReplay] != 1 || d[DropMalformed] != 1 {
		t.Errorf("dropped %v, want three foreign, one replayed and one malformed", d)
	}
}

// A member that gives turns without end silences its neighbours for about half of the time at most.
func TestClearsWithoutEndAreBounded(t *testing.T) {
	const all = 15 * time.Minute
	for name, pause := range map[string]func(quiet time.Duration) time.Duration{
		"each second":                func(time.Duration) time.Duration { return time.Second },
		"as soon as a silence ended": func(quiet time.Duration) time.Duration { return quiet + 5*time.Millisecond },
	} {
		w, _, _, c, clear := between(t)
		var silent, passed time.Duration
		for passed < all {
			c.hears(clear())
			step := max(pause(c.quiet()), time.Second)
			silent, passed = silent+min(step, c.quiet()), passed+step
			w.now = w.now.Add(step)
			c.core.HandleTimeout(w.now)
		}
		if silent < all/3 || silent > all*6/10 {
			t.Errorf("%s: silent for %v of %v, want about half", name, silent, passed)
		}
	}
}

// Whoever gets the turn and waits for an answer does so no longer than that takes.
func TestATurnEndsTheWait(t *testing.T) {
	w, a, _, _, clear := between(t)
	p := a.core.ports[0]
	p.hush = w.now.Add(time.Minute)
	if a.hears(clear()); p.hush.After(w.now.Add(2*p.turn(64) + leastAllowance)) {
		t.Errorf("silent for %v more in our turn", p.hush.Sub(w.now))
	}
}

// A turn that is said to last for minutes silences for a burst and a quarter.
func TestALongTurnIsCutShort(t *testing.T) {
	w, a, b, c, _ := between(t)
	f := wire.Clear{To: b.core.peer(a.id).paths[0].current.remote, From: [2]byte(b.core.short[:2]), Count: 1, Duration: 1<<16 - 1}
	frame := wire.AppendClear(nil, f)
	mac := b.core.domain.clearMAC(frame, b.core.boot)
	c.hears(append(frame, mac[:]...))
	p := c.core.ports[0]
	if want := p.longest() + p.longest()/4; c.quiet() != want {
		t.Errorf("C is silent for %v of %v, want %v", c.quiet(), 65535*wire.ClearUnitMS*time.Millisecond, want)
	}
	w.run(p.longest()*2, never)
	if c.quiet() > 0 {
		t.Error("C is still silent")
	}
}

// Frames of one neighbour amid the burst of another are a sign if there are two of them, if not much else was heard, and
// if the signal is good.
func TestSignsThatBurstsOverlap(t *testing.T) {
	for _, c := range []struct {
		name   string
		strays int
		frames int // heard in the burst
		snr    float64
		want   bool
	}{
		{"two strays", 2, 1, 10, true},
		{"one, which may have been on its way", 1, 1, 10, false},
		{"as much was heard as can be", 2, 12, 10, false},
		{"a weak signal", 2, 1, strongDB - 1, false},
	} {
		w, a, b, x, _ := between(t)
		ours, theirs := b.core.peer(a.id).paths[0], b.core.peer(x.id).paths[0]
		theirs.meta = Meta{HasSignal: true, SNRdB: c.snr}
		p := ours.port
		cl := &p.clearing
		*cl = clearing{overlap: overlap{run: ours, began: w.now, first: w.now, frames: c.frames, expected: 12 * p.full()}}
		b.core.now = w.now.Add(9 * p.full())
		for range c.strays {
			b.core.spoke(theirs)
		}
		if got := cl.doubt > clearOn; got != c.want {
			t.Errorf("%s: turns are given: %v, want %v", c.name, got, c.want)
		}
	}
}

// Turns go round among those that have something for us.
func TestTurnsGoRound(t *testing.T) {
	w, a, b, x, _ := between(t)
	a.send(b, 40_000, Message)
	x.send(b, 40_000, Message)
	both := func() bool {
		return b.core.needed(b.core.peer(a.id).paths[0]) > 0 && b.core.needed(b.core.peer(x.id).paths[0]) > 0
	}
	if !w.run(time.Minute, both) {
		t.Fatal("not both have something for B")
	}
	var last *path
	for range 4 {
		pa := b.core.nextTurn(b.core.ports[0])
		if pa == last {
			t.Errorf("two turns in a row for %s", pa.peer.id)
		}
		b.core.appendClear(pa, nil)
		last = pa
	}
}

func TestTurnThatIsNotTakenGoesOn(t *testing.T) {
	w, _, b, _, clear := between(t)
	clear()
	p := b.core.ports[0]
	at, ok := b.core.PollTimeout()
	if !ok || at.After(p.clearing.begin) || !p.clearing.begin.After(w.now) {
		t.Fatalf("next timeout %v, want it by %v, when A should have begun", at, p.clearing.begin)
	}
	w.now = p.clearing.begin
	b.core.HandleTimeout(w.now)
	if !p.clearing.due || !p.clearing.begin.IsZero() {
		t.Errorf("due %v, begin %v; want the next turn due", p.clearing.due, p.clearing.begin)
	}
}

// A neighbour that is gone in the middle of its transfer gets no turns without end: they would silence the others.
func TestTurnsOfWhoIsGoneEnd(t *testing.T) {
	w, a, b, c, clear := between(t)
	a.send(b, 50_000, Message)
	p := b.core.ports[0]
	if !w.run(time.Minute, func() bool { return b.core.needed(b.core.peer(a.id).paths[0]) > 0 && !p.hearing.After(w.now) }) {
		t.Fatal("A sends nothing")
	}
	w.onFrame = func(s *station, f []byte) []byte {
		if s.node == a {
			return nil
		}
		return f
	}
	p.clearing.doubt = clearMost
	before := b.core.Stats().Clears
	c.hears(clear())
	w.run(10*time.Minute, never)
	if got := b.core.Stats().Clears - before; got > 3 {
		t.Errorf("%d turns in ten minutes, want 3 at most", got)
	}
	if c.quiet() > 0 {
		t.Error("C is still silent")
	}
}

// Three that hear each other and send to each other never need a clear, and one pair alone neither, whatever is lost.
func TestNoClearsWhereAllHearEachOther(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, seed)
		ch := w.radio(0)
		a, b, c := w.node("a", ch), w.node("b", ch), w.node("c", ch)
		for _, n := range w.nodes {
			w.acquaint(n)
		}
		w.run(10*time.Minute, func() bool { return len(a.peers) == 2 && len(b.peers) == 2 && len(c.peers) == 2 })
		x, y, z := a.send(b, 10000, Message), c.send(b, 10000, Message), b.send(c, 3000, Message)
		if !w.run(time.Hour, func() bool { return delivered(a, b, x)() && delivered(c, b, y)() && delivered(b, c, z)() }) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		for _, n := range w.nodes {
			if got := n.core.Stats().Clears; got != 0 {
				t.Errorf("seed %d: %s gave %d turns, want none", seed, n.name, got)
			}
		}
	}
	w, a, b, ch := pair(t, 3, 0)
	w.run(time.Minute, met(a, b))
	ch.loss = .4
	d := a.send(b, 50000, Message)
	w.run(time.Hour, delivered(a, b, d))
	if got := a.core.Stats().Clears + b.core.Stats().Clears; got != 0 {
		t.Errorf("a pair alone gave %d turns at 40 %% loss, want none", got)
	}
}

func TestVainQuestionsSayThatTheyAre(t *testing.T) {
	m := wire.Message{Kind: wire.KindOffer, Flags: wire.FlagVain | wire.FlagFollows, Stream: 1, Size: 1}
	var got wire.Message
	if _, err := wire.ParseMessage(wire.AppendMessage(nil, &m), &got); err != nil || got.Flags != m.Flags {
		t.Errorf("got flags %x, %v; want %x", got.Flags, err, m.Flags)
	}
}
