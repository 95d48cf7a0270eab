package network

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"packhorse/cmd/packhorse/internal/appliance/network/dhcp"
	"packhorse/cmd/packhorse/internal/appliance/network/linklocal"
)

var (
	mac   = net.HardwareAddr{2, 0, 0, 0, 0, 7}
	begin = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ether is a kernel and a network in which one server may answer.
type ether struct {
	has    []string // addresses with their routers
	server bool
	fails  error
	heard  [][]byte // answers of the server
	arps   int
}

func (e *ether) set(_ int, p netip.Prefix, router netip.Addr) error {
	e.has = append(e.has, fmt.Sprint(p, " ", router))
	return e.fails
}

func (e *ether) remove(_ int, p netip.Prefix) error {
	e.has = slices.DeleteFunc(e.has, func(s string) bool { return s[:len(p.String())] == p.String() })
	return nil
}

func (e *ether) sendARP([]byte) error {
	e.arps++
	return nil
}

func (e *ether) sendDHCP(d dhcp.Datagram) error {
	p, err := dhcpv4.FromBytes(d.Payload)
	if err != nil || !e.server {
		return err
	}
	kind := dhcpv4.MessageTypeAck
	if p.MessageType() == dhcpv4.MessageTypeDiscover {
		kind = dhcpv4.MessageTypeOffer
	}
	a, err := dhcpv4.NewReplyFromRequest(p, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 9)), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 1))), dhcpv4.WithLeaseTime(3600), dhcpv4.WithRouter(net.IPv4(10, 0, 0, 1)),
		dhcpv4.WithDNS(net.IPv4(10, 0, 0, 2)), dhcpv4.WithOption(dhcpv4.OptNTPServers(net.IPv4(10, 0, 0, 4))))
	e.heard = append(e.heard, a.ToBytes())
	return err
}

type player struct {
	*station
	*ether
	now time.Time
}

func newPlayer() *player {
	e := &ether{}
	s := &station{index: 2, link: Link{Name: "eth0"}, dhcp: dhcp.New(mac, "", func() uint32 { return 1000 }), claim: linklocal.New(mac), kernel: e, wire: e, log: slog.New(slog.DiscardHandler)}
	return &player{s, e, begin}
}

// pass lets time pass; the server answers at once.
func (p *player) pass(d time.Duration) {
	for end := p.now.Add(d); ; {
		for len(p.heard) > 0 {
			b := p.heard[0]
			p.heard = p.heard[1:]
			p.dhcp.Receive(p.now, b)
			p.settle(p.now)
		}
		next := p.next()
		if next.IsZero() || next.After(end) {
			p.now = end
			return
		}
		p.now = next
		p.timeout(p.now)
	}
}

func (p *player) want(t *testing.T, what, how string, has ...string) {
	t.Helper()
	if p.link.How != how || !slices.Equal(p.has, has) {
		t.Errorf("%s: %+v, the kernel has %v, want %s %v", what, p.link, p.has, how, has)
	}
}

func TestByDHCP(t *testing.T) {
	p := newPlayer()
	p.server = true
	p.carrier(p.now, true)
	p.pass(time.Second)
	p.want(t, "a lease", ByDHCP, "10.0.0.9/24 10.0.0.1")
	if l := p.link; !l.Up || len(l.DNS) != 1 || !slices.Equal(l.NTP, []string{"10.0.0.4"}) {
		t.Errorf("%+v", l)
	}
	p.carrier(p.now, false)
	p.pass(time.Minute)
	if p.link.Up || p.link.How != ByDHCP {
		t.Errorf("the cable is out for a moment: %+v", p.link)
	}
	p.server = false
	p.carrier(p.now, true)
	p.pass(time.Minute)
	if p.link.How != ByLinkLocal || len(p.has) != 1 || p.arps == 0 {
		t.Errorf("another network: %+v, %v", p.link, p.has)
	}
	p.end(p.now)
	p.want(t, "the end", "")
}

func TestLinkLocalGivesWay(t *testing.T) {
	p := newPlayer()
	p.carrier(p.now, true)
	p.pass(time.Minute)
	if p.link.How != ByLinkLocal || len(p.has) != 1 {
		t.Fatalf("%+v, %v", p.link, p.has)
	}
	p.server = true
	p.pass(2 * time.Minute)
	p.want(t, "a server at last", ByDHCP, "10.0.0.9/24 10.0.0.1")
}

func TestLinkLocalConflict(t *testing.T) {
	p := newPlayer()
	p.carrier(p.now, true)
	p.pass(time.Minute)
	had := p.link.Address
	other := append([]byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 8}, had.Addr().AsSlice()...) // an ARP reply of somebody who has it
	p.claim.Receive(p.now, append(append(other, mac...), had.Addr().AsSlice()...))
	p.settle(p.now)
	p.want(t, "somebody else has it", "")
	p.pass(time.Minute)
	if p.link.How != ByLinkLocal || p.link.Address == had || len(p.has) != 1 {
		t.Errorf("after a conflict: %+v, the kernel has %v", p.link, p.has)
	}
}

func TestFixedAddress(t *testing.T) {
	p := newPlayer()
	p.server = true
	p.fixed, p.router = netip.MustParsePrefix("192.0.2.7/24"), netip.MustParseAddr("192.0.2.1")
	p.carrier(p.now, true)
	p.pass(time.Hour)
	p.carrier(p.now, false)
	p.carrier(p.now, true)
	p.want(t, "fixed", Fixed, "192.0.2.7/24 192.0.2.1")
	p.end(p.now)
	p.want(t, "the end", "")
}

func TestAKernelThatRefuses(t *testing.T) {
	p := newPlayer()
	p.server, p.fails = true, errors.New("no")
	p.carrier(p.now, true)
	p.pass(time.Second)
	if p.link.Address.IsValid() {
		t.Errorf("%+v", p.link)
	}
}

func TestWhichInterfaces(t *testing.T) {
	for name, want := range map[string]bool{"eth0": true, "end0": true, "enp1s0": true, "enxb827eb000001": true, "usb0": true, "wlan0": false, "br0": false, "docker0": false, "lo": false, "veth1": false} {
		if got := (netif{name: name, mac: mac, ethernet: true}).ours(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (netif{name: "eth0", ethernet: false, mac: mac}).ours() {
		t.Error("not Ethernet")
	}
	list := []netif{{name: "usb0"}, {name: "enx1"}, {name: "eth1"}, {name: "eth0"}, {name: "end0"}}
	slices.SortFunc(list, order)
	if list[0].name != "end0" || list[2].name != "eth1" || list[4].name != "usb0" {
		t.Errorf("%v", list)
	}
}

func TestNameServersAndState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	var told []State
	m := &manager{cfg: Config{Resolv: file, Changed: func(s State) { told = append(told, s) }}, log: slog.New(slog.DiscardHandler), stations: map[int]*running{}}
	dns := netip.MustParseAddr("10.0.0.2")
	for i, name := range []string{"usb0", "eth0"} {
		m.stations[i+2] = &running{netif: netif{name: name}, link: Link{Name: name}}
	}
	l := Link{Name: "eth0", Up: true, How: ByDHCP, DNS: []netip.Addr{dns}, NTP: []string{"a", "a"}}
	m.heard(report{3, l})
	m.heard(report{3, l})
	m.heard(report{9, l})
	if len(told) != 1 || told[0].Links[0].Name != "eth0" || !slices.Equal(told[0].NTP, []string{"a"}) {
		t.Errorf("told %+v", told)
	}
	if b, err := os.ReadFile(file); string(b) != "nameserver 10.0.0.2\n" {
		t.Errorf("%q, %v", b, err)
	}
	m.cfg.DNS = []netip.Addr{netip.MustParseAddr("9.9.9.9"), dns, dns, dns}
	m.heard(report{2, Link{Name: "usb0", Up: true, DNS: []netip.Addr{dns}}})
	if b, _ := os.ReadFile(file); string(b) != "nameserver 9.9.9.9\nnameserver 10.0.0.2\nnameserver 10.0.0.2\n" {
		t.Errorf("the configuration does not win: %q", b)
	}
}

func TestBroadcast(t *testing.T) {
	for p, want := range map[string]string{"10.0.0.9/24": "10.0.0.255", "10.0.0.9/8": "10.255.255.255", "192.168.1.130/26": "192.168.1.191"} {
		if got := broadcast(netip.MustParsePrefix(p)).String(); got != want {
			t.Errorf("%s: got %s, want %s", p, got, want)
		}
	}
}

func TestAStationThatPanicsEndsAlone(t *testing.T) {
	var said bytes.Buffer
	func() {
		defer survive(slog.New(slog.NewTextHandler(&said, nil)), "eth0")
		panic("a stranger's octets")
	}()
	if !strings.Contains(said.String(), "eth0") || !strings.Contains(said.String(), "a stranger's octets") {
		t.Errorf("said %q", said.String())
	}
}
