package inet

import (
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// cargoFrame is what a cargo takes besides its plaintext, at most, with a certificate of the usual size.
const cargoFrame = 8 << 10

// collection is the cargo for one private gateway, as one courier fetches it: acknowledgements, parcels, then a new
// certificate when the old one ends soon.
type collection struct {
	of       pki.NodeID
	cda      *pki.Certificate // by which the private gateway lets this one send it cargo
	cca      mark
	acks     []*mark
	parcels  []*entry
	rotation *cargo.Rotation

	batch   *cargo.Batch
	made    CargoMade
	expires time.Time // of the last item in batch to end
	busy    bool
}

func badCCA(format string, args ...any) error {
	return &CCAError{BadCCA, fmt.Sprintf(format, args...)}
}

// openCCA judges a CCA and looks up what there is for its signer. Another collection with the same CCA is cut off: its
// courier has lost its connection.
func (c *Core) openCCA(now time.Time, e OpenCCA) {
	s, err := c.judgeCCA(now, e.CCA)
	if err == nil && len(c.collecting) >= c.cfg.Limits.Subs {
		err = errManySubs
	}
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	for id, other := range c.collecting {
		if other.cca.id() == s.cca.id() {
			delete(c.collecting, id)
		}
	}
	s.acks, s.parcels = c.owed.list(s.of), c.waitingFor(now, s.of)
	c.collecting[e.Sub] = s
	c.answer(e.Token, nil, nil)
}

func (c *Core) judgeCCA(now time.Time, raw []byte) (*collection, error) {
	if !c.trusted() {
		return nil, errNotReady
	}
	m, err := ramf.Parse(raw)
	if err != nil || m.Type != ramf.CCA {
		return nil, badCCA("this is no cargo collection authorisation: %v", err)
	}
	if m.Recipient != c.id || !c.ours(m.InternetAddress) {
		return nil, &CCAError{OtherRecipient, fmt.Sprintf("the authorisation is for another gateway, %.80s at %.80s", m.Recipient, m.InternetAddress)}
	}
	if err := c.checkPrivate(now, m); err != nil {
		return nil, badCCA("%v", err)
	}
	s := &collection{of: m.Sender.ID, cca: mark{PCA: cargo.PCA{ID: m.ID}, of: m.Sender.ID, until: m.Expires()}}
	if c.served.byID[s.cca.id()] != nil {
		return nil, &CCAError{Fulfilled, "the authorisation was used before"}
	}
	plain, err := c.unseal(m)
	if err != nil {
		return nil, badCCA("%v", err)
	}
	if s.cda, err = cargo.ParseRequest(plain); err != nil {
		return nil, badCCA("%v", err)
	}
	if s.cda.ID != c.id || !s.cda.Valid(now, c.quality) {
		return nil, badCCA("its cargo delivery authorisation is not for this gateway, or out of date")
	}
	s.rotation, err = c.rotate(now, m.Sender)
	return s, err
}

// rotate makes a new certificate for a private gateway whose own ends soon.
func (c *Core) rotate(now time.Time, old *pki.Certificate) (*cargo.Rotation, error) {
	issuer := c.authority.cert(now)
	if old.X509.NotAfter.After(now.Add(rotationFrom)) {
		return nil, nil
	}
	leaf, err := pki.Issue(pki.Template{Subject: old.Key(), Issuer: issuer, IssuerKey: c.cfg.Key, CA: true, PathLen: 1, Rand: c.cfg.Rand,
		NotBefore: now.Add(-backdated), NotAfter: now.Add(privateValidity)})
	if err != nil {
		return nil, err
	}
	return &cargo.Rotation{Leaf: leaf, Authorities: []*pki.Certificate{issuer}}, nil
}

// nextCargo makes the next cargo of a collection. After the last one the CCA is used up.
func (c *Core) nextCargo(now time.Time, e NextCargo) {
	s := c.collecting[e.Sub]
	if s == nil || s.busy {
		c.answer(e.Token, (*CargoMade)(nil), errClosed)
		return
	}
	s.busy, s.made, s.expires = true, CargoMade{}, time.Time{}
	s.batch = cargo.NewBatch(min(c.cfg.Limits.CargoBytes-cargoFrame, cargo.MaxSet))
	for len(s.acks) > 0 && s.add(s.acks[0].PCA.Marshal(), s.acks[0].until) {
		s.acks = s.acks[1:]
		s.made.Acks++
	}
	if len(s.acks) > 0 {
		c.finishCargo(now, s, e)
		return
	}
	c.packParcels(now, s, e)
}

func (s *collection) add(item []byte, expires time.Time) bool {
	if !s.batch.Add(item) {
		return false
	}
	if expires.After(s.expires) {
		s.expires = expires
	}
	return true
}

// packParcels loads one parcel after the other until the cargo is full.
func (c *Core) packParcels(now time.Time, s *collection, e NextCargo) {
	for len(s.parcels) > 0 && !c.there(s.parcels[0]) {
		s.parcels = s.parcels[1:]
	}
	if len(s.parcels) == 0 {
		if s.rotation != nil && s.add(s.rotation.Marshal(), s.rotation.Leaf.X509.NotAfter) {
			s.rotation = nil
		}
		c.finishCargo(now, s, e)
		return
	}
	x := s.parcels[0]
	c.body(x, func(now time.Time, raw []byte, err error) {
		switch {
		case c.collecting[e.Sub] != s:
			c.answer(e.Token, (*CargoMade)(nil), errClosed)
			return
		case err != nil && !errors.Is(err, errGone):
			s.busy = false
			c.answer(e.Token, (*CargoMade)(nil), err)
			return
		case err == nil && s.add(raw, x.Expires):
			s.made.Parcels++
		case err == nil && s.batch.Len() > 0: // it begins the next cargo
			c.finishCargo(now, s, e)
			return
		}
		s.parcels = s.parcels[1:] // packed, gone, or larger than a cargo may be
		c.packParcels(now, s, e)
	})
}

// finishCargo seals what was packed; with nothing packed the collection is over.
func (c *Core) finishCargo(now time.Time, s *collection, e NextCargo) {
	if s.batch.Len() == 0 {
		c.fulfil(s, e)
		return
	}
	payload, records, err := c.ring.Seal(s.batch.Marshal(), s.of, now, c.quality, c.cfg.Rand)
	s.batch = nil
	if err == nil {
		s.made.Raw, err = c.signCargo(now, s, payload)
	}
	if err != nil {
		s.busy = false
		c.answer(e.Token, (*CargoMade)(nil), err)
		return
	}
	made := s.made
	s.made = CargoMade{}
	c.persist(sessionOps(records), func(_ time.Time, err error) {
		if s.busy = false; err != nil {
			c.answer(e.Token, (*CargoMade)(nil), storeError(err))
			return
		}
		c.answer(e.Token, &made, nil)
	})
}

func (c *Core) signCargo(now time.Time, s *collection, payload []byte) ([]byte, error) {
	id, err := ramf.NewID(c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	created := now.Add(-backdated).Truncate(time.Second)
	ttl := min(s.expires.Sub(created), ramf.MaxTTL)
	return ramf.Sign(&ramf.Message{Type: ramf.Cargo, Recipient: s.of, ID: id, Created: created, TTL: ttl, Payload: payload, Sender: s.cda}, c.cfg.Key, c.cfg.Rand)
}

// fulfil remembers that a CCA was served.
func (c *Core) fulfil(s *collection, e NextCargo) {
	ops := c.served.put(s.cca)
	c.persist(ops, func(_ time.Time, err error) {
		s.busy = false
		switch {
		case err != nil:
			err = storeError(err)
		case len(ops) > 0:
			c.served.add(s.cca)
		}
		c.answer(e.Token, (*CargoMade)(nil), err)
	})
}
