//go:build linux

package chips

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
	"packhorse/testbench/world"
)

// talker is a gateway's shell that always has a frame for the air: a number and random octets.
type talker struct {
	seat *seat
	rng  *rand.Rand // of its frames, from the goroutine of Next

	mu       sync.Mutex
	mtu      int
	sent     [][]byte       // by number
	heard    map[uint64]int // frames of the other by number, how often
	octets   int            // heard
	last     time.Time      // when a frame was heard
	other    *talker
	problems []string // what must not be
	outages  int      // a working radio that ceased to work
	works    bool
}

func (h *talker) wrong(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

func (h *talker) Open(up link.PortUp) port.Handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mtu = up.MTU
	return (*talk)(h)
}

func (h *talker) Health(v port.Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.works && !v.OK {
		h.outages++
	}
	h.works = v.OK
}

func (h *talker) LoadState(string) ([]byte, error) { return nil, nil }
func (h *talker) LeftBehind() ([][]byte, error)    { return nil, nil }
func (h *talker) SaveState(string, []byte) error   { return nil }

// talk is its port.
type talk talker

// Next has a frame of the longest kind, or of any length now and then.
func (h *talk) Next(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.mtu
	if h.rng.IntN(8) == 0 {
		n = 8 + h.rng.IntN(h.mtu-7)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(len(h.sent)))
	for len(b) < n {
		b = append(b, byte(h.rng.Uint32()))
	}
	h.sent = append(h.sent, b)
	return bytes.Clone(b), ctx.Err()
}

// Frame checks a frame against what the other has sent.
func (h *talk) Frame(b []byte, m link.Meta) {
	want := (*talker)(h).other.frame(b)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !bytes.Equal(b, want) {
		(*talker)(h).wrong("%d octets were received that nobody has sent: %x", len(b), b[:min(len(b), 16)])
		return
	}
	number := binary.BigEndian.Uint64(b)
	if h.heard[number]++; h.heard[number] > 1 {
		(*talker)(h).wrong("frame %d was received %d times", number, h.heard[number])
	}
	if !m.HasSignal {
		(*talker)(h).wrong("frame %d came without its strength", number)
	}
	h.octets, h.last = h.octets+len(b), time.Now()
}

// frame is what was sent under the number that these octets begin with.
func (h *talker) frame(b []byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(b) < 8 || binary.BigEndian.Uint64(b) >= uint64(len(h.sent)) {
		return nil
	}
	return h.sent[binary.BigEndian.Uint64(b)]
}

func (h *talk) Tunes() <-chan int      { return nil }
func (h *talk) Tuned(int, bool)        {}
func (h *talk) Budget(link.PortBudget) {}
func (h *talk) Clear(time.Time)        {}
func (h *talk) Close()                 {}

// both is two talkers on one air.
type both struct {
	*testing.T
	rig  *board.Rig
	air  *sim.Air
	ends [2]*talker
}

// exchange runs two ports in virtual time.
func exchange(t *testing.T, seed uint64, kinds [2]kind, act func(*both)) {
	synctest.Test(t, func(t *testing.T) {
		air := must[*sim.Air](t)(sim.New(sim.Config{Seed: seed, Stations: []sim.Station{kinds[0].station(), kinds[1].station()}}))
		b := &both{T: t, air: air, rig: must[*board.Rig](t)(board.NewRig(air, ""))}
		ctx, stop := context.WithCancel(context.Background())
		life, die := context.WithCancel(ctx)
		ended := make(chan struct{}, 3)
		for i := range b.ends {
			b.ends[i] = &talker{rng: rand.New(rand.NewPCG(seed, uint64(i))), heard: map[uint64]int{}, seat: must[*seat](t)(sit(b.rig, kinds[i], i))}
		}
		b.ends[0].other, b.ends[1].other = b.ends[1], b.ends[0]
		go func() { _ = b.rig.Run(ctx); ended <- struct{}{} }()
		for i, h := range b.ends {
			tr := must[*port.Radio](t)(talkerPort(h, rand.New(rand.NewPCG(seed, uint64(10+i)))))
			go func() { _ = tr.Run(life, h); ended <- struct{}{} }()
		}
		t.Cleanup(func() {
			die()
			<-ended
			<-ended
			for i, h := range b.ends {
				if h.seat.chip != nil && len(h.seat.chip.Violations()) > 0 {
					t.Errorf("%v was mistreated: %v", kinds[i], h.seat.chip.Violations())
				}
				for _, p := range h.problems[:min(len(h.problems), 5)] {
					t.Errorf("%v: %s (%d problems)", kinds[i], p, len(h.problems))
				}
			}
			stop()
			<-ended
		})
		act(b)
	})
}

func talkerPort(h *talker, chance *rand.Rand) (*port.Radio, error) {
	r, err := phy.LookupRegion(region)
	if err != nil {
		return nil, err
	}
	m := phy.RNodeModulation(sf7)
	rule, err := r.Rule(m, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi})
	if err != nil {
		return nil, err
	}
	return port.NewRadio(port.RadioSpec{Name: "lora0", Modulation: m, PowerDBm: 14, Rule: rule, Rand: chance,
		Open: func(ctx context.Context) (radio.Radio, error) { return h.seat.open(ctx, chance) }})
}

// heardSince tells whether an end has received anything since.
func (h *talker) heardSince(at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.After(at)
}

// recovery is how long after the cause of a fault is gone frames go both ways again, at most: the check each second and a
// reset, or the longest pause of a port before it opens its radio anew; and a turn of either side on a busy channel.
var recovery = [faults]time.Duration{lostInterrupts: 20 * time.Second, dippedSupply: 20 * time.Second, looseConnector: 25 * time.Second, pulledOut: 90 * time.Second}

// pace is how long two drivers exchange frames, and how long at least between two faults.
func pace() (span, calm time.Duration) {
	if os.Getenv("PACKHORSE_SOAK") != "" {
		return time.Hour, time.Minute
	}
	return 8 * time.Minute, 15 * time.Second
}

// TestSoakDriversAtTheirLimits has two ports send without a pause, for an hour in a soak, while every now and then one of the
// chips loses interrupts, its supply dips, or it is unplugged. Nothing comes twice or damaged, and after each fault frames go
// both ways.
func TestSoakDriversAtTheirLimits(t *testing.T) {
	exchange(t, 1, [2]kind{sx1276, sx1262}, func(b *both) {
		rng := rand.New(rand.NewPCG(1, 5))
		var took [faults][]time.Duration
		span, calm := pace()
		begun := time.Now()
		for n := 0; time.Since(begun) < span; n++ {
			time.Sleep(calm + time.Duration(rng.Int64N(int64(2*calm))))
			f, victim := fault(n)%faults, rng.IntN(2)
			f.strike(b.ends[victim].seat.chip, rng)
			gone := time.Now()
			for !b.ends[0].heardSince(gone) || !b.ends[1].heardSince(gone) {
				if time.Since(gone) > recovery[f] {
					b.report(begun)
					b.Fatalf("%v after %v at %d: frames go both ways no more", recovery[f], f, victim)
				}
				time.Sleep(look)
			}
			took[f] = append(took[f], time.Since(gone))
		}
		b.report(begun)
		for f, all := range took {
			slices.Sort(all)
			b.Logf("%v: %d times, frames both ways again after %.1f s (median), %.1f at worst", fault(f), len(all), all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
		}
	})
}

// undisturbed is the least share of the limit that two ports carry both ways together, when both always have something to say.
const undisturbed = 0.75

// TestSoakDriversWithoutFaults is what the same ports carry undisturbed.
func TestSoakDriversWithoutFaults(t *testing.T) {
	span, _ := pace()
	for _, kinds := range [][2]kind{{sx1276, sx1262}, {sx1276, sx1276}, {sx1262, sx1262}} {
		exchange(t, 1, kinds, func(b *both) {
			begun := time.Now()
			time.Sleep(span / 8)
			if share := b.report(begun); share < undisturbed {
				b.Errorf("%v carry %.3f of the limit, want %v at least", kinds, share, undisturbed)
			}
		})
	}
}

// report says what came through, also as a share of the limit.
func (b *both) report(begun time.Time) (share float64) {
	limit := world.PHYLimit(sf7) * time.Since(begun).Seconds()
	var all int
	for i, h := range b.ends {
		h.mu.Lock()
		b.Logf("end %d: %d frames sent, %d octets in %d frames received, %.3f of the limit, port down %d times", i, len(h.sent), h.octets, len(h.heard), float64(h.octets)/limit, h.outages)
		all += h.octets
		h.mu.Unlock()
	}
	b.Logf("%d octets in %v, %.3f of the limit", all, time.Since(begun).Round(time.Second), float64(all)/limit)
	return float64(all) / limit
}
