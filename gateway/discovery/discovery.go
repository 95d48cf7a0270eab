// Package discovery finds the hosts behind an Awala address, a domain name: SRV records by DNS over HTTPS (RFC 8484,
// RFC 2782), which must be signed (DNSSEC), or fixed addresses of the configuration.
//
//	PoWeb   _awala-gsc._tcp   private gateways and endpoints reach an Internet gateway
//	PoHTTP  _awala-pdc._tcp   parcels between Internet nodes
//	CogRPC  _awala-crc._tcp   couriers reach an Internet gateway
//
// Who answers is then held by TLS to the name of the SRV target, which is why an unsigned one is refused: with
// it anybody on the way could name a host of his own.
package discovery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// DefaultDoH is the resolver that Awala's own gateways ask.
const DefaultDoH = "https://cloudflare-dns.com/dns-query"

// Service is what a host is wanted for.
type Service string

// Services by the label of their SRV record.
const (
	PoWeb  Service = "_awala-gsc"
	PoHTTP Service = "_awala-pdc"
	CogRPC Service = "_awala-crc"
)

const (
	defaultTimeout = 5 * time.Second
	maxName        = 253 // RFC 1035 section 2.3.4, without the last dot
	maxTargets     = 16
)

// Target is a host to connect to.
type Target struct {
	Address string         // host:port
	Name    string         // that the host's certificate must bear; also the Host header
	Roots   *x509.CertPool // authorities of a fixed address; nil: the system's
	Plain   bool           // no TLS: a fixed loopback address
}

// TLS is the configuration for a client of this target; nil for a plain one.
func (t Target) TLS() *tls.Config {
	if t.Plain {
		return nil
	}
	return &tls.Config{ServerName: t.Name, RootCAs: t.Roots, MinVersion: tls.VersionTLS12}
}

// URL is scheme, host and port.
func (t Target) URL() string {
	if t.Plain {
		return "http://" + t.Address
	}
	return "https://" + t.Address
}

// Options make a Resolver. The zero value asks DefaultDoH.
type Options struct {
	DoH     string        // URL of the resolver; http only for loopback addresses
	Fixed   []Fixed       // stand before DNS
	Timeout time.Duration // of one lookup; 0: 5 s
	HTTP    *http.Client  // nil: one with the system's authorities
	// Rand draws 0 to n-1, for the choice among targets by weight; nil: math/rand/v2.
	Rand func(n int) int
}

// Resolver looks addresses up. Safe for concurrent use.
type Resolver struct {
	doh     string
	fixed   map[string]Fixed
	timeout time.Duration
	http    *http.Client
	rand    func(n int) int
}

// New connects to nothing yet.
func New(o Options) (*Resolver, error) {
	r := &Resolver{doh: o.DoH, fixed: map[string]Fixed{}, timeout: o.Timeout, http: o.HTTP, rand: o.Rand}
	if r.doh == "" {
		r.doh = DefaultDoH
	}
	if err := CheckDoH(r.doh); err != nil {
		return nil, err
	}
	for _, f := range o.Fixed {
		if err := f.Check(); err != nil {
			return nil, err
		}
		r.fixed[canonical(f.Name)] = f
	}
	if r.timeout == 0 {
		r.timeout = defaultTimeout
	}
	if r.http == nil {
		r.http = &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second}}
	}
	r.http = withoutRedirects(r.http)
	if r.rand == nil {
		r.rand = rand.IntN
	}
	return r, nil
}

func withoutRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// CheckDoH says what is wrong with the URL of a resolver.
func CheckDoH(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return &Error{Kind: BadAddress, Name: s}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Lookup finds the hosts that give a service for an Awala address, best first; there is at least one. Errors
// are *Error, or the context's.
func (r *Resolver) Lookup(ctx context.Context, s Service, name string) ([]Target, error) {
	name = canonical(name)
	if t, ok := r.fixed[name].target(s); ok {
		return []Target{t}, nil
	}
	if !ValidName(name) {
		return nil, &Error{Kind: BadAddress, Name: name}
	}
	list, err := r.ask(ctx, string(s)+"._tcp."+name+".")
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, named(name, err)
	}
	return targets(order(list, r.rand)), nil
}

// canonical is a name as it is compared.
func canonical(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// ValidName tells a domain name that is looked up: two labels at least, and none of a mesh domain's own names, which
// nobody else knows.
func ValidName(name string) bool {
	labels := strings.Split(canonical(name), ".")
	return len(name) <= maxName && len(labels) >= 2 && labels[len(labels)-1] != "internal" &&
		!slices.ContainsFunc(labels, func(l string) bool { return !validLabel(l) })
}

func validLabel(l string) bool {
	outside := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return l != "" && len(l) <= 63 && !strings.ContainsFunc(l, outside) && l[0] != '-' && l[len(l)-1] != '-'
}
