//go:build linux

package real

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

func TestRadioCutGoesOnOverDTLS(t *testing.T) {
	t.Parallel()
	cutRadio(t, plan{gateways: 2, loss: 0.1, seed: 3})
}

// cutRadio takes the radio away in the middle of a transfer: it goes on over DTLS. Once
// the radio is back, the next letter takes the radio again.
func cutRadio(t *testing.T, p plan) {
	t.Helper()
	v := settle(t, p)
	v.joinInternet()
	s := v.send(p.seed, payload)
	v.spent(s, 8*time.Second)
	if on := v.first().path(s); on != "lora0" {
		t.Errorf("before the cut the letter goes by %q, want lora0", on)
	}
	v.air.tell("cut 0-1")
	cut, used := time.Now(), v.air.spent()
	v.first().until("transfer over DTLS", func() bool { return v.first().path(s) == "internet" || len(s.arrived) > 0 })
	v.delivered(s, 0)
	arrived := <-s.arrived
	t.Logf("cut after %.1f s, delivered %.1f s later; until the cut %v, after it %v", cut.Sub(s.from).Seconds(),
		arrived.Sub(cut).Seconds(), used.minus(s.air), v.air.spent().minus(used))

	v.air.tell("join 0-1")
	v.quiet()
	v.first().until("radio neighbour again", func() bool { return slices.Contains(v.first().peer(v.last().name).Ports, "lora0") })
	s = v.send(p.seed+1, payload)
	v.spent(s, 8*time.Second)
	if on := v.first().path(s); on != "lora0" {
		t.Errorf("with the radio back the next letter goes by %q, want lora0", on)
	}
	v.delivered(s, 1)
}

// path is the transport a parcel runs on right now.
func (g *gateway) path(s *sent) string {
	g.t.Helper()
	p, err := g.api.Parcel(g.ctx, s.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return p.Path
}

// joinInternet restarts both gateways with DTLS on the loopback between them: the first
// calls, the last listens.
func (v *village) joinInternet() {
	v.t.Helper()
	address, id := freeUDP(v.t), v.last().status().ID
	for _, g := range v.nodes {
		g.stop()
	}
	v.last().configure(measured + fmt.Sprintf("[internet]\nlisten = %q\n", address))
	v.first().configure(measured + fmt.Sprintf("[[internet.peer]]\nname = %q\nid = %q\naddress = %q\n", v.last().name, id, address))
	for _, g := range v.nodes {
		g.boot()
	}
	v.first().until("neighbour by radio and Internet", func() bool { return len(v.first().peer(v.last().name).Ports) == 2 })
	v.quiet()
}

// freeUDP is an address that nobody listens on.
func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}
