//go:build linux

package law

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
)

func setting(t *testing.T, hz uint32, sf uint8) phy.Setting {
	t.Helper()
	g, err := phy.LookupRegion("EU868")
	if err != nil {
		t.Fatal(err)
	}
	m := phy.RNodeModulation(phy.Modulation{FrequencyHz: hz, BandwidthHz: 125_000, SpreadingFactor: sf, CodingRate: 5, PreambleSymbols: 8})
	r, err := g.Rule(m, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi})
	if err != nil {
		t.Fatal(err)
	}
	return phy.CommonSetting(m, 14, r)
}

// life is one gateway with one radio beside one station that shouts.
type life struct {
	t      *testing.T
	rng    *rand.Rand
	air    *witness
	modems *board.Rig
	host   *host
	common phy.Setting
	ladder []phy.Setting

	boot   byte
	booted time.Time
	known  bool
	clock  sync.Mutex // guards skew
	skew   time.Duration

	cancel context.CancelFunc
	ended  chan struct{}
}

func newLife(t *testing.T, seed uint64) *life {
	air, err := sim.New(sim.Config{Seed: seed, Stations: []sim.Station{{}, {Modem: sim.Bare}}})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, rng: rand.New(rand.NewPCG(seed, 1)), air: &witness{Air: air}, common: setting(t, 869_525_000, 9),
		ladder: []phy.Setting{setting(t, 869_525_000, 7), setting(t, 868_300_000, 7), setting(t, 868_900_000, 7)}}
	l.host = &host{rng: rand.New(rand.NewPCG(seed, 2))}
	l.modems = board.NewMemoryRNodes(l.air, 2)
	l.power()
	return l
}

// power switches the machine on. A clock that is trusted then is right.
func (l *life) power() {
	l.boot++
	l.booted, l.skew, l.known = time.Now(), 0, l.rng.IntN(3) > 0
	if !l.known {
		l.skew = l.hours(48)
	}
}

func (l *life) hours(n int) time.Duration {
	return time.Duration(l.rng.Int64N(int64(n)*int64(time.Hour))) - time.Duration(n)*time.Hour/2
}

// jump sets the wall clock: a trusted one ahead, any other anywhere.
func (l *life) jump() {
	l.clock.Lock()
	defer l.clock.Unlock()
	l.skew = l.hours(48)
	if l.known {
		l.skew = l.skew.Abs()
	}
}

func (l *life) stamp() radio.Stamp {
	l.clock.Lock()
	defer l.clock.Unlock()
	return radio.Stamp{Wall: time.Now().Add(l.skew), Known: l.known, Boot: [16]byte{l.boot}, Up: time.Since(l.booted)}
}

// start runs the transport.
func (l *life) start() {
	l.host.dead = false
	tr, err := port.NewRadio(port.RadioSpec{Name: "lora0", Modulation: l.common.Modulation, PowerDBm: 14, Rule: l.common.Rule, Ladder: l.ladder,
		Stamp: l.stamp,
		Open: func(ctx context.Context) (radio.Radio, error) {
			return rnode.Open(ctx, l.modems.Dial(0), rnode.Opts{})
		}})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.ended = cancel, make(chan struct{})
	go func() { _ = tr.Run(ctx, l.host); close(l.ended) }()
}

// stop ends it in order; kill takes the machine's disk and serial line away first, while the modem goes on.
func (l *life) stop() {
	l.cancel()
	<-l.ended
}

func (l *life) kill() {
	l.host.mu.Lock()
	l.host.dead = true
	l.host.mu.Unlock()
	l.modems.Dial(0).Close()
	l.stop()
}

// shout keeps the channel busy for a while.
func (l *life) shout(ctx context.Context) {
	m := l.common.Modulation
	m.SpreadingFactor = 12
	frames := 1 + l.rng.IntN(20)
	l.modems.Do(ctx, func(now time.Time) {
		_ = l.air.Air.Tune(now, 1, m, 14)
		for range frames {
			_ = l.air.Queue(now, 1, make([]byte, 255))
		}
	})
}

// live goes on for a while with everything that can happen.
func (l *life) live(ctx context.Context, d time.Duration) {
	l.start()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Duration(l.rng.Int64N(int64(3 * time.Minute))))
		l.host.mu.Lock()
		switch what := l.rng.IntN(40); {
		case what < 8:
			l.host.mu.Unlock()
			l.host.tune()
			continue
		case what < 11:
			l.host.quiet = time.Now().Add(time.Duration(l.rng.Int64N(int64(20 * time.Minute))))
		case what < 12:
			l.host.broken = !l.host.broken
		case what < 15:
			l.host.mu.Unlock()
			l.shout(ctx)
			continue
		case what < 18:
			l.jump()
		case what < 24:
			l.host.mu.Unlock()
			l.again(what)
			continue
		}
		l.host.mu.Unlock()
	}
	l.host.mu.Lock()
	l.host.broken = false
	l.host.mu.Unlock()
	l.stop()
}

// again restarts the gateway: in order, killed, or by a power cut.
func (l *life) again(what int) {
	if what < 21 {
		l.stop()
	} else {
		l.kill()
	}
	if what == 23 {
		time.Sleep(time.Duration(l.rng.Int64N(int64(time.Hour))))
		l.power()
	}
	l.start()
}

// TestAnyHourOfAnyLifeIsLawful replays random lives through the product's transport, ledger and RNode driver.
func TestAnyHourOfAnyLifeIsLawful(t *testing.T) {
	seeds := uint64(16)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, seed)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { _ = l.modems.Run(ctx); close(ended) }()
			l.live(ctx, 8*time.Hour)
			cancel()
			<-ended
			rules := []phy.Rule{l.common.Rule}
			for _, s := range l.ladder {
				rules = append(rules, s.Rule)
			}
			if err := l.air.judge(rules...); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			if got, want := l.air.total(), l.air.Airtime(0); got != want {
				t.Errorf("seed %d: the witness saw %v, the channel %v", seed, got, want)
			}
			if len(l.air.sent) < 50 || l.host.tuned == 0 {
				t.Errorf("seed %d: only %d frames and %d changes of setting: the life proves nothing", seed, len(l.air.sent), l.host.tuned)
			}
			t.Logf("seed %d: %d frames, %d settings (%d failed), worst hours %v %v %v", seed, len(l.air.sent), l.host.tuned, l.host.failed,
				l.air.worst(rules[0]), l.air.worst(rules[2]), l.air.worst(rules[3]))
		})
	}
}
