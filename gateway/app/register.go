package app

import (
	"context"
	"crypto/rsa"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
)

// Registration is with which gateway an endpoint is registered.
type Registration struct {
	URL     string
	Gateway pki.NodeID
	Address string    // where correspondents' gateways find it: an Internet gateway's or a domain's name
	Until   time.Time // end of our certificate; it is renewed long before
}

// renewBefore is how long before its end a certificate is renewed, or half of its life if that is less.
const renewBefore = 60 * 24 * time.Hour

// Register registers with the gateway at a URL; empty: DefaultGateway. It may be called again at any time. Whoever was
// authorised under one gateway cannot reach the endpoint under another: authorise them anew.
func (e *Endpoint) Register(ctx context.Context, url string) (Registration, error) {
	if url == "" {
		url = DefaultGateway
	}
	r, err := e.ask(ctx, url)
	if err != nil {
		return Registration{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.enter(url, r); err != nil {
		return Registration{}, err
	}
	return e.registration(), nil
}

// Registration tells with whom the endpoint is registered; false: with nobody yet.
func (e *Endpoint) Registration() (Registration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.registration(), e.ep.Certificate != nil
}

func (e *Endpoint) registration() Registration {
	r := Registration{URL: e.reg.URL, Gateway: pki.NodeID(e.reg.Gateway), Address: e.reg.Address}
	if c := e.ep.Certificate; c != nil {
		r.Until = c.X509.NotAfter
	}
	return r
}

// ask goes through both steps of a registration (RS-016).
func (e *Endpoint) ask(ctx context.Context, url string) (registration.Result, error) {
	c, err := e.client(url)
	if err != nil {
		return registration.Result{}, err
	}
	defer c.Close()
	e.mu.Lock()
	key := e.ep.Key.(*rsa.PrivateKey)
	e.mu.Unlock()
	pnr, err := c.RegisterKey(ctx, key)
	if err != nil {
		return registration.Result{}, gatewayError(url, err)
	}
	r, err := registration.ParseResult(pnr)
	if err != nil {
		return r, &Error{Reason: Unreachable, Message: "what answers at " + url + " is no gateway: " + err.Error(), Fix: "register with another one", Err: err}
	}
	if r.Node.ID != pki.IDOf(mustSPKI(key)) || !ramf.ValidAddress(r.Address) {
		return r, &Error{Reason: Unreachable, Message: "the gateway at " + url + " answers with somebody else's certificate or without an address", Fix: "register with another one"}
	}
	return r, nil
}

func mustSPKI(key *rsa.PrivateKey) []byte {
	b, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		panic(err) // the key was made or read as one of the profile
	}
	return b
}

// enter keeps a registration. e.mu is held.
func (e *Endpoint) enter(url string, r registration.Result) error {
	old, cert, chain := e.reg, e.ep.Certificate, e.ep.Chain
	e.reg = registrationRecord{V: recordVersion, URL: url, Address: r.Address, Gateway: string(r.Gateway.ID)}
	e.ep.Certificate, e.ep.Chain = r.Node, []*pki.Certificate{r.Gateway}
	if err := e.commit(put(kindRegistration, registrationKey, e.reg)); err != nil {
		e.reg, e.ep.Certificate, e.ep.Chain = old, cert, chain
		return err
	}
	return nil
}

// renew registers again with the same gateway. Another one at its address gets nothing: it would cut the endpoint off from all
// whom it authorised.
func (e *Endpoint) renew(ctx context.Context) error {
	s, err := e.session()
	if err != nil {
		return err
	}
	s.client.Close()
	r, err := e.ask(ctx, s.url)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if string(r.Gateway.ID) != e.reg.Gateway {
		return &Error{Reason: Unregistered, Message: "another gateway than ours answers at " + s.url, Fix: "start the right one, or register with this one and authorise everybody anew"}
	}
	return e.enter(s.url, r)
}

// renewDue renews a certificate that ends soon.
func (e *Endpoint) renewDue(ctx context.Context) error {
	e.mu.Lock()
	c := e.ep.Certificate
	e.mu.Unlock()
	if c == nil || time.Now().Before(renewAt(c)) {
		return nil
	}
	return e.renew(ctx)
}

func renewAt(c *pki.Certificate) time.Time {
	life := c.X509.NotAfter.Sub(c.X509.NotBefore)
	return c.X509.NotAfter.Add(-min(renewBefore, life/2))
}

// talk is a connection to our gateway and what proves who we are.
type talk struct {
	url    string
	client *poweb.Client
	signer poweb.Signer
}

// session makes a client of the gateway that we are registered with. Close it.
func (e *Endpoint) session() (talk, error) {
	e.mu.Lock()
	url, signer := e.reg.URL, poweb.Signer{Certificate: e.ep.Certificate, Key: e.ep.Key}
	e.mu.Unlock()
	if signer.Certificate == nil {
		return talk{}, errUnregistered
	}
	c, err := e.client(url)
	return talk{url, c, signer}, err
}

var errUnregistered = &Error{Reason: Unregistered, Message: "this endpoint is not registered with a gateway yet", Fix: "register it first"}

func (e *Endpoint) client(url string) (*poweb.Client, error) {
	c, err := poweb.NewClient(poweb.ClientOptions{URL: url, Dial: e.o.Dial})
	if err != nil {
		return nil, &Error{Reason: Usage, Message: err.Error(), Fix: "a gateway on this machine is " + DefaultGateway, Err: err}
	}
	return c, nil
}
