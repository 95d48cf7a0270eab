package dhcp

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Ports of RFC 2131 section 4.1.
const (
	ClientPort = 68
	ServerPort = 67
)

// wanted are the options that servers are asked for.
var wanted = []dhcpv4.OptionCode{dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer, dhcpv4.OptionNTPServers,
	dhcpv4.OptionIPAddressLeaseTime, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue}

// message begins a message of the client's.
func (m *Machine) message(kind dhcpv4.MessageType, now time.Time) *dhcpv4.DHCPv4 {
	p := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, ClientHWAddr: m.mac, TransactionID: m.xid,
		NumSeconds: uint16(min(max(now.Sub(m.since)/time.Second, 0), 0xffff)), Options: dhcpv4.Options{},
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero}
	p.UpdateOption(dhcpv4.OptMessageType(kind))
	p.UpdateOption(dhcpv4.OptClientIdentifier(append([]byte{1}, m.mac...)))
	if kind == dhcpv4.MessageTypeRelease {
		return p
	}
	p.UpdateOption(dhcpv4.OptParameterRequestList(wanted...))
	if m.hostname != "" {
		p.UpdateOption(dhcpv4.OptHostName(m.hostname))
	}
	return p
}

func (m *Machine) sendDiscover(now time.Time) {
	m.send(m.message(dhcpv4.MessageTypeDiscover, now), netip.Addr{})
}

// sendRequest asks for an address: the one offered by a server, or, without one, that of an earlier lease.
func (m *Machine) sendRequest(now time.Time, address, server netip.Addr) {
	p := m.message(dhcpv4.MessageTypeRequest, now)
	p.UpdateOption(dhcpv4.OptRequestedIPAddress(address.AsSlice()))
	if server.IsValid() {
		p.UpdateOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
	}
	m.send(p, netip.Addr{})
}

// sendExtend asks for more time: the server that lent, or, to an address that is not valid, any.
func (m *Machine) sendExtend(now time.Time, to netip.Addr) {
	p := m.message(dhcpv4.MessageTypeRequest, now)
	p.ClientIPAddr = m.lease.Address.Addr().AsSlice()
	m.send(p, to)
}

func (m *Machine) sendRelease(now time.Time) {
	p := m.message(dhcpv4.MessageTypeRelease, now)
	p.ClientIPAddr = m.lease.Address.Addr().AsSlice()
	p.UpdateOption(dhcpv4.OptServerIdentifier(m.lease.Server.AsSlice()))
	m.send(p, m.lease.Server)
}

func (m *Machine) send(p *dhcpv4.DHCPv4, to netip.Addr) {
	d := Datagram{Payload: p.ToBytes(), To: to}
	if to.IsValid() {
		d.From = m.lease.Address.Addr()
	}
	m.out = append(m.out, d)
}
