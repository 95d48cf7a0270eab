package world

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// Epoch is when every world begins.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Config makes a World.
type Config struct {
	Seed       uint64
	Stations   int            // of the radio channel; a node takes one with Node.Radio
	Modulation phy.Modulation // of all stations
	PowerDBm   int
	Rule       phy.Rule // the law at Modulation: the zero Rule has no duty cycle
	Loss       float64  // for each LoRa packet and receiver
	Duplicate  float64
	// Burst is the airtime that a radio port may leave waiting in its modem; at
	// least two frames always may.
	Burst time.Duration
	// Bare tells which stations are radio chips whose medium access is ours; the others are RNode modems. nil: none is.
	Bare func(station int) bool
	// Ladder is what the RNode stations can change to besides Modulation; Fixed names those that cannot.
	Ladder []phy.Setting
	Fixed  []int
	// TuneFails tells whether a change of a station to Ladder[rate-1], or to Modulation at 0, fails. It may be nil.
	TuneFails func(station, rate int) bool
	Trace     bool // keep a line for each event
	// NoClears makes links that never tell whose turn it is (link.Config).
	NoClears bool
	// StoreBytes bounds the live octets of each gateway's store; 0 means the store's own bound.
	StoreBytes int64
	// Start is when the world begins; zero means Epoch. Gateways that go on from an
	// earlier world begin when that one ended.
	Start time.Time
	Watch Watch
}

// World is a set of nodes and what joins them. Not safe for concurrent use.
type World struct {
	Config
	Air *sim.Air

	now   time.Time
	later events
	seq   uint64
	nodes []*Node
	radio map[int]station // by number
	trace strings.Builder
	stuck int             // steps at one instant
	onAir map[int][]OnAir // that modems hold, by station, as Watch wants them
}

// New makes an empty world at Epoch.
func New(cfg Config) (*World, error) {
	if cfg.Start.IsZero() {
		cfg.Start = Epoch
	}
	w := &World{Config: cfg, now: cfg.Start, radio: map[int]station{}}
	if cfg.Stations == 0 {
		return w, nil
	}
	air := sim.Config{Seed: cfg.Seed, Loss: cfg.Loss, Duplicate: cfg.Duplicate}
	for i := range cfg.Stations {
		air.Stations = append(air.Stations, sim.Station{Modem: w.modem(i), Modulation: cfg.Modulation, PowerDBm: cfg.PowerDBm})
	}
	var err error
	w.Air, err = sim.New(air)
	return w, err
}

func (w *World) modem(station int) sim.Modem {
	if w.Bare != nil && w.Bare(station) {
		return sim.Bare
	}
	return sim.RNode
}

// Now is the virtual time.
func (w *World) Now() time.Time { return w.now }

// Since is the time that has passed since the world began.
func (w *World) Since() time.Duration { return w.now.Sub(w.Start) }

// At runs f at a virtual time, or now if that has passed.
func (w *World) At(t time.Time, f func()) {
	if t.Before(w.now) {
		t = w.now
	}
	w.seq++
	heap.Push(&w.later, event{at: t, seq: w.seq, do: f})
}

// After runs f when d has passed.
func (w *World) After(d time.Duration, f func()) { w.At(w.now.Add(d), f) }

// Rand is a source of its own for each name, the same in every run of a seed.
func (w *World) Rand(name string) *rand.ChaCha8 {
	var key [32]byte
	copy(key[:], fmt.Sprintf("%016x%s", w.Seed, name))
	return rand.NewChaCha8(key)
}

// Run lets time pass until done answers true or the limit is over. It reports
// whether done did. done runs after every step and may be nil.
func (w *World) Run(limit time.Duration, done func() bool) bool {
	end := w.now.Add(limit)
	for {
		if done != nil && done() {
			return true
		}
		at, ok := w.next()
		if !ok || at.After(end) {
			w.now = end
			return false
		}
		w.step(at)
	}
}

// next is when something happens next.
func (w *World) next() (at time.Time, ok bool) {
	earlier := func(t time.Time, due bool) {
		if due && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if len(w.later) > 0 {
		earlier(w.later[0].at, true)
	}
	if w.Air != nil {
		earlier(w.Air.PollTimeout())
	}
	for _, n := range w.nodes {
		earlier(n.deadline, n.due)
	}
	return at, ok
}

// maxStuck steps at one instant mean that a core asks for a timeout that never
// passes, or that two cores answer each other without end.
const maxStuck = 100_000

func (w *World) step(at time.Time) {
	if at.After(w.now) {
		w.now, w.stuck = at, 0
	} else if w.stuck++; w.stuck > maxStuck {
		panic(fmt.Sprintf("world: time stands still at %v (seed %d)", w.Since(), w.Seed))
	}
	if w.Air != nil {
		w.Air.HandleTimeout(w.now)
		w.fromAir()
	}
	if len(w.later) > 0 && !w.later[0].at.After(w.now) {
		heap.Pop(&w.later).(event).do()
		return
	}
	for _, n := range w.nodes {
		if n.due && !n.deadline.After(w.now) {
			n.timeout()
			return
		}
	}
}

// Tracef adds a line to the trace, stamped with the virtual time.
func (w *World) Tracef(format string, args ...any) {
	if w.Trace {
		fmt.Fprintf(&w.trace, "%10.3f ", w.Since().Seconds())
		fmt.Fprintf(&w.trace, format+"\n", args...)
	}
}

// TraceText is the trace so far.
func (w *World) TraceText() string { return w.trace.String() }

// event is something that happens at a time; equal times go by seq.
type event struct {
	at  time.Time
	seq uint64
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}
