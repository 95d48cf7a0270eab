package node

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"packhorse/gateway/discovery"
	"packhorse/gateway/poweb"
)

const (
	retryLookup  = 3 * time.Second
	retryDNS     = 30 * time.Second
	retryUnknown = time.Minute
	firstRetry   = time.Second
	longestRetry = time.Minute
	wellAfter    = time.Minute // a connection that lasted so long begins its retries anew
	breaks       = 4           // so many that worked and broke in that time, and the second choice is taken
	noGateway    = 10 * time.Minute

	probeEvery = 2 * time.Minute
	wellFor    = 3 // probes in a row, until the preferred Internet gateway is trusted again
)

// errPreferred ends a connection because a better one is to be had.
var errPreferred = errors.New("a preferred Internet gateway is well again")

// attempt is when an Internet gateway may be tried again.
type attempt struct {
	at       time.Time
	failures int
	brokeOff bool // after it worked, and is tried again before a second choice: what waits there comes from nowhere else
}

// keepConnected holds one connection, to the first Internet gateway in the order of preference that works.
func (u *uplinks) keepConnected(ctx context.Context) {
	tries := map[string]*attempt{}
	for _, a := range u.gateways {
		tries[a] = &attempt{}
	}
	for ctx.Err() == nil {
		i, wait := u.choose(tries)
		if i < 0 {
			sleep(ctx, wait, u.wake)
			continue
		}
		address, began := u.gateways[i], time.Now()
		wasLive, err := u.connect(ctx, i)
		if ctx.Err() != nil {
			return
		}
		u.after(address, tries[address], wasLive, time.Since(began), err)
	}
}

// choose finds the first that is registered and may be tried now; else -1, and how long to wait for one.
func (u *uplinks) choose(tries map[string]*attempt) (i int, wait time.Duration) {
	wait = noGateway
	for i, h := range u.states() {
		if !u.isKnown(h.Address) {
			return -1, wait
		}
		if !h.Registered {
			continue
		}
		left := time.Until(tries[h.Address].at)
		if left <= 0 {
			return i, 0
		}
		wait = min(wait, left)
		if tries[h.Address].brokeOff {
			return -1, wait
		}
	}
	return -1, wait
}

func (u *uplinks) isKnown(address string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.known[address]
}

// after plans the next attempt.
func (u *uplinks) after(address string, t *attempt, wasLive bool, lasted time.Duration, err error) {
	if err == errPreferred {
		*t = attempt{}
		return
	}
	if lasted >= wellAfter {
		t.failures = 0
	}
	t.failures++
	t.at = time.Now().Add(u.jitter(connectAgain(err, t.failures)))
	var e *poweb.ClientError
	stranger := errors.As(err, &e) && e.Unauthorised()
	again := 1
	if wasLive {
		again = breaks
	}
	t.brokeOff = t.failures <= again && !stranger && discovery.KindOf(err) == 0
	if stranger {
		nudge(u.anew[address])
	}
	if err != nil {
		u.failed(address, err)
	}
}

// connectAgain is the pause after so many failures. An end in good order (nil) counts as one, so that a gateway that
// closes at once is not asked at once for ever.
func connectAgain(err error, failures int) time.Duration {
	switch discovery.KindOf(err) {
	case discovery.Unreachable:
		return retryLookup
	case discovery.Failed:
		return retryDNS
	case discovery.NoSuchAddress, discovery.NotSigned, discovery.BadAddress:
		return retryUnknown
	}
	return min(firstRetry<<min(failures-1, 8), longestRetry)
}

// connect collects and delivers until something breaks. Nothing of it is left running when it returns.
func (u *uplinks) connect(ctx context.Context, i int) (wasLive bool, err error) {
	address := u.gateways[i]
	c, err := u.client(ctx, address)
	if err != nil {
		return false, err
	}
	defer c.Close()
	s, err := u.owner.Signer(ctx, address)
	if err != nil {
		return false, err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	err = c.Collect(ctx, poweb.Collection{Signers: []poweb.Signer{s}, Keep: true, Take: u.taker(address), Ready: func() {
		wasLive = true
		u.live(ctx, address, true)
		wg.Go(func() { end(u.deliverAll(ctx, c, address)) })
		wg.Go(func() { u.watchPreferred(ctx, u.gateways[:i], end) })
	}})
	cause := context.Cause(ctx)
	end(nil)
	wg.Wait()
	u.live(context.WithoutCancel(ctx), address, false)
	if cause != nil {
		err = cause
	}
	return wasLive, err
}

// taker hands collected parcels to the core. What is refused for good is acknowledged, or it would come for ever.
func (u *uplinks) taker(address string) func(context.Context, []byte) error {
	return func(ctx context.Context, parcel []byte) error {
		err := u.take(ctx, address, parcel)
		if refusedForGood(err) {
			u.log.Warn("a parcel from the Internet is refused", "error", err)
			return nil
		}
		return err
	}
}

// take tries again what the core cannot take now: it comes first again on each connection, so that a connection that ends
// for it carries nothing else, and nothing up.
func (u *uplinks) take(ctx context.Context, address string, parcel []byte) error {
	for n := 0; ; n++ {
		err := u.owner.FromInternet(ctx, parcel)
		if !takenLater(err) {
			if n > 0 {
				u.note(address, func(h *UplinkHealth) { h.Problem, h.Fix = "", "" })
			}
			return err
		}
		u.complain(address, err)
		if !sleep(ctx, u.jitter(min(firstTrouble<<min(n, 8), maxTrouble)), nil) {
			return ctx.Err()
		}
	}
}

// live tells the core, health and log.
func (u *uplinks) live(ctx context.Context, address string, live bool) {
	was := false
	u.note(address, func(h *UplinkHealth) {
		was, h.Live, h.Since = h.Live, live, time.Time{}
		if live {
			h.Since, h.Problem, h.Fix = time.Now(), "", ""
		}
	})
	if was != live {
		u.log.Info("connection to an Internet gateway", "address", address, "live", live)
		u.owner.Live(ctx, address, live)
	}
}

// watchPreferred ends a connection to a second choice once a better one has been well for a while.
func (u *uplinks) watchPreferred(ctx context.Context, better []string, end context.CancelCauseFunc) {
	well := map[string]int{}
	for len(better) > 0 && sleep(ctx, u.jitter(probeEvery), nil) {
		for _, a := range better {
			if !u.probe(ctx, a) {
				well[a] = 0
			} else if well[a]++; well[a] == wellFor {
				end(errPreferred)
				return
			}
		}
	}
}

// probe asks a registered Internet gateway something small.
func (u *uplinks) probe(ctx context.Context, address string) bool {
	if _, err := u.owner.Signer(ctx, address); err != nil {
		return false
	}
	c, err := u.client(ctx, address)
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.ConnectionParams(ctx)
	var e *poweb.ClientError
	return err == nil || errors.As(err, &e) && e.Status != 0 && e.Status < http.StatusInternalServerError
}
