package config

import (
	"errors"
	"fmt"

	"packhorse/gateway/discovery"
	"packhorse/gateway/uplink"
)

// checkUplink reads the authorities' files too, into l.Fixed.
func (l *Loaded) checkUplink() error {
	if l.Uplink.DoH != "" && discovery.CheckDoH(l.Uplink.DoH) != nil {
		return l.wrong("uplink.doh", "write an URL such as "+discovery.DefaultDoH, "%q is no resolver to trust", l.Uplink.DoH)
	}
	known := map[string]bool{}
	for i, f := range l.Uplink.Fixed {
		if err := l.checkFixed(fmt.Sprintf("uplink.fixed.%d.", i), f); err != nil {
			return err
		}
		known[f.Name] = true
	}
	if n := len(l.Uplink.Gateways); n > uplink.MaxGateways {
		return l.wrong("uplink.gateways", fmt.Sprintf("name %d at most", uplink.MaxGateways), "%d are too many", n)
	}
	for _, a := range l.Uplink.Gateways {
		if !known[a] && !discovery.ValidName(a) {
			return l.wrong("uplink.gateways", "write a domain name, such as frankfurt.relaycorp.cloud", "%q is no Awala address", a)
		}
	}
	return nil
}

func (l *Loaded) checkFixed(key string, f Fixed) error {
	out := discovery.Fixed{Name: f.Name, PoWeb: f.PoWeb, CogRPC: f.CogRPC, PoHTTP: f.PoHTTP, Plain: f.Plain}
	if f.Name == "" {
		return l.wrong(key+"name", "give the Awala address", "it is missing")
	}
	if f.CAFile != "" {
		ca, err := read(f.CAFile)
		if err != nil {
			return l.wrong(key+"ca_file", "check the path, and that you may read it", "%v", err)
		}
		out.CA = ca
	}
	if err := out.Check(); err != nil {
		return l.wrong(key+"name", "write host:port; plain is for 127.0.0.1, and ca_file holds certificates in PEM", "%s: %s", f.Name, reason(err))
	}
	l.Fixed = append(l.Fixed, out)
	return nil
}

// reason is what is behind an error of the resolver.
func reason(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}
