package port

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// fakeRadio is a modem without queue: Transmit takes the airtime.
type fakeRadio struct {
	mu      sync.Mutex
	mod     phy.Modulation
	in      chan radio.Packet
	broken  chan struct{}
	sent    [][]byte
	at      []time.Time
	fail    error // what Transmit answers
	refuse  error // what Configure answers
	closed  bool
	maxSize int
	ownDuty uint32
}

func newFakeRadio() *fakeRadio {
	return &fakeRadio{in: make(chan radio.Packet), broken: make(chan struct{}), maxSize: 254}
}

func (r *fakeRadio) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: r.maxSize, OwnMediumAccess: true, HalfDuplex: true, QueueDepth: 1, AirOverhead: 1, OwnDutyPPM: r.ownDuty}
}

func (r *fakeRadio) Configure(_ context.Context, m phy.Modulation, _ int) error {
	r.mod = m
	return r.refuse
}

func (r *fakeRadio) Transmit(ctx context.Context, frame []byte) error {
	r.mu.Lock()
	r.sent, r.at = append(r.sent, frame), append(r.at, time.Now())
	err := r.fail
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return pause(ctx, r.mod.TimeOnAir(len(frame)+1))
}

func (r *fakeRadio) Receive(ctx context.Context) (radio.Packet, error) {
	select {
	case p := <-r.in:
		return p, nil
	case <-r.broken:
		return radio.Packet{}, io.ErrUnexpectedEOF
	case <-ctx.Done():
		return radio.Packet{}, ctx.Err()
	}
}

// frames is what was sent, and when.
func (r *fakeRadio) frames() ([][]byte, []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent, r.at
}

func (r *fakeRadio) count() int {
	sent, _ := r.frames()
	return len(sent)
}

func (r *fakeRadio) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *fakeRadio) Close() error { r.closed = true; return nil }

// fakeHost is the gateway's shell.
type fakeHost struct {
	mu      sync.Mutex
	ups     []link.PortUp
	handles []*fakeHandle
	health  []Health
	state   []byte
	behind  [][]byte
	saves   int
	saveErr error
	frames  chan []byte // for Next
}

func newFakeHost() *fakeHost { return &fakeHost{frames: make(chan []byte, 1000)} }

func (h *fakeHost) Open(up link.PortUp) Handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	handle := &fakeHandle{host: h, tunes: make(chan int, 1)}
	h.ups, h.handles = append(h.ups, up), append(h.handles, handle)
	return handle
}

func (h *fakeHost) Health(v Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.health = append(h.health, v)
}

func (h *fakeHost) LoadState(string) ([]byte, error) { return h.state, nil }

func (h *fakeHost) LeftBehind() ([][]byte, error) { return h.behind, nil }

func (h *fakeHost) SaveState(_ string, b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saveErr != nil {
		return h.saveErr
	}
	h.state = bytes.Clone(b)
	h.saves++
	return nil
}

func (h *fakeHost) last() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.health) == 0 {
		return Health{}
	}
	return h.health[len(h.health)-1]
}

func (h *fakeHost) handle(i int) *fakeHandle {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.handles[i]
}

func (h *fakeHost) opened() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.handles)
}

type fakeHandle struct {
	host   *fakeHost
	tunes  chan int
	tuned  []link.Tuned
	budget []link.PortBudget
	mu     sync.Mutex
	got    [][]byte
	metas  []link.Meta
	clears []time.Time
	nexts  int
	closed bool
}

func (h *fakeHandle) Frame(b []byte, m link.Meta) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got, h.metas = append(h.got, bytes.Clone(b)), append(h.metas, m)
}

func (h *fakeHandle) Next(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	h.nexts++
	h.mu.Unlock()
	select {
	case b := <-h.host.frames:
		if b == nil {
			return nil, ErrTune
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tune asks for a setting, as the link does when it hands out no frame any more.
func (h *fakeHandle) tune(rate int) {
	h.tunes <- rate
	h.host.frames <- nil
}

func (h *fakeHandle) Tunes() <-chan int { return h.tunes }

func (h *fakeHandle) Tuned(rate int, failed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tuned = append(h.tuned, link.Tuned{Rate: rate, Failed: failed})
}

func (h *fakeHandle) Budget(b link.PortBudget) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = append(h.budget, b)
}

func (h *fakeHandle) taken() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nexts
}

func (h *fakeHandle) cleared() []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]time.Time(nil), h.clears...)
}

func (h *fakeHandle) Clear(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clears = append(h.clears, at)
}

func (h *fakeHandle) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
}

var (
	testMod = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 24}
	onePer  = phy.Rule{Region: "EU868", LowHz: 868_000_000, HighHz: 868_600_000, Kind: phy.DutyCycle, DutyPPM: 10_000}
	noLimit = phy.Rule{Region: "NZ915", LowHz: 915_000_000, HighHz: 928_000_000}
)

// bench runs one transport in a bubble until the test ends.
type bench struct {
	host *fakeHost
	stop func()
}

func run(t *testing.T, host *fakeHost, rule phy.Rule, open func() (*fakeRadio, error)) bench {
	t.Helper()
	p, err := NewRadio(RadioSpec{
		Name: "lora0",
		Open: func(context.Context) (radio.Radio, error) {
			r, err := open()
			if err != nil {
				return nil, err
			}
			return r, nil
		},
		Modulation: testMod, PowerDBm: 14, Rule: rule, Stamp: func() radio.Stamp { return radio.Stamp{Wall: time.Now(), Known: true} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx, host) }()
	return bench{host, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}}
}

func always(r *fakeRadio) func() (*fakeRadio, error) {
	return func() (*fakeRadio, error) { return r, nil }
}
