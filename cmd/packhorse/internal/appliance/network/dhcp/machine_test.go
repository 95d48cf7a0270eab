package dhcp

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	mac    = net.HardwareAddr{2, 0, 0, 0, 0, 7}
	start  = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	server = netip.MustParseAddr("10.0.0.1")
	mine   = netip.MustParsePrefix("10.0.0.9/24")
)

// bench is a machine with a time and what it did.
type bench struct {
	t      *testing.T
	m      *Machine
	now    time.Time
	sent   []*dhcpv4.DHCPv4
	to     []netip.Addr
	events []Event
}

// newBench draws 1000 always, so that no wait is longer or shorter than it says.
func newBench(t *testing.T) *bench {
	n := uint32(1000)
	return &bench{t: t, m: New(mac, "ridge", func() uint32 { return n }), now: start}
}

func (b *bench) drain() {
	for d, ok := b.m.PollTransmit(); ok; d, ok = b.m.PollTransmit() {
		p, err := dhcpv4.FromBytes(d.Payload)
		if err != nil {
			b.t.Fatal(err)
		}
		b.sent, b.to = append(b.sent, p), append(b.to, d.To)
		if d.To.IsValid() && d.From != mine.Addr() {
			b.t.Errorf("sent from %v", d.From)
		}
	}
	for e, ok := b.m.PollEvent(); ok; e, ok = b.m.PollEvent() {
		b.events = append(b.events, e)
	}
}

// pass lets time pass and does what becomes due.
func (b *bench) pass(d time.Duration) {
	end := b.now.Add(d)
	for {
		next, ok := b.m.PollTimeout()
		if !ok || next.After(end) {
			b.now = end
			return
		}
		b.now = next
		b.m.Timeout(b.now)
		b.drain()
	}
}

func (b *bench) link(up bool) { b.m.Link(b.now, up); b.drain() }

func (b *bench) last() *dhcpv4.DHCPv4 {
	b.t.Helper()
	if len(b.sent) == 0 {
		b.t.Fatal("nothing was sent")
	}
	return b.sent[len(b.sent)-1]
}

// answer answers what was sent last.
func (b *bench) answer(kind dhcpv4.MessageType, change ...dhcpv4.Modifier) {
	b.t.Helper()
	p, err := dhcpv4.NewReplyFromRequest(b.last(), dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(mine.Addr().AsSlice()), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice())), dhcpv4.WithLeaseTime(3600), dhcpv4.WithRouter(server.AsSlice()),
		dhcpv4.WithDNS(net.IPv4(10, 0, 0, 2), net.IPv4(10, 0, 0, 3)), dhcpv4.WithOption(dhcpv4.OptNTPServers(net.IPv4(10, 0, 0, 4))))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range change {
		c(p)
	}
	b.m.Receive(b.now, p.ToBytes())
	b.drain()
}

// want checks the kinds of all that was sent since, and of the events, and forgets both.
func (b *bench) want(what string, sent []dhcpv4.MessageType, events ...EventKind) {
	b.t.Helper()
	var kinds []dhcpv4.MessageType
	for _, p := range b.sent {
		kinds = append(kinds, p.MessageType())
	}
	var happened []EventKind
	for _, e := range b.events {
		happened = append(happened, e.Kind)
	}
	if !slices.Equal(kinds, sent) || !slices.Equal(happened, events) {
		b.t.Errorf("%s: sent %v, events %v, want %v, %v", what, kinds, happened, sent, events)
	}
	b.sent, b.to, b.events = nil, nil, nil
}

const (
	discover = dhcpv4.MessageTypeDiscover
	request  = dhcpv4.MessageTypeRequest
	offer    = dhcpv4.MessageTypeOffer
	ack      = dhcpv4.MessageTypeAck
	nak      = dhcpv4.MessageTypeNak
)

func kinds(k ...dhcpv4.MessageType) []dhcpv4.MessageType { return k }

// boundBench has a lease of an hour.
func boundBench(t *testing.T) *bench {
	b := newBench(t)
	b.link(true)
	b.answer(offer)
	b.answer(ack)
	b.want("a lease", kinds(discover, request), Bound)
	return b
}

func TestALease(t *testing.T) {
	b := newBench(t)
	b.link(true)
	if d := b.last(); d.HostName() != "ridge" || !d.IsOptionRequested(dhcpv4.OptionNTPServers) || d.ClientIPAddr.String() != "0.0.0.0" {
		t.Errorf("discover: %v", d.Summary())
	}
	b.answer(offer)
	if r := b.last(); r.RequestedIPAddress().String() != "10.0.0.9" || r.ServerIdentifier().String() != "10.0.0.1" || b.to[1].IsValid() {
		t.Errorf("request: %v", r.Summary())
	}
	b.answer(ack)
	l := b.events[0].Lease
	if l.Address != mine || l.Router != server || len(l.DNS) != 2 || len(l.NTP) != 1 || l.Renew != start.Add(30*time.Minute) || l.Expire != start.Add(time.Hour) {
		t.Errorf("%+v", l)
	}
	b.answer(ack) // a copy on the way
	b.want("a lease", kinds(discover, request), Bound)
}

func TestNobodyAnswers(t *testing.T) {
	b := newBench(t)
	b.link(true)
	b.link(true) // told twice
	b.pass(11 * time.Second)
	b.want("11 s", kinds(discover, discover))
	b.pass(2 * time.Second)
	b.want("13 s", kinds(discover), Silent)
	b.pass(10 * time.Minute)
	if n := len(b.sent); n < 8 || n > 14 || len(b.events) != 0 {
		t.Errorf("asked %d times in ten minutes, events %v", n, b.events)
	}
	b.answer(offer)
	b.answer(ack)
	if len(b.events) != 1 || b.events[0].Kind != Bound {
		t.Errorf("late answer: %v", b.events)
	}
}

func TestRenewRebindLose(t *testing.T) {
	b := boundBench(t)
	b.pass(30 * time.Minute)
	if b.last().ServerIdentifier() != nil || b.last().ClientIPAddr.String() != "10.0.0.9" || b.to[0] != server {
		t.Errorf("renewing: to %v, %v", b.to, b.last().Summary())
	}
	b.answer(ack)
	b.want("renewed", kinds(request), Bound)
	b.pass(30 * time.Minute)
	b.sent, b.to = nil, nil
	b.pass(22*time.Minute + 29*time.Second)
	if len(b.sent) < 3 || slices.ContainsFunc(b.to, func(a netip.Addr) bool { return a != server }) {
		t.Errorf("asked the server %d times: %v", len(b.sent), b.to)
	}
	b.sent, b.to = nil, nil
	b.pass(2 * time.Second)
	if len(b.sent) != 1 || b.to[0].IsValid() {
		t.Errorf("rebinding: to %v", b.to)
	}
	b.sent = nil
	b.pass(7*time.Minute + 20*time.Second)
	if len(b.events) != 0 || len(b.sent) < 2 {
		t.Errorf("events %v, asked %d times", b.events, len(b.sent))
	}
	b.sent = nil
	b.pass(12 * time.Second)
	b.want("over", kinds(discover), Lost)
}

func TestRebindByAnother(t *testing.T) {
	b := boundBench(t)
	b.pass(53 * time.Minute)
	b.answer(ack, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 8))), dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 77)))
	if len(b.events) != 2 || b.events[0].Kind != Lost || b.events[1].Lease.Server.String() != "10.0.0.8" {
		t.Errorf("%+v", b.events)
	}
}

func TestRefused(t *testing.T) {
	b := newBench(t)
	b.link(true)
	b.answer(offer)
	b.answer(nak, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 66))))
	b.want("another server's word", kinds(discover, request))
	b.link(false)
	b.link(true)
	b.answer(offer)
	b.answer(nak)
	b.want("refused", kinds(discover, request))
	b.pass(5 * time.Second)
	b.want("once more", kinds(discover, discover))
	for range 6 { // a server that offers and refuses
		b.pass(longWait)
		b.answer(offer)
		b.answer(nak)
	}
	if n := len(b.sent); n > 60 {
		t.Errorf("%d messages in a circle", n)
	}
	c := boundBench(t)
	c.pass(30 * time.Minute)
	c.answer(nak)
	c.want("renewing", kinds(request), Lost)
}

func TestTheLinkComesBack(t *testing.T) {
	b := boundBench(t)
	b.link(false)
	b.pass(time.Minute)
	b.link(true)
	if r := b.last(); r.RequestedIPAddress().String() != "10.0.0.9" || r.ServerIdentifier() != nil || r.ClientIPAddr.String() != "0.0.0.0" || b.to[0].IsValid() {
		t.Errorf("%v", r.Summary())
	}
	b.answer(ack)
	b.want("the same network", kinds(request), Bound)
	b.link(false)
	b.link(true)
	b.answer(nak)
	b.want("another network", kinds(request), Lost)
	b = boundBench(t)
	b.link(false)
	b.link(true)
	b.pass(13 * time.Second)
	b.want("a network without a server", kinds(request, request, discover), Lost)
	b = boundBench(t)
	b.link(false)
	b.pass(2 * time.Hour)
	b.want("it ended meanwhile", nil, Lost)
	b.link(true)
	b.want("from the beginning", kinds(discover))
}

func TestAServerThatStopsInTheMiddle(t *testing.T) {
	b := newBench(t)
	b.link(true)
	b.answer(offer)
	b.pass(61 * time.Second)
	b.want("offers and is silent", kinds(discover, request, request, request, request, discover))
}

func TestRelease(t *testing.T) {
	b := boundBench(t)
	b.m.Release(b.now)
	b.drain()
	if r := b.last(); r.ClientIPAddr.String() != "10.0.0.9" || r.ServerIdentifier().String() != "10.0.0.1" || b.to[0] != server {
		t.Errorf("%v", r.Summary())
	}
	b.want("released", kinds(dhcpv4.MessageTypeRelease))
	b.pass(2 * time.Hour)
	b.want("at rest", nil)
	b.m.Release(b.now)
	b.drain()
	b.want("nothing to release", nil)
}

func TestForever(t *testing.T) {
	b := newBench(t)
	b.link(true)
	b.answer(offer)
	b.answer(ack, dhcpv4.WithLeaseTime(0xffffffff))
	if l := b.events[0].Lease; !l.Expire.IsZero() || !l.Renew.IsZero() {
		t.Errorf("a lease without end ends: %+v", l)
	}
	b.sent, b.events = nil, nil
	b.pass(1000 * time.Hour)
	b.want("a lease without end", nil)
}

func TestWhatIsNotForUs(t *testing.T) {
	mod := func(f func(p *dhcpv4.DHCPv4)) dhcpv4.Modifier { return f }
	for what, c := range map[string]dhcpv4.Modifier{
		"another's":         mod(func(p *dhcpv4.DHCPv4) { p.ClientHWAddr = net.HardwareAddr{2, 0, 0, 0, 0, 8} }),
		"another exchange":  mod(func(p *dhcpv4.DHCPv4) { p.TransactionID[0]++ }),
		"a request":         mod(func(p *dhcpv4.DHCPv4) { p.OpCode = dhcpv4.OpcodeBootRequest }),
		"no address":        dhcpv4.WithYourIP(net.IPv4zero),
		"a loopback":        dhcpv4.WithYourIP(net.IPv4(127, 0, 0, 1)),
		"a group":           dhcpv4.WithYourIP(net.IPv4(224, 0, 0, 1)),
		"all":               dhcpv4.WithYourIP(net.IPv4bcast),
		"a mask with holes": dhcpv4.WithNetmask(net.IPMask{255, 0, 255, 0}),
		"no mask at all":    dhcpv4.WithNetmask(net.IPMask{0, 0, 0, 0}),
		"a moment":          dhcpv4.WithLeaseTime(1),
		"no server":         dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4zero)),
	} {
		b := newBench(t)
		b.link(true)
		b.answer(offer, c)
		b.want(what, kinds(discover))
	}
	b := newBench(t)
	b.link(true)
	b.m.Receive(b.now, nil)
	b.m.Receive(b.now, make([]byte, 500))
	b.drain()
	b.want("octets", kinds(discover))
}

func TestOddOptions(t *testing.T) {
	b := newBench(t)
	b.link(true)
	b.answer(offer)
	b.answer(ack, func(p *dhcpv4.DHCPv4) {
		p.Options.Del(dhcpv4.OptionSubnetMask)
		p.UpdateOption(dhcpv4.OptRouter(mine.Addr().AsSlice()))
		p.UpdateOption(dhcpv4.OptDNS(net.IPv4zero, net.IPv4(9, 9, 9, 9), net.IPv4(8, 8, 8, 8), net.IPv4(1, 1, 1, 1), net.IPv4(2, 2, 2, 2)))
		p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRenewTimeValue, []byte{0, 0, 255, 255}))
	})
	l := b.events[0].Lease
	if l.Address.Bits() != 8 || l.Router.IsValid() || len(l.DNS) != 3 || l.DNS[0].String() != "9.9.9.9" || l.Renew != start.Add(30*time.Minute) {
		t.Errorf("%+v", l)
	}
}

func FuzzReceive(f *testing.F) {
	p, _ := dhcpv4.NewDiscovery(mac, dhcpv4.WithMessageType(offer), dhcpv4.WithTransactionID(dhcpv4.TransactionID{0, 0, 3, 232}))
	p.OpCode = dhcpv4.OpcodeBootReply
	f.Add(p.ToBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(mac, "", func() uint32 { return 1000 })
		m.Link(start, true)
		m.Receive(start, b)
		m.Receive(start, b)
		if len(m.out) > 3 || len(m.events) > 2 {
			t.Errorf("%d messages, %d events", len(m.out), len(m.events))
		}
	})
}
