package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/uplink"
	"packhorse/store"
)

// MayRegister tells why a registration with an Internet gateway would not be taken now: there is no domain, or no clock.
// Errors are *Error.
func (c *Core) MayRegister() error {
	if c.member == nil {
		return errNoDomain
	}
	return c.needClock("register with an Internet gateway")
}

// registered takes the answer of an Internet gateway to our registration.
func (c *Core) registered(now time.Time, e Registered) {
	if err := c.MayRegister(); err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	change, err := c.book.Register(e.Address, e.PNR, now, c.quality)
	if err != nil {
		c.answer(e.Token, nil, uplinkError(err))
		return
	}
	c.changeBook(change, c.answerStored(e.Token))
}

// changeBook makes a change of the registrations durable, then takes it over.
func (c *Core) changeBook(change uplink.Change, done batchDone) {
	c.persist(batch{ops: uplinkOps(change.Records)}, func(now time.Time, err error) {
		if err == nil {
			change.Apply()
			c.dirty = true
		}
		done(now, err)
	})
}

// answerStored ends a request whose effect was made durable.
func (c *Core) answerStored(t Token) batchDone {
	return func(_ time.Time, err error) {
		if err != nil {
			err = storeError(err)
		}
		c.answer(t, nil, err)
	}
}

func uplinkOps(records []uplink.Record) []store.Op {
	ops := make([]store.Op, 0, len(records))
	for _, r := range records {
		ops = append(ops, store.Op{Kind: KindUplink, Key: r.Key, Value: r.Value, Delete: r.Delete})
	}
	return ops
}

// uplinkError says what a refusal of the registrations means to a person.
func uplinkError(err error) error {
	var u *uplink.Error
	if !errors.As(err, &u) {
		return err
	}
	switch u.Reason {
	case uplink.NoClock:
		return &Error{Code: "not_yet", Message: u.Detail, Fix: "synchronise the clock (NTP, or chrony with a GPS)"}
	case uplink.Unregistered, uplink.Expired, uplink.NoSession:
		return &Error{Code: "not_yet", Message: u.Detail, Fix: "name it in [uplink] gateways; it registers as soon as the Internet gateway is reached"}
	}
	return &Error{Code: "refused", Message: u.Detail, Fix: "look at [uplink] in the configuration, or ask who runs that Internet gateway"}
}

// uplinkOr is the Internet gateway that is meant: the first that we are registered with when none is named.
func (c *Core) uplinkOr(address string) string {
	if all := c.book.Gateways(); address == "" && len(all) > 0 {
		return all[0].Address
	}
	return address
}

// PreferUplinks gives the order in which Internet gateways are used, by address.
func (c *Core) PreferUplinks(addresses ...string) { c.book.Prefer(addresses...) }

// Uplinks lists the Internet gateways that we are registered with, the preferred first.
func (c *Core) Uplinks(now time.Time) (out []UplinkInfo) {
	waiting := len(c.waitingUp(now))
	for _, g := range c.book.Gateways() {
		out = append(out, UplinkInfo{Address: g.Address, ID: g.ID, Live: c.exits.live[g.Address], Until: g.Until, Renew: g.Renew,
			Waiting: waiting, Owed: len(c.owed)})
	}
	return out
}

// UplinkSigner is the certificate to countersign with towards an Internet gateway. Errors are *Error.
func (c *Core) UplinkSigner(now time.Time, address string) (*pki.Certificate, error) {
	cert, err := c.book.Signer(address, now, c.quality)
	if err != nil {
		return nil, uplinkError(err)
	}
	return cert, nil
}

// root is the certificate under which endpoints of ours get theirs, and the address that goes with it: that of the
// preferred Internet gateway, or the domain's. What is authorised under either counts in the domain.
func (c *Core) root(now time.Time) (*pki.Certificate, string) {
	for _, g := range c.book.Gateways() {
		if cert, err := c.book.Signer(g.Address, now, c.quality); err == nil {
			return cert, g.Address
		}
	}
	return c.member.Cert, c.member.Domain.Address
}

// tidy drops keys, certificates and permits that are over, once a day.
func (c *Core) tidy(now time.Time) {
	if c.tidied.Add(day).After(now) || !c.clockTrusted() {
		return
	}
	c.tidied = now
	if ops := append(uplinkOps(c.book.Tidy(now, c.quality)), c.tidyPermits(now)...); len(ops) > 0 {
		c.persist(batch{ops: ops}, ignoreResult)
	}
}
