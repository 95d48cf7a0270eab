package network

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"packhorse/cmd/packhorse/internal/appliance/network/dhcp"
)

// sockets are those of one interface. One goroutine sends; what comes is read by others.
type sockets struct {
	ifc *net.Interface
	raw net.PacketConn // DHCP without an address
	arp *packet.Conn
	udp *net.UDPConn // from an address of our own; nil until it is needed
	own netip.Addr   // of udp
}

// onlyDHCP lets the kernel pass on what goes to the client's port, so that other traffic wakes nobody
// (packet(7), SO_ATTACH_FILTER); offsets are from the IPv4 header.
var onlyDHCP = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4}, // a later fragment
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: dhcp.ClientPort, SkipTrue: 1},
	bpf.RetConstant{Val: maxFrame},
	bpf.RetConstant{Val: 0},
}

// onlyLinkLocal passes on ARP that names an address of 169.254/16 as sender or target.
var onlyLinkLocal = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 14, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 169<<8 | 254, SkipTrue: 2},
	bpf.LoadAbsolute{Off: 24, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 169<<8 | 254, SkipTrue: 1},
	bpf.RetConstant{Val: maxFrame},
	bpf.RetConstant{Val: 0},
}

const maxFrame = 2048

func openSockets(index int) (*sockets, error) {
	ifc, err := net.InterfaceByIndex(index)
	if err != nil {
		return nil, err
	}
	ip, err := listenPackets(ifc, unix.ETH_P_IP, onlyDHCP)
	if err != nil {
		return nil, err
	}
	arp, err := listenPackets(ifc, unix.ETH_P_ARP, onlyLinkLocal)
	if err != nil {
		ip.Close()
		return nil, err
	}
	return &sockets{ifc: ifc, raw: nclient4.NewBroadcastUDPConn(ip, &net.UDPAddr{Port: dhcp.ClientPort}), arp: arp}, nil
}

func listenPackets(ifc *net.Interface, protocol int, filter []bpf.Instruction) (*packet.Conn, error) {
	f, err := bpf.Assemble(filter)
	if err != nil {
		return nil, err
	}
	c, err := packet.Listen(ifc, packet.Datagram, protocol, &packet.Config{Filter: f})
	if err != nil {
		return nil, fmt.Errorf("network: listen on %s: %w", ifc.Name, err)
	}
	return c, nil
}

func (s *sockets) close() {
	s.raw.Close()
	s.arp.Close()
	if s.udp != nil {
		s.udp.Close()
	}
}

func (s *sockets) sendARP(b []byte) error {
	_, err := s.arp.WriteTo(b, &packet.Addr{HardwareAddr: nclient4.BroadcastMac})
	return err
}

func (s *sockets) sendDHCP(d dhcp.Datagram) error {
	if !d.To.IsValid() {
		_, err := s.raw.WriteTo(d.Payload, &net.UDPAddr{IP: net.IPv4bcast, Port: dhcp.ServerPort})
		return err
	}
	if err := s.bind(d.From); err != nil {
		return err
	}
	_, err := s.udp.WriteToUDPAddrPort(d.Payload, netip.AddrPortFrom(d.To, dhcp.ServerPort))
	return err
}

// bind takes the client's port at our address. What comes there is read from the raw socket; this one stays open so
// that the kernel does not tell the server that nobody listens.
func (s *sockets) bind(own netip.Addr) error {
	if s.udp != nil && s.own == own {
		return nil
	}
	if s.udp != nil {
		s.udp.Close()
	}
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, dhcp.ClientPort)))
	s.udp, s.own = c, own
	return err
}

// maxErrors is how many times in a row a socket may fail. One failure is usual: an interface was switched off.
const maxErrors = 8

// read passes on what comes until it is told to stop and the socket is closed.
func read(c net.PacketConn, to chan<- []byte, stop <-chan struct{}) {
	for bad := 0; bad < maxErrors; {
		b := make([]byte, maxFrame)
		n, _, err := c.ReadFrom(b)
		if err != nil {
			bad++
			continue
		}
		bad = 0
		select {
		case to <- b[:n]:
		case <-stop:
			return
		}
	}
}
