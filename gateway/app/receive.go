package app

import (
	"context"
	"errors"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
)

// Letter is a message that came.
type Letter struct {
	From    string     // the sender's name among our contacts; empty: none
	Sender  pki.NodeID // who signed it
	ID      string     // chosen by the sender, at most 64 characters: never a path
	Type    string     // chosen by the sender
	Content []byte
	Written time.Time // by the sender's clock
	// Again says that it was handed out before and this endpoint does not know what came of it: the handler failed, or the
	// program ended before the handler did. A letter whose handler succeeded is never handed out again.
	Again bool
}

// Handler takes one letter, one at a time. With nil the letter is done with and the gateway forgets it: make durable what
// has to be before. An error ends the receiving, and the letter comes again later.
type Handler func(ctx context.Context, l Letter) error

const (
	firstPause = 250 * time.Millisecond
	maxPause   = 30 * time.Second
	tendEvery  = 30 * time.Second
)

// Fetch hands out the letters that wait at the gateway and returns when there are no more. It first gives the gateway what
// waits here.
func (e *Endpoint) Fetch(ctx context.Context, h Handler) error {
	leave, err := e.enterReceiving()
	if err != nil {
		return err
	}
	defer leave()
	if err := e.tend(ctx); err != nil {
		return err
	}
	err = e.collect(ctx, h, false, nil)
	if ReasonOf(err) == Unregistered && !errors.Is(err, errUnregistered) {
		if err = e.renew(ctx); err == nil {
			err = e.collect(ctx, h, false, nil)
		}
	}
	var own *handlerError
	if errors.As(err, &own) {
		return own.error
	}
	return err
}

// Receive hands out letters as they come until ctx ends or the handler fails, and answers why. It connects again when the
// gateway was lost, gives it what waits here, and renews the registration in time; what goes wrong meanwhile is reported.
func (e *Endpoint) Receive(ctx context.Context, h Handler) error {
	leave, err := e.enterReceiving()
	if err != nil {
		return err
	}
	defer leave()
	ctx, stop := context.WithCancel(ctx)
	tended := make(chan struct{})
	go func() { defer close(tended); e.tendAlways(ctx) }()
	defer func() { stop(); <-tended }()
	for pause := firstPause; ; {
		up := false
		err := e.collect(ctx, h, true, func() { up = true; e.awake() })
		if up {
			pause = firstPause
		}
		if final := e.judge(ctx, err); final != nil {
			return final
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

// judge tells which ends of a collection end the receiving, and mends what can be.
func (e *Endpoint) judge(ctx context.Context, err error) error {
	var own *handlerError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &own):
		return own.error
	case errors.Is(err, errUnregistered), ReasonOf(err) == Disk, ReasonOf(err) == Full:
		return err
	case ReasonOf(err) == Unregistered:
		err = e.renew(ctx)
	}
	if err != nil && ctx.Err() == nil {
		e.report("receiving goes on when the gateway is back: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// enterReceiving lets one call receive at a time: a letter must not be with two handlers.
func (e *Endpoint) enterReceiving() (leave func(), err error) {
	select {
	case e.receiving <- struct{}{}:
		return func() { <-e.receiving }, nil
	default:
		return nil, &Error{Reason: Busy, Message: "another call receives already", Fix: "let one part of the program receive, and tell the others"}
	}
}

// awake lets tendAlways look at once.
func (e *Endpoint) awake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// tend renews what ends soon and gives the gateway what waits.
func (e *Endpoint) tend(ctx context.Context) error {
	if err := e.renewDue(ctx); err != nil {
		return err
	}
	return e.Flush(ctx)
}

// tendAlways does so while letters come. That a gateway is lost the collection tells.
func (e *Endpoint) tendAlways(ctx context.Context) {
	t := time.NewTicker(tendEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-e.wake:
		case <-ctx.Done():
			return
		}
		if err := e.tend(ctx); err != nil && ctx.Err() == nil && ReasonOf(err) != Unreachable {
			e.report("what waits could not be sent: %w", err)
		}
	}
}

// handlerError is an error that is not the gateway's.
type handlerError struct{ error }

func (h *handlerError) Unwrap() error { return h.error }

// collect is one collection (RS-016).
func (e *Endpoint) collect(ctx context.Context, h Handler, keep bool, ready func()) error {
	s, err := e.session()
	if err != nil {
		return err
	}
	defer s.client.Close()
	err = s.client.Collect(ctx, poweb.Collection{Signers: []poweb.Signer{s.signer}, Keep: keep, Ready: ready,
		Take: func(ctx context.Context, parcel []byte) error { return e.take(ctx, parcel, h) }})
	return gatewayError(s.url, err)
}

// take hands out one parcel. With nil it is acknowledged.
func (e *Endpoint) take(ctx context.Context, parcel []byte, h Handler) error {
	l, key, err := e.open(parcel)
	if err != nil {
		return &handlerError{err}
	}
	if key == "" {
		return nil
	}
	if err := h(ctx, l); err != nil {
		return &handlerError{err}
	}
	if err := e.handled(key); err != nil {
		return &handlerError{err}
	}
	return nil
}

// open reads a parcel and makes durable that it is handed out now. Without a key it is not: it was before, or nobody can
// ever read it, which is reported. Errors are the disk's.
func (e *Endpoint) open(parcel []byte) (l Letter, key string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m, err := ramf.Parse(parcel)
	if err != nil {
		e.report("a parcel is dropped: %w", err)
		return l, "", nil
	}
	key = seenKey(m.Sender.ID, m.ID)
	before := e.seen[key]
	if before != nil && before.Done {
		return l, "", nil
	}
	if m.Expires().Before(time.Now()) {
		e.report("a parcel of %s is dropped: it expired at %s", m.Sender.ID, m.Expires().Format(time.RFC3339))
		return l, "", nil
	}
	opened, err := e.ep.Open(parcel)
	if err == nil && e.denied(m.Sender) {
		err = errDenied
	}
	if err != nil {
		e.report("a parcel of %s is dropped: %w", m.Sender.ID, err)
		return l, "", nil
	}
	l = Letter{From: e.nameOf(opened.Sender), Sender: opened.Sender, ID: opened.ID, Type: opened.Type, Content: opened.Content, Written: opened.Created, Again: before != nil}
	return l, key, e.handOut(key, m.Expires())
}

var errDenied = errors.New("its sender may no longer write")
