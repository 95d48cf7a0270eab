package world

import (
	"math/rand/v2"
	"time"

	"packhorse/link"
)

// Wire is a datagram connection between two nodes, as a DTLS session gives it:
// it may lose and delay, and is either up on both sides or down.
type Wire struct {
	Latency time.Duration
	Rate    int // octets a second; set it before Up
	Loss    float64
	Octets  uint64 // that have crossed

	w    *World
	ends [2]*wireEnd
	up   bool
	rand *rand.Rand
}

type wireEnd struct {
	n    *Node
	port link.Port
	wire *Wire
	side int
	free time.Time // the interface is idle from here on
}

const (
	wireMTU  = 1200
	wireRate = 1_000_000
)

// Join lays a wire between two nodes. It is down until Up.
func (w *World) Join(x, y *Node, latency time.Duration) *Wire {
	wire := &Wire{Latency: latency, Rate: wireRate, w: w, rand: rand.New(w.Rand("wire " + x.Name + " " + y.Name))}
	for side, n := range []*Node{x, y} {
		e := &wireEnd{n: n, port: n.nextPort(), wire: wire, side: side}
		wire.ends[side] = e
		n.ports = append(n.ports, e)
	}
	return wire
}

// Up connects the wire for those ends whose node runs, Down disconnects it.
func (x *Wire) Up() {
	x.up = true
	x.ends[0].open()
}

// Down takes the wire's ports down; datagrams under way are lost.
func (x *Wire) Down() {
	x.up = false
	for _, e := range x.ends {
		e.n.portEvent(link.PortDown{Port: e.port})
	}
}

// open happens on both ends when either comes up: a DTLS session is gone when one
// side has forgotten it.
func (e *wireEnd) open() {
	other := e.other()
	if !e.wire.up || e.n.shell == nil || other.n.shell == nil {
		return
	}
	for _, end := range []*wireEnd{e, other} {
		end.n.portEvent(link.PortDown{Port: end.port})
		end.n.portEvent(link.PortUp{Port: end.port, Medium: link.Datagram, MTU: wireMTU, Access: e.wire.Latency, Airtime: e.wire.airtime})
	}
}

// close takes the other end down too, as the DTLS shell does when its peer is gone.
func (e *wireEnd) close() {
	e.free = time.Time{}
	e.other().n.portEvent(link.PortDown{Port: e.other().port})
}

// watched tells of a datagram.
func (e *wireEnd) watched(b []byte, lost bool) {
	w := e.n.w
	if w.Watch.Left == nil {
		return
	}
	f := OnAir{From: e.n, Port: e.port, Frame: b, Start: w.now, End: e.free}
	if o := e.other().n; !lost && o.Running() {
		f.Heard = []*Node{o}
	}
	w.Watch.Left(f)
}

func (e *wireEnd) other() *wireEnd { return e.wire.ends[1-e.side] }

func (x *Wire) airtime(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(x.Rate)
}

// pull sends what the core has, one datagram after the other at the wire's rate.
func (e *wireEnd) pull() {
	w := e.n.w
	if !e.wire.up {
		return
	}
	if e.free.After(w.now) {
		return
	}
	b, ok := e.n.transmit(e.port)
	if !ok {
		return
	}
	e.free = w.now.Add(e.wire.airtime(len(b)))
	w.At(e.free, e.n.settle)
	e.wire.Octets += uint64(len(b))
	lost := e.wire.rand.Float64() < e.wire.Loss
	e.watched(b, lost)
	if lost {
		return
	}
	life := e.other().n.life
	w.At(e.free.Add(e.wire.Latency), func() {
		if o := e.other(); e.wire.up && o.n.life == life {
			o.n.frame(o.port, b, link.Meta{})
		}
	})
}
