// Package dhcp is a DHCPv4 client as a state machine (RFC 2131 section 4.4). It has no goroutine, clock, socket or
// random source: links, packets and the time go in; datagrams, events and the next deadline come out. One goroutine
// owns a Machine.
package dhcp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Datagram is a message to send. One to an address that is not valid is broadcast from 0.0.0.0 without an address of
// our own; any other goes from From to To. The ports are ClientPort and ServerPort.
type Datagram struct {
	Payload  []byte
	From, To netip.Addr
}

// EventKind tells what happened.
type EventKind uint8

const (
	// Bound: the interface shall have the lease's address, and no other that a lease gave. Comes for renewals too.
	Bound EventKind = iota + 1
	// Lost: the lease's address may not be used any more.
	Lost
	// Silent: nobody has answered for a while. The machine goes on asking.
	Silent
)

// Event is what the owner has to do.
type Event struct {
	Kind  EventKind
	Lease Lease // of Bound and Lost
}

type state uint8

const (
	down       state = iota // no link
	pausing                 // a server refused; the next try is not yet due
	selecting               // asked for offers
	requesting              // took one
	rebooting               // the link is back: asked whether the lease still holds
	bound                   // has a lease
	renewing                // asked the server that lent
	rebinding               // asked all
)

const (
	firstWait  = 4 * time.Second // section 4.1
	longWait   = 64 * time.Second
	extendWait = time.Minute // section 4.4.5
	silentAt   = 2           // tries of asking for offers, 12 seconds
	askOffer   = 4           // tries of taking an offer
	askReboot  = 2           // tries of taking up a lease again
)

// Machine is the client on one interface.
type Machine struct {
	mac      net.HardwareAddr
	hostname string
	rand     func() uint32

	state   state
	xid     dhcpv4.TransactionID
	since   time.Time // when it began to ask
	next    time.Time // when Timeout is due; zero: never
	tries   int
	refused int   // times in a row
	offer   Lease // that was taken
	lease   Lease // Address is not valid: none

	out    []Datagram
	events []Event
}

// New makes a client without a link. hostname may be empty.
func New(mac net.HardwareAddr, hostname string, rand func() uint32) *Machine {
	return &Machine{mac: bytes.Clone(mac), hostname: hostname, rand: rand}
}

// PollTransmit gives the next message to send.
func (m *Machine) PollTransmit() (d Datagram, ok bool) {
	if len(m.out) == 0 {
		return d, false
	}
	d, m.out = m.out[0], m.out[1:]
	return d, true
}

// PollEvent gives the next event.
func (m *Machine) PollEvent() (e Event, ok bool) {
	if len(m.events) == 0 {
		return e, false
	}
	e, m.events = m.events[0], m.events[1:]
	return e, true
}

// PollTimeout tells when to call Timeout.
func (m *Machine) PollTimeout() (t time.Time, ok bool) { return m.next, !m.next.IsZero() }

// Link tells that the cable is in, or not. Without one a lease is kept until it ends; when the link is back the server
// is asked whether it still holds, because it may be another network.
func (m *Machine) Link(now time.Time, up bool) {
	switch {
	case up == (m.state != down):
	case !up:
		m.state, m.next = down, m.lease.Expire
	case m.lease.Address.IsValid():
		m.ask(now, rebooting)
		m.sendRequest(now, m.lease.Address.Addr(), netip.Addr{})
	default:
		m.discover(now)
	}
}

// Release gives the lease back, without an event, and takes the link for lost.
func (m *Machine) Release(now time.Time) {
	if m.lease.Address.IsValid() && m.state != down {
		m.ask(now, down)
		m.sendRelease(now)
	}
	m.state, m.lease, m.next = down, Lease{}, time.Time{}
}

// ask begins an exchange in a state.
func (m *Machine) ask(now time.Time, s state) {
	binary.BigEndian.PutUint32(m.xid[:], m.rand())
	m.state, m.since, m.tries = s, now, 0
	m.next = now.Add(m.wait(0))
}

func (m *Machine) discover(now time.Time) {
	m.ask(now, selecting)
	m.sendDiscover(now)
}

// wait doubles from 4 to 64 seconds, give or take one.
func (m *Machine) wait(tries int) time.Duration {
	jitter := time.Duration(m.rand()%2001)*time.Millisecond - time.Second
	return min(firstWait<<min(tries, 8), longWait) + jitter
}

// drop ends the lease.
func (m *Machine) drop() {
	if m.lease.Address.IsValid() {
		m.events = append(m.events, Event{Lost, m.lease})
	}
	m.lease = Lease{}
}

// Timeout does what is due.
func (m *Machine) Timeout(now time.Time) {
	if m.next.IsZero() || now.Before(m.next) {
		return
	}
	if end := m.lease.Expire; !end.IsZero() && !now.Before(end) {
		m.drop()
		if m.next = (time.Time{}); m.state != down {
			m.discover(now)
		}
		return
	}
	m.tries++
	switch m.state {
	case pausing:
		m.discover(now)
	case selecting:
		m.again(now)
	case requesting:
		m.askAgain(now, m.offer, m.offer.Server, askOffer)
	case rebooting:
		m.askAgain(now, m.lease, netip.Addr{}, askReboot)
	case bound, renewing, rebinding:
		m.extend(now)
	}
}

// again asks for offers once more.
func (m *Machine) again(now time.Time) {
	if m.tries == silentAt {
		m.events = append(m.events, Event{Kind: Silent})
	}
	m.next = now.Add(m.wait(m.tries))
	m.sendDiscover(now)
}

// askAgain asks once more for an address, or begins anew when that was often enough.
func (m *Machine) askAgain(now time.Time, l Lease, server netip.Addr, most int) {
	if m.tries >= most {
		m.drop()
		m.discover(now)
		return
	}
	m.next = now.Add(m.wait(m.tries))
	m.sendRequest(now, l.Address.Addr(), server)
}

// extend asks for more time: first the server, at last everybody, each time after half of what is left.
func (m *Machine) extend(now time.Time) {
	s, to, until := renewing, m.lease.Server, m.lease.Rebind
	if !now.Before(until) {
		s, to, until = rebinding, netip.Addr{}, m.lease.Expire
	}
	if m.state != s {
		m.ask(now, s)
	}
	m.next = now.Add(max(until.Sub(now)/2, extendWait))
	if m.next.After(until) {
		m.next = until
	}
	m.sendExtend(now, to)
}

// Receive takes a message that came to ClientPort. What is malformed or not for us is passed over.
func (m *Machine) Receive(now time.Time, payload []byte) {
	p, err := dhcpv4.FromBytes(payload)
	if err != nil || p.OpCode != dhcpv4.OpcodeBootReply || p.TransactionID != m.xid || !bytes.Equal(p.ClientHWAddr, m.mac) {
		return
	}
	switch kind := p.MessageType(); {
	case kind == dhcpv4.MessageTypeOffer && m.state == selecting:
		m.take(now, p)
	case kind == dhcpv4.MessageTypeAck && m.asks():
		m.bind(now, p)
	case kind == dhcpv4.MessageTypeNak && m.asks() && m.fromAsked(p):
		m.refuse(now)
	}
}

// asks tells whether an answer to a request is waited for.
func (m *Machine) asks() bool {
	return m.state == requesting || m.state == rebooting || m.state == renewing || m.state == rebinding
}

// fromAsked tells whether the server that was asked answers, where one was.
func (m *Machine) fromAsked(p *dhcpv4.DHCPv4) bool {
	from, ok := usable(p.ServerIdentifier())
	switch m.state {
	case requesting:
		return ok && from == m.offer.Server
	case renewing:
		return ok && from == m.lease.Server
	}
	return true
}

func (m *Machine) take(now time.Time, p *dhcpv4.DHCPv4) {
	offer, err := leaseOf(p, now)
	if err != nil {
		return
	}
	m.state, m.offer, m.tries = requesting, offer, 0
	m.next = now.Add(m.wait(0))
	m.sendRequest(now, offer.Address.Addr(), offer.Server)
}

func (m *Machine) bind(now time.Time, p *dhcpv4.DHCPv4) {
	lease, err := leaseOf(p, now)
	if err != nil || !m.fromAsked(p) {
		return
	}
	if m.lease.Address.IsValid() && m.lease.Address != lease.Address {
		m.drop()
	}
	m.state, m.lease, m.next, m.refused = bound, lease, lease.Renew, 0
	m.events = append(m.events, Event{Bound, lease})
}

// refuse begins anew, a little later each time, so that client and server do not run in circles.
func (m *Machine) refuse(now time.Time) {
	m.drop()
	m.state, m.next = pausing, now.Add(m.wait(m.refused)-firstWait+time.Second)
	m.refused = min(m.refused+1, 8)
}
