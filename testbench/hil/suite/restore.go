package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"packhorse/gateway/admin"
)

// answerLimit is how long a node that has power is asked after a case has failed, before its power is cut.
const answerLimit = time.Minute

// Right tells whether the last case has left the rig as it found it, by all that the bench did: every node has power, and
// nothing lies between the antennas.
func (b *Bench) Right() bool {
	for _, p := range b.peers {
		if p.Dark() {
			return false
		}
	}
	return b.air.whole()
}

// Restore puts the rig right: the air is whole, every node has power and its gateway answers. A node that is off, or does not
// answer, is switched off and on. The error says what a person must put right.
func (b *Bench) Restore(ctx context.Context) error {
	air := b.air.mend(ctx)
	errs := make([]error, len(b.peers))
	var all sync.WaitGroup
	for i, p := range b.peers {
		all.Go(func() { errs[i] = p.restore(ctx) })
	}
	all.Wait()
	return errors.Join(air, errors.Join(errs...))
}

func (p *Peer) restore(ctx context.Context) error {
	var silent error
	if !p.Dark() {
		if silent = p.answers(ctx); silent == nil {
			return nil
		}
	}
	if _, err := p.switchable(); err != nil { // not Unable: the case was not skipped, the rig is broken
		return fmt.Errorf("node %s does not answer (%v), and has no power switch", p.Name(), silent)
	}
	return p.revive(ctx)
}

// revive is Cycle of a node of which nothing is known. That it could not be switched off, a virtual machine because it had
// crashed, does not count when it is ready afterwards.
func (p *Peer) revive(ctx context.Context) error {
	off := p.Off(ctx)
	if err := rest(ctx, p.b.Params.Pause); err != nil {
		return errors.Join(off, err)
	}
	if _, err := p.On(ctx); err != nil {
		return errors.Join(off, err)
	}
	return nil
}

// answers asks once. A command that goes on at the console is ended first, so that no answer is taken for another's.
func (p *Peer) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if c := p.Console(); c != nil {
		if err := c.Interrupt(ctx); err != nil {
			return err
		}
	}
	s, err := p.status(ctx)
	if err == nil && s.Schema != admin.SchemaStatus {
		err = p.wrong([]string{"status"}, fmt.Sprintf("it answered with %q", s.Schema))
	}
	return err
}
