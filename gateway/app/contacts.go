package app

import (
	"crypto/rand"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
)

// Correspondent is somebody that this endpoint can write to.
type Correspondent struct {
	Name     string
	ID       pki.NodeID
	Internet bool           // an endpoint on the Internet, which needs to authorise nobody
	Until    time.Time      // when its authorisation ends
	Limit    *pki.RateLimit // nil: any number of letters
}

const (
	maxContactName = 64
	selfLife       = ramf.MaxTTL // of the certificate that we show to endpoints on the Internet
	backdate       = 90 * time.Minute
)

// AddContact makes somebody known under a name, or what they authorise known anew. Durable when it returns.
func (e *Endpoint) AddContact(name string, c Contact) error {
	if name == "" || len(name) > maxContactName {
		return &Error{Reason: Usage, Message: "a contact's name has 1 to 64 octets", Fix: "choose another name"}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	k, err := endpoint.ParseContact(name, c)
	if err != nil {
		if k, err = e.internetContact(name, c, err); err != nil {
			return &Error{Reason: Usage, Message: err.Error(), Fix: "ask for it again, copied whole", Err: err}
		}
	}
	if err := e.ep.AddContact(k); err != nil {
		return &Error{Reason: Usage, Message: err.Error(), Fix: "it must be made for the card of this endpoint, and the name must be free", Err: err}
	}
	return e.commit()
}

// internetContact reads NodeConnectionParams; otherwise is the error when it is not that either.
func (e *Endpoint) internetContact(name string, c Contact, otherwise error) (endpoint.Contact, error) {
	p, err := registration.ParseConnectionParams(c)
	if err != nil {
		return endpoint.Contact{}, otherwise
	}
	k := endpoint.Contact{Name: name, ID: pki.IDOf(p.SPKI), SPKI: p.SPKI, InternetAddress: p.Address, Session: p.Session}
	k.PDA, err = e.selfIssued(time.Now())
	return k, err
}

// selfIssued is the certificate that endpoints on the Internet know us by.
func (e *Endpoint) selfIssued(now time.Time) (*pki.Certificate, error) {
	return pki.Issue(pki.Template{Subject: e.ep.Key.Public(), IssuerKey: e.ep.Key, CA: true, Rand: rand.Reader,
		NotBefore: now.Add(-backdate), NotAfter: now.Add(selfLife)})
}

// Contacts are those that this endpoint can write to, in the order in which they were added.
func (e *Endpoint) Contacts() []Correspondent {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Correspondent, 0, len(e.ep.Contacts))
	for i := range e.ep.Contacts {
		k := &e.ep.Contacts[i]
		out = append(out, Correspondent{Name: k.Name, ID: k.ID, Internet: internet(k), Until: endOf(k), Limit: k.PDA.RateLimit})
	}
	return out
}

// internet tells an endpoint on the Internet: nothing of its own stands above our certificate.
func internet(k *endpoint.Contact) bool { return len(k.Chain) == 0 }

// endOf is when the first certificate of those ends that a letter needs.
func endOf(k *endpoint.Contact) time.Time {
	end := k.PDA.X509.NotAfter
	for _, c := range k.Chain {
		if c.X509.NotAfter.Before(end) {
			end = c.X509.NotAfter
		}
	}
	return end
}

// contact finds whom a name or an id means, ready to be written to. e.mu is held.
func (e *Endpoint) contact(to string, now time.Time) (*endpoint.Contact, error) {
	k := e.find(to)
	if k == nil {
		return nil, &Error{Reason: NotContact, Message: "there is no contact " + quote(to), Fix: "add them first, with what they give you for your card"}
	}
	if internet(k) && k.PDA.X509.NotAfter.Before(now.Add(selfLife/2)) {
		cert, err := e.selfIssued(now)
		if err != nil {
			return nil, err
		}
		k.PDA = cert
	}
	if end := endOf(k); end.Before(now) {
		return nil, &Error{Reason: NotContact, Message: k.Name + " let this endpoint write until " + end.UTC().Format(time.DateOnly), Fix: "give them your card again and add what they answer"}
	}
	return k, nil
}

func (e *Endpoint) find(to string) *endpoint.Contact {
	for i := range e.ep.Contacts {
		if k := &e.ep.Contacts[i]; k.Name == to || string(k.ID) == to {
			return k
		}
	}
	return nil
}

// nameOf is what a correspondent is called here; empty: it is no contact.
func (e *Endpoint) nameOf(id pki.NodeID) string {
	k, _ := e.ep.Contact(id)
	return k.Name
}
