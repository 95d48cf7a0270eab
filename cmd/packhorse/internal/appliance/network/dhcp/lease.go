package dhcp

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Limits on what a server may name.
const (
	maxDNS   = 3 // MAXNS of resolv.conf(5)
	maxNTP   = 4
	shortest = 10 * time.Second // leases that are shorter are refused
	forever  = 0xffffffff * time.Second
)

// Lease is what a server lent.
type Lease struct {
	Address netip.Prefix
	Router  netip.Addr // not valid: none
	DNS     []netip.Addr
	NTP     []netip.Addr
	Server  netip.Addr
	// When to ask that server, when any, and when it ends. All zero: it never ends.
	Renew, Rebind, Expire time.Time
}

var errLease = errors.New("dhcp: the server's answer holds no lease that can be used")

// leaseOf reads an offer or an acknowledgement (RFC 2131 section 4.3.1).
func leaseOf(p *dhcpv4.DHCPv4, now time.Time) (Lease, error) {
	address, ok := usable(p.YourIPAddr)
	if !ok {
		return Lease{}, errLease
	}
	mask := p.SubnetMask()
	if mask == nil {
		mask = net.IP(address.AsSlice()).DefaultMask()
	}
	ones, bits := mask.Size()
	server, ok := usable(p.ServerIdentifier())
	if bits != 32 || ones == 0 || !ok {
		return Lease{}, errLease
	}
	l := Lease{Address: netip.PrefixFrom(address, ones), Server: server, DNS: several(p.DNS(), maxDNS), NTP: several(p.NTPServers(), maxNTP)}
	if routers := several(p.Router(), 1); len(routers) > 0 && routers[0] != address {
		l.Router = routers[0]
	}
	return l, l.dates(p, now)
}

// dates tells when to renew and rebind: as the server says, if in order, else at a half and seven eighths (section 4.4.5).
func (l *Lease) dates(p *dhcpv4.DHCPv4, now time.Time) error {
	length := p.IPAddressLeaseTime(0)
	if length < shortest {
		return errLease
	}
	if length >= forever {
		return nil
	}
	t1, t2 := p.IPAddressRenewalTime(0), p.IPAddressRebindingTime(0)
	if t1 <= 0 || t1 >= t2 || t2 >= length {
		t1, t2 = length/2, length/8*7
	}
	l.Renew, l.Rebind, l.Expire = now.Add(t1), now.Add(t2), now.Add(length)
	return nil
}

// usable takes addresses of one host.
func usable(ip net.IP) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(ip.To4())
	return a, ok && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] < 240
}

func several(ips []net.IP, most int) (out []netip.Addr) {
	for _, ip := range ips {
		if a, ok := usable(ip); ok && len(out) < most {
			out = append(out, a)
		}
	}
	return out
}
