package access

import (
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/radio/phy"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sf7   = phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
)

func config(seed uint64) Config {
	c := LoRa(sf7, phy.Rule{}, 255)
	c.Rand = rand.New(rand.NewPCG(seed, 1))
	return c
}

// owner runs a machine as a port does, on a medium that busy describes.
type owner struct {
	t      *testing.T
	m      *Machine
	cfg    Config
	now    time.Time
	busy   func(time.Time) bool
	senses int
}

func newOwner(t *testing.T, cfg Config, busy func(time.Time) bool) *owner {
	return &owner{t: t, m: New(epoch, cfg), cfg: cfg, now: epoch, busy: busy}
}

func never(time.Time) bool  { return false }
func always(time.Time) bool { return true }

// get waits for the medium, at most for limit, and tells how long that took.
func (o *owner) get(class Class, limit time.Duration) (time.Duration, bool) {
	o.t.Helper()
	start := o.now
	o.m.Want(o.now, class)
	for o.now.Sub(start) < limit {
		do, at := o.m.Next(o.now)
		switch do {
		case Send:
			return o.now.Sub(start), true
		case Wait:
			if !at.After(o.now) {
				o.t.Fatalf("told to wait until %v, which has passed at %v", at, o.now)
			}
			o.now = at
		case Sense:
			from := o.now
			o.now = o.now.Add(o.cfg.Sense)
			o.senses++
			o.m.Sensed(from, o.now, o.busy(from) || o.busy(o.now))
		default:
			o.t.Fatalf("nothing to do while a frame waits")
		}
	}
	return limit, false
}

// send is a frame of an airtime on the air.
func (o *owner) send(air time.Duration) {
	from := o.now.Add(o.cfg.Turn)
	o.now = from.Add(air)
	o.m.Sent(from, o.now)
}

// hears is a frame of others that ends now.
func (o *owner) hears(data bool) { o.m.Heard(o.now, o.now, data) }

func TestGapsRankTheClasses(t *testing.T) {
	cfg := config(1)
	slot := cfg.Sense + cfg.Turn
	for _, tt := range []struct {
		name        string
		class       Class
		least, most time.Duration
	}{
		{"an answer", Reply, 0, 0},
		{"an emergency", Emergency, cfg.Turn + guardSlots*slot - cfg.Turn, 3*cfg.Turn + 6*slot},
		{"a message", Normal, cfg.Turn + guardSlots*slot - cfg.Turn, 3*cfg.Turn + 20*slot},
	} {
		for seed := range uint64(100) {
			o := newOwner(t, config(seed), never)
			o.now = o.now.Add(time.Second)
			o.hears(false)
			if got, ok := o.get(tt.class, time.Second); !ok || got < tt.least || got > tt.most {
				t.Fatalf("seed %d: %s waits %v, want %v to %v", seed, tt.name, got, tt.least, tt.most)
			}
		}
	}
}

func TestBurstGoesOnWithoutContention(t *testing.T) {
	cfg := config(1)
	cfg.Burst = 3 * time.Second
	o := newOwner(t, cfg, never)
	o.get(Normal, time.Second)
	o.send(cfg.Longest)
	followed := 0
	for {
		if wait, ok := o.get(Follow, time.Second); !ok || wait > 0 {
			break
		}
		o.send(cfg.Longest)
		followed++
	}
	if want := int(cfg.Burst/(cfg.Longest+cfg.Turn)) - 1; followed != want {
		t.Errorf("%d frames followed the first in a burst of %v, want %d", followed, cfg.Burst, want)
	}
}

func TestALateFrameContends(t *testing.T) {
	for _, class := range []Class{Follow, Reply} {
		o := newOwner(t, config(1), never)
		o.get(Normal, time.Second)
		o.send(o.cfg.Longest)
		if o.now = o.now.Add(time.Millisecond); class == Reply {
			o.hears(false)
		}
		o.now = o.now.Add(20 * time.Millisecond)
		if wait, _ := o.get(class, time.Second); wait < o.cfg.Sense {
			t.Errorf("class %d went after %v, 20 ms late: want it to listen", class, wait)
		}
	}
}

// An answer that no frame of others came before has no gap to keep.
func TestAnAnswerBehindOurOwnFrameContends(t *testing.T) {
	o := newOwner(t, config(1), never)
	o.get(Normal, time.Second)
	o.send(o.cfg.Longest)
	if wait, _ := o.get(Reply, time.Second); wait < o.cfg.Sense {
		t.Errorf("it went after %v, want it to listen", wait)
	}
}

// After its bursts a station waits for slower ones as long as that is of use: until nobody took several gaps in a row.
func TestYieldsThatNobodyTakesEnd(t *testing.T) {
	o := newOwner(t, config(2), never)
	yields := func() (n int) {
		for range 3 * fruitless {
			if wait, _ := o.get(Normal, time.Minute); wait >= o.cfg.Yield {
				n++
			}
			o.send(o.cfg.Longest)
		}
		return n
	}
	if n := yields(); n != 0 {
		t.Errorf("%d yields though nobody else was heard, want none", n)
	}
	for range 2 {
		o.hears(true)
		if n := yields(); n != fruitless+1 {
			t.Errorf("%d yields after data of others, want %d", n, fruitless+1)
		}
	}
}

func TestCountIsFrozenWhileTheMediumIsBusy(t *testing.T) {
	cfg := config(3)
	free := newOwner(t, cfg, never)
	want, _ := free.get(Normal, time.Minute)
	from, to := epoch.Add(want-cfg.Sense-2*time.Millisecond), epoch.Add(want+time.Second)
	o := newOwner(t, config(3), func(at time.Time) bool { return !at.Before(from) && at.Before(to) })
	got, ok := o.get(Normal, time.Minute)
	// Near the end of its count it has to hear the guard and one slot again, after it found the end.
	most := to.Sub(epoch) + cfg.Longest/8 + (guardSlots+2)*(cfg.Sense+cfg.Turn)
	if !ok || got < to.Sub(epoch) || got > most {
		t.Errorf("went after %v, want %v to %v", got, to.Sub(epoch), most)
	}
	if most := 25 + int(time.Second/(cfg.Longest/8)); o.senses > most {
		t.Errorf("listened %d times, want at most %d", o.senses, most)
	}
}

func TestHeardFrameEndsTheWaitForIt(t *testing.T) {
	o := newOwner(t, config(4), always)
	o.get(Normal, 300*time.Millisecond)
	o.busy = never
	o.hears(true)
	if got, ok := o.get(Normal, time.Second); !ok || got > 20*(o.cfg.Sense+o.cfg.Turn) {
		t.Errorf("went %v after the frame that kept it, %v: want one access", got, ok)
	}
}

func TestWindowFollowsContention(t *testing.T) {
	window := func(interruptions int) float64 {
		o := newOwner(t, config(5), never)
		for range 60 {
			o.get(Normal, time.Minute)
			for range interruptions {
				o.m.interrupted()
			}
			o.send(o.cfg.Longest)
		}
		return o.m.window
	}
	alone, crowded := window(0), window(6)
	if aim := New(epoch, config(1)).aim(); alone < aim || alone > 6*aim {
		t.Errorf("alone the window is %.0f slots, want about twice %.0f", alone, aim)
	}
	if crowded < 2*alone {
		t.Errorf("the window is %.0f slots in a crowd and %.0f alone, want it to grow", crowded, alone)
	}
}

func TestLawListensBeforeEveryFrame(t *testing.T) {
	cfg := config(6)
	cfg.Listen, cfg.Rest = true, 50*time.Millisecond
	o := newOwner(t, cfg, never)
	o.get(Normal, time.Second)
	for range 5 {
		o.send(cfg.Longest)
		o.senses = 0
		wait, ok := o.get(Follow, time.Second)
		if !ok || o.senses == 0 || wait < cfg.Rest {
			t.Fatalf("went %v after its frame with %d listenings, want %v and one at least", wait, o.senses, cfg.Rest)
		}
	}
}

func TestMediumThatIsNeverFree(t *testing.T) {
	cfg := config(7)
	o := newOwner(t, cfg, always)
	wait, ok := o.get(Normal, time.Hour)
	if p := o.m.patience(); !ok || wait < p || wait > p+10*time.Second {
		t.Fatalf("went after %v, %v; want a little more than %v", wait, ok, p)
	}
	o.send(cfg.Longest)
	if wait, ok := o.get(Normal, time.Hour); !ok || wait > 10*time.Second {
		t.Errorf("while it is bold it waits %v, want one access", wait)
	}
	cfg.Listen = true
	o = newOwner(t, cfg, always)
	if _, ok := o.get(Normal, time.Hour); ok || !o.m.Stuck(o.now) {
		t.Errorf("sent %v, stuck %v: where the law wants it free it never goes, and tells", ok, o.m.Stuck(o.now))
	}
}

func TestBoldnessEnds(t *testing.T) {
	o := newOwner(t, config(8), always)
	var sending, silent time.Duration
	for o.now.Sub(epoch) < time.Hour {
		if wait, _ := o.get(Normal, time.Minute); wait > 2*time.Second {
			silent += wait
		}
		o.send(o.cfg.Longest)
		sending += o.cfg.Longest
	}
	if sending < 20*time.Minute || silent < 20*time.Minute {
		t.Errorf("in an hour of a busy medium it was silent for %v and sent for %v, want about half and half", silent, sending)
	}
}

// TestAnyOrderOfCalls drives a machine at random: it never asks for a time that has passed, and whatever
// has happened it gets the medium once that is free.
func TestAnyOrderOfCalls(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		cfg := config(seed)
		cfg.Listen = seed%5 == 0
		o := newOwner(t, cfg, nil)
		for range 50 {
			o.now = o.now.Add(time.Duration(r.Int64N(int64(time.Second))))
			class := Class(r.IntN(4))
			switch r.IntN(5) {
			case 0:
				o.hears(r.IntN(2) == 0)
			case 1:
				o.m.Forget(o.now)
			case 2:
				o.m.Sensed(o.now, o.now.Add(cfg.Sense), r.IntN(2) == 0)
			default:
				o.busy = func(time.Time) bool { return r.IntN(3) == 0 }
				if _, ok := o.get(class, time.Second); ok {
					o.send(time.Duration(1 + r.Int64N(int64(cfg.Longest))))
				}
			}
		}
		o.busy = never
		most := cfg.Yield + (guardSlots+widest+2)*(cfg.Sense+cfg.Turn)
		if wait, ok := o.get(Normal, time.Minute); !ok || wait > most {
			t.Fatalf("seed %d: went after %v, %v; want %v at most", seed, wait, ok, most)
		}
	}
}

// What a station sent before it restarted or changed its setting is not known, so it rests as if it had just sent.
func TestRestComesFirst(t *testing.T) {
	boot := time.Unix(1000, 0)
	m := New(boot, Config{Sense: 5 * time.Millisecond, Turn: time.Millisecond, Longest: time.Second, Listen: true, Rest: 50 * time.Millisecond, Rand: rand.New(rand.NewPCG(1, 1))})
	m.Want(boot, Emergency)
	if do, at := m.Next(boot); do != Wait || !at.Equal(boot.Add(50*time.Millisecond)) {
		t.Errorf("got %v until %v, want to rest for 50 ms", do, at.Sub(boot))
	}
}

func TestTheLawShortensTheLongestFrame(t *testing.T) {
	if got := LoRa(sf7, phy.Rule{MaxTransmit: 300 * time.Millisecond}, 255).Longest; got != 300*time.Millisecond {
		t.Errorf("got %v, want no more than 300ms", got)
	}
}
