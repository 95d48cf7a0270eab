package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"packhorse/board"
	"packhorse/gateway/discovery"
)

const (
	patience = 5 * time.Second // with a host on the Internet
	// known is an address that is signed, for a gateway that has to find those of others.
	known = "frankfurt.relaycorp.cloud"
	// soon is how long before its end a certificate is complained of.
	soon = 7 * 24 * time.Hour
)

// Calls are how the Internet is reached, or a double of it.
type Calls struct {
	Lookup func(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Now    time.Time
}

// internet is whether Internet gateways can be found and reached, and what this one needs to be one.
func (p Patient) internet(ctx context.Context) []board.Finding {
	found := p.resolver(ctx)
	for _, name := range p.Config.Uplink.Gateways {
		found = append(found, p.uplink(ctx, name))
	}
	if g := p.Config.Gateway; g.Address != "" && !g.Plain {
		found = append(found, p.certificate(g.TLSCert, g.TLSKey))
	}
	return found
}

// asked is an address that DNS is asked about, empty: nobody here needs it.
func (p Patient) asked() string {
	for _, name := range p.Config.Uplink.Gateways {
		fixed := func(f discovery.Fixed) bool { return f.Name == name && f.PoWeb != "" }
		if !slices.ContainsFunc(p.Config.Fixed, fixed) {
			return name
		}
	}
	if p.Config.Gateway.Address != "" || p.Config.Courier.Listen != "" && p.Config.Courier.Internet {
		return known
	}
	return ""
}

// resolver asks for one address, which must come signed.
func (p Patient) resolver(ctx context.Context) []board.Finding {
	name, doh := p.asked(), p.Config.Uplink.DoH
	if name == "" {
		return nil
	}
	if doh == "" {
		doh = discovery.DefaultDoH
	}
	p.Progress("resolver: asking %s ...", doh)
	_, err := p.lookup(ctx, name)
	var d *discovery.Error
	switch {
	case err == nil:
		return []board.Finding{ok("resolver", "%s answers, signed (DNSSEC)", doh)}
	case errors.As(err, &d) && (d.Kind == discovery.NoSuchAddress || d.Kind == discovery.BadAddress):
		return []board.Finding{ok("resolver", "%s answers", doh)} // about the address: that is said of the Internet gateway
	case errors.As(err, &d) && d.Kind == discovery.NotSigned:
		return []board.Finding{fail("resolver", d.Fix()+"; or a resolver that checks DNSSEC with uplink.doh", "%s answers for %s without DNSSEC (AD)", doh, name)}
	case errors.As(err, &d):
		return []board.Finding{warn("resolver", d.Fix(), "%s: %s", doh, words(d))}
	}
	return []board.Finding{warn("resolver", "check the Internet connection, or name another resolver with uplink.doh", "%s: %v", doh, err)}
}

// words are an error without the name of its package.
func words(d *discovery.Error) string { return strings.TrimPrefix(d.Error(), "discovery: ") }

func (p Patient) lookup(ctx context.Context, name string) ([]discovery.Target, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	return p.Lookup(ctx, discovery.PoWeb, name)
}

// uplink finds an Internet gateway and shakes hands with it as its client does.
func (p Patient) uplink(ctx context.Context, name string) board.Finding {
	subject := "uplink " + name
	targets, err := p.lookup(ctx, name)
	var d *discovery.Error
	switch {
	case errors.As(err, &d) && (d.Kind == discovery.NoSuchAddress || d.Kind == discovery.BadAddress):
		return fail(subject, d.Fix(), "%s", words(d))
	case errors.As(err, &d) && d.Kind == discovery.Unreachable:
		return warn(subject, "mend what is wrong with the resolver", "cannot be looked up: the resolver is out of reach")
	case errors.As(err, &d):
		return warn(subject, d.Fix(), "%s", words(d))
	case err != nil:
		return warn(subject, "check the Internet connection", "%v", err)
	}
	for _, t := range targets {
		p.Progress("%s: calling %s ...", subject, t.Address)
		if err = p.greet(ctx, t); err == nil {
			return ok(subject, "%s answers%s", t.Address, map[bool]string{false: " with a certificate for " + t.Name, true: ", without TLS"}[t.Plain])
		}
	}
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		return fail(subject, "check the clock of this machine, and ca_file of [[uplink.fixed]] where it has one; else ask who runs it", "%v", bad.Err)
	}
	return warn(subject, "check the Internet connection, and whether a firewall is in the way; it is tried again by itself", "cannot be reached: %v", err)
}

// greet connects and lets go.
func (p Patient) greet(ctx context.Context, t discovery.Target) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	c, err := p.Dial(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	if t.Plain {
		return nil
	}
	cfg := t.TLS()
	cfg.Time = func() time.Time { return p.Now }
	return tls.Client(c, cfg).HandshakeContext(ctx)
}

// certificate is whether the files for TLS of [internet_gateway] are good.
func (p Patient) certificate(cert, key string) board.Finding {
	const subject = "internet_gateway TLS"
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fail(subject, "check tls_cert and tls_key, that they belong together, and that the gateway's user may read them", "%v", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	fix := "renew " + cert + "; it is read again by itself"
	switch {
	case err != nil:
		return fail(subject, fix, "%s: %v", cert, err)
	case p.Now.After(leaf.NotAfter):
		return fail(subject, fix, "%s ended on %s", cert, leaf.NotAfter.UTC().Format(time.DateOnly))
	case p.Now.Before(leaf.NotBefore):
		return fail(subject, "check the clock of this machine, or "+fix, "%s begins only on %s", cert, leaf.NotBefore.UTC().Format(time.DateOnly))
	case leaf.NotAfter.Sub(p.Now) < soon:
		return warn(subject, fix, "%s ends on %s", cert, leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return ok(subject, "%s is good until %s", cert, leaf.NotAfter.UTC().Format(time.DateOnly))
}
