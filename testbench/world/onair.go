package world

import (
	"time"

	"packhorse/link"
	"packhorse/radio/sim"
)

// Watch looks at what a world does; its fields may be nil.
type Watch struct {
	// Taken sees each frame when a core hands it out, while the core still knows the keys.
	Taken func(n *Node, p link.Port, frame []byte)
	// Left sees each frame when it has left its antenna, or its end of a wire, and who got it.
	Left func(OnAir)
	// Lose tells which frames a receiver does not get, besides those that chance takes.
	Lose func(from, to *Node, frame []byte) bool
}

// OnAir is a frame that was sent.
type OnAir struct {
	From       *Node
	Port       link.Port
	Frame      []byte
	Start, End time.Time
	Heard      []*Node
}

// queued notes a frame that a modem was given. They leave in that order.
func (w *World) queued(station int, n *Node, p link.Port, frame []byte) {
	if w.Watch.Left == nil {
		return
	}
	if w.onAir == nil {
		w.onAir = map[int][]OnAir{}
	}
	w.onAir[station] = append(w.onAir[station], OnAir{From: n, Port: p, Frame: frame})
}

// heard notes who got the frame that is leaving; false: it is lost on the way.
func (w *World) heard(r sim.Reception, to *Node) bool {
	q := w.onAir[r.From]
	if len(q) == 0 {
		return true
	}
	if w.Watch.Lose != nil && w.Watch.Lose(q[0].From, to, r.Data) {
		return false
	}
	if to.Running() {
		q[0].Heard = append(q[0].Heard, to)
	}
	return true
}

// leftAir tells of the oldest frame of a modem.
func (w *World) leftAir(s sim.Sent) {
	if q := w.onAir[s.Station]; len(q) > 0 {
		f := q[0]
		w.onAir[s.Station] = q[1:]
		f.Start, f.End = s.Began, s.At
		w.Watch.Left(f)
	}
}
