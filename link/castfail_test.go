package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// answers lets a node say nothing but this about one body.
func (x *circle) answers(n *node, d Digest, m wire.Message) {
	c, watch := x.from.core, x.onFrame
	x.onFrame = func(s *station, b []byte) []byte {
		if s.node == n && wire.TypeOf(b) != wire.TypeBeacon {
			return nil
		}
		return watch(s, b)
	}
	x.watchNode(func() {
		if o := c.peer(n.id).out(d); o != nil && o.waiting && o.sess != nil {
			c.now, m.Stream = x.now, o.stream
			c.message(o.sess, &m)
			x.from.drain()
		}
	})
}

// watchNode does something before the sender is asked for frames.
func (x *circle) watchNode(do func()) {
	x.world.watch = func(n *node) {
		if n == x.from {
			do()
		}
	}
}

// A member that says in the middle of a burst that it does not know the body any more is offered it again.
func TestAMemberForgetsAmidABurst(t *testing.T) {
	for i := range 3 {
		x := newCircle(t, 1, 3)
		d := x.sendAll(20_000, x.others...)
		x.run(6*time.Second, never)
		o := x.from.core.peer(x.others[i].id).out(d)
		if !o.group.ready || o.state != outSending {
			t.Fatalf("member %d: ready %v, state %d; want it amid a burst", i, o.group.ready, o.state)
		}
		x.from.core.message(o.sess, &wire.Message{Kind: wire.KindAnswer, Stream: o.stream, Code: wire.CodeAgain})
		x.whenGiven(d, x.others...)
		x.rests("forgot")
	}
}

// A member that never knows what it was offered keeps nobody from the body, and is given up.
func TestAMemberThatAlwaysForgets(t *testing.T) {
	x := newCircle(t, 1, 3)
	d := x.sendAll(20_000, x.others...)
	x.answers(x.others[0], d, wire.Message{Kind: wire.KindAnswer, Code: wire.CodeAgain})
	if took := x.whenGiven(d, x.others[1:]...); took > 2*time.Minute {
		t.Errorf("the others have the body after %v, want 2 minutes at most", took)
	}
	if got := x.from.refused[d]; got != ReasonBusy {
		t.Errorf("refused: %v, want busy", got)
	}
}

// A neighbour that says for hours that it has all, and never takes custody, is asked ever more rarely and given up.
func TestANeighbourThatNeverTakesCustody(t *testing.T) {
	x := newCircle(t, 1, 2)
	d := x.sendAll(3000, x.others[0])
	x.answers(x.others[0], d, wire.Message{Kind: wire.KindNeed, Upto: 1})
	before := x.ch.octets
	if !x.run(12*time.Hour, func() bool { return x.from.refused[d] == ReasonBusy }) {
		t.Error("the body waits for ever")
	}
	if sent := x.ch.octets - before; sent > 12_000 {
		t.Errorf("%d octets were sent, want 12,000 at most", sent)
	}
	if got := x.from.core.peer(x.others[0].id).doubt.failed; got != 1 {
		t.Errorf("%d failures are counted, want 1", got)
	}
}

// A neighbour that dies in the middle of a long body keeps the others waiting less and less.
func TestAMemberDiesAmidALongBody(t *testing.T) {
	x := newCircle(t, 1, 4)
	d := x.sendAll(200_000, x.others...)
	x.run(20*time.Second, never)
	dead, watch := x.others[1], x.onFrame
	x.onFrame = func(s *station, b []byte) []byte {
		if s.node == dead {
			return nil
		}
		return watch(s, b)
	}
	if took := x.whenGiven(d, x.others[0], x.others[2], x.others[3]); took > 390*time.Second {
		t.Errorf("the others have the body after %v more, want 6.5 minutes as without that", took)
	}
}
