package port

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"packhorse/link/access"
	"packhorse/link/wire"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// Picker is a Handle that tells what waits before it is taken, so that what is most urgent is chosen when
// the medium is ours. Both methods are called from the goroutine of Next.
type Picker interface {
	// Await waits until there is a frame to send, and tells how it gets to the medium. Its errors are those of Next.
	Await(ctx context.Context) (access.Class, error)
	// Take returns a frame to send in a buffer of its own, or nil when none waits any more.
	Take(ctx context.Context) ([]byte, error)
}

// mostDeaf listenings in a row may fail before the radio is opened anew.
const mostDeaf = 8

// own is a radio whose medium access is ours: what its ownHandle returns may be sent at once.
type own struct {
	radio.Radio
	sensor radio.Sensor
	rule   phy.Rule
	rand   *rand.Rand
	mtu    int
	stuck  func(bool) // is told when the medium is never free, and when it is again
	told   bool
	failed int // listenings in a row
	kick   chan struct{}

	mu      sync.Mutex // guards machine, which alone draws from rand
	machine *access.Machine
}

// newOwn needs a radio that can listen.
func newOwn(modem radio.Radio, spec RadioSpec, stuck func(bool)) (*own, error) {
	sensor, ok := modem.(radio.Sensor)
	if !ok {
		return nil, errors.New("port: this radio neither waits for a free channel by itself nor can listen for one: nothing is sent on it")
	}
	c := modem.Capabilities()
	o := &own{Radio: modem, sensor: sensor, rule: spec.Rule, rand: spec.Rand, mtu: c.MaxFrame + c.AirOverhead, stuck: stuck, kick: make(chan struct{}, 1)}
	if o.rand == nil {
		o.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	o.tuned(spec.Modulation)
	return o, nil
}

// ownHandle is the port that it serves: Next wins the medium before it takes a frame.
type ownHandle struct {
	Handle
	own  *own
	pick Picker
}

func (o *own) serve(h Handle) Handle {
	pick, ok := h.(Picker)
	if !ok {
		pick = &oneAhead{Handle: h}
	}
	return ownHandle{h, o, pick}
}

// tuned starts anew with the times of a modulation.
func (o *own) tuned(m phy.Modulation) {
	cfg := access.LoRa(m, o.rule, o.mtu)
	cfg.Rand = o.rand
	o.mu.Lock()
	defer o.mu.Unlock()
	o.machine = access.New(time.Now(), cfg)
}

// Configure also fits the medium access to the modulation.
func (o *own) Configure(ctx context.Context, m phy.Modulation, powerDBm int) error {
	err := o.Radio.Configure(ctx, m, powerDBm)
	if err == nil {
		o.tuned(m)
	}
	return err
}

// Receive also tells the medium access what was on the air.
func (o *own) Receive(ctx context.Context) (radio.Packet, error) {
	p, err := o.Radio.Receive(ctx)
	if err != nil {
		return p, err
	}
	now, t := time.Now(), wire.TypeOf(p.Data)
	end := p.At
	if end.IsZero() {
		end = now
	}
	o.with(func(m *access.Machine) { m.Heard(now, end, t >= wire.TypeData && t <= wire.TypeDataCheck) })
	select {
	case o.kick <- struct{}{}:
	default:
	}
	return p, nil
}

// Next waits for something to send and for the medium, and takes the frame then.
func (h ownHandle) Next(ctx context.Context) ([]byte, error) {
	for {
		class, err := h.pick.Await(ctx)
		if err != nil {
			return nil, err
		}
		won, err := h.own.contend(ctx, class)
		if err != nil {
			return nil, err
		}
		if !won {
			continue
		}
		if frame, err := h.pick.Take(ctx); err != nil || frame != nil {
			return frame, err
		}
		h.own.with(func(m *access.Machine) { m.Forget(time.Now()) })
	}
}

// contend wins the medium, or answers false when it was busy: something else may be more urgent by the time it is free.
func (o *own) contend(ctx context.Context, class access.Class) (won bool, err error) {
	o.with(func(m *access.Machine) { m.Want(time.Now(), class) })
	for {
		var do access.Do
		var at time.Time
		o.with(func(m *access.Machine) { do, at = m.Next(time.Now()) })
		switch do {
		case access.Send:
			return true, nil
		case access.Wait:
			err = o.pause(ctx, time.Until(at))
		default:
			var busy bool
			if busy, err = o.listen(ctx); busy && err == nil {
				return false, nil
			}
		}
		if err != nil {
			return false, err
		}
	}
}

// listen asks the radio. One that does not answer counts as a medium that is busy; after many of those it is broken.
func (o *own) listen(ctx context.Context) (busy bool, err error) {
	from := time.Now()
	busy, err = o.sensor.Sense(ctx, o.rule.Sensing)
	busy = busy || err != nil
	stuck := false
	o.with(func(m *access.Machine) {
		now := time.Now()
		m.Sensed(from, now, busy)
		stuck = m.Stuck(now)
	})
	if stuck != o.told {
		o.told = stuck
		o.stuck(stuck)
	}
	if o.failed++; err == nil {
		o.failed = 0
	}
	switch {
	case ctx.Err() != nil:
		return true, ctx.Err()
	case err != nil && (!temporary(err) || o.failed >= mostDeaf):
		return true, fmt.Errorf("port: the radio does not listen: %w", err)
	}
	return busy, nil
}

// Transmit sends a frame that Next has returned.
func (o *own) Transmit(ctx context.Context, frame []byte) error {
	from := time.Now()
	err := o.Radio.Transmit(ctx, frame)
	o.with(func(m *access.Machine) { m.Sent(from, clearTime(o.Radio)) })
	return err
}

// Clear is that of the radio; the zero time where it does not tell.
func (o *own) Clear() time.Time {
	if c, ok := o.Radio.(radio.Clearer); ok {
		return c.Clear()
	}
	return time.Time{}
}

func (o *own) with(f func(*access.Machine)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(o.machine)
}

// pause waits, at most until a frame is heard.
func (o *own) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.kick:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Stuck radios say so.
const (
	stuckProblem = "the channel is busy all the time, but no frame is heard"
	stuckFix     = "look for another transmitter on this frequency, check the antenna and the radio's settings"
)

// access puts our medium access before a modem that has none, and before the port that it is to serve.
func (t *Radio) access(h Host, modem radio.Radio) (radio.Radio, func(Handle) Handle, error) {
	if modem.Capabilities().OwnMediumAccess {
		return modem, func(h Handle) Handle { return h }, nil
	}
	o, err := newOwn(modem, t.spec, func(stuck bool) {
		t.report(h, func(v *Health) {
			if v.Problem, v.Fix = "", ""; stuck {
				v.Problem, v.Fix = stuckProblem, stuckFix
			}
		})
	})
	if err != nil {
		return nil, nil, err
	}
	return o, o.serve, nil
}

// oneAhead makes a Picker of a Handle that tells nothing ahead: one frame is taken before the medium is ours.
type oneAhead struct {
	Handle
	frame []byte
}

// Await takes the frame.
func (a *oneAhead) Await(ctx context.Context) (access.Class, error) {
	if a.frame != nil {
		return access.Normal, nil
	}
	var err error
	a.frame, err = a.Next(ctx)
	return access.Normal, err
}

// Take returns it.
func (a *oneAhead) Take(context.Context) ([]byte, error) {
	frame := a.frame
	a.frame = nil
	return frame, nil
}
