// Package linklocal chooses an IPv4 address where nobody hands one out: 169.254/16, probed for by ARP, given up when
// somebody else has it (RFC 3927). A state machine without goroutine, clock, socket or random source; one goroutine
// owns a Claim.
package linklocal

import (
	"hash/fnv"
	"net"
	"net/netip"
	"time"
)

// Times of RFC 3927 section 9; where it draws between two, the middle.
const (
	probeWait     = time.Second / 2
	probeEvery    = 1500 * time.Millisecond
	announceWait  = 2 * time.Second
	announceEvery = 2 * time.Second
	probes        = 3
	announces     = 2
	maxConflicts  = 10
	conflictPause = time.Minute
)

type state uint8

const (
	off state = iota
	probing
	announcing
	holding
)

// Claim is the way to an address on one interface.
type Claim struct {
	mac   [6]byte
	state state
	sent  int
	lost  int // conflicts so far
	next  time.Time
	addr  netip.Addr
	out   [][]byte
}

// New makes a claim that is off. An interface tries the same addresses each time.
func New(mac net.HardwareAddr) *Claim {
	c := &Claim{}
	copy(c.mac[:], mac)
	return c
}

// candidate is the n-th address that this interface tries: 169.254.1.0 to 169.254.254.255.
func (c *Claim) candidate(n int) netip.Addr {
	h := fnv.New32a()
	h.Write(append(c.mac[:], byte(n)))
	i := h.Sum32() % (254 * 256)
	return netip.AddrFrom4([4]byte{169, 254, byte(1 + i/256), byte(i)})
}

// Start begins to look for an address; it changes nothing when that is under way.
func (c *Claim) Start(now time.Time) {
	if c.state == off {
		c.probe(now, probeWait)
	}
}

// Stop gives the address up.
func (c *Claim) Stop() { c.state, c.next, c.out = off, time.Time{}, nil }

// Address is the one that may be used now.
func (c *Claim) Address() (p netip.Prefix, ok bool) {
	if c.state != announcing && c.state != holding {
		return p, false
	}
	return netip.PrefixFrom(c.addr, 16), true
}

func (c *Claim) probe(now time.Time, wait time.Duration) {
	c.state, c.sent, c.addr = probing, 0, c.candidate(c.lost)
	c.next = now.Add(wait)
}

// PollTransmit gives the next ARP message to broadcast.
func (c *Claim) PollTransmit() (b []byte, ok bool) {
	if len(c.out) == 0 {
		return nil, false
	}
	b, c.out = c.out[0], c.out[1:]
	return b, true
}

// PollTimeout tells when to call Timeout.
func (c *Claim) PollTimeout() (t time.Time, ok bool) { return c.next, !c.next.IsZero() }

// Timeout does what is due.
func (c *Claim) Timeout(now time.Time) {
	if c.next.IsZero() || now.Before(c.next) {
		return
	}
	switch {
	case c.state == probing && c.sent < probes:
		c.tell(netip.IPv4Unspecified())
		c.next = now.Add(probeEvery)
		if c.sent == probes {
			c.next = now.Add(announceWait)
		}
	case c.state == probing:
		c.state, c.sent = announcing, 0
		fallthrough
	case c.state == announcing:
		c.tell(c.addr)
		if c.next = now.Add(announceEvery); c.sent == announces {
			c.state, c.next = holding, time.Time{}
		}
	}
}

// tell asks who has the address; from the address itself that tells everybody that we have it.
func (c *Claim) tell(from netip.Addr) {
	c.sent++
	c.out = append(c.out, arp{op: arpRequest, sender: c.mac, senderIP: from, targetIP: c.addr}.bytes())
}

// Receive takes an ARP message. Who uses the address, or probes for it while we do, makes us take another; after many
// conflicts only slowly.
func (c *Claim) Receive(now time.Time, message []byte) {
	a, ok := parseARP(message)
	if !ok || c.state == off || a.sender == c.mac {
		return
	}
	alsoProbes := c.state == probing && a.senderIP.IsUnspecified() && a.targetIP == c.addr
	if a.senderIP != c.addr && !alsoProbes {
		return
	}
	wait := probeWait
	if c.lost++; c.lost > maxConflicts {
		wait = conflictPause
	}
	c.out = nil
	c.probe(now, wait)
}
