package node

import (
	"context"
	"errors"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/discovery"
)

const (
	checkRenewal   = 10 * time.Minute
	retryRenewal   = 30 * time.Minute
	retryResolver  = 5 * time.Second
	retryRegister  = time.Minute
	maxRetry       = 30 * time.Minute
	registerWithin = 5 * time.Minute // lookup, both requests and the disk
)

// keepRegistered registers with one Internet gateway, again when its certificate is due, and when the Internet gateway
// knows us no more.
func (u *uplinks) keepRegistered(ctx context.Context, address string) {
	var last time.Time
	asked := false
	for failures := 0; ; {
		wait, renewal := u.untilRenewal(ctx, address)
		if wait == 0 || asked && time.Since(last) >= checkRenewal {
			last, wait, failures = time.Now(), checkRenewal, failures+1
			if err := u.register(ctx, address); err != nil {
				u.failed(address, err)
				wait = u.jitter(registerAgain(err, renewal, failures))
			} else {
				failures = 0
			}
		}
		u.settled(address)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			asked = false
		case <-u.may[address]:
			asked = false
		case <-u.anew[address]:
			asked = true
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// untilRenewal is how long to wait before the next look, 0 when it is time to register; renewal tells that a
// registration is still good meanwhile.
func (u *uplinks) untilRenewal(ctx context.Context, address string) (wait time.Duration, renewal bool) {
	all, err := u.owner.Uplinks(ctx)
	if err != nil {
		return checkRenewal, false
	}
	now := time.Now()
	for _, i := range all {
		if i.Address != address {
			continue
		}
		u.registered(address, now.Before(i.Until))
		if now.Before(i.Renew) {
			return min(checkRenewal, i.Renew.Sub(now)), true
		}
		return 0, now.Before(i.Until)
	}
	u.registered(address, false)
	return 0, false
}

func (u *uplinks) register(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, registerWithin)
	defer cancel()
	if err := u.owner.MayRegister(ctx); err != nil {
		return err
	}
	c, err := u.client(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	pnr, err := c.RegisterKey(ctx, u.key)
	if err != nil {
		return err
	}
	if err := u.owner.Registered(ctx, address, pnr); err != nil {
		return err
	}
	u.log.Info("registered with an Internet gateway", "address", address)
	u.note(address, func(h *UplinkHealth) { h.Problem, h.Fix = "", "" })
	u.registered(address, true)
	return nil
}

// registerAgain is the pause after so many failures. A resolver out of reach is the sign of a connection that is down:
// it costs nobody anything to ask for it often. A clock or a domain that is missing may come at any moment: it wakes us.
func registerAgain(err error, renewal bool, failures int) time.Duration {
	var g *gateway.Error
	switch {
	case renewal:
		return retryRenewal
	case discovery.KindOf(err) == discovery.Unreachable:
		return retryResolver
	case errors.As(err, &g):
		return retryRegister
	}
	return min(retryRegister<<min(failures-1, 8), maxRetry)
}
