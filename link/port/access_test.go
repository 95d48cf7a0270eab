package port

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/link"
	"packhorse/link/access"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// chip is a fakeRadio that leaves its medium access to us.
type chip struct {
	*fakeRadio
	mu      sync.Mutex
	busy    func() bool
	failing error // what Sense answers
	senses  []time.Time
}

func newChip() *chip { return &chip{fakeRadio: newFakeRadio(), busy: func() bool { return false }} }

func (c *chip) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: 255, HalfDuplex: true, QueueDepth: 1}
}

func (c *chip) Sense(ctx context.Context, _ phy.Sensing) (bool, error) {
	c.mu.Lock()
	c.senses = append(c.senses, time.Now())
	err := c.failing
	c.mu.Unlock()
	if err != nil {
		return false, err
	}
	heard := c.busy()
	if err := pause(ctx, 4*c.mod.SymbolTime()); err != nil {
		return false, err
	}
	return heard || c.busy(), nil
}

func (c *chip) listened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.senses)
}

func (c *chip) failSense(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing = err
}

// queueHost has ports that tell what waits.
type queueHost struct {
	*fakeHost
	queue *queue
}

func (h queueHost) Open(up link.PortUp) Handle {
	return queueHandle{h.fakeHost.Open(up), h.queue}
}

type queueHandle struct {
	Handle
	*queue
}

// queue is what a core would have to say: the most urgent is taken first.
type queue struct {
	mu    sync.Mutex
	waits []waiting
	news  chan struct{}
}

type waiting struct {
	class access.Class
	frame string
}

func newQueue() *queue { return &queue{news: make(chan struct{}, 1)} }

func (q *queue) add(class access.Class, frame string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := len(q.waits)
	for at > 0 && q.waits[at-1].class > class {
		at--
	}
	q.waits = append(q.waits[:at], append([]waiting{{class, frame}}, q.waits[at:]...)...)
	select {
	case q.news <- struct{}{}:
	default:
	}
}

func (q *queue) first() (waiting, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waits) == 0 {
		return waiting{}, false
	}
	return q.waits[0], true
}

func (q *queue) Await(ctx context.Context) (access.Class, error) {
	for {
		if w, ok := q.first(); ok {
			return w.class, nil
		}
		select {
		case <-q.news:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (q *queue) Take(context.Context) ([]byte, error) {
	w, ok := q.first()
	if !ok {
		return nil, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits = q.waits[1:]
	return []byte(w.frame), nil
}

// chipBench is a transport over a chip, in a bubble.
type chipBench struct {
	*chip
	*queue
	host *fakeHost
	stop func()
}

func runChip(t *testing.T, rule phy.Rule) chipBench {
	t.Helper()
	b := chipBench{newChip(), newQueue(), newFakeHost(), nil}
	p, err := NewRadio(RadioSpec{Name: "lora0", Modulation: testMod, PowerDBm: 14, Rule: rule,
		Open:  func(context.Context) (radio.Radio, error) { return b.chip, nil },
		Stamp: func() radio.Stamp { return radio.Stamp{Wall: time.Now(), Known: true} },
		Rand:  rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx, queueHost{b.host, b.queue}) }()
	b.stop = func() { cancel(); <-done }
	synctest.Wait()
	return b
}

// said is what was sent, in order.
func (b chipBench) said() string {
	var s []string
	sent, _ := b.frames()
	for _, f := range sent {
		s = append(s, string(f))
	}
	return strings.Join(s, " ")
}

func TestOwnAccessAnnouncesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, noLimit)
		defer b.stop()
		want := access.LoRa(testMod, noLimit, 255).Mean()
		if up := b.host.ups[0]; !up.OwnAccess || up.Access != want {
			t.Errorf("own access %v with a mean wait of %v, want true and %v", up.OwnAccess, up.Access, want)
		}
	})
}

func TestOwnAccessListensAndBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, noLimit)
		defer b.stop()
		b.add(access.Normal, "one")
		b.add(access.Normal, "two")
		time.Sleep(3 * time.Second)
		contended := b.listened()
		if contended < 6 {
			t.Errorf("two accesses took %d listenings, want the guard and a count for each", contended)
		}
		for range 5 {
			b.add(access.Follow, "f")
		}
		time.Sleep(3 * time.Second)
		if got, want := b.said(), "one two f f f f f"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
		_, at := b.frames()
		for i := 3; i < 7; i++ {
			if gap := at[i].Sub(at[i-1]) - testMod.TimeOnAir(2); gap > time.Millisecond {
				t.Errorf("frame %d of the burst came after a gap of %v, want none", i-2, gap)
			}
		}
	})
}

func TestOwnAccessAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, noLimit)
		defer b.stop()
		time.Sleep(time.Second)
		b.in <- radio.Packet{Data: []byte{0x80, 1, 2}, At: time.Now()}
		synctest.Wait()
		b.add(access.Reply, "answer")
		heard := time.Now()
		time.Sleep(time.Second)
		if _, at := b.frames(); len(at) != 1 || at[0].Sub(heard) > time.Millisecond || b.listened() > 0 {
			t.Errorf("the answer went at %v after %d listenings, want at once", at, b.listened())
		}
	})
}

func TestOwnAccessWaitsForAFreeMedium(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, noLimit)
		defer b.stop()
		until := time.Now().Add(2 * time.Second)
		b.busy = func() bool { return time.Now().Before(until) }
		b.add(access.Normal, "bulk")
		time.Sleep(time.Second)
		b.add(access.Emergency, "help")
		time.Sleep(4 * time.Second)
		if got, want := b.said(), "help bulk"; got != want {
			t.Errorf("sent %q, want %q: what is most urgent when the medium is free", got, want)
		}
		_, at := b.frames()
		if late := at[0].Sub(until); late < 0 || late > 300*time.Millisecond {
			t.Errorf("the first left %v after the medium was free", late)
		}
		if n := b.listened(); n > 120 {
			t.Errorf("%d listenings in all, want few while it is busy", n)
		}
	})
}

func TestOwnAccessOutlivesErrorsOfSense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, noLimit)
		defer b.stop()
		b.failSense(passing{})
		b.add(access.Normal, "frame")
		time.Sleep(10 * time.Millisecond)
		b.failSense(nil)
		time.Sleep(2 * time.Second)
		if got := b.said(); got != "frame" || b.host.opened() != 1 {
			t.Errorf("after a passing error: sent %q with %d ports, want the frame with one", got, b.host.opened())
		}
		b.failSense(errors.New("no answer on SPI"))
		b.add(access.Normal, "later")
		time.Sleep(500 * time.Millisecond)
		if v := b.host.last(); v.OK || !strings.Contains(v.Problem, "no answer on SPI") || v.Fix == "" {
			t.Errorf("health: got %+v, want the error", v)
		}
		b.failSense(nil)
		time.Sleep(time.Minute)
		if got := b.said(); got != "frame later" || b.host.opened() < 2 {
			t.Errorf("opened anew %d times, sent %q; want the radio open again and both frames", b.host.opened(), got)
		}
	})
}

func TestOwnAccessAsksTheLawFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runChip(t, onePer)
		defer b.stop()
		for range 200 {
			b.add(access.Normal, strings.Repeat("x", 250))
		}
		time.Sleep(30 * time.Minute)
		sent, listened := b.count(), b.listened()
		time.Sleep(20 * time.Minute)
		if b.count() != sent || b.listened() != listened {
			t.Errorf("with the hour used up: %d frames and %d listenings, want none", b.count()-sent, b.listened()-listened)
		}
	})
}

func TestOwnAccessTellsOfAMediumThatIsNeverFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := noLimit
		rule.Kind = phy.CarrierSense
		b := runChip(t, rule)
		defer b.stop()
		until := time.Now().Add(10 * time.Minute)
		b.busy = func() bool { return time.Now().Before(until) }
		b.add(access.Emergency, "help")
		time.Sleep(9 * time.Minute)
		if v := b.host.last(); b.count() != 0 || v.Problem != stuckProblem || v.Fix != stuckFix {
			t.Errorf("sent %d frames, health %+v; want none and the problem told", b.count(), v)
		}
		time.Sleep(2 * time.Minute)
		if v := b.host.last(); b.count() != 1 || v.Problem != "" {
			t.Errorf("once it is free: sent %d frames, problem %q", b.count(), v.Problem)
		}
	})
}

func TestHandleThatTellsNothingAheadContendsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, host := newChip(), newFakeHost()
		p, err := NewRadio(RadioSpec{Name: "lora0", Modulation: testMod, Rule: noLimit,
			Open: func(context.Context) (radio.Radio, error) { return c, nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx, host) }()
		host.frames <- []byte("frame")
		time.Sleep(time.Second)
		if sent, _ := c.frames(); len(sent) != 1 || c.listened() < 2 {
			t.Errorf("sent %q after %d listenings, want one frame after a contention", sent, c.listened())
		}
		cancel()
		<-done
	})
}

// A radio without ears sends where the law does not ask for them, after it has waited its turn, and nowhere else.
func TestDeafRadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &deafRadio{newFakeRadio()}
		host := newFakeHost()
		b := runDeaf(t, host, noLimit, r)
		host.frames <- []byte("after a while")
		start := time.Now()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		sent, at := r.frames()
		if len(sent) != 1 || at[0].Sub(start) < 100*time.Millisecond {
			t.Errorf("sent %q at %v after %v", sent, at, start)
		}
		b.stop()
		law := noLimit
		law.Kind, law.Sensing = phy.CarrierSense, phy.Sensing{For: 5 * time.Millisecond, BelowDBm: -80}
		host = newFakeHost()
		b = runDeaf(t, host, law, &deafRadio{newFakeRadio()})
		defer b.stop()
		synctest.Wait()
		if v := host.last(); v.OK || !strings.Contains(v.Problem, "heard free") {
			t.Errorf("where the law wants listening: got %+v", v)
		}
		rung := RadioSpec{Modulation: testMod, Rule: noLimit, Ladder: []phy.Setting{{Modulation: testMod, Rule: law}}}
		if _, err := newOwn(r, rung, nil); err == nil {
			t.Error("where the law of a faster setting wants listening: got no error")
		}
	})
}

// runDeaf runs one transport over it.
func runDeaf(t *testing.T, host *fakeHost, rule phy.Rule, r radio.Radio) bench {
	t.Helper()
	p, err := NewRadio(RadioSpec{Name: "lora0", Modulation: testMod, PowerDBm: 14, Rule: rule,
		Open: func(context.Context) (radio.Radio, error) { return r, nil },
		Rand: rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx, host) }()
	return bench{host, func() { cancel(); <-done }}
}

// deafRadio leaves its medium access to us and cannot be asked; it is slow to its carrier.
type deafRadio struct{ *fakeRadio }

func (deafRadio) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: 109, HalfDuplex: true, QueueDepth: 1, Listen: 60 * time.Millisecond, Turn: 100 * time.Millisecond}
}
