package config

import (
	"net"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// checkGateway judges [internet_gateway].
func (l *Loaded) checkGateway() error {
	g := &l.Gateway
	const at = "internet_gateway."
	if g.Address == "" {
		return nil
	}
	if g.PoWeb+g.PoHTTP+g.CogRPC == "" {
		return l.wrong(at+"address", "set internet_gateway.poweb, and pohttp and cogrpc, as docs/CONFIG.md shows", "an Internet gateway that listens nowhere serves nobody")
	}
	if !ramf.ValidAddress(g.Address) {
		return l.wrong(at+"address", "write a domain name, such as gw.example.org", "%q is not a domain name", g.Address)
	}
	if !g.Plain && (g.TLSCert == "" || g.TLSKey == "") {
		return l.wrong(at+"tls_cert", "name PEM files in tls_cert and tls_key, or set plain = true behind a proxy on this machine", "an Internet gateway needs a certificate for TLS")
	}
	for _, a := range []struct{ key, value string }{{"poweb", g.PoWeb}, {"pohttp", g.PoHTTP}, {"cogrpc", g.CogRPC}} {
		if g.Plain && a.value != "" && !loopback(a.value) {
			return l.wrong(at+a.key, "use 127.0.0.1, or TLS", "%q is open to the network and would be served without TLS", a.value)
		}
	}
	if g.CogRPC != "" && (g.CogRPC == g.PoWeb || g.CogRPC == g.PoHTTP) {
		return l.wrong(at+"cogrpc", "give it a port of its own", "%q is taken by another server", g.CogRPC)
	}
	if g.MaxParcels < 4 {
		return l.wrong(at+"max_parcels", "give at least 4", "%d is too small", g.MaxParcels)
	}
	if n := g.MaxParcelBytes; n < 1 || n > l.Store.MaxBytes/2 {
		return l.wrong(at+"max_parcel_bytes", "give 1 to half of store.max_bytes", "%d does not fit", n)
	}
	if n := g.MaxCargoBytes; n < 64<<10 || n > ramf.MaxMessage {
		return l.wrong(at+"max_cargo_bytes", "give 65536 to 9437184", "%d is out of range", n)
	}
	for _, id := range g.Allow {
		if _, ok := pki.NodeID(id).Digest(); !ok {
			return l.wrong(at+"allow", "give ids of private gateways: 0 and 64 hexadecimal digits", "%.80q is no id", id)
		}
	}
	return nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
