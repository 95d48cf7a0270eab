package linklocal

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

var (
	mac   = net.HardwareAddr{2, 0, 0, 0, 0, 7}
	other = [6]byte{2, 0, 0, 0, 0, 8}
	start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
)

// pass lets time pass; what was sent comes back with the time since the start.
func pass(t *testing.T, c *Claim, from, d time.Duration) (sent []arp, at []time.Duration) {
	for {
		next, ok := c.PollTimeout()
		if !ok || next.After(start.Add(from+d)) {
			return sent, at
		}
		c.Timeout(next)
		for b, ok := c.PollTransmit(); ok; b, ok = c.PollTransmit() {
			a, ok := parseARP(append(b, make([]byte, 18)...)) // Ethernet pads
			if !ok {
				t.Fatalf("sent %x", b)
			}
			sent, at = append(sent, a), append(at, next.Sub(start))
		}
	}
}

func TestAnAddressThatIsFree(t *testing.T) {
	c := New(mac)
	c.Start(start)
	sent, _ := pass(t, c, 0, 5*time.Second)
	if len(sent) != probes {
		t.Fatalf("%d probes", len(sent))
	}
	for _, a := range sent {
		if !a.senderIP.IsUnspecified() || a.targetIP != c.addr || a.op != arpRequest || a.sender != c.mac {
			t.Errorf("probe %+v", a)
		}
	}
	if p, ok := c.Address(); ok {
		t.Errorf("has %v too early", p)
	}
	sent, _ = pass(t, c, 5*time.Second, time.Minute)
	p, ok := c.Address()
	if !ok || p.Bits() != 16 || !p.Addr().IsLinkLocalUnicast() || len(sent) != announces || sent[0].senderIP != p.Addr() {
		t.Errorf("has %v, announced %+v", p, sent)
	}
	if _, waits := c.PollTimeout(); waits {
		t.Error("never rests")
	}
	c.Start(start)
	if q, _ := c.Address(); q != p {
		t.Error("a second start changed the address")
	}
	c.Stop()
	if _, ok := c.Address(); ok {
		t.Error("stopped and has an address")
	}
}

func TestConflicts(t *testing.T) {
	for what, message := range map[string]func(c *Claim) arp{
		"somebody has it": func(c *Claim) arp { return arp{op: 2, sender: other, senderIP: c.addr, targetIP: c.addr} },
		"somebody probes for it": func(c *Claim) arp {
			return arp{op: 1, sender: other, senderIP: netip.IPv4Unspecified(), targetIP: c.addr}
		},
	} {
		c := New(mac)
		c.Start(start)
		pass(t, c, 0, time.Second)
		first := c.addr
		c.Receive(start.Add(time.Second), message(c).bytes())
		if c.addr == first || c.state != probing {
			t.Errorf("%s: still wants %v", what, c.addr)
		}
		pass(t, c, time.Second, time.Minute)
		if p, ok := c.Address(); !ok || p.Addr() == first {
			t.Errorf("%s: has %v", what, p)
		}
	}
}

func TestWhatIsNoConflict(t *testing.T) {
	c := New(mac)
	c.Start(start)
	pass(t, c, 0, time.Minute)
	had, _ := c.Address()
	for what, b := range map[string][]byte{
		"our own":          arp{op: 1, sender: c.mac, senderIP: c.addr, targetIP: c.addr}.bytes(),
		"another address":  arp{op: 1, sender: other, senderIP: netip.MustParseAddr("169.254.9.9"), targetIP: c.addr}.bytes(),
		"a probe too late": arp{op: 1, sender: other, senderIP: netip.IPv4Unspecified(), targetIP: c.addr}.bytes(),
		"nothing":          nil,
		"another protocol": append([]byte{0, 6}, make([]byte, 40)...),
		"short":            arp{op: 1, sender: other, senderIP: c.addr, targetIP: c.addr}.bytes()[:27],
	} {
		c.Receive(start.Add(time.Minute), b)
		if p, ok := c.Address(); !ok || p != had {
			t.Errorf("%s: has %v", what, p)
		}
	}
	c.Receive(start.Add(time.Minute), arp{op: 1, sender: other, senderIP: c.addr, targetIP: c.addr}.bytes())
	if _, ok := c.Address(); ok {
		t.Error("keeps an address that another has")
	}
}

func TestManyConflicts(t *testing.T) {
	c := New(mac)
	c.Start(start)
	now := start
	for range maxConflicts + 1 {
		c.Receive(now, arp{op: 2, sender: other, senderIP: c.addr, targetIP: c.addr}.bytes())
	}
	if next, _ := c.PollTimeout(); next.Sub(now) != conflictPause {
		t.Errorf("probes again after %v", next.Sub(now))
	}
}

func TestCandidates(t *testing.T) {
	c := New(mac)
	for n := range 1000 {
		if b := c.candidate(n).As4(); b[0] != 169 || b[1] != 254 || b[2] == 0 || b[2] == 255 {
			t.Fatalf("%v", b)
		}
	}
}

func FuzzARP(f *testing.F) {
	f.Add(arp{op: 1, senderIP: netip.MustParseAddr("169.254.9.9"), targetIP: netip.MustParseAddr("169.254.9.9")}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseARP(b); ok && string(a.bytes()) != string(b[:arpSize]) {
			t.Errorf("%x came back as %x", b, a.bytes())
		}
	})
}
