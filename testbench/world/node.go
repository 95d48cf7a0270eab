package world

import (
	"time"

	"packhorse/link"
)

// machine is what every core offers: link.Core, gateway.Core.
type machine interface {
	HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta)
	HandleTimeout(now time.Time)
	PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool)
	PollTimeout() (time.Time, bool)
}

// shell is what surrounds a core: it passes events of ports in, and carries
// out what comes out until nothing more does.
type shell interface {
	machine
	portEvent(now time.Time, e link.Event)
	carryOut(now time.Time)
}

// Node is one gateway.
type Node struct {
	Name string
	// Counters of this node, over all its lives.
	FramesIn, FramesOut uint64

	w     *World
	index int
	shell shell // nil while stopped
	ports []port
	life  int // counts starts: what was meant for an earlier life is dropped

	deadline time.Time
	due      bool
	busy     bool // in settle
	again    bool
}

// port is a transport of a node. It lives as long as the node's shell does not:
// a stopped node keeps its modem and its cables.
type port interface {
	// open tells the shell of the port, close forgets what the shell had handed out.
	open()
	close()
	// pull takes frames from the core as long as the port can take any.
	pull()
}

func (w *World) addNode(name string) *Node {
	n := &Node{Name: name, w: w, index: len(w.nodes)}
	w.nodes = append(w.nodes, n)
	return n
}

// Running tells whether the node has been started and not stopped.
func (n *Node) Running() bool { return n.shell != nil }

func (n *Node) nextPort() link.Port { return link.Port(len(n.ports) + 1) }

// start gives the node a shell and opens its ports to it.
func (n *Node) start(s shell) {
	n.shell, n.life = s, n.life+1
	n.w.Tracef("%s starts", n.Name)
	for _, p := range n.ports {
		p.open()
	}
	n.settle()
}

// stop takes the shell away in an instant, as a kill does.
func (n *Node) stop() {
	n.w.Tracef("%s stops", n.Name)
	n.shell, n.due = nil, false
	n.life++
	for _, p := range n.ports {
		p.close()
	}
}

// later runs f after d, unless the node has been stopped by then.
func (n *Node) later(d time.Duration, f func()) {
	life := n.life
	n.w.After(d, func() {
		if n.life == life {
			f()
			n.settle()
		}
	})
}

// wake settles the node at a time, unless that of waking, the port's earliest timer, comes first.
func (n *Node) wake(waking *time.Time, at time.Time) {
	if !waking.IsZero() && !at.Before(*waking) {
		return
	}
	*waking = at
	n.w.At(at, func() {
		if waking.Equal(at) {
			*waking = time.Time{}
		}
		n.settle()
	})
}

// frame delivers a received frame.
func (n *Node) frame(p link.Port, b []byte, m link.Meta) {
	if n.shell == nil {
		return
	}
	n.FramesIn++
	n.w.Tracef("%s port %d < %d octets %x", n.Name, p, len(b), b[:min(len(b), 5)])
	n.shell.HandleFrame(n.w.now, p, b, m)
	n.settle()
}

func (n *Node) timeout() {
	n.shell.HandleTimeout(n.w.now)
	if at, ok := n.shell.PollTimeout(); ok && !at.After(n.w.now) {
		n.w.Tracef("%s: the timeout did not move on", n.Name)
	}
	n.settle()
}

func (n *Node) portEvent(e link.Event) {
	if n.shell != nil {
		n.shell.portEvent(n.w.now, e)
		n.settle()
	}
}

// settle carries out what the core wants, lets the ports take what they can, and
// notes the next deadline. Calls from inside itself only ask for another turn.
func (n *Node) settle() {
	if n.again = true; n.busy || n.shell == nil {
		return
	}
	n.busy = true
	for n.again && n.shell != nil {
		n.again = false
		n.shell.carryOut(n.w.now)
		for _, p := range n.ports {
			p.pull()
		}
	}
	n.busy = false
	if n.shell != nil {
		n.deadline, n.due = n.shell.PollTimeout()
	}
}

// transmit takes the next frame for a port from the core.
func (n *Node) transmit(p link.Port) ([]byte, bool) {
	if n.shell == nil {
		return nil, false
	}
	b, ok := n.shell.PollTransmit(n.w.now, p, nil)
	if ok {
		n.FramesOut++
		n.w.Tracef("%s port %d > %d octets %x", n.Name, p, len(b), b[:min(len(b), 5)])
		if n.w.Watch.Taken != nil {
			n.w.Watch.Taken(n, p, b)
		}
		n.again = true
	}
	return b, ok
}
