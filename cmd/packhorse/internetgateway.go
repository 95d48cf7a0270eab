package main

import (
	"log/slog"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/inet"
	"packhorse/gateway/inetnode"
	"packhorse/gateway/node"
	"packhorse/gateway/pki"
)

// besideOf is the role of an Internet gateway, nil where the configuration has none.
func besideOf(l *config.Loaded, clock func() pki.Quality, log *slog.Logger) func(node.Shared) (node.Role, error) {
	g := l.Gateway
	if g.Address == "" {
		return nil
	}
	var allow []pki.NodeID
	for _, id := range g.Allow {
		allow = append(allow, pki.NodeID(id))
	}
	return func(s node.Shared) (node.Role, error) {
		return inetnode.Open(inetnode.Config{Address: g.Address, PoWeb: g.PoWeb, PoHTTP: g.PoHTTP, CogRPC: g.CogRPC, Certificate: g.TLSCert, Key: g.TLSKey, Plain: g.Plain,
			Store: s.Store, Secrets: s.Secrets, Lookup: s.Lookup, Clock: clock, Log: log, Allow: allow,
			Limits: inet.Limits{Parcels: g.MaxParcels, Bytes: g.MaxParcelBytes, CargoBytes: g.MaxCargoBytes}})
	}
}

// showInternetGateway is a line of the status.
func (a *app) showInternetGateway(g *admin.InternetGateway) {
	if g == nil {
		return
	}
	line := "Internet gateway " + cell(g.Address) + ": "
	for _, s := range []struct{ name, at string }{{"poweb", g.PoWeb}, {"pohttp", g.PoHTTP}, {"cogrpc", g.CogRPC}} {
		if s.at != "" {
			line += s.name + " " + cell(s.at) + ", "
		}
	}
	a.say("%swaiting: %s in, %d out, %s", line, count(g.Inward, "parcel"), g.Outward, size(g.SizeBytes))
}
