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

	"packhorse/link/access"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// ear is a radio chip that remembers when it heard what, on a channel where others talk at random.
type ear struct {
	*fakeRadio
	mu      sync.Mutex
	rng     *rand.Rand
	free    []time.Time // ends of listenings that heard nothing,
	heard   []time.Duration
	law     []phy.Sensing // and what was asked
	begins  []time.Time
	ends    []time.Time
	early   bool // says free at once, without having listened
	carrier time.Duration
}

func (e *ear) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: 255, HalfDuplex: true, QueueDepth: 1, Reconfigurable: true, ReportsSNR: true}
}

func (e *ear) Sense(ctx context.Context, law phy.Sensing) (bool, error) {
	e.mu.Lock()
	busy, took := e.rng.IntN(3) == 0, max(law.For, 4*e.mod.SymbolTime())
	if e.law = append(e.law, law); e.early {
		busy, took = false, law.For-time.Microsecond
	}
	e.mu.Unlock()
	if err := pause(ctx, took); err != nil {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !busy {
		e.free, e.heard = append(e.free, time.Now()), append(e.heard, took)
	}
	return busy, nil
}

func (e *ear) Transmit(ctx context.Context, frame []byte) error {
	e.mu.Lock()
	e.begins = append(e.begins, time.Now())
	e.mu.Unlock()
	err := pause(ctx, e.mod.TimeOnAir(len(frame)))
	e.mu.Lock()
	e.ends = append(e.ends, time.Now())
	e.mu.Unlock()
	return err
}

func (e *ear) OnAir() time.Duration { return e.carrier }

// listener runs a transport over an ear in a region.
func listener(t *testing.T, name string, hz uint32, seed uint64) (*ear, chipBench) {
	t.Helper()
	m := phy.Modulation{FrequencyHz: hz, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
	g, err := phy.LookupRegion(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Rule(m, phy.Power{ConductedDBm: 5, AntennaDBi: phy.DipoleDBi})
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{fakeRadio: newFakeRadio(), rng: rand.New(rand.NewPCG(seed, 1))}
	b := chipBench{newChip(), newQueue(), newFakeHost(), nil}
	p, err := NewRadio(RadioSpec{Name: "lora0", Modulation: m, PowerDBm: 5, Rule: r, Rand: rand.New(rand.NewPCG(seed, 2)),
		Open:  func(context.Context) (radio.Radio, error) { return e, nil },
		Stamp: func() radio.Stamp { return radio.Stamp{Wall: time.Now(), Known: true} }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx, queueHost{b.host, b.queue}) }()
	b.stop = func() { cancel(); <-done }
	synctest.Wait()
	return e, b
}

// seen is the last health with a problem that says this.
func (h *fakeHost) seen(says string) (found Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.health {
		if strings.Contains(v.Problem, says) {
			found = v
		}
	}
	return found
}

// judge looks at all that was sent since boot: after enough listening, after enough rest, and not for too long.
func (e *ear) judge(t *testing.T, boot time.Time, listen, rest, longest time.Duration) {
	t.Helper()
	last := boot
	for i, at := range e.begins {
		if gap := at.Sub(last); gap < rest {
			t.Errorf("frame %d: %v after the last one, want %v of silence", i, gap, rest)
		}
		ok := false
		for j, free := range e.free {
			ok = ok || !free.After(at) && at.Sub(free) <= 10*time.Millisecond && free.Add(-e.heard[j]).Sub(last) >= 0 && e.heard[j] >= listen
		}
		if !ok {
			t.Errorf("frame %d at %v: the channel was not heard free for %v just before", i, at, listen)
		}
		if i < len(e.ends) {
			last = e.ends[i]
			if took := last.Sub(at); took > longest {
				t.Errorf("frame %d took %v, want at most %v", i, took, longest)
			}
		}
	}
	for _, law := range e.law {
		if law.For != listen || law.Rest != rest {
			t.Errorf("asked to listen for %+v, want %v", law, listen)
		}
	}
}

// In Japan and Korea nothing leaves that was not listened for, be it bulk, bursts, answers or emergencies.
func TestEveryFrameIsListenedForWhereTheLawWantsIt(t *testing.T) {
	for _, c := range []struct {
		region  string
		hz      uint32
		listen  time.Duration
		rest    time.Duration
		longest time.Duration
	}{
		{"JP920", 921_000_000, 5 * time.Millisecond, 50 * time.Millisecond, 4 * time.Second},
		{"JP920", 925_000_000, 5 * time.Millisecond, 2 * time.Millisecond, 400 * time.Millisecond},
		{"KR920", 923_100_000, 5 * time.Millisecond, 50 * time.Millisecond, 4 * time.Second},
	} {
		for seed := range uint64(4) {
			synctest.Test(t, func(t *testing.T) {
				boot := time.Now()
				e, b := listener(t, c.region, c.hz, seed)
				defer b.stop()
				mtu, rng := b.host.ups[0].MTU, rand.New(rand.NewPCG(seed, 3))
				for range 60 {
					for range 1 + rng.IntN(4) {
						b.add(access.Class(rng.IntN(4)), strings.Repeat("x", 1+rng.IntN(mtu)))
					}
					if rng.IntN(3) == 0 {
						e.in <- radio.Packet{Data: []byte{0x80, 1}, At: time.Now()}
					}
					time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Second))))
				}
				time.Sleep(time.Minute)
				e.mu.Lock()
				defer e.mu.Unlock()
				if len(e.begins) < 15 {
					t.Errorf("%s: only %d frames left: %+v", c.region, len(e.begins), b.host.last())
				}
				e.judge(t, boot, c.listen, c.rest, c.longest)
			})
		}
	}
}

func TestARadioThatDoesNotListenLongEnoughSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, b := listener(t, "JP920", 921_000_000, 1)
		e.mu.Lock()
		e.early = true
		e.mu.Unlock()
		b.add(access.Normal, "x")
		time.Sleep(20 * time.Second)
		b.stop()
		if v := b.host.seen("listened for"); len(e.begins) > 0 || v.Problem == "" {
			t.Errorf("%d frames left with problem %q, want none and the reason", len(e.begins), v.Problem)
		}
	})
}

// A ladder's setting has a law of its own.
func TestEachSettingIsListenedForByItsOwnLaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := testMod, testMod
		fast.SpreadingFactor--
		law := func(rest time.Duration) phy.Rule {
			return phy.Rule{Region: "JP920", Kind: phy.CarrierSense, Sensing: phy.Sensing{For: 5 * time.Millisecond, Rest: rest}}
		}
		e := &ear{fakeRadio: newFakeRadio(), rng: rand.New(rand.NewPCG(1, 1))}
		o, err := newOwn(e, RadioSpec{Modulation: slow, Rule: law(50 * time.Millisecond), Ladder: []phy.Setting{{Modulation: fast, Rule: law(2 * time.Millisecond)}}}, func(bool) {})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range []struct {
			m    phy.Modulation
			rest time.Duration
		}{{slow, 50 * time.Millisecond}, {fast, 2 * time.Millisecond}, {slow, 50 * time.Millisecond}} {
			if err := o.Configure(t.Context(), c.m, 5); err != nil {
				t.Fatal(err)
			}
			if _, err := o.listen(t.Context()); err != nil || e.law[i].Rest != c.rest {
				t.Errorf("%v: listened by %+v (%v), want a rest of %v", c.m, e.law[i], err, c.rest)
			}
		}
	})
}

func TestAModemThatDecidesForItselfIsRefusedWhereTheLawWantsListening(t *testing.T) {
	rule := phy.Rule{Region: "JP920", LowHz: 920_500_000, HighHz: 922_300_000, Kind: phy.CarrierSense, Sensing: phy.Sensing{For: 5 * time.Millisecond}}
	hops := phy.Rule{Region: "US915", LowHz: 902_000_000, HighHz: 928_000_000, Kind: phy.Dwell, Hopping: phy.Hopping{Channels: 50}}
	tenth := phy.Rule{Region: "EU868", LowHz: 869_400_000, HighHz: 869_650_000, Kind: phy.DutyCycle, DutyPPM: 100_000}
	for _, c := range []struct {
		rule phy.Rule
		says string
		own  uint32
	}{{rule, "5ms heard free", 0}, {hops, "hops over 50 channels", 0}, {tenth, "up to 10.1 %, which no ledger", 101_000}} {
		synctest.Test(t, func(t *testing.T) {
			modem, host := newFakeRadio(), newFakeHost()
			modem.ownDuty = c.own
			b := run(t, host, c.rule, func() (*fakeRadio, error) { return modem, nil })
			time.Sleep(time.Minute)
			b.stop()
			if v := host.seen(c.says); len(host.ups) > 0 || !strings.Contains(v.Problem, c.says) || v.Fix == "" || v.Fix == radioFix {
				t.Errorf("%d ports, problem %q, fix %q: want none, and %q", len(host.ups), v.Problem, v.Fix, c.says)
			}
		})
	}
}

// What sends by itself is let where its own limit is the law's, and where the law has none.
func TestAModemThatKeepsTheDutyCycleByItselfIsLet(t *testing.T) {
	for name, c := range map[string]struct{ law, own uint32 }{"the law's own": {100_000, 100_000}, "no limit": {0, 1_000_000}, "sends what it is given": {1_000, 0}} {
		port := &Radio{settings: []phy.Setting{{Rule: phy.Rule{Region: "EU868", DutyPPM: c.law}}}}
		if err := port.able(radio.Capabilities{OwnMediumAccess: true, OwnDutyPPM: c.own}); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAClosedBandMakesNoTransport(t *testing.T) {
	spec := RadioSpec{Name: "lora0", Modulation: testMod, Open: func(context.Context) (radio.Radio, error) { return newFakeRadio(), nil },
		Rule: phy.Rule{Region: "CN470", Denied: "civil meters only"}}
	if _, err := NewRadio(spec); !errors.Is(err, phy.ErrNotAllowed) || !strings.Contains(err.Error(), "civil meters only") {
		t.Errorf("got %v, want the reason", err)
	}
}

// What the modem measures beyond the arithmetic counts too, and the short gaps inside a burst, but not a computer's own delay.
func TestMeasuredAirtimeCounts(t *testing.T) {
	full := testMod.TimeOnAir(100)
	for _, c := range []struct {
		carrier, want time.Duration
	}{{0, 2 * full}, {full - time.Millisecond, 2 * full}, {full + 3*time.Millisecond, 2*full + 6*time.Millisecond}, {time.Hour, 4 * full}} {
		synctest.Test(t, func(t *testing.T) {
			e := &ear{fakeRadio: newFakeRadio(), rng: rand.New(rand.NewPCG(1, 1)), carrier: c.carrier}
			b := chipBench{newChip(), newQueue(), newFakeHost(), nil}
			p, err := NewRadio(RadioSpec{Name: "lora0", Modulation: testMod, PowerDBm: 5, Rule: onePer, Rand: rand.New(rand.NewPCG(1, 2)),
				Open: func(context.Context) (radio.Radio, error) { return e, nil }})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- p.Run(ctx, queueHost{b.host, b.queue}) }()
			for range 2 {
				b.add(access.Follow, strings.Repeat("x", 100))
			}
			time.Sleep(5 * time.Second)
			cancel()
			<-done
			h := b.host.handle(0)
			h.mu.Lock()
			left := h.budget[len(h.budget)-1].Left
			h.mu.Unlock()
			if used := 36*time.Second - left; used != c.want+phy.JoinGap {
				t.Errorf("a carrier of %v: %v counted, want %v and the gap between the frames", c.carrier, used, c.want)
			}
		})
	}
}
