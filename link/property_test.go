package link

import (
	"bytes"
	"flag"
	"slices"
	"testing"
	"time"
)

var soak = flag.Uint64("soak", 1, "multiplies the seeds of the property tests")

// seeds is how many seeds a property is tried with.
func seeds(n uint64) uint64 { return n * *soak }

// fewer is a part of the seeds in short runs, which only show that other machines do the same.
func fewer(n uint64) uint64 {
	if testing.Short() {
		return max(1, n/16)
	}
	return n
}

// check fails unless every body that was sent arrived whole, once, and the senders know.
func check(t *testing.T, w *world, what string, sent map[*node]map[Digest]*node) {
	t.Helper()
	for from, ds := range sent {
		for d, to := range ds {
			if to.stored[d] != 1 || from.custody[d] != 1 || !bytes.Equal(to.got[d], from.bodies[d]) {
				t.Errorf("%s: %s of %s to %s: received %d times, custody %d times, want once", what, d, from.name, to.name, to.stored[d], from.custody[d])
			}
		}
	}
	for _, n := range w.nodes {
		if len(n.core.order) != 0 || n.core.memory != 0 || len(n.core.bodies) != 0 {
			t.Errorf("%s: %s still holds %d partial bodies of %d octets and %d loaded bodies", what, n.name, len(n.core.order), n.core.memory, len(n.core.bodies))
		}
	}
}

func all(sent map[*node]map[Digest]*node) func() bool {
	return func() bool {
		for from, ds := range sent {
			for d := range ds {
				if from.custody[d] == 0 {
					return false
				}
			}
		}
		return true
	}
}

// mixed lets every node send bodies of several sizes and priorities to every other.
func mixed(w *world) map[*node]map[Digest]*node {
	sizes := []int{1, 60, 200, 230, 700, 1900, 2500, 9000}
	sent := map[*node]map[Digest]*node{}
	for i, from := range w.nodes {
		sent[from] = map[Digest]*node{}
		for j, to := range w.nodes {
			if i == j {
				continue
			}
			for k, size := range sizes {
				d := from.send(to, size+w.rng.IntN(20), Priority((i+j+k)%3))
				sent[from][d] = to
			}
		}
	}
	return sent
}

func TestEverythingArrivesOnceBothWays(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3, 0.5} {
		for seed := range seeds(12) {
			w, a, b, _ := pair(t, seed, loss)
			sent := mixed(w)
			if !w.run(3*time.Hour, all(sent)) {
				t.Fatalf("seed %d, loss %v: not all was delivered: %+v\n%+v", seed, loss, a.core.Transfers(), b.core.Transfers())
			}
			w.run(time.Minute, never)
			check(t, w, "loss", sent)
		}
	}
}

func TestThreeNeighboursShareTheAir(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3} {
		for seed := range seeds(4) {
			w := newWorld(t, seed)
			ch := w.radio(loss)
			w.node("a", ch)
			w.node("b", ch)
			w.node("c", ch)
			w.acquaintAll()
			sent := mixed(w)
			if !w.run(3*time.Hour, all(sent)) {
				t.Fatalf("seed %d, loss %v: not all was delivered", seed, loss)
			}
			w.run(time.Minute, never)
			check(t, w, "three", sent)
		}
	}
}

// undisturbed is the airtime of a transfer without a restart.
func undisturbed(t *testing.T, seed uint64) time.Duration {
	w, a, b, ch := pair(t, seed, 0.05)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	used := ch.airUsed
	if d := a.send(b, 20000, Message); !w.run(time.Hour, delivered(a, b, d)) {
		t.Fatalf("seed %d: not delivered", seed)
	}
	w.run(time.Minute, never)
	return ch.airUsed - used
}

// Either side restarts in the middle of a transfer, at many moments.
func TestATransferSurvivesARestart(t *testing.T) {
	var ratios []float64
	for seed := range seeds(24) {
		w, a, b, ch := pair(t, seed, 0.05)
		w.run(time.Minute, met(a, b))
		w.run(20*time.Second, never)
		used := ch.airUsed
		d := a.send(b, 20000, Message)
		w.run(time.Duration(1+w.rng.IntN(36))*time.Second, never)
		n := [...]*node{a, b}[seed%2]
		n.restart()
		if !w.run(time.Hour, delivered(a, b, d)) {
			t.Fatalf("seed %d: not delivered after %s restarted", seed, n.name)
		}
		w.run(time.Minute, never)
		ratios = append(ratios, (ch.airUsed-used).Seconds()/undisturbed(t, seed).Seconds())
		if len(n.core.order) != 0 || len(n.partial) != 0 {
			t.Errorf("seed %d: partial bodies are left: %d, saved %d", seed, len(n.core.order), len(n.partial))
		}
	}
	slices.Sort(ratios)
	if median, high := ratios[len(ratios)/2], ratios[len(ratios)*9/10]; median > 1.15 || high > 1.3 {
		t.Errorf("air against an undisturbed run: median %.2f, nine of ten below %.2f, want 1.15 and 1.3 at most", median, high)
	}
}

func TestTransfersChangePortsAndComeBack(t *testing.T) {
	for seed := range seeds(10) {
		w := newWorld(t, seed)
		air, wire := w.radio(0.05), w.datagram(0)
		a, b := w.node("a", air), w.node("b", air)
		w.acquaintAll()
		w.run(time.Minute, met(a, b))
		a.join(wire)
		b.join(wire)
		b.up(b.stations[1])
		a.up(a.stations[1])
		w.run(30*time.Second, never)
		d := a.send(b, 30000, Message)
		w.run(time.Duration(3+w.rng.IntN(25))*time.Second, never)
		before := wire.octets
		air.down = true
		if !w.run(2*time.Minute, delivered(a, b, d)) {
			t.Fatalf("seed %d: not delivered over the other port: %+v", seed, a.core.Transfers())
		}
		over := wire.octets - before
		if b.stored[d] != 1 || over > 36000 {
			t.Errorf("seed %d: received %d times with %d octets over the wire", seed, b.stored[d], over)
		}
		air.down = false
		w.run(5*time.Minute, func() bool { return !a.core.Peers()[0].Paths[0].Silent && a.core.Peers()[0].Paths[0].Up })
		w.run(10*time.Second, never)
		quiet := wire.octets
		d = a.send(b, 3000, Message)
		if !w.run(10*time.Minute, delivered(a, b, d)) {
			t.Fatalf("seed %d: not delivered after the radio came back", seed)
		}
		if wire.octets-quiet > 300 {
			t.Errorf("seed %d: the transfer did not go back to the radio: %d octets over the wire", seed, wire.octets-quiet)
		}
	}
}

// What is too slow for the radio takes the other port.
func TestLargeBodiesTakeTheQuickerPort(t *testing.T) {
	w := newWorld(t, 1)
	air, wire := w.radio(0), w.datagram(0)
	a, b := w.node("a", air, wire), w.node("b", air, wire)
	w.acquaintAll()
	w.run(time.Minute, met(a, b))
	w.run(time.Minute, never)
	d := a.send(b, 1_000_000, Bulk)
	if !w.run(2*time.Minute, delivered(a, b, d)) {
		t.Fatalf("not delivered in two minutes: %+v", a.core.Transfers())
	}
	if len(b.core.order) != 0 || len(b.partial) != 0 {
		t.Errorf("partial bodies are left")
	}
}

// Both sides open at once, over and over, and always end with one session.
func TestSimultaneousOpenings(t *testing.T) {
	for seed := range seeds(40) {
		w, a, b, _ := pair(t, seed, 0.2)
		for _, n := range w.nodes {
			p := n.core.ports[0]
			n.core.now = w.now
			n.core.greet(n.core.path(n.core.peers[0], p), 0)
		}
		if !w.run(5*time.Minute, met(a, b)) {
			t.Fatalf("seed %d: no session", seed)
		}
		d, e := a.send(b, 2500, Message), b.send(a, 2500, Message)
		if !w.run(10*time.Minute, func() bool { return delivered(a, b, d)() && delivered(b, a, e)() }) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		if first(a.ups) != 1 || first(b.ups) != 1 {
			t.Errorf("seed %d: %d and %d PeerUp, want one each", seed, len(a.ups), len(b.ups))
		}
	}
}

// first counts the sessions that took the place of none.
func first(ups []PeerUp) (n int) {
	for _, e := range ups {
		if !e.Again {
			n++
		}
	}
	return n
}

// The old keys are replaced at the next use, and nothing is lost over it.
func TestRekeyByAge(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	old := a.core.peers[0].paths[0].current
	w.run(rekeyAge, never)
	if a.core.peers[0].paths[0].current != old {
		t.Fatalf("rekeyed during silence")
	}
	d := a.send(b, 10000, Message)
	if !w.run(10*time.Minute, delivered(a, b, d)) {
		t.Fatalf("not delivered")
	}
	w.run(time.Minute, never)
	if a.core.peers[0].paths[0].current == old || len(a.ups) != 1 {
		t.Errorf("session unchanged after %v, %d PeerUp", rekeyAge, len(a.ups))
	}
	_ = ch
}

// An emergency waits for one frame, not for the bulk that is under way.
func TestAnEmergencyGoesFirst(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	bulk := a.send(b, 30000, Bulk)
	w.run(8*time.Second, never)
	start := w.now
	d := a.send(b, 100, Emergency)
	if !w.run(time.Minute, func() bool { return b.stored[d] > 0 }) {
		t.Fatalf("not delivered")
	}
	if took := w.now.Sub(start); took > 1500*time.Millisecond {
		t.Errorf("the emergency took %v", took)
	}
	if !w.run(10*time.Minute, delivered(a, b, bulk, d)) {
		t.Errorf("the bulk was lost")
	}
}

func TestWithdrawCancelsOnTheAir(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	d := a.send(b, 30000, Bulk)
	w.run(10*time.Second, never)
	a.event(Withdraw{b.id, d})
	w.run(20*time.Second, never)
	if len(b.core.order) != 0 || len(b.partial) != 0 || len(a.core.bodies) != 0 {
		t.Errorf("left after Withdraw: %d partial, %d saved, %d loaded", len(b.core.order), len(b.partial), len(a.core.bodies))
	}
	if len(a.core.Transfers()) != 0 || b.stored[d] != 0 {
		t.Errorf("transfers %+v, received %d", a.core.Transfers(), b.stored[d])
	}
}

func TestRefusalsReachTheSender(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	b.verdict = func(Offered) (Verdict, Reason) { return Refuse, ReasonUnauthorised }
	var ds []Digest
	for _, size := range []int{500, 10000} {
		ds = append(ds, a.send(b, size, Message))
	}
	w.run(time.Minute, func() bool { return len(a.refused) == 2 })
	for _, d := range ds {
		if a.refused[d] != ReasonUnauthorised || b.stored[d] != 0 {
			t.Errorf("%s: refused for %d, received %d times", d, a.refused[d], b.stored[d])
		}
	}
	if len(b.core.order) != 0 {
		t.Errorf("%d bodies left", len(b.core.order))
	}
}

// A gateway that is slow to store is asked rarely, and no body comes twice.
func TestASlowDisk(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0.1)
	b.latency = 20 * time.Second
	w.run(time.Minute, met(a, b))
	var ds []Digest
	for _, size := range []int{100, 1000, 10000} {
		ds = append(ds, a.send(b, size, Message))
	}
	if !w.run(time.Hour, delivered(a, b, ds...)) {
		t.Fatalf("not delivered")
	}
	for _, d := range ds {
		if b.stored[d] != 1 {
			t.Errorf("%s: received %d times", d, b.stored[d])
		}
	}
}

func TestUnknownMembersAreAskedFor(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0.1)
	w.domain.Record = []byte("record of somebody")
	a, b := w.node("a", ch), w.node("b", ch)
	if !w.run(time.Minute, func() bool { return len(a.records) > 0 && len(b.records) > 0 }) {
		t.Fatalf("records heard: %d and %d", len(a.records), len(b.records))
	}
	if string(a.records[0]) != "record of somebody" {
		t.Errorf("got %q", a.records[0])
	}
	w.acquaintAll()
	if !w.run(time.Minute, met(a, b)) {
		t.Errorf("no session")
	}
}

func TestNoDomainNoFrames(t *testing.T) {
	w := newWorld(t, 1)
	w.domain = Domain{}
	ch := w.radio(0)
	w.node("a", ch)
	w.node("b", ch)
	w.run(time.Hour, never)
	if ch.octets != 0 {
		t.Errorf("%d octets on the air", ch.octets)
	}
}

// A body that is not what was submitted is never sealed.
func TestABodyThatChangedOnDiskIsNotSent(t *testing.T) {
	for _, size := range []int{100, 5000} {
		w, a, b, _ := pair(t, 1, 0)
		w.run(time.Minute, met(a, b))
		body := bytes.Repeat([]byte("x"), size)
		d := DigestOf(1, body)
		bad := bytes.Clone(body)
		bad[size/2] ^= 1
		a.bodies[d] = bad
		a.event(Submit{b.id, Item{Digest: d, Kind: 1, Size: size}})
		w.run(time.Minute, func() bool { return len(a.refused) > 0 })
		if a.refused[d] != ReasonMalformed || len(a.core.Transfers()) != 0 {
			t.Errorf("%d octets: refused %v, transfers %+v", size, a.refused, a.core.Transfers())
		}
	}
}

// Timers follow the airtime: the same on a slow setting, on a modem that queues and
// waits at random, and on a port that never tells when it is clear.
func TestTimersFollowTheMedium(t *testing.T) {
	for _, slow := range []time.Duration{1, 8, 24} {
		for _, mute := range []bool{false, true} {
			for seed := range seeds(3) {
				w := newWorld(t, seed)
				ch := w.radio(0.1)
				ch.airtime = func(n int) time.Duration { return slow * sf7(n) }
				ch.access, ch.mute = slow*60*time.Millisecond, mute
				a, b := w.node("a", ch), w.node("b", ch)
				w.acquaintAll()
				if !w.run(slow*time.Minute, met(a, b)) {
					t.Fatalf("%d times slower, mute %v, seed %d: no session", slow, mute, seed)
				}
				used := ch.airUsed
				d, e := a.send(b, 10000, Message), b.send(a, 150, Emergency)
				if !w.run(slow*5*time.Minute, func() bool { return delivered(a, b, d)() && delivered(b, a, e)() }) {
					t.Fatalf("%d times slower, mute %v, seed %d: not delivered", slow, mute, seed)
				}
				if share := float64(slow*41*sf7(255)) / float64(ch.airUsed-used); share < 0.6 {
					t.Errorf("%d times slower, mute %v, seed %d: air share %.2f", slow, mute, seed, share)
				}
			}
		}
	}
}

// A port that the law blocks for long says so, and what can go elsewhere does.
func TestABlockedRadioIsAvoided(t *testing.T) {
	w := newWorld(t, 1)
	air, wire := w.radio(0), w.datagram(0)
	a, b := w.node("a", air, wire), w.node("b", air, wire)
	w.acquaintAll()
	w.run(time.Minute, met(a, b))
	w.run(time.Minute, never)
	a.event(PortClear{1, w.now.Add(40 * time.Minute)})
	used := air.octets
	d := a.send(b, 3000, Message)
	if !w.run(10*time.Second, delivered(a, b, d)) || air.octets-used > 60 {
		t.Errorf("delivered %d, %d octets on the blocked radio: %+v", b.stored[d], air.octets-used, a.core.Transfers())
	}
}

// Two neighbours hold the same body. What one of them got across counts for the
// other, and both learn of custody.
func TestSymbolsOfTwoHoldersCombine(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.meet(2*time.Minute, a, b, x)
	w.run(30*time.Second, never)
	used := ch.airUsed
	d := a.send(b, 20000, Message)
	w.run(12*time.Second, never)
	a.event(Withdraw{b.id, d}) // its gateway has a better way
	a.core.peers[0].paths[0].current.cancels = nil
	x.sendBody(b.id, a.bodies[d], Message)
	if !w.run(5*time.Minute, func() bool { return x.custody[d] == 1 }) {
		t.Fatalf("not delivered: %+v", x.core.Transfers())
	}
	if b.stored[d] != 1 || !bytes.Equal(b.got[d], x.bodies[d]) {
		t.Errorf("received %d times", b.stored[d])
	}
	if air := (ch.airUsed - used).Seconds() / (82 * sf7(253)).Seconds(); air > 1.1 {
		t.Errorf("air %.2f of what one body takes", air)
	}
	both := w.rng.Uint32()
	body := bytes.Repeat([]byte{byte(both), 2, 3}, 3000)
	d = a.sendBody(b.id, body, Message)
	x.sendBody(b.id, body, Message)
	if !w.run(5*time.Minute, func() bool { return a.custody[d] == 1 && x.custody[d] == 1 }) || b.stored[d] != 1 {
		t.Errorf("sent by both: custody %d and %d, received %d times", a.custody[d], x.custody[d], b.stored[d])
	}
}

// Other media and frame lengths, down to the smallest.
func TestEveryMediumAndFrameLength(t *testing.T) {
	for _, medium := range []Medium{Radio, Serial, Datagram} {
		for _, mtu := range []int{MinMTU, 100, 222, 500, 1400} {
			w := newWorld(t, uint64(mtu))
			ch := w.radio(0.1)
			ch.medium, ch.mtu = medium, mtu
			if medium != Radio {
				ch.mtu = max(mtu, MinMTUOther)
			}
			a, b := w.node("a", ch), w.node("b", ch)
			w.acquaintAll()
			if !w.run(5*time.Minute, met(a, b)) {
				t.Fatalf("%v, %d octets: no session", medium, mtu)
			}
			var ds []Digest
			for _, size := range []int{10, 600, 9000, 20000} {
				ds = append(ds, a.send(b, size, Message))
			}
			if !w.run(time.Hour, delivered(a, b, ds...)) {
				t.Errorf("%v, %d octets: not delivered: %+v", medium, mtu, a.core.Transfers())
			}
		}
	}
}
