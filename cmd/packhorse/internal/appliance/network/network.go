// Package network gives the appliance its addresses: the loopback and every Ethernet-like interface are brought up,
// also those that are plugged in later; addresses come by DHCPv4 (RFC 2131), one is fixed by the configuration, or they
// are link-local where nobody answers (RFC 3927). IPv6 is the kernel's (RFC 4862).
package network

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
)

// ResolvConf is where programs look for name servers, resolv.conf(5).
const ResolvConf = "/etc/resolv.conf"

// Config says what the network shall be like.
type Config struct {
	Hostname string       // told to DHCP servers; empty: none
	Address  netip.Prefix // fixed address of the first interface; not valid: DHCP there too
	Router   netip.Addr   // for a fixed address; not valid: none
	DNS      []netip.Addr // name servers; none: those that DHCP names
	Resolv   string       // file with the name servers; empty: ResolvConf
	// Changed is called after each change, from one goroutine; nil: nobody listens. It must not block.
	Changed func(State)
}

// How an interface came by its address.
const (
	ByDHCP      = "dhcp"
	Fixed       = "fixed"
	ByLinkLocal = "link-local"
)

// Link is one interface.
type Link struct {
	Name    string
	Up      bool         // a cable is in it, or what stands for one
	Address netip.Prefix // IPv4; not valid: none yet
	How     string       // ByDHCP, Fixed, ByLinkLocal; empty: no address
	Router  netip.Addr
	DNS     []netip.Addr
	NTP     []string // time servers that DHCP names
}

func (l Link) same(o Link) bool {
	return l.Name == o.Name && l.Up == o.Up && l.Address == o.Address && l.How == o.How && l.Router == o.Router && slices.Equal(l.DNS, o.DNS) && slices.Equal(l.NTP, o.NTP)
}

// State is what there is of a network at one moment.
type State struct {
	Links []Link // the first is the one for a fixed address
	DNS   []netip.Addr
	NTP   []string
}

// Run keeps the network up until ctx ends; then it releases its leases and returns nil. It needs CAP_NET_ADMIN and
// CAP_NET_RAW. The address of an interface is removed at its end, also when Run fails.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if cfg.Resolv == "" {
		cfg.Resolv = ResolvConf
	}
	routes, err := dialRoutes()
	if err != nil {
		return err
	}
	defer routes.close()
	m := &manager{cfg: cfg, log: log, kernel: routes, stations: map[int]*running{}, reports: make(chan report)}
	return m.run(ctx)
}
