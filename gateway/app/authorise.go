package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/store"
)

// Terms are what somebody may do who is authorised. The zero value: all, as long as our registration lasts.
type Terms struct {
	Until time.Time      // not beyond the end of our own certificate; zero: that end
	Limit *pki.RateLimit // nil: any number of letters
}

// Permission is an authorisation that this endpoint gave.
type Permission struct {
	ID    pki.NodeID // who may write
	Until time.Time
	Limit *pki.RateLimit // nil: any number of letters
}

// permitRecord is a PDA of ours, until it ends.
type permitRecord struct {
	V      int           `json:"v"`
	Serial string        `json:"serial"` // hex
	ID     pki.NodeID    `json:"id"`
	Until  time.Time     `json:"until"`
	Limit  int           `json:"limit,omitempty"`  // 0: none
	Period time.Duration `json:"period,omitempty"` // nanoseconds
	Taken  bool          `json:"taken,omitempty"`  // back
}

func (p *permitRecord) put() store.Op { return put(kindPermit, p.Serial, p) }

func (e *Endpoint) restorePermit(_ string, b []byte) error {
	var p permitRecord
	if err := e.decode(b, &p, &p.V); err != nil {
		return err
	}
	e.permits[p.Serial] = &p
	return nil
}

// Authorise lets the endpoint of a card write to this one. What it returns is for that endpoint, which adds it as a
// contact; it is no secret. Gateways enforce the limit (RS-002); durable when it returns.
func (e *Endpoint) Authorise(c Card, t Terms) (Contact, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ep.Certificate == nil {
		return nil, errUnregistered
	}
	now := time.Now()
	if t.Until.IsZero() {
		t.Until = e.ep.Certificate.X509.NotAfter
	}
	params, err := e.ep.Authorise(c, endpoint.Grant{Address: e.reg.Address, From: now.Add(-backdate), Until: t.Until, Rate: t.Limit}, rand.Reader)
	if err != nil {
		return nil, &Error{Reason: Usage, Message: err.Error(), Fix: "check the card, the limit (whole seconds) and the date", Err: err}
	}
	made, err := endpoint.ParseContact("", params)
	if err != nil {
		return nil, err
	}
	p := newPermit(made.PDA)
	if err := e.commit(p.put()); err != nil {
		return nil, err
	}
	e.permits[p.Serial] = p
	return params, nil
}

func newPermit(pda *pki.Certificate) *permitRecord {
	p := &permitRecord{V: recordVersion, Serial: serialOf(pda), ID: pda.ID, Until: pda.X509.NotAfter}
	if r := pda.RateLimit; r != nil {
		p.Limit, p.Period = r.Limit, r.Period
	}
	return p
}

func serialOf(c *pki.Certificate) string { return c.X509.SerialNumber.Text(16) }

// Permissions are the authorisations of this endpoint that hold, the first to end first.
func (e *Endpoint) Permissions() []Permission {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []Permission{}
	for _, p := range e.sortedPermits() {
		if p.Taken || p.Until.Before(time.Now()) {
			continue
		}
		q := Permission{ID: p.ID, Until: p.Until}
		if p.Limit > 0 {
			q.Limit = &pki.RateLimit{Limit: p.Limit, Period: p.Period}
		}
		out = append(out, q)
	}
	return out
}

func (e *Endpoint) sortedPermits() []*permitRecord {
	return slices.SortedFunc(maps.Values(e.permits), func(a, b *permitRecord) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Serial, b.Serial))
	})
}

// Deauthorise takes back all that this endpoint allowed another: from now on nothing of theirs is handed out here. known
// tells that the gateway knows, and stops it already there (RS-018); until then the gateway is told with what else waits. Gateways of others
// know no deauthorisations: that is reported.
func (e *Endpoint) Deauthorise(ctx context.Context, who pki.NodeID) (known bool, err error) {
	var o *outgoing
	for more := true; more; {
		if o, more, err = e.takeBack(who); err != nil {
			return false, err
		}
	}
	err = e.Flush(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.state == refused {
		return false, o.why
	}
	if err != nil {
		e.report("the gateway does not know yet that %s may no longer write: %w", who, err)
	}
	return o.state == posted, nil
}

// atOnce is how many serial numbers a PDD takes that gateways still pass on: 8 KiB, of which certificates and signature
// take up to four.
const atOnce = 400

// takeBack makes it durable, as far as one PDD goes.
func (e *Endpoint) takeBack(who pki.NodeID) (o *outgoing, more bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	held := slices.DeleteFunc(e.sortedPermits(), func(p *permitRecord) bool { return p.Taken || p.ID != who })
	if len(held) == 0 {
		return nil, false, &Error{Reason: NotContact, Message: "nothing is allowed to " + quote(string(who)), Fix: "see who is: Permissions, or packhorse endpoint list"}
	}
	more, held = len(held) > atOnce, held[:min(len(held), atOnce)]
	pdd, err := e.denial(held)
	if err != nil {
		return nil, false, err
	}
	ops := []store.Op{}
	for _, p := range held {
		taken := *p
		taken.Taken = true
		ops = append(ops, taken.put())
	}
	o = &outgoing{outRecord: outRecord{To: who, ID: "deauthorisation " + held[0].Serial, Denial: true, Expires: held[len(held)-1].Until}}
	if err := e.enqueue(o, pdd, ops...); err != nil {
		return nil, false, err
	}
	for _, p := range held {
		p.Taken = true
	}
	return o, more, nil
}

// denial is the PDD that takes these back, in order of their ends.
func (e *Endpoint) denial(held []*permitRecord) ([]byte, error) {
	d := permit.PDD{Recipient: e.ep.ID(), Signer: e.ep.Certificate, Chain: e.ep.Chain, Expires: held[len(held)-1].Until}
	for _, p := range held {
		n, ok := new(big.Int).SetString(p.Serial, 16)
		if !ok {
			return nil, &Error{Reason: Disk, Message: "serial number " + strconv.Quote(p.Serial) + " is damaged", Fix: "restore the directory from a copy"}
		}
		d.Serials = append(d.Serials, n)
	}
	return permit.Sign(d, e.ep.Key, rand.Reader)
}

// denied tells whether the authorisation by which something came was taken back. e.mu is held.
func (e *Endpoint) denied(pda *pki.Certificate) bool {
	p := e.permits[serialOf(pda)]
	return p != nil && p.Taken
}

func (e *Endpoint) tidyPermits(now time.Time) (ops []store.Op) {
	for _, p := range e.sortedPermits() {
		if p.Until.Before(now) {
			delete(e.permits, p.Serial)
			ops = append(ops, store.Op{Kind: kindPermit, Key: p.Serial, Delete: true})
		}
	}
	return ops
}
