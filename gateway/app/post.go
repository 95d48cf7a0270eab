package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"packhorse/gateway/poweb"
	"packhorse/store"
)

// Flush gives the gateway all that waits, oldest first, until that is done or the gateway cannot be reached. What the
// gateway refuses for good is reported and leaves the line.
func (e *Endpoint) Flush(ctx context.Context) error {
	select {
	case e.posting <- struct{}{}:
		defer func() { <-e.posting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := e.tidyNow(); err != nil {
		return err
	}
	o := e.oldest()
	if o == nil {
		return nil
	}
	s, err := e.session()
	if err != nil {
		return err
	}
	defer func() { s.client.Close() }()
	for renewed := false; o != nil; o = e.oldest() {
		err := e.post(ctx, s, o)
		if ReasonOf(err) == Unregistered && !renewed {
			renewed = true
			if s, err = e.again(ctx, s); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// again renews a registration that the gateway does not take any more.
func (e *Endpoint) again(ctx context.Context, s talk) (talk, error) {
	if err := e.renew(ctx); err != nil {
		return s, err
	}
	s.client.Close()
	return e.session()
}

func (e *Endpoint) tidyNow() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tidy(time.Now())
}

// oldest is the message that goes next; nil: none.
func (e *Endpoint) oldest() *outgoing {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.IndexFunc(e.out, func(o *outgoing) bool { return o.state == waiting }); i >= 0 {
		return e.out[i]
	}
	return nil
}

// post gives one message to the gateway. Crashing before its end gives it again: gateways know it by its id.
func (e *Endpoint) post(ctx context.Context, s talk, o *outgoing) error {
	raw, err := e.store.Get(kindBody, o.key())
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return e.ended(o, refused, storeError(err))
	}
	if err != nil {
		return storeError(err)
	}
	if o.Denial {
		err = s.client.Deauthorise(ctx, raw)
	} else {
		err = s.client.Deliver(ctx, raw, s.signer)
	}
	if c := (*poweb.ClientError)(nil); o.Denial && errors.As(err, &c) && c.Status/100 == 4 {
		// Nothing that waits may be held up by it, and here it is enforced.
		return e.ended(o, refused, denialError(c))
	}
	err = gatewayError(s.url, err)
	switch {
	case err == nil:
		return e.ended(o, posted, nil)
	case ReasonOf(err) == Refused:
		return e.ended(o, refused, err)
	}
	return err
}

// denialError is what a gateway said to a PDD.
func denialError(c *poweb.ClientError) error {
	if c.Status == http.StatusNotFound || c.Status == http.StatusMethodNotAllowed {
		return &Error{Reason: Refused, Message: "the gateway knows no deauthorisations: letters still travel, and are dropped here", Fix: "nothing needs to be done; the authorisation ends by itself", Err: c}
	}
	return &Error{Reason: Refused, Message: "the gateway refuses the deauthorisation: letters still travel, and are dropped here (" + c.Error() + ")", Fix: "register again and authorise only those who may", Err: c}
}

// ended makes the end of a message durable.
func (e *Endpoint) ended(o *outgoing, s state, why error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	ops := forget(o)
	if o.Named {
		rec := o.outRecord
		rec.Posted = s == posted
		if word := (*Error)(nil); errors.As(why, &word) {
			rec.Refused = word.Message
		}
		ops[0] = put(kindOut, o.key(), rec)
	}
	if err := e.commit(ops...); err != nil {
		return err
	}
	if o.state, o.why = s, why; why != nil {
		e.report("message %s: %w", quote(o.ID), why)
	}
	if !o.Named {
		e.out = slices.DeleteFunc(e.out, func(x *outgoing) bool { return x == o })
	}
	return nil
}
