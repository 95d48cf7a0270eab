package port

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
	spec   RadioSpec
	rand   *rand.Rand
	stuck  func(bool) // is told when the medium is never free, and when it is again
	told   bool
	failed int // listenings in a row
	kick   chan struct{}

	mu      sync.Mutex // guards machine, which alone draws from rand, and rule
	machine *access.Machine
	rule    phy.Rule // of the setting in force
}

// newOwn needs a radio that can listen, unless the law does not ask for it.
func newOwn(modem radio.Radio, spec RadioSpec, stuck func(bool)) (*own, error) {
	c := modem.Capabilities()
	sensor, ok := modem.(radio.Sensor)
	switch {
	case ok:
	case spec.listens():
		return nil, errors.New("port: the law wants the channel heard free before each transmission here, and this radio neither listens by itself nor can be asked: nothing is sent on it; use another radio, or a band with a duty cycle")
	default:
		sensor = deaf{accessOf(spec.Modulation, spec.Rule, c).Sense}
	}
	o := &own{Radio: modem, sensor: sensor, spec: spec, rand: spec.Rand, stuck: stuck, kick: make(chan struct{}, 1)}
	if o.rand == nil {
		o.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	o.tuned(spec.Modulation)
	return o, nil
}

// listens tells whether the law of any setting wants listening.
func (s RadioSpec) listens() bool {
	return s.Rule.Listens() || slices.ContainsFunc(s.Ladder, func(l phy.Setting) bool { return l.Rule.Listens() })
}

// deaf stands for the ears of a radio that has none. What it does not hear it takes for silence, for as long as
// listening takes: the medium access then still waits its turn, and for what has been received.
type deaf struct{ listen time.Duration }

// Sense waits and hears nothing.
func (d deaf) Sense(ctx context.Context, _ phy.Sensing) (bool, error) {
	return false, pause(ctx, d.listen)
}

// accessOf is the medium access of a radio of ours.
func accessOf(m phy.Modulation, rule phy.Rule, c radio.Capabilities) access.Config {
	cfg := access.LoRa(m, rule, c.MaxFrame+c.AirOverhead)
	cfg.Sense, cfg.Turn = max(cfg.Sense, c.Listen), max(cfg.Turn, c.Turn)
	return cfg
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

// tuned starts anew with the times of a modulation, and the law of its setting.
func (o *own) tuned(m phy.Modulation) {
	rule := o.spec.ruleOf(m)
	cfg := accessOf(m, rule, o.Radio.Capabilities())
	cfg.Rand = o.rand
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rule, o.machine = rule, access.New(time.Now(), cfg)
}

// ruleOf is the law of the setting with this modulation.
func (s RadioSpec) ruleOf(m phy.Modulation) phy.Rule {
	for _, l := range s.Ladder {
		if l.Modulation == m {
			return l.Rule
		}
	}
	return s.Rule
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
	from, law := time.Now(), o.law()
	busy, err = o.sensor.Sense(ctx, law)
	if heard := time.Since(from); err == nil && !busy && heard < law.For {
		err = shortError{heard, law.For}
	}
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

// law is the listening that the setting in force needs.
func (o *own) law() phy.Sensing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rule.Sensing
}

// shortError is a radio that says free before it can know that.
type shortError struct{ heard, want time.Duration }

func (e shortError) Error() string {
	return fmt.Sprintf("port: the radio listened for %v where the law wants %v", e.heard, e.want)
}

// Temporary: one bad listening loses nothing.
func (shortError) Temporary() bool { return true }

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
	if err := t.able(modem.Capabilities()); err != nil {
		return nil, nil, err
	}
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
	return radio.Forward(o, modem), o.serve, nil
}

// able refuses a modem that cannot do what the law of one of its settings wants.
func (t *Radio) able(c radio.Capabilities) error {
	for _, s := range t.settings {
		switch r := s.Rule; {
		case r.Listens() && c.OwnMediumAccess:
			return &lawError{fmt.Sprintf("port: %s wants %v heard free before each transmission, and this modem decides by itself when it sends: nothing is sent on it", r.SubBand(), r.Sensing.For),
				"use a radio chip on SPI, which we let listen, or a region whose law wants none"}
		case r.DutyPPM > 0 && c.OwnDutyPPM > r.DutyPPM:
			return &lawError{fmt.Sprintf("port: %s allows %g %% of any hour, and this modem sends of its own accord too, up to %g %%, which no ledger of ours sees: nothing is sent on it", r.SubBand(), percent(r.DutyPPM), percent(c.OwnDutyPPM)),
				"set the modem's own duty cycle lower (SiK: duty cycle; Meshtastic: the region of the node), or use a radio that sends only what it is given"}
		case r.Hopping.Channels > c.Channels:
			return &lawError{fmt.Sprintf("port: %s wants a radio that hops over %d channels, and this one uses %d: nothing is sent on it", r.SubBand(), r.Hopping.Channels, max(1, c.Channels)),
				"set the modem to more channels, or use another band: packhorse region show"}
		}
	}
	return nil
}

func percent(ppm uint32) float64 { return float64(ppm) / 10_000 }

// lawError is a radio that the law does not allow here.
type lawError struct{ what, fix string }

func (e *lawError) Error() string { return e.what }

// Unwrap says what kind of error it is.
func (e *lawError) Unwrap() error { return phy.ErrNotAllowed }

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
