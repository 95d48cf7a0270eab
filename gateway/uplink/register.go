package uplink

import (
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
)

// Register takes the PNR with which the Internet gateway at address answered, for the first time or as a renewal. The
// earlier certificates stay until they end. Where the book is full, the last registration that Prefer did not name
// goes. What is refused will be refused again, except for NoClock and Expired, which may be our clock's fault. Errors
// are *Error.
func (b *Book) Register(address string, pnr []byte, now time.Time, q pki.Quality) (Change, error) {
	r, err := registration.ParseResult(pnr)
	if err != nil {
		return Change{}, refuse(Malformed, "%.255q answered with an unusable registration: %v", address, err)
	}
	if err := b.judge(canonical(address), r, now, q); err != nil {
		return Change{}, err
	}
	g, left := &gateway{address: canonical(address), certificate: r.Gateway}, ""
	if have := b.latest(g.address); have != nil {
		g.ours = have.ours
	} else if len(b.gateways) >= MaxGateways {
		if left = b.unnamed(); left == "" {
			return Change{}, refuse(Full, "this gateway is registered with %d Internet gateways: name fewer", MaxGateways)
		}
	}
	g, _ = g.with(r.Node)
	var at time.Time // without a clock every message counts as later
	if q >= pki.ClockNTP {
		at = now
	}
	records := append(b.leave(left), b.ring.Replace(r.Gateway.ID, *r.Session, at)...)
	apply := b.stage(g)
	return Change{Records: append(records, b.gatewayRecord(g)), Apply: func() {
		delete(b.gateways, left)
		apply()
	}}, nil
}

// latest is a registration as it will be once all Changes are applied.
func (b *Book) latest(address string) *gateway {
	if g := b.staged[address]; g != nil {
		return g
	}
	return b.gateways[address]
}

// stage lets later Changes begin with what this one makes, and is how to apply it.
func (b *Book) stage(g *gateway) (apply func()) {
	b.staged[g.address] = g
	return func() {
		if b.gateways[g.address] = g; b.staged[g.address] == g {
			delete(b.staged, g.address)
		}
	}
}

// unnamed is the last registration that Prefer did not name; empty: all are named.
func (b *Book) unnamed() string {
	all := b.Gateways()
	if last := all[len(all)-1].Address; b.rank(last) == len(b.order) {
		return last
	}
	return ""
}

// leave ends the sessions with the Internet gateway at an address at once, and is what its registration leaves to delete.
func (b *Book) leave(address string) []Record {
	g := b.gateways[address]
	if g == nil {
		return nil
	}
	delete(b.staged, address)
	return append(b.ring.Forget(g.certificate.ID), Record{Key: gatewayKey(address), Delete: true})
}

// judge checks what a PNR must be.
func (b *Book) judge(address string, r registration.Result, now time.Time, q pki.Quality) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	switch {
	case canonical(r.Address) != address:
		return refuse(BadAddress, "%s says that its address is %.255q: register with that one", address, r.Address)
	case r.Node.ID != b.id:
		return refuse(OtherKey, "%s certified %s, not this gateway, %s", address, r.Node.ID, b.id)
	case r.Gateway.ID == b.id || !r.Node.X509.IsCA:
		return refuse(NotIssued, "the certificate of %s is none of a gateway under another", address)
	case r.Session == nil:
		return refuse(NoSession, "%s registered this gateway without a session key", address)
	}
	if err := r.Gateway.IssuedBy(r.Gateway); err != nil {
		return refuse(NotIssued, "the own certificate of %s: %v", address, err)
	}
	for _, c := range []*pki.Certificate{r.Node, r.Gateway} {
		if !c.Valid(now, q) {
			return refuse(Expired, "%s sent a certificate that is valid from %s to %s: is the clock right?", address,
				c.X509.NotBefore.Format(time.RFC3339), c.X509.NotAfter.Format(time.RFC3339))
		}
	}
	return nil
}

// Rotate takes a new certificate of ours that came in a cargo from the Internet gateway with the id from. A change
// without records says that it was known. Errors are *Error.
func (b *Book) Rotate(from pki.NodeID, r *cargo.Rotation, now time.Time, q pki.Quality) (Change, error) {
	info, ok := b.Gateway(from)
	if !ok {
		return Change{}, refuse(Unregistered, "this gateway is not registered with %s", from)
	}
	if r.Leaf.ID != b.id {
		return Change{}, refuse(OtherKey, "%s sent a certificate of %s, not of this gateway", info.Address, r.Leaf.ID)
	}
	g := b.latest(info.Address)
	issuer := g.issuerOf(r)
	if issuer == nil || !r.Leaf.X509.IsCA {
		return Change{}, refuse(NotIssued, "%s sent a certificate that it did not issue, or not to a gateway", info.Address)
	}
	if !r.Leaf.Valid(now, q) {
		return Change{}, refuse(Expired, "%s sent a certificate that is valid from %s to %s", info.Address,
			r.Leaf.X509.NotBefore.Format(time.RFC3339), r.Leaf.X509.NotAfter.Format(time.RFC3339))
	}
	next, changed := g.with(r.Leaf)
	if !changed && b.staged[next.address] == nil {
		return Change{Apply: func() {}}, nil
	}
	if issuer.X509.NotAfter.After(next.certificate.X509.NotAfter) {
		next.certificate = issuer
	}
	return Change{Records: []Record{b.gatewayRecord(next)}, Apply: b.stage(next)}, nil
}

// issuerOf finds the certificate of this Internet gateway that issued the leaf, of several the one that ends last: its
// key may have a newer one than we know.
func (g *gateway) issuerOf(r *cargo.Rotation) (found *pki.Certificate) {
	for _, c := range append([]*pki.Certificate{g.certificate}, r.Authorities...) {
		if c.ID != g.certificate.ID || c.IssuedBy(c) != nil || r.Leaf.IssuedBy(c) != nil {
			continue
		}
		if found == nil || c.X509.NotAfter.After(found.X509.NotAfter) {
			found = c
		}
	}
	return found
}

// Tidy drops what has expired. Without a trusted clock it does nothing. The last certificate of a registration stays,
// so that it can be told that and with whom to register again.
func (b *Book) Tidy(now time.Time, q pki.Quality) []Record {
	if q < pki.ClockNTP {
		return nil
	}
	out := b.ring.Expire(now, q)
	for _, info := range b.Gateways() {
		if b.staged[info.Address] != nil {
			continue
		}
		g := *b.gateways[info.Address]
		if g.ours = valid(g.ours, now); len(g.ours) == 0 || len(g.ours) == len(b.gateways[g.address].ours) {
			continue
		}
		b.gateways[g.address] = &g
		out = append(out, b.gatewayRecord(&g))
	}
	for _, c := range b.issuers {
		if !c.Valid(now, q) {
			out = append(out, Record{Key: issuerKey(c), Delete: true})
		}
	}
	b.issuers = valid(b.issuers, now)
	return out
}

func valid(list []*pki.Certificate, now time.Time) (out []*pki.Certificate) {
	for _, c := range list {
		if !now.After(c.X509.NotAfter) {
			out = append(out, c)
		}
	}
	return out
}
