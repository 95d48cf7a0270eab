package network

import (
	"log/slog"
	"net/netip"
	"time"

	"packhorse/cmd/packhorse/internal/appliance/network/dhcp"
	"packhorse/cmd/packhorse/internal/appliance/network/linklocal"
)

// addresses is what the kernel does for a station.
type addresses interface {
	// set gives an interface an address, and a default route where router is valid.
	set(index int, p netip.Prefix, router netip.Addr) error
	// remove takes an address away and the routes that need it.
	remove(index int, p netip.Prefix) error
}

// wire sends for a station.
type wire interface {
	sendDHCP(dhcp.Datagram) error
	sendARP([]byte) error
}

// station is one interface: what DHCP and the search for a link-local address say becomes its address. One goroutine
// owns it.
type station struct {
	index  int
	link   Link
	fixed  netip.Prefix // not valid: by DHCP
	router netip.Addr   // for fixed
	dhcp   *dhcp.Machine
	claim  *linklocal.Claim
	kernel addresses
	wire   wire
	log    *slog.Logger
}

// carrier tells of the cable.
func (s *station) carrier(now time.Time, up bool) {
	if up == s.link.Up {
		return
	}
	s.link.Up = up
	switch {
	case !s.fixed.IsValid():
		s.dhcp.Link(now, up)
		s.claim.Stop()
	case s.link.How == "":
		s.take(Link{Address: s.fixed, How: Fixed, Router: s.router})
	}
	s.settle(now)
}

// take makes an address the interface's own.
func (s *station) take(l Link) {
	if s.link.Address != l.Address {
		s.give()
	}
	if err := s.kernel.set(s.index, l.Address, l.Router); err != nil {
		s.log.Warn("the address cannot be set", "interface", s.link.Name, "address", l.Address, "error", err)
		return
	}
	if s.link.Address != l.Address {
		s.log.Info("network", "interface", s.link.Name, "address", l.Address, "by", l.How)
	}
	l.Name, l.Up = s.link.Name, s.link.Up
	s.link = l
}

// give takes the address away.
func (s *station) give() {
	if !s.link.Address.IsValid() {
		return
	}
	if err := s.kernel.remove(s.index, s.link.Address); err != nil {
		s.log.Debug("the address cannot be removed", "interface", s.link.Name, "error", err)
	}
	s.link = Link{Name: s.link.Name, Up: s.link.Up}
}

// settle sends what is to be sent and does what has happened.
func (s *station) settle(now time.Time) {
	for e, ok := s.dhcp.PollEvent(); ok; e, ok = s.dhcp.PollEvent() {
		s.event(now, e)
	}
	for d, ok := s.dhcp.PollTransmit(); ok; d, ok = s.dhcp.PollTransmit() {
		if err := s.wire.sendDHCP(d); err != nil {
			s.log.Debug("DHCP: not sent", "interface", s.link.Name, "error", err)
		}
	}
	for b, ok := s.claim.PollTransmit(); ok; b, ok = s.claim.PollTransmit() {
		if err := s.wire.sendARP(b); err != nil {
			s.log.Debug("ARP: not sent", "interface", s.link.Name, "error", err)
		}
	}
	switch p, ok := s.claim.Address(); {
	case ok && s.link.How == "":
		s.take(Link{Address: p, How: ByLinkLocal})
	case !ok && s.link.How == ByLinkLocal:
		s.give()
	}
}

func (s *station) event(now time.Time, e dhcp.Event) {
	switch e.Kind {
	case dhcp.Bound:
		s.claim.Stop()
		l := Link{Address: e.Lease.Address, How: ByDHCP, Router: e.Lease.Router, DNS: e.Lease.DNS}
		for _, a := range e.Lease.NTP {
			l.NTP = append(l.NTP, a.String())
		}
		s.take(l)
	case dhcp.Lost:
		s.give()
	case dhcp.Silent:
		s.log.Info("nobody hands out addresses; taking a link-local one", "interface", s.link.Name)
		s.claim.Start(now)
	}
}

// next is when timeout is due; zero: never.
func (s *station) next() time.Time {
	a, _ := s.dhcp.PollTimeout()
	b, _ := s.claim.PollTimeout()
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (s *station) timeout(now time.Time) {
	s.dhcp.Timeout(now)
	s.claim.Timeout(now)
	s.settle(now)
}

// end gives everything back.
func (s *station) end(now time.Time) {
	s.claim.Stop()
	s.dhcp.Release(now)
	s.settle(now)
	s.give()
}
