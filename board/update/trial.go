package update

import (
	"cmp"
	"time"

	"packhorse/board/card"
)

// Started is called once at each start, before anything else here: it notes a trial that began, or one that failed.
// Its errors are no reason not to start.
func (c Card) Started(now time.Time) (State, error) {
	a, err := c.autoboot()
	mended := false
	if err != nil && card.IsSlot(c.Running) {
		if err = c.mend(); err == nil {
			a, err = c.autoboot()
			mended = err == nil
		}
	}
	if err == nil {
		err = c.note(func(j *journal) { j.started(c, a.Default, now) })
	}
	s, e := c.State()
	s.Mended = mended
	return s, cmp.Or(err, e)
}

// started compares what was asked for with what came of it.
func (j *journal) started(c Card, byDefault int, now time.Time) {
	if j.Asked == nil {
		return
	}
	q := *j.Asked
	e := Event{At: now, Version: q.Release.Version, Build: q.Release.Build, Slot: q.Slot}
	switch {
	case c.Running != q.Slot || c.Release.Build != q.Release.Build:
		e.What, e.Why, j.Asked = Failed, q.Why, nil
		if e.Why == "" {
			e.Why = "it did not start, or the power failed meanwhile"
		}
	case byDefault == q.Slot: // the power failed between the two writes of Commit
		j.keep(c, now)
		return
	default:
		e.What = Trial
	}
	j.add(e)
}

// keep is the end of a trial that went well.
func (j *journal) keep(c Card, now time.Time) {
	j.add(Event{At: now, What: Kept, Version: c.Release.Version, Build: c.Release.Build, Slot: c.Running})
	j.Other = nil
	if j.Asked != nil && j.Asked.Slot == c.Running {
		j.Other = &System{card.Other(c.Running), j.Asked.From}
	}
	j.Asked = nil
}

// Try is called just before a restart as trial. It refuses when the other slot holds nothing whole or when a trial
// runs; otherwise the history says from now on that this was asked for.
func (c Card) Try(now time.Time) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, err := c.State()
	switch {
	case err != nil:
		return err
	case s.Trial:
		return ErrTrial
	case s.Other == nil || s.Other.Slot != card.Other(c.Running):
		return ErrNothing
	}
	return c.note(func(j *journal) {
		j.Asked = &asked{System: *s.Other, From: c.Release}
		j.add(Event{At: now, What: Asked, Version: s.Other.Release.Version, Build: s.Other.Release.Build, Slot: s.Other.Slot})
	})
}

// Commit makes the running slot the one that the firmware takes from now on. An error may leave either: the next
// start says which.
func (c Card) Commit(now time.Time) error {
	a, err := c.autoboot()
	if err != nil {
		return err
	}
	if a.Default != c.Running {
		if err := c.setDefault(); err != nil {
			return err
		}
	} else if readJournal(c.History).Asked == nil {
		return nil
	}
	return c.note(func(j *journal) { j.keep(c, now) })
}

// GiveUp notes why a trial is given up, just before the restart that ends it.
func (c Card) GiveUp(why string) error {
	return c.note(func(j *journal) {
		if j.Asked != nil {
			j.Asked.Why = short(why)
		}
	})
}
