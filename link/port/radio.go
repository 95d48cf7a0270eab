package port

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
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
	// Ladder is the settings that the link may change to for a while (phy.Ladder), where the modem can
	// and reports how strong it hears; at most phy.MaxLadder. None: it stays on the one above.
	Ladder []phy.Setting
	// Stamp tells what the machine knows of the time now. nil means
	// nothing: airtime of before a restart then counts for a full hour.
	Stamp func() radio.Stamp
	// Rand draws for a medium access of our own, for this radio alone; nil: another each time.
	Rand *rand.Rand
}

func (s RadioSpec) validate() error {
	switch {
	case s.Name == "" || s.Open == nil:
		return errors.New("port: a radio needs a name and a way to open it")
	case s.Rule.Region == "":
		return errors.New("port: no region is set, so nothing may be sent: set the region first")
	case !s.Rule.Open():
		return fmt.Errorf("port: %s is closed to us: %s: %w", s.Rule.SubBand(), s.Rule.Denied, phy.ErrNotAllowed)
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
	foreign atomic.Bool // it was told that others use the channel
	// settings are the common one and the ladder; in is the one in force. Others than the goroutine of
	// transmit read it.
	settings []phy.Setting
	in       atomic.Int32

	mu     sync.Mutex // guards health
	health Health
}

var _ Transport = (*Radio)(nil)

// NewRadio checks the spec.
func NewRadio(spec RadioSpec) (*Radio, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if spec.Stamp == nil {
		spec.Stamp = func() radio.Stamp { return radio.Stamp{Wall: time.Now()} }
	}
	common := phy.CommonSetting(spec.Modulation, spec.PowerDBm, spec.Rule)
	return &Radio{spec: spec, settings: append([]phy.Setting{common}, spec.Ladder...), health: Health{
		Transport:      spec.Name,
		Band:           spec.Rule.SubBand(),
		Modulation:     spec.Modulation.String(),
		PowerDBm:       spec.PowerDBm,
		AirtimeAllowed: spec.Rule.Allowed(),
	}}, nil
}

// Name of the config section.
func (t *Radio) Name() string { return t.spec.Name }

const (
	backoffFirst = time.Second
	backoffMost  = time.Minute
	healthyAfter = time.Minute // a modem open this long starts the backoff anew
	// absent is between looks for a device that is not plugged in: that costs nothing, and somebody may be holding it.
	absent    = time.Second
	saveRetry = 10 * time.Second
	radioFix  = "check that the radio is plugged in, has power and that no other program uses it; it is tried again by itself"
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
		problem, fix := split(err)
		t.report(h, func(v *Health) { v.OK, v.Problem, v.Fix, v.Channel = false, problem, fix, nil })
		if errors.Is(err, fs.ErrNotExist) {
			backoff = absent
		}
		pause(ctx, backoff)
		backoff = min(2*backoff, backoffMost)
	}
	return nil
}

// split tells what is wrong with a radio that does not work, and what a person can do about it: what its driver or board
// says, if they know better than we do.
func split(err error) (problem, fix string) {
	var law *lawError
	var known interface{ Remedy() string }
	switch {
	case errors.As(err, &law):
		return err.Error(), law.fix
	case errors.As(err, &known):
		return strings.TrimSuffix(err.Error(), ": "+known.Remedy()), known.Remedy()
	}
	return err.Error(), radioFix
}

// LostState is what a transport's saved state becomes when it does not know what was sent last: it then counts the
// last hour as used.
func LostState() []byte { return radio.LostLedger() }

// loadLedger takes up the airtime of before the restart.
func (t *Radio) loadLedger(h Host) {
	now := time.Now()
	b, err := h.LoadState(t.spec.Name)
	switch {
	case err == nil && len(b) == 0:
		t.ledger, err = t.inherit(h, now)
	case err == nil:
		t.ledger, err = radio.LoadLedger(b, now, t.spec.Stamp())
	}
	if err != nil {
		t.ledger = radio.NewLedger()
		for _, s := range t.settings {
			t.ledger.Fill(now, s.Rule)
		}
		t.report(h, func(v *Health) { v.Problem = err.Error() })
	}
	// Before the wall clock can be set again, what was loaded is on disk with the stamp of this boot. A disk that
	// refuses takes no reservation either, so nothing is sent meanwhile.
	h.SaveState(t.spec.Name, t.ledger.Marshal(now, t.spec.Stamp()))
}

// inherit is the ledger of a radio that is new by its name: it may be one that had another, so what was left behind counts.
func (t *Radio) inherit(h Host, now time.Time) (*radio.Ledger, error) {
	all, err := h.LeftBehind()
	if err != nil {
		return nil, err
	}
	l := radio.NewLedger()
	for _, b := range all {
		other, err := radio.LoadLedger(b, now, t.spec.Stamp())
		if err != nil {
			return nil, err
		}
		l.Absorb(other)
	}
	return l, nil
}

// leave gives the unspent reservation back. Failing costs budget, never earns any.
func (t *Radio) leave(h Host) {
	t.ledger.Settle()
	h.SaveState(t.spec.Name, t.ledger.Marshal(time.Now(), t.spec.Stamp()))
	t.report(h, func(v *Health) { v.OK, v.Channel = false, nil })
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
	modem, serve, err := t.access(h, modem)
	if err != nil {
		return err
	}
	if err := t.configure(ctx, modem, 0); err != nil {
		return err
	}
	up, err := t.portUp(modem.Capabilities())
	if err != nil {
		return err
	}
	handle := serve(h.Open(up))
	defer handle.Close()
	t.report(h, func(v *Health) { v.OK, v.Problem, v.Fix, v.Channel = true, "", "", channelOf(modem) })
	s := &radioSession{Radio: t, host: h, modem: modem, handle: handle, up: up}
	return both(ctx, s.receive, s.transmit)
}

// channelOf is where a modem tells of its channel; nil where it knows nothing of it.
func channelOf(modem radio.Radio) func() radio.ChannelStats {
	if m, ok := modem.(radio.Meter); ok {
		return m.Channel
	}
	return nil
}

// radioSession is a modem that works, and the port that it serves.
type radioSession struct {
	*Radio
	host   Host
	modem  radio.Radio
	handle Handle
	up     link.PortUp
	// gone is when all that was sent so far is thought to have left: the ledger counts from there. left is when the modem
	// said that it would, or took the last frame.
	gone, left time.Time
	// recent are the frames handed over lately.
	recent []handed
}

// portUp describes the modem to the link.
func (t *Radio) portUp(c radio.Capabilities) (link.PortUp, error) {
	common := rateOf(t.settings[0], c)
	if common.MTU < link.MinMTU {
		return link.PortUp{}, errors.New("port: no useful frame fits into the longest transmission allowed here: use a faster modulation")
	}
	up := link.PortUp{Medium: link.Radio, MTU: common.MTU, Airtime: common.Airtime, Access: common.Access, OwnAccess: !c.OwnMediumAccess}
	if c.Reconfigurable && c.ReportsSNR {
		for _, s := range t.settings[1:] {
			up.Rates = append(up.Rates, rateOf(s, c))
		}
		up.Retune = c.Retune
	}
	return up, nil
}

// rateOf is a setting as the link sees it. Where the law limits the length of a transmission, frames
// get no longer than that.
func rateOf(s phy.Setting, c radio.Capabilities) link.Rate {
	m := s.Modulation
	r := link.Rate{Name: s.String(), Code: s.Code, MTU: c.MaxFrame, NeedsSNRdB: s.NeedsSNRdB,
		Airtime: func(n int) time.Duration { return m.TimeOnAir(n + c.AirOverhead) }}
	if limit := s.Rule.MaxTransmit; limit > 0 {
		r.MTU = min(r.MTU, m.MaxFrame(limit)-c.AirOverhead)
	}
	switch {
	case c.Access > 0:
		r.Access = c.Access
	case c.OwnMediumAccess:
		r.Access = phy.RNode(m).Access(0)
	default:
		r.Access = accessOf(m, s.Rule, c).Mean()
	}
	return r
}

func (s *radioSession) receive(ctx context.Context) error {
	for {
		p, err := s.modem.Receive(ctx)
		if err != nil {
			return err
		}
		snr := p.SNRdB
		if in := s.in.Load(); in > 0 {
			snr = s.settings[in].OnCommon(p.SNRdB, p.RSSIdBm)
		}
		s.handle.Frame(p.Data, link.Meta{RSSIdBm: p.RSSIdBm, SNRdB: snr, HasSignal: p.HasSignal})
		s.report(s.host, func(v *Health) { v.FramesIn++ })
		s.overhear()
	}
}

// overhear says once that the channel carries what is not ours.
func (s *radioSession) overhear() {
	if c := channelOf(s.modem); c == nil || c().Foreign == 0 || s.foreign.Swap(true) {
		return
	}
	s.report(s.host, func(v *Health) {
		v.Problem, v.Fix = foreignProblem, foreignFix
	})
}

const (
	foreignProblem = "packets that are none of ours are heard on this channel; they are dropped (this is said once, packhorse status --json counts them)"
	foreignFix     = "if another network, such as Reticulum, uses the same setting, choose another frequency: both slow each other down"
)

// transmit asks for a frame only when the law and the disk allow the longest one:
// a frame once taken is sent at once, so what is most urgent is chosen last.
func (s *radioSession) transmit(ctx context.Context) error {
	s.tellBudget()
	for {
		err := s.budget(ctx)
		var frame []byte
		if err == nil {
			frame, err = s.handle.Next(ctx)
		}
		switch {
		case errors.Is(err, ErrTune):
			err = s.tune(ctx)
		case err == nil:
			err = s.send(ctx, frame)
		}
		if err != nil {
			return err
		}
	}
}

// send hands one frame to the modem. It counts before it is handed over, and until an hour after it has left,
// as far as the modem can tell.
func (s *radioSession) send(ctx context.Context, frame []byte) error {
	in := s.settings[s.in.Load()]
	rate := rateOf(in, s.modem.Capabilities())
	air := rate.Airtime(len(frame))
	thought := clearTime(s.modem).Add(rate.Access + air)
	s.ledger.Spend(thought, in.Rule, air+s.joined())
	err := s.modem.Transmit(ctx, frame)
	s.ledger.Spend(thought, in.Rule, s.longer(air))
	clear := clearTime(s.modem)
	s.left = clear
	s.gone = thought
	s.recent = append(s.recent[max(0, len(s.recent)-mostRecent):], handed{len(frame), later(thought, clear)})
	s.late()
	if err != nil && !temporary(err) {
		return err
	}
	s.tellBudget()
	s.handle.Clear(clear)
	s.report(s.host, func(v *Health) {
		v.FramesOut++
		v.AirtimeTotal += air
		v.Problem, v.Fix = "", ""
		if err != nil {
			v.Problem = err.Error()
		}
	})
	return nil
}

// joined is the silence since the last frame, where the law takes both for one transmission: how short it is only the modem knows.
func (s *radioSession) joined() time.Duration {
	if s.left.IsZero() || time.Since(s.left) > phy.JoinGap {
		return 0
	}
	return phy.JoinGap
}

// longer is by how much the modem's carrier was up longer than a frame of this airtime takes, as far as that can be: more than
// twice as long is a computer that was busy.
func (s *radioSession) longer(air time.Duration) time.Duration {
	t, ok := s.modem.(radio.Timed)
	if !ok {
		return 0
	}
	return max(0, min(t.OnAir(), 2*air)-air)
}

// slack is asked of the law beside the longest frame: for the gap before it, and for the time that the modem may measure beyond.
const slack = phy.JoinGap + 20*time.Millisecond

// late asks the modem whether what it held has left later than was thought.
func (s *radioSession) late() {
	c, ok := s.modem.(radio.Clearer)
	if !ok || !c.Clear().After(s.gone) {
		return
	}
	held := time.Duration(s.modem.Capabilities().QueueDepth+1) * s.longest()
	s.ledger.Late(s.settings[s.in.Load()].Rule, s.gone.Add(-held), c.Clear())
	s.gone = c.Clear()
}

// longest is the airtime of the longest frame in the setting in force.
func (s *radioSession) longest() time.Duration {
	rate := rateOf(s.settings[s.in.Load()], s.modem.Capabilities())
	return rate.Airtime(rate.MTU)
}

// budget waits until the sub-band has room for the longest frame and the ledger on disk covers it, or
// until the link wants another setting: it has more to say of a band that is used up.
func (s *radioSession) budget(ctx context.Context) error {
	for {
		s.late()
		now, rule := time.Now(), s.settings[s.in.Load()].Rule
		air, wait, ok := s.room(now, rule)
		if !ok {
			return errors.New("port: one full frame takes more airtime than this band allows in an hour: use a faster modulation or another band")
		}
		if wait == 0 && s.reserve(s.host, now, rule, air) {
			s.unblock(s.host)
			return nil
		}
		if wait > 0 {
			s.report(s.host, func(v *Health) { v.BlockedUntil = now.Add(wait) })
			s.handle.Clear(now.Add(wait)) // transfers go by another port if the law blocks this one for long
		} else {
			wait = saveRetry
		}
		if err := s.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// room is the airtime to ask of the law before the longest frame, and how long that must wait; false: for ever.
func (s *radioSession) room(now time.Time, rule phy.Rule) (air, wait time.Duration, ok bool) {
	air = s.longest()
	if wait, ok = s.ledger.Wait(now, rule, air); !ok || rule.DutyPPM == 0 {
		return air, wait, ok
	}
	rule.MaxTransmit = 0 // the slack is not part of one transmission
	air = min(air+slack, rule.Allowed())
	wait, ok = s.ledger.Wait(now, rule, air)
	return air, wait, ok
}

// reserve makes the ledger on disk cover the airtime. Without it nothing is sent.
func (t *Radio) reserve(h Host, now time.Time, rule phy.Rule, air time.Duration) bool {
	if !t.ledger.Reserve(rule, air) {
		return true
	}
	err := h.SaveState(t.spec.Name, t.ledger.Marshal(now, t.spec.Stamp()))
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
