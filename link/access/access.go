// Package access decides when a station talks that owns its medium access: a radio chip, which sends
// at once whatever it is given. It is carrier sense with collision avoidance as in IEEE 802.11 (distributed
// coordination function): a minimum silence, slots counted down while the medium is free, short gaps for
// answers and for the frames of one burst. Every time is made of the airtime and the delays of this radio.
//
// Machine is a state machine: it has no clock and no goroutine, and chance comes from the caller.
package access

import (
	"math"
	"math/rand/v2"
	"time"
)

// Class is how a frame gets to the medium.
type Class uint8

// The classes, by how soon they go.
const (
	Follow    Class = iota // the next frame of our own burst: at once
	Reply                  // what another station asked for and waits for: at once, while that is still so
	Emergency              // contends in a smaller window
	Normal
)

// Config is one radio at one modulation, on one channel. Zero durations stand for none.
type Config struct {
	// Sense is how long one listening takes, Turn how long from the end of a frame, or from a decision,
	// until the carrier is up at the slowest station of this kind.
	Sense, Turn time.Duration
	Longest     time.Duration // airtime of the longest frame
	Burst       time.Duration // how long one access to the medium may be used
	// Listen tells that the law wants the medium heard free before every single frame, and Rest how
	// long it wants this station silent after it has sent.
	Listen bool
	Rest   time.Duration
	// Yield is left, after a burst and while others send too, to stations that are slower to the medium: modems
	// with an access of their own.
	Yield time.Duration
	Rand  *rand.Rand
}

const (
	guardSlots = 2    // of silence before slots are counted down: the gaps inside a conversation are shorter
	urgent     = 4    // such a part of the window is an emergency's
	widest     = 512  // slots of a window
	runs       = 3    // between two looks at the window
	wider      = 1.5  // more than enough stations contend
	narrower   = 0.92 // too few do
	fruitless  = 4    // yields in a row that nobody took end the yielding
	patience   = 2    // bursts for which the medium may be busy without a frame that is heard
)

// Do is what the owner of a Machine has to do next.
type Do uint8

// The things to do.
const (
	Nothing Do = iota // until Want
	Wait              // until the time given, or Heard or Want
	Sense             // listen, then call Sensed
	Send              // hand the frame to the radio, then call Sent
)

// Machine is the medium access of one radio. It is not safe for concurrent use.
type Machine struct {
	cfg  Config
	slot time.Duration

	wants bool
	class Class
	now   time.Time // of the latest call: time never runs back

	free  time.Time // since when the medium is known to be free; zero: it is busy or not known
	next  time.Time // no listening before
	guard int       // slots still to be heard free before the count goes on
	count int       // slots still to be counted down; -1: not drawn
	poll  time.Duration
	clear bool // all was heard free: the frame may go,
	since time.Time
	short bool // without contention: the gap is kept

	window  float64 // slots, on average twice the idle ones
	idle    int     // slots heard free in this run,
	sum     int     // and in the runs so far
	counted int     // runs

	began  time.Time // of the burst under way; zero: none
	last   time.Time // when our last frame left
	others bool      // somebody else has sent data since yields began to be fruitless
	vain   int       // yields that nobody took
	shy    time.Time // until when a yield lasts

	alive  time.Time // when the medium was last free or a frame was heard
	forced time.Time // until when a medium that is never free is not listened to
}

// New starts with a medium that nothing is known of. What this station sent before is not known either: where the law wants it
// silent after it has sent, it begins with that.
func New(now time.Time, cfg Config) *Machine {
	m := &Machine{cfg: cfg, now: now, alive: now, count: -1}
	if cfg.Rest > 0 {
		m.last = now
	}
	m.slot = max(cfg.Sense+cfg.Turn, time.Microsecond)
	m.window = 2 * m.aim()
	return m
}

// Mean is how long an access takes on a medium that is free.
func (c Config) Mean() time.Duration {
	m := New(time.Time{}, c)
	return c.Turn + guardSlots*m.slot + time.Duration(m.aim()*float64(m.slot)) + c.Turn
}

// Want says that a frame of this class waits. It may be said again, also when the class has changed.
func (m *Machine) Want(now time.Time, class Class) {
	m.tick(now)
	if m.wants && class == m.class {
		return
	}
	if m.wants && class == Emergency && m.count > 0 {
		m.count = min(m.count, m.draw(class))
	}
	if !m.wants {
		m.next = time.Time{}
	}
	if !m.wants || m.short {
		m.anew()
	}
	m.wants, m.class = true, class
	m.shorten()
}

// anew asks for the guard and the rest of the count to be heard free again.
func (m *Machine) anew() { m.guard, m.clear, m.short = guardSlots, false, false }

// shorten lets a class that keeps its gap go without contention.
func (m *Machine) shorten() {
	if m.wants && m.kept() {
		m.guard, m.short, m.clear, m.since = 0, true, !m.cfg.Listen, m.now
	}
}

// Forget says that nothing waits any more.
func (m *Machine) Forget(now time.Time) {
	m.tick(now)
	m.wants = false
	m.anew()
}

// kept tells whether the gap in which this class goes at once is not over yet. Others still listen.
func (m *Machine) kept() bool {
	if m.free.IsZero() || m.now.Sub(m.free) > m.cfg.Turn+m.slot/2 {
		return false
	}
	switch m.class {
	case Follow:
		return !m.began.IsZero() && m.now.Sub(m.began)+m.cfg.Longest <= m.cfg.Burst
	case Reply:
		return m.free.After(m.last)
	}
	return false
}

// Next is what to do now. With Wait comes the time to ask again.
func (m *Machine) Next(now time.Time) (Do, time.Time) {
	m.tick(now)
	if !m.wants {
		return Nothing, time.Time{}
	}
	if at := m.earliest(); at.After(m.now) {
		return Wait, at
	}
	if m.clear && m.now.Sub(m.since) > m.slot {
		m.anew() // the owner was elsewhere
		return m.Next(now)
	}
	if m.clear {
		return Send, m.now
	}
	if m.forced.After(m.now) && !m.cfg.Listen {
		m.Sensed(m.now, m.now, false)
		return m.Next(m.now)
	}
	return Sense, m.now
}

// earliest is when there is next something to do.
func (m *Machine) earliest() time.Time {
	at := m.next
	if m.cfg.Rest > 0 && !m.last.IsZero() {
		at = later(at, m.last.Add(m.cfg.Rest))
	}
	if m.clear || m.short {
		return at
	}
	if !m.free.IsZero() {
		at = later(at, m.free.Add(m.cfg.Turn))
	}
	if m.class == Normal || m.class == Follow {
		at = later(at, m.shy)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Sensed is the result of a listening from one time to another.
func (m *Machine) Sensed(from, to time.Time, busy bool) {
	m.tick(to)
	m.clear = false
	if busy && !m.bold() {
		m.interrupted()
		m.poll = min(max(m.slot, 2*m.poll), max(m.slot, m.cfg.Longest/8))
		m.next = m.now.Add(m.poll)
		return
	}
	if !busy {
		m.alive = m.now
	}
	m.poll = 0
	if m.free.IsZero() {
		m.free = from
	}
	m.next = from.Add(m.slot)
	m.passed()
}

// passed counts a slot that was heard free.
func (m *Machine) passed() {
	switch {
	case m.short:
		m.clear = true
	case m.guard > 1:
		m.guard--
		return
	case m.guard == 1:
		m.guard = 0
		if m.count < 0 {
			m.count = m.draw(m.class)
		}
		m.clear = m.count == 0
	default:
		m.count = max(0, m.count-1)
		m.idle++
		m.clear = m.count <= 0
	}
	if m.clear {
		m.next, m.since = time.Time{}, m.now
	}
}

// interrupted freezes the count because the medium is, or just was, busy.
func (m *Machine) interrupted() {
	m.free = time.Time{}
	if !m.wants {
		return
	}
	if m.count >= 0 && m.guard == 0 {
		m.learn()
	}
	m.anew()
}

// Heard is a frame that was received, ending at a time; data says that its sender has more to send than a word.
func (m *Machine) Heard(now, end time.Time, data bool) {
	m.tick(now)
	if end.After(m.now) {
		end = m.now
	}
	m.alive = m.now
	m.forced = time.Time{}
	if data {
		m.others, m.vain, m.shy = true, 0, time.Time{}
		if m.wants && !m.began.IsZero() {
			m.began = time.Time{} // somebody talked into our burst: it is over
		}
	}
	if !m.last.Before(end) {
		return
	}
	m.interrupted()
	m.free, m.next, m.poll = end, time.Time{}, 0
	m.shorten()
}

// Sent says that the frame was on the air between two times. After a failure both are the same.
func (m *Machine) Sent(from, to time.Time) {
	m.tick(to)
	contended := m.count >= 0
	if contended {
		m.learn()
	}
	if m.class != Reply && (contended || m.began.IsZero()) {
		m.began = from
	}
	m.wants, m.count = false, -1
	m.anew()
	m.free, m.last, m.alive, m.next, m.poll = m.now, m.now, m.now, time.Time{}, 0
	if m.class != Reply {
		m.yield()
	}
}

// yield leaves the medium to slower stations after a burst, as long as that is of use.
func (m *Machine) yield() {
	if !m.others || m.cfg.Yield == 0 {
		return
	}
	if !m.shy.IsZero() && m.shy.Before(m.began) {
		if m.vain++; m.vain > fruitless {
			m.others = false
			return
		}
	}
	m.shy = m.now.Add(m.cfg.Yield)
}

// bold tells whether a medium that is never free is taken for free nevertheless: the sensor may be broken, and
// whoever makes it busy shall not silence us for ever. For as long as we were patient we are then bold.
func (m *Machine) bold() bool {
	if m.cfg.Listen {
		return false
	}
	if m.now.Before(m.forced) {
		return true
	}
	if m.now.Sub(m.alive) > m.patience() {
		m.forced, m.alive = m.now.Add(m.patience()), m.now.Add(m.patience())
		return true
	}
	return false
}

func (m *Machine) patience() time.Duration {
	return patience * max(m.cfg.Burst, 8*m.cfg.Longest)
}

// Stuck tells that the medium has been busy for longer than the longest bursts of others, without a frame heard.
func (m *Machine) Stuck(now time.Time) bool {
	m.tick(now)
	return m.now.Before(m.forced) || m.now.Sub(m.alive) > m.patience()
}

// draw is how many slots to count down: a random number in the window.
func (m *Machine) draw(class Class) int {
	n := int(m.window)
	if class == Emergency || class == Reply {
		n /= urgent
	}
	return m.cfg.Rand.IntN(max(1, n) + 1)
}

// aim is how many slots should pass unused between two bursts: fewer cost collisions, more cost time. It is the optimum of
// Heusse et al., "Idle Sense" (SIGCOMM 2005), which lets all stations come to the same window without seeing collisions.
func (m *Machine) aim() float64 {
	return max(2, math.Sqrt(float64(m.cfg.Longest)/float64(2*m.slot)))
}

// learn ends a run of unused slots, and fits the window to what was seen in the last runs.
func (m *Machine) learn() {
	m.sum, m.idle, m.counted = m.sum+m.idle, 0, m.counted+1
	if m.counted < runs {
		return
	}
	if float64(m.sum) < m.aim()*float64(m.counted) {
		m.window = min(m.window*wider, widest)
	} else {
		m.window = max(m.window*narrower, 2*urgent)
	}
	m.sum, m.counted = 0, 0
}

func (m *Machine) tick(now time.Time) { m.now = later(m.now, now) }
