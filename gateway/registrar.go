package gateway

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
	"packhorse/store"
)

// localEndpoint is an endpoint of ours. Its proof is in its advert.
type localEndpoint struct{}

// PreRegister makes the PNRA octets for the SHA-256 of an endpoint's public key. Nothing is stored.
func (c *Core) PreRegister(now time.Time, digest [32]byte) ([]byte, error) {
	if c.member == nil {
		return nil, errNoDomain
	}
	if err := c.needClock("register an endpoint"); err != nil {
		return nil, err
	}
	var known uint64
	if a := c.adverts.bySubject[engineSubject(nodeIDOf(digest))]; a != nil {
		known = a.seq
	}
	return c.desk.PreRegister(now, digest, registration.NextSequence(known, now, c.quality)), nil
}

// register makes an endpoint ours: its proof becomes durable as an advert, then it gets its certificate.
func (c *Core) register(now time.Time, e Register) {
	req, pnr, err := c.certifyEndpoint(now, e.PNRR)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	n := domain.NewEngineAdvert(req)
	a, err := c.parseAdvert(ItemEngineAdvert, n.Raw)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	if c.wentOn(a) != nil {
		c.answer(e.Token, nil, errWentOn)
		return
	}
	ops := []store.Op{a.put(), {Kind: KindEndpoint, Key: string(req.Endpoint), Value: []byte{endpointVersion}}}
	c.persist(batch{ops: ops}, func(now time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		if newer := c.wentOn(a); newer != nil {
			c.persist(batch{ops: []store.Op{newer.put(), {Kind: KindEndpoint, Key: string(req.Endpoint), Delete: true}}}, ignoreResult)
			c.answer(e.Token, nil, errWentOn)
			return
		}
		c.local[req.Endpoint], c.adverts.moved[req.Endpoint], c.dirty = localEndpoint{}, true, true
		if !c.adverts.old(a) {
			c.believe(now, a)
		}
		c.adopt(now, req.Endpoint)
		c.answer(e.Token, pnr, nil)
	})
}

const endpointVersion = 1

var errWentOn = &registration.Error{Reason: registration.Expired,
	Detail: "the endpoint registered with another gateway since: pre-register again"}

// wentOn is the endpoint's later word that it is at another gateway; nil when there is none.
func (c *Core) wentOn(a *advert) *advert {
	if k := c.adverts.bySubject[a.subject]; c.adverts.old(a) && k.gateway != c.self {
		return k
	}
	return nil
}

func (c *Core) certifyEndpoint(now time.Time, pnrr []byte) (req registration.Request, pnr []byte, err error) {
	if c.member == nil {
		return req, nil, errNoDomain
	}
	if err := c.needClock("register an endpoint"); err != nil {
		return req, nil, err
	}
	if req, err = c.desk.Register(now, pnrr); err != nil {
		return req, nil, err
	}
	if c.adverts.bySubject[engineSubject(req.Endpoint)] == nil && c.advertsFull(ItemEngineAdvert, c.self) {
		return req, nil, &Error{Code: "quota", Message: "too many endpoints are registered", Fix: "this gateway takes no more"}
	}
	cert, address := c.root(now)
	r, err := registration.Issue(req, cert, c.id.RSA, address, now, c.cfg.Rand)
	if err != nil {
		return req, nil, err
	}
	return req, r.Marshal(), nil
}

// lose gives an endpoint up that proved to be at another gateway now. What waits for it travels on.
func (c *Core) lose(now time.Time, id pki.NodeID) {
	if _, ours := c.local[id]; !ours || id == c.box.id() {
		return
	}
	delete(c.local, id)
	c.adverts.moved[id], c.dirty = true, true
	c.persist(batch{ops: []store.Op{{Kind: KindEndpoint, Key: string(id), Delete: true}}}, ignoreResult)
	for _, x := range c.queue.all() {
		if x.Recipient == id {
			c.place(now, x)
		}
	}
}

// loseMoved gives up again what the disk did not let go of before a restart.
func (c *Core) loseMoved(now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(c.local)) {
		if a := c.adverts.bySubject[engineSubject(id)]; a != nil && a.gateway != c.self {
			c.lose(now, id)
		}
	}
}

// Anchors are the certificates that countersigners' certificates must be issued by: our own, under the domain and under
// Internet gateways; nobody's while we are in no domain.
func (c *Core) Anchors(now time.Time) []*pki.Certificate {
	if c.member == nil {
		return nil
	}
	return append([]*pki.Certificate{c.member.Cert}, c.book.Anchors(now, c.quality)...)
}

func counterOp(name string, v uint64) store.Op {
	return store.Op{Kind: KindCounter, Key: name, Value: binary.BigEndian.AppendUint64(nil, v)}
}

func endpointIDOf(spki []byte) pki.NodeID { return pki.IDOf(spki) }
