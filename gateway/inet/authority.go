package inet

import (
	"encoding/hex"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
	"packhorse/store"
)

const (
	day = 24 * time.Hour

	ownValidity     = 360 * day
	ownRenewal      = 180 * day // left when another is made
	privateValidity = 180 * day
	rotationFrom    = 90 * day // left of a private gateway's certificate when cargo brings it another
	backdated       = 3 * time.Hour

	// keyLife is how long a session key is given to those who register. It opens what they seal to it for ever.
	keyLife = 90 * day
)

// authority is what this gateway proves itself with: self-issued certificates, and the session key that who
// registers begins with.
//
// Records of KindInetState: "cert/" and the hex SHA-256 of a certificate: its DER; "key": version 1, 8 octets of when it
// was made, key id and SPKI of the session key, each with 2 octets of length.
type authority struct {
	certs []*pki.Certificate // the last ends last
	key   *session.PublicKey
	made  time.Time
	busy  bool // a batch with another is on its way
}

const (
	certPrefix = "cert/"
	keyRecord  = "key"
)

func (a *authority) restore(r gateway.Record, own pki.NodeID) error {
	if r.Key == keyRecord {
		return a.restoreKey(r.Value)
	}
	cert, err := pki.Parse(slices.Clone(r.Value))
	if err == nil && cert.ID == own {
		a.add(cert)
	}
	return err
}

func (a *authority) restoreKey(value []byte) error {
	o := reader{in: value}
	version, made, id, spki := o.u8(), o.time(), o.text(), o.text()
	if err := o.end(); err != nil || version != recordVersion {
		return errRecord
	}
	k, err := session.ParsePublicKey([]byte(spki))
	if err == nil {
		a.key, a.made = &session.PublicKey{ID: []byte(id), Key: k}, made
	}
	return err
}

func (a *authority) add(cert *pki.Certificate) {
	at, _ := slices.BinarySearchFunc(a.certs, cert, func(x, y *pki.Certificate) int { return x.X509.NotAfter.Compare(y.X509.NotAfter) })
	a.certs = slices.Insert(a.certs, at, cert)
}

// cert is the certificate to issue with, of those valid now the one that ends last; nil when there is none. One made while
// the clock was far ahead may be of no use for years.
func (a *authority) cert(now time.Time) *pki.Certificate {
	for _, cert := range slices.Backward(a.certs) {
		if cert.Valid(now, pki.ClockNTP) {
			return cert
		}
	}
	return nil
}

// Anchors are the certificates that those of private gateways must be issued by. The slice is fresh.
func (c *Core) Anchors() []*pki.Certificate { return slices.Clone(c.authority.certs) }

// ready answers certificate and session key for those who register.
func (c *Core) ready(now time.Time) (*pki.Certificate, session.PublicKey, error) {
	cert := c.authority.cert(now)
	if cert == nil || !c.trusted() || c.authority.key == nil {
		return nil, session.PublicKey{}, errNotReady
	}
	return cert, *c.authority.key, nil
}

// ConnectionParams are the octets of NodeConnectionParams.
func (c *Core) ConnectionParams(now time.Time) ([]byte, error) {
	_, key, err := c.ready(now)
	if err != nil {
		return nil, err
	}
	return registration.EncodeConnectionParams(c.cfg.Address, c.spki, key), nil
}

// PreRegister makes the PNRA octets for the SHA-256 of a private gateway's public key. Nothing is stored.
func (c *Core) PreRegister(now time.Time, digest [32]byte) ([]byte, error) {
	if _, _, err := c.ready(now); err != nil {
		return nil, err
	}
	return c.office.PreRegister(now, digest)
}

// register certifies a private gateway. There is nothing to store: the certificate is the proof.
func (c *Core) register(now time.Time, e Register) {
	cert, key, err := c.ready(now)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	req, err := c.office.Register(now, e.PNRR)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	if err := c.admits(req); err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	node, err := c.certify(now, cert, req)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	r := registration.Result{Node: node, Gateway: cert, Address: c.cfg.Address, Session: &key}
	c.answer(e.Token, r.Marshal(), nil)
}

// admits refuses who is not to be served, and tells the operator whose id it would take.
func (c *Core) admits(r registration.Request) error {
	spki, err := pki.EncodeSPKI(r.Key)
	if err != nil {
		return err
	}
	if err := c.allowed(pki.IDOf(spki)); err != nil {
		c.notice(false, "a registration was refused: "+err.Error())
		return &registration.Error{Reason: registration.OtherKey, Detail: err.Error()}
	}
	return nil
}

func (c *Core) certify(now time.Time, issuer *pki.Certificate, r registration.Request) (*pki.Certificate, error) {
	return pki.Issue(pki.Template{Subject: r.Key, Issuer: issuer, IssuerKey: c.cfg.Key, CA: true, PathLen: 1, Rand: c.cfg.Rand,
		NotBefore: now.Add(-backdated), NotAfter: now.Add(privateValidity)})
}

// renew makes another certificate or session key when it is time. Neither is used before it is durable.
func (c *Core) renew(now time.Time) {
	if !c.trusted() || c.authority.busy {
		return
	}
	if cert := c.authority.cert(now); cert == nil || cert.X509.NotAfter.Before(now.Add(ownRenewal)) {
		c.renewCert(now)
	} else if c.authority.key == nil || now.Sub(c.authority.made) >= keyLife || c.authority.made.After(now) {
		c.renewKey(now)
	}
}

func (c *Core) renewCert(now time.Time) {
	cert, err := pki.Issue(pki.Template{Subject: c.cfg.Key.Public(), IssuerKey: c.cfg.Key, CA: true, PathLen: 2, Rand: c.cfg.Rand,
		NotBefore: now.Add(-backdated), NotAfter: now.Add(ownValidity)})
	if err != nil {
		c.notice(true, "no certificate of the Internet gateway: "+err.Error())
		return
	}
	c.enact([]store.Op{{Kind: gateway.KindInetState, Key: certKey(cert), Value: cert.Raw()}}, func() { c.authority.add(cert) })
}

func certKey(cert *pki.Certificate) string {
	sum := hashOf(string(cert.Raw()))
	return certPrefix + hex.EncodeToString(sum[:])
}

func (c *Core) renewKey(now time.Time) {
	k, err := session.NewKey(c.cfg.Rand)
	if err != nil {
		c.notice(true, "no session key of the Internet gateway: "+err.Error())
		return
	}
	public := k.Public()
	ops := sessionOps(c.ring.Keep(k, "", now, c.quality))
	ops = append(ops, store.Op{Kind: gateway.KindInetState, Key: keyRecord, Value: marshalKey(public, now)})
	c.enact(ops, func() { c.authority.key, c.authority.made = &public, now })
}

func marshalKey(k session.PublicKey, made time.Time) []byte {
	var b cryptobyte.Builder
	b.AddUint8(recordVersion)
	addTime(&b, made)
	addTexts(&b, string(k.ID), string(session.EncodePublicKey(k.Key)))
	return b.BytesOrPanic()
}

// enact uses what it makes durable only then.
func (c *Core) enact(ops []store.Op, use func()) {
	c.authority.busy = true
	c.persist(ops, func(now time.Time, err error) {
		c.authority.busy = false
		if err != nil {
			c.sweep = now.Add(time.Minute)
			c.notice(true, "the Internet gateway could not save its keys: "+err.Error())
			return
		}
		use()
		c.sweep = time.Time{}
	})
}

// endCerts are the ops that delete certificates that are over.
func (c *Core) endCerts(now time.Time) (ops []store.Op) {
	c.authority.certs = slices.DeleteFunc(c.authority.certs, func(x *pki.Certificate) bool {
		over := x.X509.NotAfter.Before(now)
		if over {
			ops = append(ops, store.Op{Kind: gateway.KindInetState, Key: certKey(x), Delete: true})
		}
		return over
	})
	return ops
}
