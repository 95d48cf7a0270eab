package uplink

import (
	"io"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

const (
	collectBackdate = 90 * time.Minute // of CCAs, CDAs and their issuer: peers tolerate no drift
	collectLife     = 14 * day         // of a CCA and its CDA
	issuerLife      = 180 * day
	issuerRenewal   = 90 * day // before its end
)

// MakeCCA makes a cargo collection authorisation for the Internet gateway at address: who has it may collect, for two
// weeks, cargo that only we can open. Persist the records before it leaves: they hold the keys for the answer. It
// needs a trusted clock, because it issues certificates. Errors are *Error, or of the random source.
func (b *Book) MakeCCA(address string, now time.Time, q pki.Quality, rand io.Reader) ([]byte, []Record, error) {
	g, signer, err := b.signing(address, now, q)
	if err != nil {
		return nil, nil, err
	}
	if q < pki.ClockNTP {
		return nil, nil, refuse(NoClock, "a collection authorisation needs a clock that can be trusted")
	}
	issuer, records, err := b.issuer(now, rand)
	if err != nil {
		return nil, nil, err
	}
	created, until := now.Add(-collectBackdate), now.Add(collectLife)
	cda, err := pki.Issue(pki.Template{Subject: g.certificate.Key(), Issuer: issuer, IssuerKey: b.key, CA: true, PathLen: 1,
		NotBefore: created, NotAfter: until, Rand: rand})
	if err != nil {
		return nil, nil, err
	}
	m := &ramf.Message{Type: ramf.CCA, Created: created, TTL: until.Sub(created)}
	raw, sealed, err := b.send(m, cargo.EncodeRequest(cda), g, signer, now, q, rand)
	return raw, append(records, sealed...), err
}

// issuer is the certificate to issue CDAs under. Its record comes every time: that of the last time may not have become
// durable, and without it nothing opens the cargo.
func (b *Book) issuer(now time.Time, rand io.Reader) (*pki.Certificate, []Record, error) {
	from := now.Add(-collectBackdate)
	for _, c := range b.issuers {
		if !from.Before(c.X509.NotBefore) && c.X509.NotAfter.Sub(now) > issuerRenewal {
			return c, []Record{b.issuerRecord(c)}, nil
		}
	}
	c, err := pki.Issue(pki.Template{Subject: b.key.Public(), IssuerKey: b.key, CA: true, PathLen: pki.MaxPathLen,
		NotBefore: from, NotAfter: from.Add(issuerLife), Rand: rand})
	if err != nil {
		return nil, nil, err
	}
	records := append(b.makeRoom(), b.issuerRecord(c))
	b.addIssuer(c)
	return c, records, nil
}

// makeRoom drops issuers so that there is room for one more. There are more than two only when the clock was far off.
func (b *Book) makeRoom() (out []Record) {
	for len(b.issuers) >= maxCertificates {
		last := len(b.issuers) - 1
		out = append(out, Record{Key: issuerKey(b.issuers[last]), Delete: true})
		b.issuers = b.issuers[:last]
	}
	return out
}

// signing is what every message to an Internet gateway needs.
func (b *Book) signing(address string, now time.Time, q pki.Quality) (*gateway, *pki.Certificate, error) {
	g, err := b.find(address)
	if err != nil {
		return nil, nil, err
	}
	signer, err := b.Signer(address, now, q)
	return g, signer, err
}

// send seals, addresses and signs a message to an Internet gateway. No chain is attached: it knows what it issued.
func (b *Book) send(m *ramf.Message, plain []byte, g *gateway, signer *pki.Certificate, now time.Time, q pki.Quality, rand io.Reader) ([]byte, []Record, error) {
	if _, ok := b.ring.Peer(g.certificate.ID); !ok {
		return nil, nil, refuse(NoSession, "the session key of %s is lost: register again", g.address)
	}
	id, err := ramf.NewID(rand)
	if err != nil {
		return nil, nil, err
	}
	payload, records, err := b.ring.Seal(plain, g.certificate.ID, now, q, rand)
	if err != nil {
		return nil, nil, err
	}
	m.ID, m.Recipient, m.InternetAddress, m.Sender, m.Payload = id, g.certificate.ID, g.address, signer, payload
	raw, err := ramf.Sign(m, b.key, rand)
	return raw, records, err
}
