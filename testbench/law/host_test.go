//go:build linux

package law

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"packhorse/link"
	"packhorse/link/port"
)

// host is a gateway's shell whose link always has something to say, and changes its mind about settings.
type host struct {
	mu     sync.Mutex
	rng    *rand.Rand
	disk   []byte
	broken bool // the disk refuses
	dead   bool // the machine is off: nothing reaches the disk any more
	quiet  time.Time
	rates  int
	tunes  chan int
	wanted bool
	tuned  int // how often
	failed int
}

func (h *host) Open(up link.PortUp) port.Handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rates, h.tunes, h.wanted = len(up.Rates), make(chan int, 1), false
	return &handle{host: h, mtu: up.MTU, tunes: h.tunes}
}

func (h *host) Health(port.Health) {}

func (h *host) LoadState(string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.disk, nil
}

func (h *host) LeftBehind() ([][]byte, error) { return nil, nil }

func (h *host) SaveState(_ string, b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead || h.broken {
		return errors.New("no space left on device")
	}
	h.disk = bytes.Clone(b)
	return nil
}

type handle struct {
	*host
	mtu   int
	tunes chan int
}

func (h *handle) Frame([]byte, link.Meta) {}

// Next has a frame of any length at once, or after a pause; now and then it wants another setting.
func (h *handle) Next(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	pause := time.Until(h.quiet)
	if h.wanted {
		h.mu.Unlock()
		return nil, port.ErrTune
	}
	n := 1 + h.rng.IntN(h.mtu)
	if h.rng.IntN(3) > 0 {
		n = h.mtu
	}
	h.mu.Unlock()
	timer := time.NewTimer(max(pause, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return make([]byte, n), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tune asks for a setting at random.
func (h *host) tune() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tunes != nil && !h.wanted {
		h.wanted = true
		h.tunes <- h.rng.IntN(h.rates + 1)
	}
}

func (h *handle) Tunes() <-chan int { return h.tunes }

func (h *handle) Tuned(_ int, failed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = false
	if h.tuned++; failed {
		h.failed++
	}
}

func (h *handle) Budget(link.PortBudget) {}
func (h *handle) Clear(time.Time)        {}
func (h *handle) Close()                 {}
