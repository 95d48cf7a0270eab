package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/wire"
)

// movers are two nodes on a slow channel with settings that are faster, in session and at rest.
func movers(t *testing.T, seed uint64, faster ...int) (*world, *node, *node, *channel) {
	t.Helper()
	w := newWorld(t, seed)
	ch := w.radio(0)
	ch.airtime = func(n int) time.Duration { return 6 * sf7(n) }
	ch.withRates(faster...)
	a, b := w.node("a", ch), w.node("b", ch)
	w.acquaintAll()
	if !w.run(10*time.Minute, met(a, b)) {
		t.Fatalf("seed %d: no session", seed)
	}
	w.run(2*time.Minute, never)
	return w, a, b, ch
}

// home checks that every port ends on the common setting, and so believes.
func (w *world) home(t *testing.T, what string) {
	t.Helper()
	w.run(3*time.Minute, never)
	for _, n := range w.nodes {
		for _, s := range n.stations {
			if p := n.core.port(s.port); s.rate != 0 || !p.home() || p.away != nil || p.mtu != s.ch.mtu {
				t.Errorf("%s: %s is at %d, believes %d, tuning %v", what, n.name, s.rate, p.rate, p.tuning)
			}
		}
	}
}

func (n *node) moves() *moves { return &n.core.peers[0].paths[0].moves }

func TestBulkMovesAndComesHome(t *testing.T) {
	w, a, b, _ := movers(t, 1, 2, 4, 8)
	start := w.now
	d := a.send(b, 20_000, Message)
	if !w.run(time.Hour, delivered(a, b, d)) {
		t.Fatal("not delivered")
	}
	took, slow := w.now.Sub(start), 80*6*sf7(254)
	w.run(10*time.Second, never)
	if took > slow/4 || a.tunes != 2 || b.tunes != 2 {
		t.Errorf("took %v (%v on the common setting) and %d and %d changes, want a quarter and two each", took, slow, a.tunes, b.tunes)
	}
	w.home(t, "bulk")
}

func TestWhatIsNotWorthItStays(t *testing.T) {
	w, a, b, _ := movers(t, 1, 2, 4, 8)
	for size, p := range map[int]Priority{200: Message, 1500: Emergency} {
		d := a.send(b, size, p)
		if !w.run(time.Hour, delivered(a, b, d)) || a.tunes+b.tunes != 0 {
			t.Errorf("custody %d, %d changes, want none", a.custody[d], a.tunes+b.tunes)
		}
	}
}

func TestBothProposeAtOnce(t *testing.T) {
	for seed := range seeds(20) {
		w, a, b, _ := movers(t, seed, 4)
		d, e := a.send(b, 9000, Message), b.send(a, 9000, Message)
		if !w.run(time.Hour, func() bool { return delivered(a, b, d)() && delivered(b, a, e)() }) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		if a.tunes == 0 || a.tunes != b.tunes {
			t.Errorf("seed %d: %d and %d changes, want some, and as many", seed, a.tunes, b.tunes)
		}
		w.home(t, "both")
	}
}

// The k-th control frame of either side is lost, the proposal and its answer among them.
func TestLostWordsCostAReturn(t *testing.T) {
	for lost := range 12 {
		for _, from := range []int{0, 1} {
			w, a, b, _ := movers(t, uint64(lost), 4)
			k := 0
			w.onFrame = func(s *station, f []byte) []byte {
				if s.node == w.nodes[from] && wire.TypeOf(f) == wire.TypeControl && !wire.IsAlive(f) {
					if k++; k == lost+1 {
						return nil
					}
				}
				return f
			}
			d := a.send(b, 9000, Message)
			if !w.run(10*time.Minute, delivered(a, b, d)) || a.tunes == 0 || b.stored[d] != 1 {
				t.Errorf("frame %d of %s lost: custody %d, stored %d, %d changes", lost, w.nodes[from].name, a.custody[d], b.stored[d], a.tunes)
			}
			w.home(t, "lost")
		}
	}
}

// A setting on which nothing gets through is avoided ever longer; the slower one is tried, and held.
func TestASettingThatFailsIsAvoided(t *testing.T) {
	w, a, b, _ := movers(t, 1, 2, 8)
	a.stations[0].ch.rates[1].NeedsSNRdB = 1
	a.core.ports[0].rates[1].NeedsSNRdB, b.core.ports[0].rates[1].NeedsSNRdB = 1, 1
	w.onFrame = func(s *station, f []byte) []byte {
		if s.rate == 2 {
			return nil
		}
		return f
	}
	var avoided []time.Duration
	for range 4 {
		d := a.send(b, 20_000, Message)
		if !w.run(time.Hour, delivered(a, b, d)) {
			t.Fatal("not delivered")
		}
		w.run(5*time.Minute, never)
		avoided = append(avoided, a.moves().at[2].avoid.Sub(w.now))
	}
	if r := a.moves().at[2]; r.fails < 3 || r.fails > 8 || avoided[3] < 2*time.Minute {
		t.Errorf("tried %d times, want three to eight, and to be avoided ever longer; got %v", r.fails, avoided)
	}
	if a.moves().at[1].fails != 0 || a.moves().at[1].until.IsZero() {
		t.Errorf("the slower setting failed %d times, was left at %v; want it used and good", a.moves().at[1].fails, a.moves().at[1].until)
	}
	w.home(t, "avoided")
}

// Changes fail, on the way out and on the way back.
func TestChangesThatFail(t *testing.T) {
	for seed := range seeds(20) {
		w, a, b, ch := movers(t, seed, 2, 4)
		ch.tuneFails = func() bool { return w.rng.IntN(3) == 0 }
		d := a.send(b, 9000, Message)
		if !w.run(time.Hour, delivered(a, b, d)) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		w.run(10*time.Minute, never)
		ch.tuneFails = nil
		w.home(t, "failing")
	}
}

// A radio that stays where it is says so once.
func TestARadioThatStaysIsAskedOnce(t *testing.T) {
	w, a, b, ch := movers(t, 1, 4)
	ch.rates = nil
	b.restart()
	w.run(10*time.Minute, func() bool { return met(a, b)() && a.core.peers[0].paths[0].works() })
	w.run(2*time.Minute, never)
	for range 3 {
		d := a.send(b, 9000, Message)
		if !w.run(time.Hour, delivered(a, b, d)) {
			t.Fatal("not delivered")
		}
	}
	if !a.moves().never || a.tunes != 0 || a.moves().number != 1 {
		t.Errorf("never %v, %d changes, %d proposals, want one and no change", a.moves().never, a.tunes, a.moves().number)
	}
}

// Restarts of either side at any moment of an excursion.
func TestRestartsWhileAway(t *testing.T) {
	for seed := range seeds(24) {
		w, a, b, _ := movers(t, seed, 4)
		d := a.send(b, 20_000, Message)
		w.run(time.Minute, func() bool { return a.stations[0].rate != 0 })
		w.run(time.Duration(w.rng.IntN(20_000))*time.Millisecond, never)
		n := [...]*node{a, b}[seed%2]
		n.restart()
		if !w.run(time.Hour, delivered(a, b, d)) || b.stored[d] != 1 || !bytes.Equal(b.got[d], a.bodies[d]) {
			t.Fatalf("seed %d: %s restarted: custody %d, stored %d", seed, n.name, a.custody[d], b.stored[d])
		}
		w.home(t, "restart")
	}
}

func TestFadesCountAtOnceAndSpreadNarrows(t *testing.T) {
	var s signal
	if s.carries(Rate{NeedsSNRdB: -100}) {
		t.Error("an unknown signal carries")
	}
	for range 8 {
		s.learn(Meta{SNRdB: 5, HasSignal: true})
	}
	if r := (Rate{NeedsSNRdB: 2}); !s.carries(r) || s.carries(Rate{NeedsSNRdB: 2.1}) {
		t.Errorf("a steady 5 dB: low %v, want 5 and a margin of %v", s.low(), fadeMargin)
	}
	s.learn(Meta{SNRdB: -7, HasSignal: true})
	if s.low() > -3 {
		t.Errorf("after a fade of 12 dB: low %v, want -3 at most", s.low())
	}
	if got := (&signal{}).tell(); got != wire.UnknownSNR {
		t.Errorf("unknown: tells %d", got)
	}
}

// What is answered to a proposal of an excursion.
func TestProposalsAreJudged(t *testing.T) {
	known, other := [6]byte{1}, [6]byte{2}
	for _, c := range []struct {
		name    string
		rates   []Rate
		setting [6]byte
		snr     float64
		busy    bool
		want    uint8
	}{
		{"a radio that stays", nil, known, 20, false, wire.MovedNever},
		{"a setting that we do not have", []Rate{{Code: known}}, other, 20, false, wire.MovedUnknown},
		{"no margin", []Rate{{Code: known}}, known, fadeMargin - .1, false, wire.MovedWeak},
		{"other things to do", []Rate{{Code: known}}, known, fadeMargin, true, wire.MovedBusy},
		{"all is well", []Rate{{Code: known}}, known, fadeMargin, false, wire.MovedYes},
	} {
		w, a, _, _ := movers(t, 1, 4)
		pa := a.core.peers[0].paths[0]
		a.core.now = w.now
		pa.port.rates, pa.port.beacon.due = c.rates, c.busy
		pa.moves.signal = signal{known: true, mean: c.snr}
		rate, got := a.core.judge(pa, c.setting)
		if got != c.want || rate != boolean(c.want == wire.MovedYes) {
			t.Errorf("%s: answer %d, rate %d; want answer %d", c.name, got, rate, c.want)
		}
	}
}

// What ends an excursion before its time.
func TestWhatCallsHome(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(a, x *node)
		want bool
	}{
		"nothing":                   {func(*node, *node) {}, false},
		"a beacon of our own":       {func(a, _ *node) { a.core.ports[0].beacon.due = true }, true},
		"a message for a third":     {func(a, x *node) { a.send(x, 300, Message) }, false},
		"an emergency for a third":  {func(a, x *node) { a.send(x, 300, Emergency) }, true},
		"nothing is left to do":     {func(a, _ *node) { a.core.peers[0].outs = nil }, true},
		"the time that was agreed":  {func(a, _ *node) { a.core.ports[0].over = true }, true},
		"it was the other's to end": {func(a, _ *node) { a.core.ports[0].over, a.core.ports[0].mover = true, false }, false},
	} {
		w := newWorld(t, 1)
		ch := w.radio(0)
		ch.airtime = func(n int) time.Duration { return 6 * sf7(n) }
		ch.withRates(4)
		a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
		w.acquaintAll()
		w.meet(10*time.Minute, a, b, x)
		w.run(2*time.Minute, never)
		a.send(b, 60_000, Message)
		if p := a.core.ports[0]; !w.run(time.Minute, func() bool { return p.rate != 0 && !p.tuning }) {
			t.Fatalf("%s: a does not leave", name)
		}
		if a.core.peers[0].id != b.id {
			t.Fatal("b is not a's first peer")
		}
		c.do(a, x)
		if got := a.core.ends(a.core.ports[0]); got != c.want {
			t.Errorf("%s: ends the excursion: %v, want %v", name, got, c.want)
		}
	}
}
