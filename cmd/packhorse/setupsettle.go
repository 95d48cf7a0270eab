package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// retry is how long setup pauses before it asks again.
const retry = 2 * time.Second

// patience is how long setup waits, in all.
type patience struct {
	*app
	left time.Duration
	said string // what it waits for, as it was said last
}

// sleepFor waits; tests do not.
func (a *app) sleepFor(ctx context.Context, d time.Duration) error {
	if a.sleep != nil {
		return a.sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again pauses before another try, and says what is waited for when that is news. It answers why not when the time is over.
func (p *patience) again(ctx context.Context, why error) error {
	if p.left <= 0 {
		return why
	}
	if e := admin.AsError(why); e.Message != p.said {
		p.said = e.Message
		p.hint("waits up to %s: %s", span(p.left.Round(time.Second)), clean(e.Message))
		if e.Fix != "" {
			p.hint("       what helps: %s", clean(e.Fix))
		}
	}
	d := min(retry, p.left)
	p.left -= d
	return p.sleepFor(ctx, d)
}

// until does something again until it succeeds, fails for good, or the time is over.
func (p *patience) until(ctx context.Context, do func() error) error {
	for {
		start := time.Now()
		err := do()
		p.left -= time.Since(start)
		if e := admin.AsError(err); err == nil || e.Code != admin.CodeNotYet && e.Code != admin.CodeOffline {
			return err
		}
		if stop := p.again(ctx, err); stop != nil {
			return stop
		}
	}
}

// settle waits for the gateway and does there what is left: its name, and its domain.
func (a *app) settle(ctx context.Context, l *config.Loaded, w setupWanted, here bool, r *setupReport) error {
	if !here && w.Domain+w.Join+w.result == "" {
		return nil // all is written, and nothing else was asked for
	}
	p := &patience{app: a, left: w.wait}
	return a.with(func(b admin.Client) error {
		var s admin.Status
		err := p.until(ctx, func() (err error) {
			s, err = b.Status(ctx)
			return err
		})
		if err != nil {
			return notYetFor("the gateway", err)
		}
		r.ID, r.Name, r.Domain = s.ID, s.Name, s.Domain
		m := readMark(l)
		if err := a.rename(ctx, b, w, s, m, r); err != nil {
			return err
		}
		s.Name = r.Name
		closed := a.openWanted(ctx, l, w, s, r) // the domain waits for nothing of it
		switch {
		case w.Domain != "":
			err = a.found(ctx, b, p, w.Domain, s, r)
		case w.Join != "":
			err = a.join(ctx, b, p, w, s, m, r)
		}
		return errors.Join(err, a.keepMark(l, m), closed)
	})
}

// notYetFor makes of a gateway that does not answer something that setup waits for.
func notYetFor(what string, err error) error {
	if !offline(err) {
		return err
	}
	e := admin.AsError(err)
	return &admin.Error{Code: admin.CodeNotYet, Message: what + " does not answer yet: " + e.Message, Fix: "start it (packhorse run, or systemctl start packhorse); if it does not start, its log says why"}
}

// rename gives the gateway the name that is wanted, once: a name that somebody gives it later stays.
func (a *app) rename(ctx context.Context, b admin.Client, w setupWanted, s admin.Status, m *setupMark, r *setupReport) error {
	if w.Name == "" || m.Name == fingerprint(w.Name) && w.from != "" {
		return nil
	}
	if s.Name == w.Name {
		r.already("name " + w.Name)
	} else {
		if _, err := b.Up(ctx, admin.Up{Name: w.Name}); err != nil {
			return err
		}
		r.done("name " + w.Name)
		r.Name = w.Name
	}
	m.Name = fingerprint(w.Name)
	return nil
}

func (a *app) found(ctx context.Context, b admin.Client, p *patience, name string, s admin.Status, r *setupReport) error {
	switch s.Domain {
	case name:
		r.already("in domain " + name)
		return nil
	case "":
	default:
		return inAnother(s.Domain, "found "+name)
	}
	err := p.until(ctx, func() error {
		_, err := b.Up(ctx, admin.Up{Domain: name})
		return err
	})
	if err == nil {
		r.Domain = name
		r.done("founded domain " + name)
	}
	return err
}

func inAnother(domain, instead string) error {
	return refused("a domain is never replaced: to "+instead+", start with an empty state directory (flash image: factory reset)", "this gateway is in domain %s already", domain)
}

// maxTries is how many runs a code is tried in.
const maxTries = 5

// join keeps looking for the gateway that shows the code. What is over with a code is noted.
func (a *app) join(ctx context.Context, b admin.Client, p *patience, w setupWanted, s admin.Status, m *setupMark, r *setupReport) error {
	text, err := inviteText(w.Join)
	if err != nil {
		return err
	}
	if m.Join != fingerprint(text) {
		*m = setupMark{Name: m.Name, Join: fingerprint(text)}
	}
	switch {
	case s.Domain != "" && (m.Used || w.from != ""):
		r.already("in domain " + s.Domain)
		return nil
	case s.Domain != "":
		return inAnother(s.Domain, "join another")
	case m.Over && w.from != "":
		return refused("get a new one: packhorse pair on the gateway that founded the domain, then put it into "+w.from, "the code was tried and came to nothing: %s", m.Why)
	}
	var got admin.PairResult
	err = p.until(ctx, func() error {
		limited, stop := context.WithTimeout(ctx, max(p.left, time.Second))
		defer stop()
		got, err = b.JoinPairing(limited, text)
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return &admin.Error{Code: admin.CodeNotYet, Message: "the gateway that shows the code was not found", Fix: "open the pairing there (packhorse pair), within reach of the radio: a code is good for ten minutes"}
		}
		return err
	})
	if err == nil {
		m.Used, m.Over = true, true
		r.Domain = got.Domain
		r.done(fmt.Sprintf("joined domain %s, let in by %s", got.Domain, got.Peer))
		return nil
	}
	m.failed(err)
	return err
}

// failed notes a run that came to nothing.
func (m *setupMark) failed(err error) {
	e := admin.AsError(err)
	if e.Code == admin.CodeNotYet && !strings.Contains(e.Message, "clock") {
		m.Tries++
	}
	if e.Code == admin.CodeRefused || m.Tries >= maxTries {
		m.Over, m.Why = true, e.Message
	}
}
