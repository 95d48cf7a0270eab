package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// drift is a clock that goes right and shows the wrong time. Its lock is that of the whole world of a test.
type drift struct {
	sync.Mutex
	off   time.Duration
	given []adjustment
	fails error
}

func (d *drift) now() time.Time {
	d.Lock()
	defer d.Unlock()
	return time.Now().Add(d.off)
}
func (d *drift) set(t time.Time) error {
	d.Lock()
	defer d.Unlock()
	d.off = time.Until(t)
	return nil
}
func (d *drift) adjust(a adjustment) error {
	d.Lock()
	defer d.Unlock()
	if d.fails != nil {
		return d.fails
	}
	d.given = append(d.given, a)
	d.off += a.offset
	return nil
}

// towns is a network of time servers.
type towns struct {
	truth   time.Duration // of the bubble's clock
	clock   *drift
	names   map[string][]string
	lies    map[string]time.Duration
	dead    map[string]error
	asked   []string
	queries int
}

// do changes or reads the world while the keeper is at work.
func (w *towns) do(f func()) {
	w.clock.Lock()
	defer w.clock.Unlock()
	f()
}

func (w *towns) lookup(_ context.Context, name string) (out []netip.AddrPort, err error) {
	w.clock.Lock()
	defer w.clock.Unlock()
	w.asked = append(w.asked, name)
	for _, a := range w.names[name] {
		out = append(out, netip.MustParseAddrPort(a))
	}
	if out == nil {
		err = fmt.Errorf("no such host %s", name)
	}
	return out, err
}

func (w *towns) query(_ context.Context, a netip.AddrPort) (sample, error) {
	w.clock.Lock()
	defer w.clock.Unlock()
	w.queries++
	if err := w.dead[a.String()]; err != nil {
		return sample{}, err
	}
	return sample{server: a.String(), offset: w.truth - w.clock.off + w.lies[a.String()], distance: 10 * ms}, nil
}

// world is a keeper whose clock shows 1970 while it is 2027, and four servers.
func world(t *testing.T, cfg Config) (*keeper, *towns) {
	d := &drift{off: time.Until(epoch)}
	w := &towns{clock: d, truth: time.Until(summer), lies: map[string]time.Duration{}, dead: map[string]error{}, names: map[string][]string{
		Pool: {"192.0.2.1:123", "192.0.2.2:123", "192.0.2.3:123", "192.0.2.4:123", "192.0.2.5:123"}, "lan": {"10.0.0.1:123"}}}
	return &keeper{cfg: cfg, log: slog.New(slog.DiscardHandler), clock: d, offered: cfg.Offered, lookup: w.lookup, query: w.query}, w
}

// during runs the keeper for a while.
func during(t *testing.T, k *keeper, then func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.run(ctx) }()
	then()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFirstStepThenSteer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "clock")
		k, w := world(t, Config{File: file})
		w.lies["192.0.2.2:123"] = 40 * time.Hour
		during(t, k, func() {
			time.Sleep(time.Second)
			w.do(func() {
				if d := (w.clock.off - w.truth).Abs(); d > time.Millisecond || !w.clock.given[0].step {
					t.Errorf("off by %v after the first answer: %+v", d, w.clock.given)
				}
			})
			if at, err := load(file); err != nil || at.Before(summer.Add(-time.Minute)) {
				t.Errorf("the first time was not saved: %v, %v", at, err)
			}
			w.do(func() { w.clock.off += 50 * ms })
			time.Sleep(firstPoll)
			w.do(func() {
				if last := w.clock.given[len(w.clock.given)-1]; last.step || last.offset != -50*ms {
					t.Errorf("a small offset: %+v", last)
				}
			})
			time.Sleep(4 * time.Hour)
			w.do(func() {
				if n := len(w.clock.given); n < 10 || n > 16 {
					t.Errorf("%d adjustments in four hours", n)
				}
			})
		})
		if at, _ := load(file); at.Sub(summer) < 4*time.Hour {
			t.Errorf("saved %v at the end", at)
		}
	})
}

func TestNoServerLeavesTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "clock")
		k, w := world(t, Config{File: file, Servers: []string{"nowhere"}})
		during(t, k, func() { time.Sleep(time.Hour) })
		if len(w.clock.given) != 0 || len(w.asked) < 8 || len(w.asked) > 20 || slices.Contains(w.asked, Pool) {
			t.Errorf("adjusted %v, asked %v", w.clock.given, w.asked)
		}
		if at, err := load(file); !at.IsZero() || err != nil {
			t.Errorf("saved %v, %v: nobody vouched for 1970", at, err)
		}
	})
}

func TestOfferedServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offered := make(chan []string)
		k, w := world(t, Config{Offered: offered})
		pool := w.names[Pool]
		delete(w.names, Pool) // no network yet
		during(t, k, func() {
			time.Sleep(time.Minute)
			offered <- []string{"lan"}
			time.Sleep(time.Second)
			w.do(func() {
				if len(w.clock.given) != 1 {
					t.Errorf("an offered server was not asked at once: %v", w.asked)
				}
				w.dead["10.0.0.1:123"], w.names[Pool] = errors.New("silent"), pool
				w.clock.off += time.Hour
			})
			time.Sleep(firstPoll + 2*firstRetry)
			w.do(func() {
				if (w.clock.off - w.truth).Abs() > time.Second {
					t.Errorf("the pool does not stand in for a dead server: %v", w.asked)
				}
			})
			close(offered)
			time.Sleep(time.Hour)
		})
	})
}

func TestOneOfSeveralIsBelievedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, w := world(t, Config{})
		for _, a := range w.names[Pool][1:] {
			w.dead[a] = errors.New("silent")
		}
		during(t, k, func() {
			time.Sleep(firstRetry + time.Second)
			w.do(func() {
				if len(w.clock.given) != 0 {
					t.Error("a sole answer was believed at once")
				}
			})
			time.Sleep(4 * firstRetry)
			w.do(func() {
				if len(w.clock.given) != 1 {
					t.Errorf("adjusted %d times", len(w.clock.given))
				}
			})
		})
	})
}

func TestKissOfDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, w := world(t, Config{Servers: []string{"lan"}})
		w.dead["10.0.0.1:123"] = fmt.Errorf("%w: RATE", errGoAway)
		during(t, k, func() {
			time.Sleep(banned - time.Minute)
			w.do(func() {
				if w.queries != 1 {
					t.Errorf("asked %d times", w.queries)
				}
				clear(w.dead)
			})
			time.Sleep(longRetry + 2*time.Minute)
			w.do(func() {
				if len(w.clock.given) == 0 {
					t.Error("never asked again")
				}
			})
		})
	})
}

func TestAKernelThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, w := world(t, Config{})
		w.clock.fails = errors.New("not permitted")
		during(t, k, func() { time.Sleep(time.Minute) })
		if k.synced {
			t.Error("counts as kept")
		}
	})
}

func TestAnInsaneYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, w := world(t, Config{})
		w.truth = time.Until(time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC))
		during(t, k, func() { time.Sleep(time.Minute) })
		if len(w.clock.given) != 0 {
			t.Errorf("set to 2150: %+v", w.clock.given)
		}
	})
}
