// Package uplink is a private gateway's side towards Awala's Internet gateways (RS-002, RS-004, RS-016): its
// registrations, the certificates under which it signs and is trusted, and the cargo that couriers carry between the
// two. Pure: the RSA key, time and random numbers are passed in.
//
//	Internet gateway            self-issued; a PNR brings it
//	  private gateway           "PDC certificate": countersigns, signs cargo and CCAs, anchors our endpoints' chains
//	private gateway             self-issued, path length 2: "CDA issuer"
//	  Internet gateway          cargo delivery authorisation (CDA), inside a CCA: signs cargo for us
//
// A cargo for us is signed with the CDA and brings no chain. Awala's Android courier takes such cargo from an Internet
// gateway only when the CDA issuer is attached, which no Internet gateway attaches; so attached certificates are
// tolerated here, and a courier must not ask for them.
package uplink

import (
	"cmp"
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/session"
)

const (
	// MaxGateways is how many Internet gateways a book holds.
	MaxGateways = 8

	maxCertificates = 4    // of ours under one Internet gateway, and CDA issuers
	maxSessions     = 1024 // private session keys: one for each cargo and CCA

	day = 24 * time.Hour
)

// Book holds the registrations. Not safe for concurrent use.
type Book struct {
	key      crypto.Signer
	id       pki.NodeID
	gateways map[string]*gateway // by address
	staged   map[string]*gateway // what Changes that are not applied yet make of them
	order    []string
	issuers  []*pki.Certificate // of CDAs, the one that ends last first
	ring     *session.Ring
}

// gateway is one registration. Immutable: a change replaces it.
type gateway struct {
	address     string
	certificate *pki.Certificate   // the Internet gateway's own
	ours        []*pki.Certificate // our PDC certificates: under its present key first, then who ends last; at least one
}

// Gateway is what is known of one Internet gateway. Clock and network were not asked.
type Gateway struct {
	Address string
	ID      pki.NodeID
	Until   time.Time // end of our certificate
	Renew   time.Time // when to register anew
}

// Change is what a registration changes. Make Records durable in the order of the Changes, then call Apply; without Apply
// nothing has changed. A Change of the same registration that is made meanwhile contains this one.
type Change struct {
	Records []Record
	Apply   func()
}

// New makes the empty book of the gateway with this RSA identity key.
func New(key crypto.Signer) (*Book, error) {
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		return nil, err
	}
	id := pki.IDOf(spki)
	return &Book{key: key, id: id, gateways: map[string]*gateway{}, staged: map[string]*gateway{}, ring: session.NewRing(id, maxSessions)}, nil
}

// Prefer gives the order of Gateways; those not named come last, by address. Case does not matter.
func (b *Book) Prefer(addresses ...string) {
	b.order = b.order[:0]
	for _, a := range addresses {
		b.order = append(b.order, canonical(a))
	}
}

// Gateways lists the registrations in the order of preference.
func (b *Book) Gateways() []Gateway {
	out := make([]Gateway, 0, len(b.gateways))
	for _, g := range b.gateways {
		c := g.current()
		out = append(out, Gateway{Address: g.address, ID: g.certificate.ID, Until: c.X509.NotAfter, Renew: renewAt(c)})
	}
	slices.SortFunc(out, func(x, y Gateway) int {
		return cmp.Or(cmp.Compare(b.rank(x.Address), b.rank(y.Address)), cmp.Compare(x.Address, y.Address))
	})
	return out
}

func (b *Book) rank(address string) int {
	if i := slices.Index(b.order, address); i >= 0 {
		return i
	}
	return len(b.order)
}

// Gateway finds the registration with an Internet gateway by its id.
func (b *Book) Gateway(id pki.NodeID) (Gateway, bool) {
	for _, g := range b.Gateways() {
		if g.ID == id {
			return g, true
		}
	}
	return Gateway{}, false
}

// Anchors are our PDC certificates that are valid, of all Internet gateways in the order of preference: chains of
// our endpoints, and of who may write to them, end there.
func (b *Book) Anchors(now time.Time, q pki.Quality) (out []*pki.Certificate) {
	for _, info := range b.Gateways() {
		for _, c := range b.gateways[info.Address].ours {
			if c.Valid(now, q) {
				out = append(out, c)
			}
		}
	}
	return out
}

// Signer is the certificate to sign with towards an Internet gateway, and to issue endpoints' certificates under: the
// valid one that ends last. Errors are *Error.
func (b *Book) Signer(address string, now time.Time, q pki.Quality) (*pki.Certificate, error) {
	g, err := b.find(address)
	if err != nil {
		return nil, err
	}
	if q == pki.ClockNone {
		return nil, refuse(NoClock, "nothing can be signed for %s before this gateway knows the time", g.address)
	}
	for _, c := range g.ours {
		if g.foreign(c) == 0 && c.Valid(now, q) {
			return c, nil
		}
	}
	c := g.current().X509
	return nil, refuse(Expired, "our certificate of %s is valid from %s to %s: register again", g.address,
		c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
}

// find is the registration at an address.
func (b *Book) find(address string) (*gateway, error) {
	if g := b.gateways[canonical(address)]; g != nil {
		return g, nil
	}
	if address == "" {
		return nil, refuse(Unregistered, "this gateway is registered with no Internet gateway")
	}
	return nil, refuse(Unregistered, "this gateway is not registered with %.255q", address)
}

// current is the certificate to go on with.
func (g *gateway) current() *pki.Certificate { return g.ours[0] }

// with is the registration and one more certificate; false when it had it. What falls off at the end goes.
func (g *gateway) with(c *pki.Certificate) (*gateway, bool) {
	if slices.ContainsFunc(g.ours, c.Equal) {
		return g, false
	}
	next := *g
	next.ours = append(slices.Clone(g.ours), c)
	slices.SortStableFunc(next.ours, func(x, y *pki.Certificate) int {
		return cmp.Or(g.foreign(x)-g.foreign(y), y.X509.NotAfter.Compare(x.X509.NotAfter))
	})
	next.ours = next.ours[:min(len(next.ours), maxCertificates)]
	return &next, true
}

// foreign is 1 for a certificate under a key that the Internet gateway no longer has.
func (g *gateway) foreign(c *pki.Certificate) int {
	if c.Issuer == g.certificate.ID {
		return 0
	}
	return 1
}

// renewAt is 90 days before the end, or at half the life of a certificate that lives shorter than 180.
func renewAt(c *pki.Certificate) time.Time {
	life := c.X509.NotAfter.Sub(c.X509.NotBefore)
	return c.X509.NotAfter.Add(-min(90*day, life/2))
}

// canonical is how addresses are compared and stored.
func canonical(address string) string {
	return strings.TrimSuffix(strings.ToLower(address), ".")
}

func checkAddress(address string) error {
	if !ramf.ValidAddress(address) {
		return refuse(BadAddress, "%.255q is not the address of an Internet gateway, a domain name", address)
	}
	return nil
}

// Reason is why the book refuses to do something.
type Reason uint8

const (
	NoClock      Reason = iota + 1 // it has to be signed, and the time is not known well enough
	Unregistered                   // there is no such Internet gateway in the book
	BadAddress
	Malformed
	OtherKey  // a certificate for another key than ours
	NotIssued // by the Internet gateway that it should be of
	Expired   // or not yet valid
	NoSession // no session key of the Internet gateway
	Full      // MaxGateways
)

// Error carries a Reason and what exactly was wrong, in words.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return "uplink: " + e.Detail }

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
