// Package shell is what the real-time shells of state machines share: the goroutine that owns one, those who ask it
// something, and its disk. It has no goroutine of its own; Disk.Run and the owner's loop are the caller's.
package shell

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// ErrStopped says that nobody owns the core any more.
var ErrStopped = errors.New("the gateway is stopping")

// Owner passes work to the one goroutine that may touch a core, and answers back. Answer, Inbox and End are that
// goroutine's; the other methods are safe for concurrent use.
type Owner struct {
	inbox   chan func(now time.Time)
	done    chan struct{}
	waiting map[uint64]chan reply
	tokens  atomic.Uint64
}

type reply struct {
	value any
	err   error
}

// inboxSize is how much may wait for an owner before those who ask wait too.
const inboxSize = 64

// NewOwner makes the passage to an owner that has not begun.
func NewOwner() *Owner {
	return &Owner{inbox: make(chan func(time.Time), inboxSize), done: make(chan struct{}), waiting: map[uint64]chan reply{}}
}

// Inbox is what the owner has to do.
func (o *Owner) Inbox() <-chan func(now time.Time) { return o.inbox }

// Done is closed when the owner has ended.
func (o *Owner) Done() <-chan struct{} { return o.done }

// End lets nobody wait for an owner that is gone.
func (o *Owner) End() {
	for _, t := range slices.Sorted(maps.Keys(o.waiting)) {
		o.waiting[t] <- reply{err: ErrStopped}
	}
	clear(o.waiting)
	close(o.done)
}

// Answer ends the request of a token. It does nothing for one that nobody waits for.
func (o *Owner) Answer(token uint64, value any, err error) {
	if ch := o.waiting[token]; ch != nil {
		delete(o.waiting, token)
		ch <- reply{value, err}
	}
}

// Post gives the owner something to do. Errors: ErrStopped, or the context's.
func (o *Owner) Post(ctx context.Context, f func(now time.Time)) error {
	select {
	case o.inbox <- f:
		return nil
	case <-o.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Look has the owner run f and waits for it.
func (o *Owner) Look(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	if err := o.Post(ctx, func(now time.Time) { f(now); close(done) }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-o.done:
		return ErrStopped
	}
}

// Ask has the owner begin a request under a token of its own and waits for its Answer. When ctx ends first, forget is
// run instead.
func (o *Owner) Ask(ctx context.Context, begin, forget func(now time.Time, token uint64)) (any, error) {
	t := o.tokens.Add(1)
	ch := make(chan reply, 1)
	err := o.Post(ctx, func(now time.Time) {
		o.waiting[t] = ch
		begin(now, t)
	})
	if err != nil {
		return nil, err
	}
	select {
	case r := <-ch:
		return r.value, r.err
	case <-o.done:
		return nil, ErrStopped
	case <-ctx.Done():
		o.Post(context.WithoutCancel(ctx), func(now time.Time) {
			delete(o.waiting, t)
			forget(now, t)
		})
		return nil, ctx.Err()
	}
}
