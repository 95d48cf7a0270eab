package road

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/testbench/world"
)

const frankfurt = "frankfurt.example.com"

// Keys of a phone's gateway and of an Internet gateway, made once.
var outsiders = sync.OnceValues(func() (keys [2]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, pki.MinKeyBits); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// outing is a phone at the first gateway, an Internet gateway that some other reaches, and what passed between them.
type outing struct {
	*road
	keys  [2]*rsa.PrivateKey
	certs [2]*pki.Certificate
	at    *world.GatewayNode // whose uplink is live, nil: nobody's
	up    map[string]int     // what came to the Internet gateway, by type and id
	down  map[string]int     // what came to the phone
	kills int
}

func newOuting(t *testing.T, seed uint64, loss float64) *outing {
	r := line(t, seed, 3)
	r.Air.SetLoss(loss)
	keys, err := outsiders()
	if err != nil {
		t.Fatal(err)
	}
	o := &outing{road: r, keys: keys, up: map[string]int{}, down: map[string]int{}}
	for i, key := range keys {
		if o.certs[i], err = pki.Issue(pki.Template{Subject: key.Public(), IssuerKey: key, NotBefore: r.Now().Add(-time.Hour),
			NotAfter: r.Now().Add(24 * time.Hour), CA: true, PathLen: 2, Rand: r.Rand(fmt.Sprint("certificate ", i))}); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

const phone, internet = 0, 1

// write makes a message of one of the two.
func (o *outing) write(from int, typ ramf.Type, id string, octets int) []byte {
	o.Helper()
	m := &ramf.Message{Type: typ, ID: id, Created: o.begun.Truncate(time.Second), TTL: 12 * time.Hour, Payload: make([]byte, octets),
		Recipient: o.certs[1-from].ID, Sender: o.certs[from]}
	if from == phone {
		m.InternetAddress = frankfurt
	}
	_, _ = o.World.Rand("payload " + id).Read(m.Payload)
	raw, err := ramf.Sign(m, o.keys[from], o.World.Rand("signature "+id))
	if err != nil {
		o.Fatal(err)
	}
	return raw
}

// keepAsking makes a request again until it is answered without an error, over restarts too.
func (o *outing) keepAsking(n *world.GatewayNode, request func(gateway.Token) gateway.Event, done func()) {
	answered := false
	if n.Core != nil {
		n.Ask(request, func(a gateway.Answer) {
			if answered = a.Err == nil; answered {
				done()
			}
		})
	}
	o.After(10*time.Second, func() {
		if !answered {
			o.keepAsking(n, request, done)
		}
	})
}

// uplink moves the uplink to a gateway, or with nil away from all.
func (o *outing) uplink(to *world.GatewayNode) {
	if n := o.at; n != nil && n.Core != nil {
		n.Ask(func(gateway.Token) gateway.Event { return gateway.Uplink{Address: frankfurt} }, nil)
		for sub := range uint64(2) {
			n.Ask(func(gateway.Token) gateway.Event { return gateway.CloseCollect{Sub: sub + 1} }, nil)
		}
	}
	o.at = to
	if to != nil && to.Core != nil {
		o.connect(to)
	}
}

// connect does what the shell does once it reaches the Internet gateway.
func (o *outing) connect(n *world.GatewayNode) {
	n.Ask(func(gateway.Token) gateway.Event { return gateway.Uplink{Address: frankfurt, Live: true} }, nil)
	for sub, what := range []gateway.Outbound{gateway.UpParcels, gateway.UpCargo} {
		n.Ask(func(gateway.Token) gateway.Event { return gateway.CollectUp{Sub: uint64(sub) + 1, What: what} }, nil)
		o.pull(n, uint64(sub)+1, o.goUp)
	}
}

// pull hands each message of a subscription on; the next is asked for when it is done.
func (o *outing) pull(n *world.GatewayNode, sub uint64, take func(*gateway.Collected, *world.GatewayNode, func())) {
	n.Ask(func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: sub, Wait: true} }, func(a gateway.Answer) {
		m, _ := a.Value.(*gateway.Collected)
		if m == nil {
			return
		}
		take(m, n, func() {
			n.Ask(func(t gateway.Token) gateway.Event { return gateway.Ack{Token: t, Sub: sub, Key: m.Key} }, func(gateway.Answer) { o.pull(n, sub, take) })
		})
	})
}

// goUp takes a message as the Internet gateway does: a CCA is answered with cargo.
func (o *outing) goUp(m *gateway.Collected, n *world.GatewayNode, done func()) {
	p, err := ramf.Parse(m.Parcel)
	if err != nil || m.Type != p.Type || m.Address == "" {
		o.Errorf("seed %d: handed out %v for %q: %v", o.Seed, m.Type, m.Address, err)
		return
	}
	o.up[fmt.Sprintf("%v %s", p.Type, p.ID)]++
	if p.Type != ramf.CCA {
		done()
		return
	}
	cargo := o.write(internet, ramf.Cargo, "for "+p.ID, 4000)
	n.Ask(func(t gateway.Token) gateway.Event { return gateway.Carry{Token: t, Raw: cargo, For: m.Key} }, func(a gateway.Answer) {
		if a.Err != nil {
			o.Errorf("seed %d: the cargo was not taken: %v", o.Seed, a.Err)
		}
		done()
	})
}

// visit has the phone bring its CCA to the first gateway and wait for cargo.
func (o *outing) visit(cca []byte) {
	n := o.nodes[0]
	o.keepAsking(n, func(t gateway.Token) gateway.Event { return gateway.CollectCargo{Token: t, Sub: 9, CCA: cca} }, func() {
		o.pull(n, 9, func(m *gateway.Collected, _ *world.GatewayNode, done func()) {
			p, err := ramf.Parse(m.Parcel)
			if err != nil {
				o.Error(err)
				return
			}
			o.down[p.ID]++
			done()
		})
	})
}

// kill stops a gateway for a second; who was connected comes again.
func (o *outing) kill(n *world.GatewayNode, cca []byte) {
	o.kills++
	n.Stop()
	o.After(time.Second, func() {
		if err := n.Start(); err != nil {
			o.Error(err)
			return
		}
		if n == o.at {
			o.connect(n)
		}
		if n == o.nodes[0] {
			o.visit(cca)
		}
	})
}

// there tells that everything came to where it was to go.
func (o *outing) there() bool { return len(o.up) == 4 && len(o.down) == 1 }

// TestCargoTravelsToTheUplinkAndBack has a phone leave a CCA, cargo and, by an app's hand, two parcels at a gateway without
// an uplink. They go up two hops away while the uplink moves and each gateway dies at some moment, over air that
// loses 30 % of the frames. What comes back is fetched where the CCA was left. Nothing is lost; nothing goes up twice but what was on its way
// when its gateway died.
func TestCargoTravelsToTheUplinkAndBack(t *testing.T) {
	for seed := range uint64(4) {
		o := newOuting(t, seed, 0.3)
		o.begun = o.Now()
		cca := o.write(phone, ramf.CCA, "cca", 1500)
		o.visit(cca)
		for _, id := range []string{"p1", "p2"} {
			o.keepAsking(o.nodes[0], func(t gateway.Token) gateway.Event {
				return gateway.Deliver{Token: t, Parcel: o.write(phone, ramf.Parcel, id, 300)}
			}, func() {})
		}
		o.keepAsking(o.nodes[0], func(t gateway.Token) gateway.Event {
			return gateway.Carry{Token: t, Raw: o.write(phone, ramf.Cargo, "cargo", 4000)}
		}, func() {})
		o.uplink(o.nodes[2])
		dice := mathrand.New(mathrand.NewPCG(seed, 6))
		if seed > 0 {
			for _, n := range o.nodes {
				o.After(time.Duration(dice.Int64N(int64(90*time.Second))), func() { o.kill(n, cca) })
			}
			moved := time.Duration(dice.Int64N(int64(time.Minute)))
			o.After(moved, func() { o.uplink(nil) })
			o.After(moved+10*time.Second, func() { o.uplink(o.nodes[1]) })
		}
		o.await(6*time.Hour, "all of it", o.there)
		took := o.Now().Sub(o.begun)
		o.Run(30*time.Minute, nil)
		o.settled()
		t.Logf("seed %d: all there after %v, %d gateways killed", seed, took.Round(time.Second), o.kills)
	}
}

// settled checks that nothing came twice without a reason, and that nothing is left on the way.
func (o *outing) settled() {
	o.Helper()
	for _, came := range []map[string]int{o.up, o.down} {
		for what, n := range came {
			if n > 1 && (o.kills == 0 || n > 2) {
				o.Errorf("seed %d: %s came %d times", o.Seed, what, n)
			}
		}
	}
	for _, n := range o.nodes {
		for _, p := range n.Core.Parcels(o.Now(), false) {
			o.Errorf("seed %d: %s still has %v for %s: %v %s", o.Seed, n.Name, p.Type, p.To, p.State, p.Why)
		}
	}
}
