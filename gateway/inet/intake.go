package inet

import (
	"fmt"
	"strings"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
)

// intake is a parcel that may come in.
type intake struct {
	rec  parcelRecord
	path []*pki.Certificate // from its sender up; nil for one to another Internet node
	raw  []byte
}

func refuse(r ramf.Refusal, format string, args ...any) error {
	return &ramf.Error{Refusal: r, Detail: fmt.Sprintf(format, args...)}
}

// inspect judges a parcel of a private gateway (by), or of an Internet node when that is empty. Errors are *ramf.Error,
// or errNotReady without a trusted clock.
func (c *Core) inspect(now time.Time, raw []byte, by pki.NodeID) (intake, error) {
	if !c.trusted() {
		return intake{}, errNotReady
	}
	m, err := ramf.Parse(raw)
	if err != nil {
		return intake{}, err
	}
	if m.Type != ramf.Parcel {
		return intake{}, refuse(ramf.WrongType, "this is a %v, not a parcel", m.Type)
	}
	terms := c.terms(now)
	if by == "" {
		terms.Ahead = 0 // an Internet node has the time
	}
	if err := c.allowed(by); by != "" && err != nil {
		return intake{}, err
	}
	in := intake{rec: newRecord(m), raw: raw}
	in.rec.By = by
	switch {
	case c.ours(m.InternetAddress):
		return c.inspectInward(m, terms, in)
	case by == "":
		return intake{}, refuse(ramf.NotAuthorised, "the parcel is for %.80s, not for an endpoint of %s", m.InternetAddress, c.cfg.Address)
	}
	in.rec.Line = lane{toAddress, strings.ToLower(strings.TrimSuffix(m.InternetAddress, "."))}
	return in, m.CheckSenderBy(terms)
}

// inspectInward wants the whole chain sender <- endpoint <- private gateway <- this gateway.
func (c *Core) inspectInward(m *ramf.Message, terms pki.Terms, in intake) (intake, error) {
	path, err := m.CheckBy(terms, c.authority.certs)
	if err != nil {
		return intake{}, err
	}
	if len(path) < 4 {
		return intake{}, refuse(ramf.NotAuthorised, "%.80s is no endpoint behind a private gateway", m.Recipient)
	}
	gw := path[len(path)-2].ID
	if err := c.allowed(gw); err != nil {
		return intake{}, err
	}
	in.rec.Line = lane{toGateway, string(gw)}
	in.path = path
	if c.permits.denials.Denied(path, terms.Now, c.quality) {
		err = refuse(ramf.NotAuthorised, "the recipient took the delivery authorisation back")
	}
	return in, err
}

// deliver takes a parcel from PoWeb or PoHTTP.
func (c *Core) deliver(now time.Time, e Deliver) {
	c.take(now, e.Parcel, e.By, false, func(_ time.Time, err error) { c.answer(e.Token, nil, err) })
}

// take judges a parcel and makes it durable; with owe, also that cargo has to acknowledge it.
func (c *Core) take(now time.Time, raw []byte, by pki.NodeID, owe bool, done batchDone) {
	if by != "" && isPDD(raw) {
		c.deauthorise(now, raw, done)
		return
	}
	in, err := c.inspect(now, raw, by)
	if err != nil {
		done(now, err)
		return
	}
	charged, err := c.count(now, in)
	if err != nil {
		done(now, err)
		return
	}
	m := mark{PCA: cargo.PCA{Sender: in.rec.Sender, Recipient: in.rec.Recipient, ID: in.rec.ID}, of: by, until: in.rec.Expires}
	var owed []store.Op
	if owe {
		owed = c.owed.put(m)
	}
	c.admit(now, in.rec, raw, append(charged, owed...), func(then time.Time, err error) {
		switch {
		case err != nil && len(charged) > 0:
			c.permits.rates.Return(in.path, now)
		case err == nil && len(owed) > 0:
			c.owed.add(m)
		}
		done(then, err)
	})
}

// count charges a parcel to the rate limit of its authorisation. One that is here already, or was, costs nothing.
func (c *Core) count(now time.Time, in intake) ([]store.Op, error) {
	if old := c.known[in.rec.id()]; in.path == nil || old != nil && old.Digest == in.rec.Digest {
		return nil, nil
	}
	return c.permits.charge(in.path, now)
}
