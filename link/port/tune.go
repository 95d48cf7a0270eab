package port

import (
	"context"
	"fmt"
	"slices"
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// tune changes to the setting that the link wants, once what was handed out has left the air. A modem that does not take it
// stays where it was; one that is not even there any more is opened anew.
func (s *radioSession) tune(ctx context.Context) error {
	select {
	case want := <-s.handle.Tunes():
		return s.tuneTo(ctx, want)
	default:
		return nil
	}
}

func (s *radioSession) tuneTo(ctx context.Context, want int) error {
	was := int(s.in.Load())
	if want < 0 || want >= len(s.settings) || len(s.up.Rates) == 0 {
		s.handle.Tuned(want, true)
		return nil
	}
	silent, err := s.silence(ctx)
	if err != nil {
		return err
	}
	if !silent || !s.carry(s.settings[want]) {
		s.handle.Tuned(want, true) // what the modem holds would leave on the other setting
		return nil
	}
	err = s.configure(ctx, s.modem, want)
	if err != nil {
		if back := s.configure(ctx, s.modem, was); back != nil {
			return back
		}
		s.report(s.host, func(v *Health) { v.Problem = fmt.Sprintf("%v is refused: %v", s.settings[want], err) })
	}
	s.unblock(s.host)
	s.tellBudget()
	s.handle.Tuned(want, err != nil)
	s.report(s.host, s.describe)
	return nil
}

// mostSilence is how long a modem may go on holding frames when another setting is wanted.
const mostSilence = 30 * time.Second

// silence waits until the modem thinks that all it held has left the air, and as long as it takes to begin a
// frame more: its estimate is a little early when others sent. While others keep the channel busy it may move on: the ledger
// counts that in the setting in which it leaves. false: it holds frames still.
func (s *radioSession) silence(ctx context.Context) (bool, error) {
	c, ok := s.modem.(radio.Clearer)
	if !ok || c.Clear().IsZero() {
		return true, nil
	}
	margin := rateOf(s.settings[s.in.Load()], s.modem.Capabilities()).Access / 4
	for limit := later(time.Now(), c.Clear()).Add(mostSilence); time.Now().Before(limit); {
		left := c.Clear()
		if err := pause(ctx, max(0, time.Until(left))+margin); err != nil {
			return false, err
		}
		if s.late(); !c.Clear().After(left) {
			return true, nil
		}
	}
	return false, nil
}

// unsure is how long after its estimate a frame may still wait in a modem that has not said so: RNodes tell each second of
// what they sent until a second and a half before.
const unsure = 3 * time.Second

// mostRecent frames are remembered: so many fit that time on the fastest setting.
const mostRecent = 64

// handed is a frame that the modem was given.
type handed struct {
	octets int
	left   time.Time // as was thought
}

// carry counts what the modem may still hold on the setting that comes too: there it leaves if it was held back by
// others. false: the law or the disk has no room for that.
func (s *radioSession) carry(to phy.Setting) bool {
	now, c := time.Now(), s.modem.Capabilities()
	in := s.settings[s.in.Load()]
	var air time.Duration
	for _, f := range s.recent {
		if now.Sub(f.left) > unsure {
			continue
		}
		if air += rateOf(to, c).Airtime(f.octets); to.Rule.SubBand() == in.Rule.SubBand() {
			air -= min(rateOf(to, c).Airtime(f.octets), rateOf(in, c).Airtime(f.octets))
		}
	}
	if air == 0 || to.Rule.DutyPPM == 0 {
		return true
	}
	if wait, ok := s.ledger.Wait(now, to.Rule, air); wait > 0 || !ok || !s.reserve(s.host, now, to.Rule, air) {
		return false
	}
	s.ledger.Spend(now, to.Rule, air)
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// configure gives the modem a setting. Until it has taken it, the one before is taken to be in force.
func (t *Radio) configure(ctx context.Context, modem radio.Radio, i int) error {
	s := t.settings[i]
	if err := modem.Configure(ctx, s.Modulation, s.PowerDBm); err != nil {
		return err
	}
	t.in.Store(int32(i))
	return nil
}

// describe shows the setting in force.
func (t *Radio) describe(v *Health) {
	s := t.settings[t.in.Load()]
	v.Band, v.Modulation, v.PowerDBm, v.AirtimeAllowed = s.Rule.SubBand(), s.Modulation.String(), s.PowerDBm, s.Rule.Allowed()
}

// tellBudget says what the law leaves, in the setting in force and in the others.
func (s *radioSession) tellBudget() {
	var b link.PortBudget
	for i, set := range s.settings[:len(s.up.Rates)+1] {
		a := link.Account{Band: set.Rule.SubBand()}
		if same := slices.IndexFunc(b.Accounts, func(other link.Account) bool { return other.Band == a.Band }); same >= 0 {
			a = b.Accounts[same]
		} else {
			s.account(&a, set.Rule)
		}
		b.Accounts = append(b.Accounts, a)
		if i == int(s.in.Load()) {
			b.PerHour, b.Left, b.Refunds = a.PerHour, a.Left, a.Refunds
		}
	}
	s.handle.Budget(b)
	s.report(s.host, func(v *Health) { v.Budget = b })
}

// account fills in what the ledger says.
func (s *radioSession) account(a *link.Account, r phy.Rule) {
	if now := time.Now(); r.DutyPPM > 0 {
		a.PerHour, a.Left = r.Allowed(), max(0, r.Allowed()-s.ledger.Used(now, r))
		for _, f := range s.ledger.Refunds(now, r) {
			a.Refunds = append(a.Refunds, link.Refund(f))
		}
	}
}

// wait pauses; ErrTune ends it when the link wants another setting.
func (s *radioSession) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	tunes := s.handle.Tunes()
	select {
	case <-timer.C:
		return nil
	case want := <-tunes:
		return s.tuneTo(ctx, want)
	case <-ctx.Done():
		return ctx.Err()
	}
}
