package discovery

import (
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
)

// Fixed is an address whose hosts are known without DNS: a test's, or one that has no signed domain.
type Fixed struct {
	Name                  string // the Awala address
	PoWeb, PoHTTP, CogRPC string // host:port each; empty: ask DNS
	// CA holds the certificates, in PEM, of the authorities that are trusted for these hosts, or the hosts' own.
	// nil: the system's.
	CA    []byte
	Plain bool // without TLS; every host must be a loopback address
}

// Check says what is wrong. Errors are *Error.
func (f Fixed) Check() error {
	if canonical(f.Name) == "" || len(f.Name) > maxName {
		return &Error{Kind: BadAddress, Name: f.Name}
	}
	for _, a := range []string{f.PoWeb, f.PoHTTP, f.CogRPC} {
		if err := f.checkHost(a); err != nil {
			return &Error{Kind: BadAddress, Name: a, Err: err}
		}
	}
	if f.CA != nil && !x509.NewCertPool().AppendCertsFromPEM(f.CA) {
		return &Error{Kind: BadAddress, Name: f.Name, Err: fmt.Errorf("there is no certificate in the file of authorities")}
	}
	return nil
}

func (f Fixed) checkHost(address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return fmt.Errorf("host and port are needed")
	}
	if f.Plain && !loopback(host) {
		return fmt.Errorf("only this machine's own addresses go without TLS")
	}
	return nil
}

// target is the host for a service; ok is false when there is none.
func (f Fixed) target(s Service) (t Target, ok bool) {
	t.Address = map[Service]string{PoWeb: f.PoWeb, PoHTTP: f.PoHTTP, CogRPC: f.CogRPC}[s]
	if t.Address == "" {
		return t, false
	}
	t.Name, _, _ = net.SplitHostPort(t.Address)
	t.Plain = f.Plain
	if f.CA != nil {
		t.Roots = x509.NewCertPool()
		t.Roots.AppendCertsFromPEM(f.CA)
	}
	return t, true
}
