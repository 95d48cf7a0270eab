//go:build linux

package radios

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

const (
	seeds     = 4
	soakSeeds = 150
	tasks     = 40 // of each radio
	mischiefs = 25
)

// TestRandomWork has two chips transmit, listen and change their setting as chance wills, while chance also dips their
// supplies, loses interrupts and holds BUSY.
func TestRandomWork(t *testing.T) { randomWork(t, seeds) }

// TestSoakRandomWork is TestRandomWork with 150 seeds, or with as many as PACKHORSE_SOAK says.
func TestSoakRandomWork(t *testing.T) {
	if os.Getenv("PACKHORSE_SOAK") == "" {
		t.Log("no random work was done: set PACKHORSE_SOAK=1, or to how many seeds")
		return
	}
	n := soakSeeds
	if v, err := strconv.Atoi(os.Getenv("PACKHORSE_SOAK")); err == nil && v > 1 {
		n = v
	}
	randomWork(t, n)
}

func randomWork(t *testing.T, n int) {
	for _, pair := range [][2]kind{{sx1276, sx1276}, {sx1276Hand, sx1276Hand}, {sx1262, sx1262}, {sx1262TCXO, sx1262TCXO}, {sx1276, sx1262}} {
		did := map[string]int{}
		for seed := range uint64(n) {
			t.Run(fmt.Sprintf("%s and %s %d", pair[0].name, pair[1].name, seed), func(t *testing.T) {
				onBench(t, pair[0], pair[1], func(b *bench) { b.work(seed, did) })
			})
		}
		t.Logf("%s and %s: %v", pair[0].name, pair[1].name, did)
		for _, what := range []string{"sent", "heard", "sensed", "set"} {
			if did[what] < n {
				t.Errorf("%s and %s: nearly nothing was %s: %v", pair[0].name, pair[1].name, what, did)
			}
		}
	}
}

// chaos is what two radios do, and what is done to them.
type chaos struct {
	*bench
	mu   sync.Mutex // guards what follows
	sent map[string]bool
	did  map[string]int // how often something succeeded
}

// work ends with a frame each way, and nothing waits for ever. It adds to did what succeeded.
func (b *bench) work(seed uint64, did map[string]int) {
	b.Helper()
	c := &chaos{bench: b, sent: map[string]bool{}, did: did}
	errs := make(chan error, 5)
	ctx, stop := context.WithCancel(b.ctx)
	var readers, workers sync.WaitGroup
	for i := range b.radios {
		draw := func(of uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i)<<8|of)) }
		readers.Go(func() { errs <- c.read(ctx, i) })
		workers.Go(func() { errs <- c.tasks(i, draw(1)) })
		workers.Go(func() { c.harm(b.dev[i], draw(2)) })
	}
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Hour):
		b.Fatalf("seed %d: a radio waits for ever", seed)
	}
	time.Sleep(patience)
	stop()
	readers.Wait()
	for range 2 * len(b.radios) {
		if err := <-errs; err != nil {
			b.Fatalf("seed %d: %v", seed, err)
		}
	}
	for i := range b.radios {
		b.configure(i, b.kinds[i].common)
	}
	for from := range b.radios {
		b.pass(from, []byte{byte(seed), byte(from), 0xED}, patience)
	}
}

func (c *chaos) note(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.did[what]++
	}
}

// read takes what comes until the end. Nothing may come that nobody sent.
func (c *chaos) read(ctx context.Context, at int) error {
	for {
		p, err := c.radios[at].Receive(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%s gave up: %w", c.kinds[at].name, err)
		case !c.known(p.Data):
			return fmt.Errorf("%s received %x, which nobody sent", c.kinds[at].name, p.Data)
		}
		c.note("heard", nil)
	}
}

func (c *chaos) known(frame []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[string(frame)]
}

// tasks uses a radio. Each task may fail, for its chip is troubled.
func (c *chaos) tasks(i int, draw *rand.Rand) error {
	r := c.radios[i]
	sensor, ok := r.(radio.Sensor)
	if !ok {
		return fmt.Errorf("%s cannot listen", c.kinds[i].name)
	}
	for range tasks {
		ctx, cancel := context.WithTimeout(c.ctx, chance(draw, 20*time.Second))
		switch draw.IntN(4) {
		case 0, 1:
			frame := content(draw, 8+draw.IntN(248))
			c.mu.Lock()
			c.sent[string(frame)] = true
			c.mu.Unlock()
			c.note("sent", r.Transmit(ctx, frame))
		case 2:
			_, err := sensor.Sense(ctx, phy.Sensing{For: chance(draw, 20*time.Millisecond), BelowDBm: -80})
			c.note("sensed", err)
		case 3:
			m := c.kinds[i].common
			m.SpreadingFactor += uint8(draw.IntN(4) / 3) // mostly the common one, so that something is heard
			c.note("set", r.Configure(ctx, m, c.kinds[i].powerDBm))
		}
		cancel()
		time.Sleep(chance(draw, time.Second))
	}
	return nil
}

// harm troubles a chip, never for so long that it counts as gone.
func (c *chaos) harm(d *device, draw *rand.Rand) {
	for range mischiefs {
		time.Sleep(chance(draw, 3*time.Second))
		switch n := draw.IntN(3); {
		case n == 0:
			d.brownOut()
		case n == 1 || d.stickBusy == nil:
			d.loseIRQ(1 + draw.IntN(3))
		default:
			d.stickBusy(true)
			time.Sleep(chance(draw, 3*time.Second))
			d.stickBusy(false)
		}
	}
}

// chance is a time up to most: often short, for the moments within a command matter as much as those between frames.
func chance(draw *rand.Rand, most time.Duration) time.Duration {
	if draw.IntN(3) == 0 {
		most /= 1000
	}
	return time.Duration(draw.Int64N(int64(most))) + time.Microsecond
}
