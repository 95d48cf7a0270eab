package inet

import (
	"bytes"
	"errors"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
)

// permits is what authorisations may still do: how many parcels by their rate limits, counted by time of receipt, and
// which were taken back.
type permits struct {
	denials *permit.Denials
	rates   *permit.Rates
}

func newPermits() permits { return permits{permit.NewDenials(), permit.NewRates(0)} }

func (p *permits) restore(r gateway.Record) error {
	if r.Kind == gateway.KindInetDenial {
		return p.denials.Load(r.Key, r.Value)
	}
	return p.rates.Load(r.Key, r.Value)
}

// charge counts a parcel under the authorisation that it came by: the first of path. What is too much now may come later: no
// error is a refusal for good, which would end the parcel where it waits.
func (p *permits) charge(path []*pki.Certificate, now time.Time) ([]store.Op, error) {
	records, err := p.rates.Take(path, now)
	switch {
	case errors.Is(err, permit.ErrFull):
		return nil, &gateway.Error{Code: "quota", Message: err.Error(), Fix: "wait until some expire"}
	case err != nil:
		return nil, &gateway.Error{Code: "not_yet", Message: "the recipient takes no more parcels of this sender for now: " + err.Error(), Fix: "wait"}
	}
	return permitOps(gateway.KindInetRate, records), nil
}

func (p *permits) expire(now time.Time) []store.Op {
	ops := permitOps(gateway.KindInetDenial, p.denials.Expire(now))
	return append(ops, permitOps(gateway.KindInetRate, p.rates.Expire(now))...)
}

func permitOps(kind store.Kind, records []permit.Record) (ops []store.Op) {
	for _, r := range records {
		ops = append(ops, store.Op{Kind: kind, Key: r.Key, Value: r.Value, Delete: r.Delete})
	}
	return ops
}

// isPDD tells a deauthorisation from a parcel, beside which it comes.
func isPDD(raw []byte) bool { return bytes.HasPrefix(raw, []byte("Awala\x52")) }

// deauthorise takes a PDD. It is enforced at once.
func (c *Core) deauthorise(now time.Time, pdd []byte, done batchDone) {
	records, err := c.permits.denials.Add(pdd, c.terms(now), c.authority.certs)
	switch {
	case errors.Is(err, permit.ErrFull):
		done(now, &gateway.Error{Code: "quota", Message: err.Error(), Fix: "wait until some expire"})
		return
	case err != nil:
		done(now, refuse(ramf.NotAuthorised, "%v", err))
		return
	}
	c.write(now, permitOps(gateway.KindInetDenial, records), done)
}
