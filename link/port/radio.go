package port

import (
	"context"
	"errors"
	"sync"
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// RadioSpec makes a radio transport.
type RadioSpec struct {
	Name string
	// Open finds the modem. It is called again after every failure.
	Open func(ctx context.Context) (radio.Radio, error)
	// Modulation as the modem will send it, preamble included (phy.RNodeModulation).
	Modulation phy.Modulation
	PowerDBm   int
	Rule       phy.Rule // what the region allows for just this modulation and power
	// ClockKnown tells whether the wall clock can be trusted over a restart. nil
	// means never: airtime of before a restart then counts for a full hour.
	ClockKnown func() bool
}

func (s RadioSpec) validate() error {
	switch {
	case s.Name == "" || s.Open == nil:
		return errors.New("port: a radio needs a name and a way to open it")
	case s.Rule.Region == "":
		return errors.New("port: no region is set, so nothing may be sent: set the region first")
	}
	return s.Modulation.Validate()
}

// Radio is a transport over a radio modem: it keeps the modem open, keeps the
// law, and moves frames both ways.
type Radio struct {
	spec   RadioSpec
	ledger *radio.Ledger
	// unsaved: the last attempt to save the ledger failed.
	unsaved bool

	mu     sync.Mutex // guards health
	health Health
}

var _ Transport = (*Radio)(nil)

// NewRadio checks the spec.
func NewRadio(spec RadioSpec) (*Radio, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if spec.ClockKnown == nil {
		spec.ClockKnown = func() bool { return false }
	}
	return &Radio{spec: spec, health: Health{
		Transport:      spec.Name,
		Band:           spec.Rule.SubBand(),
		Modulation:     spec.Modulation.String(),
		AirtimeAllowed: spec.Rule.Allowed(),
	}}, nil
}

// Name of the config section.
func (t *Radio) Name() string { return t.spec.Name }

const (
	backoffFirst = time.Second
	backoffMost  = time.Minute
	healthyAfter = time.Minute // a modem open this long starts the backoff anew
	saveRetry    = 10 * time.Second
	radioFix     = "check that the modem is plugged in, has power and that no other program uses it; it is tried again by itself"
)

// Run keeps the radio working until ctx ends.
func (t *Radio) Run(ctx context.Context, h Host) error {
	t.loadLedger(h)
	defer t.leave(h)
	for backoff := backoffFirst; ctx.Err() == nil; {
		start := time.Now()
		err := t.session(ctx, h)
		if ctx.Err() != nil {
			break
		}
		if time.Since(start) >= healthyAfter {
			backoff = backoffFirst
		}
		t.report(h, func(v *Health) { v.OK, v.Problem, v.Fix = false, err.Error(), radioFix })
		pause(ctx, backoff)
		backoff = min(2*backoff, backoffMost)
	}
	return nil
}

// LostState is what a transport's saved state becomes when it does not know what was sent last: it then counts the
// last hour as used.
func LostState() []byte { return radio.LostLedger() }

// loadLedger takes up the airtime of before the restart.
func (t *Radio) loadLedger(h Host) {
	now := time.Now()
	b, err := h.LoadState(t.spec.Name)
	if err == nil && len(b) == 0 {
		t.ledger = radio.NewLedger()
		return
	}
	if err == nil {
		t.ledger, err = radio.LoadLedger(b, now, t.spec.ClockKnown())
	}
	if err != nil {
		t.ledger = radio.NewLedger()
		t.ledger.Fill(now, t.spec.Rule)
		t.report(h, func(v *Health) { v.Problem = err.Error() })
	}
}

// leave gives the unspent reservation back. Failing costs budget, never earns any.
func (t *Radio) leave(h Host) {
	t.ledger.Settle()
	h.SaveState(t.spec.Name, t.ledger.Marshal(time.Now(), t.spec.ClockKnown()))
	t.report(h, func(v *Health) { v.OK = false })
}

// report changes the health and shows it.
func (t *Radio) report(h Host, change func(*Health)) {
	t.mu.Lock()
	change(&t.health)
	v := t.health
	t.mu.Unlock()
	h.Health(v)
}

// session opens the modem and works until something fails.
func (t *Radio) session(ctx context.Context, h Host) error {
	modem, err := t.spec.Open(ctx)
	if err != nil {
		return err
	}
	defer modem.Close()
	if err := modem.Configure(ctx, t.spec.Modulation, t.spec.PowerDBm); err != nil {
		return err
	}
	up, err := t.portUp(modem.Capabilities())
	if err != nil {
		return err
	}
	handle := h.Open(up)
	defer handle.Close()
	t.report(h, func(v *Health) { v.OK, v.Problem, v.Fix = true, "", "" })
	return both(ctx,
		func(ctx context.Context) error { return t.receive(ctx, h, modem, handle) },
		func(ctx context.Context) error { return t.transmit(ctx, h, modem, handle, up) })
}

// portUp describes the modem to the link. Where the law limits the length of a
// transmission, frames get no longer than that.
func (t *Radio) portUp(c radio.Capabilities) (link.PortUp, error) {
	m := t.spec.Modulation
	mtu := c.MaxFrame
	if limit := t.spec.Rule.MaxTransmit; limit > 0 {
		mtu = min(mtu, m.MaxFrame(limit)-c.AirOverhead)
	}
	if mtu < link.MinMTU {
		return link.PortUp{}, errors.New("port: no useful frame fits into the longest transmission allowed here: use a faster modulation")
	}
	up := link.PortUp{
		Medium:  link.Radio,
		MTU:     mtu,
		Airtime: func(n int) time.Duration { return m.TimeOnAir(n + c.AirOverhead) },
	}
	if c.OwnMediumAccess {
		up.Access = phy.RNode(m).Access(0)
	}
	return up, nil
}

func (t *Radio) receive(ctx context.Context, h Host, modem radio.Radio, handle Handle) error {
	for {
		p, err := modem.Receive(ctx)
		if err != nil {
			return err
		}
		handle.Frame(p.Data, link.Meta{RSSIdBm: p.RSSIdBm, SNRdB: p.SNRdB, HasSignal: p.HasSignal})
		t.report(h, func(v *Health) { v.FramesIn++ })
	}
}

// transmit asks for a frame only when the law and the disk allow the longest one:
// a frame once taken is sent at once, so what is most urgent is chosen last.
func (t *Radio) transmit(ctx context.Context, h Host, modem radio.Radio, handle Handle, up link.PortUp) error {
	longest := up.Airtime(up.MTU)
	for {
		if err := t.budget(ctx, h, handle, longest); err != nil {
			return err
		}
		frame, err := handle.Next(ctx)
		if err != nil {
			return err
		}
		air := up.Airtime(len(frame))
		t.ledger.Spend(clearTime(modem).Add(up.Access+air), t.spec.Rule, air)
		err = modem.Transmit(ctx, frame)
		if err != nil && !temporary(err) {
			return err
		}
		handle.Clear(clearTime(modem))
		used := t.ledger.Used(time.Now(), t.spec.Rule)
		t.report(h, func(v *Health) {
			v.FramesOut++
			v.AirtimeTotal += air
			v.AirtimeUsed = used
			v.Problem, v.Fix = "", ""
			if err != nil {
				v.Problem = err.Error()
			}
		})
	}
}

// budget waits until the sub-band has room for this airtime and the ledger on
// disk covers it.
func (t *Radio) budget(ctx context.Context, h Host, handle Handle, air time.Duration) error {
	for {
		now := time.Now()
		wait, ok := t.ledger.Wait(now, t.spec.Rule, air)
		if !ok {
			return errors.New("port: one full frame takes more airtime than this band allows in an hour: use a faster modulation or another band")
		}
		if wait == 0 && t.reserve(h, now, air) {
			t.unblock(h)
			return nil
		}
		if wait > 0 {
			used := t.ledger.Used(now, t.spec.Rule)
			t.report(h, func(v *Health) { v.BlockedUntil, v.AirtimeUsed = now.Add(wait), used })
			handle.Clear(now.Add(wait)) // transfers go by another port if the law blocks this one for long
		} else {
			wait = saveRetry
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// reserve makes the ledger on disk cover the airtime. Without it nothing is sent.
func (t *Radio) reserve(h Host, now time.Time, air time.Duration) bool {
	if !t.ledger.Reserve(t.spec.Rule, air) {
		return true
	}
	err := h.SaveState(t.spec.Name, t.ledger.Marshal(now, t.spec.ClockKnown()))
	switch {
	case err == nil && t.unsaved:
		t.unsaved = false
		t.report(h, func(v *Health) { v.Problem, v.Fix = "", "" })
	case err != nil:
		t.ledger.Settle()
		t.unsaved = true
		t.report(h, func(v *Health) {
			v.Problem, v.Fix = "the airtime ledger cannot be saved, so nothing is sent: "+err.Error(), "check the disk: is it full or read-only?"
		})
	}
	return err == nil
}

func (t *Radio) unblock(h Host) {
	t.mu.Lock()
	blocked := !t.health.BlockedUntil.IsZero()
	t.mu.Unlock()
	if blocked {
		t.report(h, func(v *Health) { v.BlockedUntil = time.Time{} })
	}
}

// clearTime is when the modem will have sent what it holds; now at the earliest.
func clearTime(modem radio.Radio) time.Time {
	now := time.Now()
	if c, ok := modem.(radio.Clearer); ok {
		if at := c.Clear(); at.After(now) {
			return at
		}
	}
	return now
}

// temporary errors lose a frame but not the modem.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}
