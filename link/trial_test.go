package link

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "run this seed of the trials alone, with a trace")
	trials  = flag.Uint64("trials", 600, "seeds of the trials; make test has a suite of its own with 10,000")
)

// trial is a world drawn by its seed: nodes, channels, who hears whom, and what happens to them.
type trial struct {
	*world
	seed   uint64
	failed bool
	log    func(string)
	all    []*keeper
	topo   []*medium
	bodies [][]byte
}

// medium is a channel of a trial.
type medium struct {
	*channel
	apart     map[[2]*station]bool // never hear each other
	cut       map[[2]*station]bool // do not for a while
	loss, dup float64
}

// stopped ends a trial from deep inside it.
type stopped struct{ why string }

// judge is the testing.TB of a trial's world: what fails there ends the trial, not the test, and is told with its seed.
type judge struct{ testing.TB }

func (judge) Fatal(args ...any)                 { panic(stopped{fmt.Sprint(args...)}) }
func (judge) Fatalf(format string, args ...any) { panic(stopped{fmt.Sprintf(format, args...)}) }
func (judge) Errorf(format string, args ...any) { panic(stopped{fmt.Sprintf(format, args...)}) }

func newTrial(t testing.TB, seed uint64, trace bool) *trial {
	tr := &trial{world: newWorld(judge{t}, seed), seed: seed}
	tr.trace = trace
	tr.rng = rand.New(rand.NewPCG(seed, 99))
	tr.log = func(s string) {
		t.Errorf("seed %d: %s\nreplay: go test ./link -run=Trials -seed=%d", seed, s, seed)
	}
	tr.watch = func(n *node) { witnessed(n.core, tr.fault) }
	return tr
}

func (tr *trial) fault(format string, args ...any) {
	if !tr.failed {
		tr.log(fmt.Sprintf("%.3f ", tr.now.Sub(epoch).Seconds()) + fmt.Sprintf(format, args...))
	}
	tr.failed = true
}

// chance is true once in n times.
func (tr *trial) chance(n int) bool { return tr.rng.IntN(n) == 0 }

func (tr *trial) pick() *keeper { return tr.all[tr.rng.IntN(len(tr.all))] }

// build draws the topology.
func (tr *trial) build() {
	for i := range 2 + min(tr.rng.IntN(4), tr.rng.IntN(4)) {
		n := tr.node(string(rune('a' + i)))
		n.latency = []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 2 * time.Second}[tr.rng.IntN(3)]
		tr.all = append(tr.all, newKeeper(n, tr.fault))
	}
	for range 1 + tr.rng.IntN(2) {
		tr.addRadio()
	}
	for tr.chance(3) {
		tr.addWire()
	}
	tr.acquaintAll()
}

func (tr *trial) addRadio() {
	ch := tr.radio(0)
	slow := []time.Duration{1, 1, 8}[tr.rng.IntN(3)]
	ch.airtime = func(n int) time.Duration { return slow * sf7(n) }
	ch.access = slow * time.Duration(20+tr.rng.IntN(200)) * time.Millisecond
	ch.mute, ch.mtu = tr.chance(6), []int{254, 254, 222, 100, MinMTU}[tr.rng.IntN(5)]
	tr.drawRates(ch)
	if ch.mtu == 254 && tr.chance(2) {
		ch.rates = tr.rates(ch)
		ch.tuneFails = func() bool { return tr.chance(10) }
	}
	m := tr.medium(ch, []float64{0, 0, 0.1, 0.3}[tr.rng.IntN(4)])
	for _, k := range tr.all {
		if !tr.chance(8) || len(tr.all) == 2 {
			k.n.join(ch)
		}
	}
	for i, x := range ch.stations {
		for _, y := range ch.stations[:i] {
			m.apart[[2]*station{x, y}] = len(tr.all) > 2 && tr.chance(6)
		}
	}
}

// rates are faster settings; the last needs more SNR than there is.
func (tr *trial) rates(ch *channel) (all []Rate) {
	for i, needs := range []float64{-15, -10, 12} {
		quick := func(n int) time.Duration { return ch.airtime(n) / time.Duration(2<<i) }
		all = append(all, Rate{Name: fmt.Sprint("times ", 2<<i), Code: [6]byte{1, byte(i)}, MTU: ch.mtu, Airtime: quick, Access: ch.access, NeedsSNRdB: needs})
	}
	return all
}

func (tr *trial) addWire() {
	x, y := tr.pick(), tr.pick()
	if x == y {
		return
	}
	ch := tr.datagram(0)
	tr.medium(ch, []float64{0, 0, 0.02}[tr.rng.IntN(3)])
	x.n.join(ch)
	s := y.n.join(ch)
	if tr.chance(2) {
		x.n.up(ch.stations[0])
		y.n.up(s)
	}
}

func (tr *trial) medium(ch *channel, loss float64) *medium {
	m := &medium{channel: ch, loss: loss, apart: map[[2]*station]bool{}, cut: map[[2]*station]bool{}}
	ch.copies = func(from, to *station) int {
		// drawn always, so that who hears whom does not move the fate of others
		lost, twice := tr.rng.Float64() < m.loss, tr.rng.Float64() < m.dup
		pairs := [2][2]*station{{from, to}, {to, from}}
		switch {
		case m.apart[pairs[0]], m.apart[pairs[1]], m.cut[pairs[0]], m.cut[pairs[1]], lost:
			return 0
		case twice:
			return 2
		}
		return 1
	}
	tr.topo = append(tr.topo, m)
	return m
}

// reachable reports whether two nodes share a channel on which they hear each other.
func (tr *trial) reachable(x, y *node) bool {
	for _, m := range tr.topo {
		for _, s := range m.stations {
			for _, o := range m.stations {
				if s.node == x && o.node == y && !m.apart[[2]*station{s, o}] && !m.apart[[2]*station{o, s}] {
					return true
				}
			}
		}
	}
	return false
}

// send wants a body brought from one to another: a new one, or one that another holds too.
func (tr *trial) send() {
	from, to := tr.pick(), tr.pick()
	if from == to {
		return
	}
	known := len(tr.bodies)
	body := tr.body()
	d := DigestOf(1, body)
	if len(tr.bodies) > known && tr.chance(12) {
		to.turns[d] = []Reason{ReasonUnauthorised, ReasonMalformed, ReasonLoop}[tr.rng.IntN(3)]
	}
	pri := Priority(tr.rng.IntN(3))
	from.want(to, body, pri, tr.chance(8))
	if tr.chance(3) {
		for _, k := range tr.all { // several neighbours at once
			if k != from && k.disk[d] == nil {
				from.want(k, body, pri, false)
			}
		}
	}
}

func (tr *trial) body() []byte {
	if len(tr.bodies) > 0 && tr.chance(4) {
		return tr.bodies[tr.rng.IntN(len(tr.bodies))]
	}
	size := []int{1, 30, 120, 226, 240, 600, 1200, 1900, 2400, 4000, 8000}[tr.rng.IntN(11)] + tr.rng.IntN(16)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(tr.rng.Uint32())
	}
	tr.bodies = append(tr.bodies, b)
	return b
}

// happen does one thing to the world.
func (tr *trial) happen() {
	k := tr.pick()
	m := tr.topo[tr.rng.IntN(len(tr.topo))]
	what := tr.rng.IntN(16)
	if tr.trace {
		fmt.Printf("%8.3f happens %d to %s\n", tr.now.Sub(epoch).Seconds(), what, k.n.name)
	}
	switch what {
	case 0, 1, 2, 3, 4:
		tr.send()
	case 5:
		k.restart()
	case 6:
		if len(k.wants) > 0 {
			k.withdraw(k.wants[tr.rng.IntN(len(k.wants))])
		}
	case 7:
		m.loss = tr.rng.Float64() * 0.7
	case 8:
		m.dup = 0.3
	case 9, 10:
		tr.cutOff(m)
	case 11:
		tr.flap(k)
	case 12:
		tr.wearOut(k)
	case 13:
		tr.block(k)
	case 14:
		tr.loseBody(k)
	case 15:
		tr.expel(k)
	}
}

func (tr *trial) cutOff(m *medium) {
	for i, x := range m.stations {
		for _, y := range m.stations[:i] {
			m.cut[[2]*station{x, y}] = tr.chance(2)
		}
	}
}

// flap takes a port down, or up once more.
func (tr *trial) flap(k *keeper) {
	if len(k.n.stations) == 0 {
		return
	}
	s := k.n.stations[tr.rng.IntN(len(k.n.stations))]
	if s.frame = nil; tr.chance(2) {
		k.n.event(PortDown{s.port})
	} else {
		k.n.up(s)
	}
}

// wearOut makes a node's sessions old.
func (tr *trial) wearOut(k *keeper) {
	for _, p := range k.n.core.peers {
		for _, pa := range p.paths {
			if pa.current != nil {
				pa.current.since = tr.now.Add(-rekeyAge)
			}
		}
	}
}

// block stops a port for a while, as the law does.
func (tr *trial) block(k *keeper) {
	if len(k.n.stations) == 0 {
		return
	}
	s := k.n.stations[tr.rng.IntN(len(k.n.stations))]
	s.held = tr.now.Add(time.Duration(1+tr.rng.IntN(20*60)) * time.Second)
	k.n.event(PortBudget{Port: s.port, Left: 0, PerHour: 36 * time.Second})
	k.n.event(PortClear{s.port, s.held})
}

// loseBody is a disk that has lost a body.
func (tr *trial) loseBody(k *keeper) {
	if len(k.wants) > 0 {
		w := k.wants[tr.rng.IntN(len(k.wants))]
		delete(k.n.bodies, w.item.Digest)
		if tr.chance(2) {
			k.lost(w.item.Digest)
			k.n.event(Loaded{Digest: w.item.Digest})
		}
	}
}

// expel removes a member and takes it back.
func (tr *trial) expel(k *keeper) {
	o := tr.pick()
	if o == k {
		return
	}
	k.n.event(RemoveMember{o.n.id})
	tr.run(time.Duration(tr.rng.IntN(5000))*time.Millisecond, never)
	tr.acquaint(k.n)
}

// mend makes every channel whole.
func (tr *trial) mend() {
	for _, m := range tr.topo {
		m.loss, m.dup, m.cut, m.tuneFails = min(m.loss, 0.1), 0, map[[2]*station]bool{}, nil
		for _, s := range m.stations {
			if s.held = (time.Time{}); s.node.core.port(s.port) == nil {
				s.frame = nil
				s.node.up(s)
			}
			s.node.event(PortBudget{Port: s.port})
			s.node.event(PortClear{s.port, tr.now})
		}
	}
}

// settled reports whether nothing is left to do.
func (tr *trial) settled() bool { return tr.left() == nil }

// left is a want that can be fulfilled and is not.
func (tr *trial) left() *want {
	for _, k := range tr.all {
		for _, w := range k.wants {
			if w.state != ended && tr.reachable(k.n, w.to.n) {
				return w
			}
		}
	}
	return nil
}

// patience is how long all that waits may take on whole channels: some of the longest pauses between beacons to
// find each other and for retries, and the airtime of it all, each one alone on the slowest channel.
func (tr *trial) patience() time.Duration {
	var pause, airtime time.Duration
	for _, m := range tr.topo {
		for _, s := range m.stations {
			if p := s.node.core.port(s.port); p != nil {
				pause = max(pause, p.beacon.slowest)
			}
		}
		full := m.airtime(m.mtu) + m.access
		var sum time.Duration
		for _, k := range tr.all {
			for _, w := range k.wants {
				if w.state != ended {
					sum += time.Duration(w.item.Size/(m.mtu-wireSpare)+8) * full
				}
			}
		}
		airtime = max(airtime, sum)
	}
	return patientPauses*pause + 3*airtime
}

const (
	wireSpare     = 40 // of a frame, for headers and symbols that do not fit
	patientPauses = 4
)

// play is the whole trial; it answers how much of its patience was needed.
func (tr *trial) play() (used float64) {
	defer func() {
		if s, ok := recover().(stopped); ok {
			tr.fault("%s", s.why)
		}
	}()
	tr.build()
	tr.run(time.Duration(tr.rng.IntN(60))*time.Second, never)
	for range 4 + tr.rng.IntN(16) {
		tr.send()
		tr.happen()
		tr.run(time.Duration(tr.rng.IntN(12_000))*time.Millisecond, never)
	}
	tr.mend()
	start, patience := tr.now, tr.patience()
	if !tr.run(patience, tr.settled) {
		w := tr.left()
		tr.fault("no rest after %v: %v for %s, %d octets, is left: %+v", patience, w.item.Digest, w.to.n.name, w.item.Size, tr.transfers())
	}
	took := tr.now.Sub(start)
	tr.run(time.Hour, tr.home) // a modem that refused many times in a row is asked ever more rarely
	tr.run(3*prevLinger, never)
	for _, k := range tr.all {
		tr.atRest(k)
	}
	return took.Seconds() / patience.Seconds()
}

// home reports whether every port is on the common setting.
func (tr *trial) home() bool {
	for _, n := range tr.nodes {
		if slices.ContainsFunc(n.core.ports, func(p *port) bool { return !p.home() }) {
			return false
		}
	}
	return true
}

func (tr *trial) transfers() string {
	s := ""
	for _, k := range tr.all {
		s += fmt.Sprintf("\n%s: %+v %+v", k.n.name, k.n.core.Transfers(), k.n.core.Peers())
	}
	return s
}

// mostOf bounds every table of a core in a trial, which none of its few nodes can fill.
const mostOf = 4096

// atRest checks that nothing stays behind.
func (tr *trial) atRest(k *keeper) {
	c := k.n.core
	if err := accounts(c); err != nil {
		tr.fault("%s: %v", k.n.name, err)
	}
	sizes(c, func(path string, n int) {
		if n > mostOf {
			tr.fault("%s: %d of %s", k.n.name, n, path)
		}
	})
	for _, p := range c.peers {
		for _, o := range p.outs {
			if w := k.find(p.id, o.item.Digest); w == nil || w.state == ended {
				tr.fault("%s still sends %v", k.n.name, o.item.Digest)
			}
		}
	}
	for _, p := range c.ports {
		if !p.home() {
			tr.fault("%s: port %d is on setting %d, tuning %v", k.n.name, p.id, p.rate, p.tuning)
		}
	}
	for d := range c.bodies {
		if !tr.waits(k, d) {
			tr.fault("%s still holds the body %v", k.n.name, d)
		}
	}
	for _, re := range c.order {
		if _, turned := k.turns[re.item.Digest]; !turned && tr.finished(k, re.item.Digest) {
			tr.fault("%s still keeps a place for %v, storing %v, %d streams", k.n.name, re.item.Digest, re.storing, len(re.streams))
		}
	}
	for d := range k.n.partial {
		if tr.finished(k, d) {
			tr.fault("%s still has %v in part on disk", k.n.name, d)
		}
	}
}

// waits reports whether a node has reason to hold a body that it sends.
func (tr *trial) waits(k *keeper, d Digest) bool {
	for _, w := range k.wants {
		if w.item.Digest == d && w.state == submitted {
			return true
		}
	}
	return false
}

// finished reports whether everybody who brought a body to a node knows that it is there. Who
// withdrew it may have left a part.
func (tr *trial) finished(to *keeper, d Digest) bool {
	for _, k := range tr.all {
		for _, w := range k.wants {
			if w.to == to && w.item.Digest == d && (w.state != ended || w.gone) {
				return false
			}
		}
	}
	return true
}

// TestTrials plays many small worlds. A failure names its seed.
func TestTrials(t *testing.T) {
	if *oneSeed != 0 {
		t.Logf("used %.2f of the patience", newTrial(t, *oneSeed, true).play())
		return
	}
	each(t, fewer(*trials), func(t *testing.T, seed uint64) float64 { return newTrial(t, seed, false).play() })
}

// each plays the seeds from 1 to n on all processors, and tells the one that took most of its patience.
func each(t *testing.T, n uint64, play func(t *testing.T, seed uint64) float64) {
	var next atomic.Uint64
	for range runtime.GOMAXPROCS(0) {
		t.Run("worker", func(t *testing.T) {
			t.Parallel()
			worst, seed := 0.0, uint64(0)
			for i := next.Add(1); i <= n; i = next.Add(1) {
				if used := play(t, i); used > worst {
					worst, seed = used, i
				}
			}
			t.Logf("worst: %.2f of the patience, seed %d", worst, seed)
		})
	}
}

// A port that was said to be blocked for long and is not holds no question back.
func TestABlockLiftedEarlyLetsQuestionsGoOn(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	ch.down = true
	d := a.send(b, 2500, Message)
	w.run(time.Second, never)
	a.event(PortClear{1, w.now.Add(time.Hour)})
	a.core.ports[0].handed++ // something left since
	ch.down = false
	a.event(PortClear{1, w.now})
	if !w.run(time.Minute, delivered(a, b, d)) {
		t.Errorf("not delivered a minute after the block was lifted: %+v", a.core.Transfers())
	}
}

// A body that is pushed to one neighbour and offered to another goes to each alone: push and invitation together would
// not fit the smallest frame, and an empty one would be sent for ever.
func TestNoGroupForWhatIsPushed(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	ch.mtu = MinMTU
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.run(2*time.Minute, func() bool { return met(a, b)() && met(a, x)() })
	w.run(30*time.Second, never)
	body := bytes.Repeat([]byte{7}, 37)
	it := Item{Digest: DigestOf(1, body), Kind: 1, Size: len(body), Lifetime: time.Hour}
	a.bodies[it.Digest] = body
	used := ch.octets
	for _, to := range []*node{b, x} {
		it.Ask = to == b
		a.core.HandleEvent(w.now, Submit{to.id, it})
	}
	a.drain()
	if !w.run(20*time.Second, func() bool { return a.custody[it.Digest] == 2 }) || ch.octets-used > 600 {
		t.Errorf("custody %d times with %d octets on the air, want 2: %+v", a.custody[it.Digest], ch.octets-used, a.core.Transfers())
	}
}
