package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// anchors are what the authorisation of something signed may lead to: the domain's certificate, and any
// certificate of a member's key that is attached to it. Who issued the latter does not matter, since the member's
// record, signed by the domain, names the key: so endpoints that registered under an Internet gateway and
// those that registered under the domain reach each other. With a longer path whoever has a collection authorisation
// of that member, an Internet gateway, could certify endpoints in its name.
func (c *Core) anchors(now time.Time, attached []*pki.Certificate) []*pki.Certificate {
	if c.member == nil {
		return nil
	}
	list := []*pki.Certificate{c.member.Domain.Cert, c.member.Cert}
	for _, cert := range attached[:min(len(attached), pki.MaxCandidates)] {
		if c.isMemberKey(now, cert.ID) && cert.X509.MaxPathLen >= 0 && cert.X509.MaxPathLen <= 1 {
			list = append(list, cert)
		}
	}
	return list
}

// terms are what messages are judged by. Apps and phones write them, whose clocks nobody vouches for: so they may begin a
// little in the future, wherever they come from.
func (c *Core) terms(now time.Time) pki.Terms {
	return pki.Terms{Now: now, Quality: c.quality, Ahead: pki.ClockDrift, Links: c.links}
}

// isMemberKey tells whether an RSA key is that of a gateway which is a member now.
func (c *Core) isMemberKey(now time.Time, id pki.NodeID) bool {
	hash, ok := id.Digest()
	if !ok {
		return false
	}
	rec, ok := c.roster.ByRSA(hash)
	return ok && c.roster.Check(rec.ID, now, c.quality) == nil
}

// untrusted tells that a message is sound and only leads to nobody whom this domain trusts: what is for the
// Internet may go there all the same.
func untrusted(err error) bool {
	var r *ramf.Error
	return errors.As(err, &r) && r != errGatewayRevoked && r != errDenied && (r.Refusal == ramf.NoPath || r.Refusal == ramf.NotAuthorised)
}
