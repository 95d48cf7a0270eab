//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// story is what the demo shows, in order.
type story struct {
	app   *app
	v     *lab.Village
	begun time.Time
	plan  phy.Modulation
	limit time.Duration
}

// step prints a line with the time since the beginning.
func (s *story) step(format string, v ...any) {
	s.app.say("%7s  %s", span(time.Since(s.begun).Round(100*time.Millisecond)), fmt.Sprintf(format, v...))
}

func (s *story) tell(ctx context.Context, size int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, &admin.Error{Code: admin.CodeFailed, Message: fmt.Sprintf("not done within %s", s.limit),
		Fix: "look into the logs beside the state, or give more time with --limit"})
	defer cancel()
	err := s.acts(ctx, size)
	if err != nil && ctx.Err() != nil && context.Cause(ctx) != ctx.Err() {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

func (s *story) acts(ctx context.Context, octets int) error {
	a, c := s.v.Nodes[0], s.v.Nodes[len(s.v.Nodes)-1]
	s.step("three gateways are up; a founds the domain \"demo\"")
	if err := s.v.Found(ctx); err != nil {
		return err
	}
	if err := s.pair(ctx); err != nil {
		return err
	}
	if err := s.move(ctx); err != nil {
		return err
	}
	if err := s.route(ctx, a, c); err != nil {
		return err
	}
	text := []byte("The bridge at the mill is out. Send the truck by the north road.")
	if err := s.carry(ctx, admin.Send{To: c.Name, Type: typeText, Priority: "message", TTL: time.Hour, Content: text}, "a text"); err != nil {
		return err
	}
	file := make([]byte, octets)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range file {
		file[i] = byte(r.Uint32())
	}
	return s.carry(ctx, admin.Send{To: c.Name, Type: typeFile, Filename: "map.bin", Priority: "bulk", TTL: time.Hour, Content: file}, "a file of "+size(int64(octets)))
}

// pair lets the others in while all hear each other, as on one table.
func (s *story) pair(ctx context.Context) error {
	for i, n := range s.v.Nodes[1:] {
		err := s.v.Pair(ctx, i+1, func(code string) {
			s.step("on a: packhorse pair  ->  code %s;  on %s: packhorse pair %s", code, n.Name, code)
		})
		if err != nil {
			return err
		}
		if err := s.until(ctx, func() (bool, error) { return knows(ctx, s.v.Nodes[0], n.Name) }); err != nil {
			return err
		}
		s.step("%s is in the domain: the keys met over the air under a key made of the code", n.Name)
	}
	return nil
}

// move switches all off, takes the last one out of the first one's range, and switches
// them on again.
func (s *story) move(ctx context.Context) error {
	s.step("all three are switched off and carried to their places: c is out of a's range now")
	s.v.SwitchOff()
	if err := s.v.Air.Cut(ctx, lab.Link{A: 0, B: len(s.v.Nodes) - 1}, true); err != nil {
		return err
	}
	if err := s.v.SwitchOn(ctx); err != nil {
		return err
	}
	s.step("switched on again: what they agreed on was on disk")
	return nil
}

// knows tells whether a gateway may write to a contact of this name.
func knows(ctx context.Context, n *lab.Node, name string) (bool, error) {
	names, err := n.Client.Contacts(ctx)
	return slices.Contains(names, name), err
}

// until asks again and again until the answer is yes.
func (s *story) until(ctx context.Context, yes func() (bool, error)) error {
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	for {
		if ok, err := yes(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// route waits until a reaches c over somebody else.
func (s *story) route(ctx context.Context, a, c *lab.Node) error {
	return s.until(ctx, func() (bool, error) {
		st, err := a.Client.Status(ctx)
		for _, p := range st.Peers {
			if p.Name == c.Name && p.Path != "direct" && p.Path != "none" {
				s.step("a reaches c %s", p.Path)
				return true, nil
			}
		}
		return false, err
	})
}

// carry sends one parcel from the first to the last gateway, shows every hop, and
// compares what arrived with what left.
func (s *story) carry(ctx context.Context, q admin.Send, what string) error {
	before, err := s.airtimes(ctx)
	if err != nil {
		return err
	}
	from := time.Now()
	p, err := s.v.Nodes[0].Client.Send(ctx, q)
	if err != nil {
		return err
	}
	s.step("packhorse send %s: %s, saved on a's disk as parcel %s of %s", q.To, what, p.ID, size(int64(p.SizeBytes)))
	if err := s.follow(ctx, p); err != nil {
		return err
	}
	took := time.Since(from)
	if err := s.compare(ctx, q); err != nil {
		return err
	}
	s.step("delivered to %s after %s, byte for byte, with a signed receipt", q.To, span(took))
	return s.report(ctx, len(q.Content), took, before)
}

// follow draws the hops until the receipt is back.
func (s *story) follow(ctx context.Context, p admin.Parcel) error {
	view := hops{w: s.app.err, fancy: terminal(s.app.err)}
	for i, n := range s.v.Nodes[1:] {
		view.all = append(view.all, &hop{from: s.v.Nodes[i].Name, to: n.Name, size: p.SizeBytes})
	}
	return s.until(ctx, func() (bool, error) {
		done, err := s.look(ctx, p.ID, view.all)
		if err == nil {
			view.draw(time.Now())
		}
		return done, err
	})
}

// look asks every gateway but the last about the parcel. A gateway in between knows
// nothing of it before and may have forgotten it after.
func (s *story) look(ctx context.Context, id string, all []*hop) (done bool, err error) {
	now := time.Now()
	for i, h := range all {
		p, err := s.v.Nodes[i].Client.Parcel(ctx, id)
		if err == nil {
			h.see(p, now)
		} else if i == 0 {
			return false, err
		}
		if i == 0 {
			done = p.State == admin.Delivered
			if err := ended(p); err != nil {
				return false, err
			}
		}
	}
	if done {
		for _, h := range all {
			h.finish(now)
		}
	}
	return done, nil
}

// compare reads the newest letter of the last gateway.
func (s *story) compare(ctx context.Context, q admin.Send) error {
	c := s.v.Nodes[len(s.v.Nodes)-1].Client
	in, err := c.Inbox(ctx)
	if err != nil {
		return err
	}
	for _, l := range in {
		got, err := c.Read(ctx, l.ID)
		if err != nil {
			return err
		}
		if bytes.Equal(got.Content, q.Content) {
			return nil
		}
	}
	return fmt.Errorf("what arrived at %s is not what left", q.To)
}
