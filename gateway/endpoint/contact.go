package endpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/session"
)

// MaxParams bounds encoded connection parameters in octets.
const MaxParams = 64 << 10

// Authorise issues a PDA to a sender's public key (DER SPKI) and returns the connection
// parameters to hand over, with a session key bound to that sender:
//
//	PrivateEndpointConnParams ::= SEQUENCE {
//	    [0] SubjectPublicKeyInfo of the recipient,
//	    [1] internetGatewayAddress VisibleString,
//	    [2] { [0] Certificate: the PDA, [1] SET OF Certificate: what is above it },
//	    [3] { [0] key id OCTET STRING, [1] SubjectPublicKeyInfo of the session key } }
//
// with implicit tags (RS-000). Self-issued certificates are left out: whoever can trust one has it. The
// endpoint's state has changed: persist it before the parameters are handed over.
func (e *Endpoint) Authorise(senderSPKI []byte, g Grant, rand io.Reader) ([]byte, error) {
	if g.Certificate == nil {
		g.Certificate, g.Chain = e.Certificate, e.Chain
	}
	if g.Certificate == nil {
		return nil, errors.New("endpoint: not registered with a gateway yet, so nobody can be authorised")
	}
	if !ramf.ValidAddress(g.Address) {
		return nil, fmt.Errorf("endpoint: %.80q is not an Internet address", g.Address)
	}
	sender, err := pki.ParseSPKI(senderSPKI)
	if err != nil {
		return nil, err
	}
	if len(e.Sessions) >= MaxSessions+MaxContacts {
		return nil, fmt.Errorf("endpoint: %d session keys are in use, no room for another sender", len(e.Sessions))
	}
	pda, err := pki.Issue(pki.Template{
		Subject: sender, Issuer: g.Certificate, IssuerKey: e.Key, NotBefore: g.From, NotAfter: g.Until, RateLimit: g.Rate, Rand: rand,
	})
	if err != nil {
		return nil, err
	}
	k, err := session.NewKey(rand)
	if err != nil {
		return nil, err
	}
	e.keepSession(k, pda.ID)
	return encodeParams(e.PublicCard().SPKI, g.Address, pda, g.above(), k.Public()), nil
}

// Grant is what a sender is allowed.
type Grant struct {
	Address     string           // of the Internet gateway, or of the domain, that leads to us
	From, Until time.Time        // Until is clipped to the end of the certificate
	Rate        *pki.RateLimit   // nil: any number of parcels
	Certificate *pki.Certificate // of ours, to issue under; nil: the endpoint's Certificate and Chain
	Chain       []*pki.Certificate
}

// above is what a sender attaches below its authorisation.
func (g Grant) above() []*pki.Certificate {
	out := []*pki.Certificate{g.Certificate}
	for _, c := range g.Chain {
		if c.Issuer != c.ID {
			out = append(out, c)
		}
	}
	return out
}

func encodeParams(spki []byte, address string, pda *pki.Certificate, above []*pki.Certificate, k session.PublicKey) []byte {
	set := make(ber.Pieces, 0, len(above))
	for _, c := range above {
		set = append(set, c.Raw())
	}
	slices.SortFunc(set, bytes.Compare) // as DER wants of a SET OF
	return ber.Encode(0x30,
		retag(0xa0, spki),
		ber.Bytes(0x81, []byte(address)),
		ber.Encode(0xa2, retag(0xa0, pda.Raw()), ber.Encode(0xa1, set)),
		ber.Encode(0xa3, ber.Bytes(0x80, k.ID), retag(0xa1, session.EncodePublicKey(k.Key))),
	).Join()
}

// retag replaces the identifier of a DER element.
func retag(identifier byte, der []byte) ber.Pieces {
	return ber.Pieces{{identifier}, der[1:]}
}

// sequence gives an implicitly tagged structure its own tag back.
func sequence(e ber.Element) []byte { return ber.Bytes(0x30, e.Content).Join() }

// ParseContact reads the octets of Authorise. The authorisation must be issued by the endpoint
// that the parameters are of; whether it is for us, AddContact judges.
func ParseContact(name string, b []byte) (Contact, error) {
	c := Contact{Name: name}
	if err := c.parse(b); err != nil {
		return Contact{}, fmt.Errorf("endpoint: malformed contact: %w", err)
	}
	i := slices.IndexFunc(c.Chain, func(above *pki.Certificate) bool { return above.ID == c.ID })
	if i < 0 {
		return Contact{}, errors.New("endpoint: malformed contact: the recipient's certificate is missing")
	}
	c.Chain[0], c.Chain[i] = c.Chain[i], c.Chain[0]
	if err := c.PDA.IssuedBy(c.Chain[0]); err != nil {
		return Contact{}, fmt.Errorf("endpoint: the contact's authorisation is not its own: %w", err)
	}
	return c, nil
}

func (c *Contact) parse(b []byte) error {
	if len(b) > MaxParams {
		return fmt.Errorf("%d octets are more than %d", len(b), MaxParams)
	}
	e, err := ber.Parse(b)
	if err != nil {
		return err
	}
	if e.Tag != ber.Sequence {
		return fmt.Errorf("found %v, want a SEQUENCE", e.Tag)
	}
	r := e.Reader()
	spki, address := r.Take(ber.Context(0)), r.Take(ber.Context(1))
	auth, key := r.Enter(ber.Context(2)), r.Enter(ber.Context(3))
	leaf, above := auth.Take(ber.Context(0)), auth.Enter(ber.Context(1))
	keyID, point := key.Take(ber.Context(0)), key.Take(ber.Context(1))
	if err := errors.Join(r.End(), auth.End(), key.End()); err != nil {
		return err
	}
	c.SPKI = sequence(spki)
	if _, err := pki.ParseSPKI(c.SPKI); err != nil {
		return err
	}
	c.ID = pki.IDOf(c.SPKI)
	if c.InternetAddress = string(address.Content); address.Constructed || !ramf.ValidAddress(c.InternetAddress) {
		return fmt.Errorf("%.80q is not an Internet address", c.InternetAddress)
	}
	if c.Session, err = parseSession(keyID, point); err != nil {
		return err
	}
	if c.PDA, err = pki.Parse(sequence(leaf)); err != nil {
		return err
	}
	return c.parseChain(above)
}

func (c *Contact) parseChain(above *ber.Reader) error {
	for !above.Empty() {
		e := above.Take(ber.Sequence)
		if above.Err() != nil {
			break
		}
		if len(c.Chain) == pki.MaxCandidates {
			return fmt.Errorf("more than %d certificates", pki.MaxCandidates)
		}
		cert, err := pki.Parse(bytes.Clone(e.Raw))
		if err != nil {
			return err
		}
		c.Chain = append(c.Chain, cert)
	}
	return above.End()
}

func parseSession(id, point ber.Element) (session.PublicKey, error) {
	if id.Constructed || len(id.Content) == 0 || len(id.Content) > session.MaxKeyID {
		return session.PublicKey{}, fmt.Errorf("session key id is not a string of 1 to %d octets", session.MaxKeyID)
	}
	k, err := session.ParsePublicKey(sequence(point))
	return session.PublicKey{ID: bytes.Clone(id.Content), Key: k}, err
}
