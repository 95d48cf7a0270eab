package node

import (
	"context"
	"errors"
	"net/http"
	"time"

	"packhorse/gateway/poweb"
)

const (
	firstOffer   = 2 * time.Second // after which what the Internet gateway did not take is tried again; longer each time
	offerAgain   = 5 * time.Minute // and at most so long
	maxTroubles  = 3               // in a row, until the connection counts as broken
	firstTrouble = time.Second
	maxTrouble   = time.Minute
)

// deliverAll hands what waits for the Internet to an Internet gateway until ctx ends or it stops working.
func (u *uplinks) deliverAll(ctx context.Context, c *poweb.Client, address string) error {
	d := &deliverer{uplinks: u, client: c, address: address}
	for {
		if err := d.round(ctx); err != nil {
			return err
		}
	}
}

// deliverer is the delivering side of one connection.
type deliverer struct {
	*uplinks
	client   *poweb.Client
	address  string
	troubles int // in a row
	kept     int // rounds in a row in which something was
}

// round is one subscription. It ends when something was kept and it is time to try that again: a subscription hands
// out everything once. What was kept is anybody's meanwhile, a courier's for one.
func (d *deliverer) round(ctx context.Context) error {
	box, err := d.owner.Outbound(ctx)
	if err != nil {
		return err
	}
	defer box.Close()
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	kept, began := false, time.Now()
	for {
		key, parcel, err := box.Next(wait)
		if err != nil {
			if wait.Err() != nil && ctx.Err() == nil {
				return nil
			}
			return err
		}
		sent, err := d.deliver(ctx, box, key, parcel)
		if err != nil {
			return err
		}
		if sent {
			continue
		}
		if !kept {
			kept = true
			again := time.AfterFunc(d.nextOffer(time.Since(began)), cancel)
			defer again.Stop()
		}
	}
}

// nextOffer is the pause until what was kept is tried again. An answer that was lost is the commonest trouble, so it
// begins short: anew after a round that went well for long.
func (d *deliverer) nextOffer(went time.Duration) time.Duration {
	if went > offerAgain {
		d.kept = 0
	}
	d.kept++
	return d.jitter(min(firstOffer<<min(d.kept-1, 16), offerAgain))
}

// deliver ends a parcel, or keeps it (false). An error says that the connection is of no more use.
func (d *deliverer) deliver(ctx context.Context, box outbox, key string, parcel []byte) (bool, error) {
	s, err := d.owner.Signer(ctx, d.address)
	if err != nil {
		return false, err
	}
	err = d.client.Deliver(ctx, parcel, s)
	var e *poweb.ClientError
	switch {
	case err == nil:
		d.troubles = 0
		return true, box.Ack(ctx, key)
	case errors.As(err, &e) && e.Refused():
		d.troubles = 0
		return true, box.Drop(ctx, key, e.Error())
	}
	return false, errors.Join(box.Keep(ctx, key), d.trouble(ctx, err))
}

// trouble waits a while. A gateway that says 5xx may mean this parcel alone; who cannot be reached, or does not know
// us, is left for another.
func (d *deliverer) trouble(ctx context.Context, err error) error {
	var e *poweb.ClientError
	if !errors.As(err, &e) {
		return err
	}
	d.troubles++
	if d.troubles >= maxTroubles && e.Status < http.StatusInternalServerError {
		return err
	}
	d.log.Warn("an Internet gateway does not take a parcel; it is kept", "address", d.address, "error", err)
	if !sleep(ctx, d.jitter(min(firstTrouble<<min(d.troubles-1, 8), maxTrouble)), nil) {
		return ctx.Err()
	}
	return nil
}
