package inetnode

import (
	"context"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/inet"
)

// Status adds what there is to tell of this role to the status of the gateway that it runs beside.
func (n *Node) Status(ctx context.Context, out *admin.Status) {
	var s inet.Snapshot
	if n.owner.Look(ctx, func(now time.Time) { s = n.core.Snapshot(now) }) != nil {
		return // it is stopping
	}
	v := &admin.InternetGateway{Address: n.cfg.Address, ID: string(s.ID), PoWeb: n.Addr("PoWeb"), CogRPC: n.Addr("CogRPC"), PoHTTP: n.Addr("PoHTTP"), TLS: !n.cfg.Plain,
		Inward: s.Inward, Outward: s.Outward, SizeBytes: s.Octets, Gateways: s.Gateways, Owed: s.Owed, Resting: s.Resting}
	out.InternetGateway = v
	if s.Until.IsZero() {
		out.Problems = append(out.Problems, admin.Problem{Level: "warn", What: "the Internet gateway has no certificate of its own yet: nobody can register",
			Fix: "synchronise the clock of this machine (NTP), or set trust_clock = true"})
		return
	}
	until := s.Until.UTC()
	v.Until = &until
	if n.certs == nil {
		return
	}
	if end := n.certs.end(time.Now()); time.Until(end) < warnEnd {
		out.Problems = append(out.Problems, admin.Problem{Level: "warn", What: "the TLS certificate of the Internet gateway ends on " + end.UTC().Format(time.DateOnly),
			Fix: "renew " + n.cfg.Certificate + "; it is read again by itself"})
	}
}

// warnEnd is how long before its end a certificate for TLS is told as a problem.
const warnEnd = 7 * 24 * time.Hour

// Addr is where a server listens: PoWeb, CogRPC or PoHTTP; empty: it does not.
func (n *Node) Addr(name string) string {
	if name == "PoHTTP" && n.cfg.PoHTTP == n.cfg.PoWeb && n.cfg.PoHTTP != "" {
		name = "PoWeb"
	}
	for _, s := range n.servers {
		if s.name == name {
			return s.listener.Addr().String()
		}
	}
	return ""
}
