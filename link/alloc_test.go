package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/wire"
)

// forward lets a transfer send all of its body once more, by systematic symbols or by repair, as if it had just been asked.
func (o *outgoing) forward(repair bool) {
	o.state, o.waiting, o.burst, o.cursor, o.left, o.sent = outSending, false, 0, 0, 0, 0
	for b := range o.want {
		k := o.lay.data(b)
		o.want[b], o.next[b] = uint8(k), 0
		if repair {
			o.next[b] = uint8(k)
		}
		o.left += k
	}
	o.path.port.hush, o.path.port.served = time.Time{}, nil
}

// emptied makes a body start over with what it holds given back.
func (c *Core) emptied(re *reassembly) {
	for b := range re.blocks {
		c.repairs.free(re.blocks[b].repair)
		re.blocks[b] = inBlock{}
	}
	re.got, re.full, re.upto, re.dirty = 0, 0, 0, -1
	re.told = c.now // no more than one Progress a second
}

// flowing is a transfer whose every poll of the sender gives a frame of data.
type flowing struct {
	*world
	a, b *node
	out  *outgoing
	buf  []byte
}

func newFlowing(t testing.TB) *flowing {
	w, a, b := steady(t)
	f := &flowing{world: w, a: a, b: b, out: a.core.peers[0].outs[0], buf: make([]byte, 0, 512)}
	f.out.forward(false)
	return f
}

func (f *flowing) frame(repair bool) []byte {
	if f.out.state != outSending || f.out.left <= 0 {
		f.out.forward(repair)
	}
	out, ok := f.a.core.PollTransmit(f.now, 1, f.buf)
	if ty := wire.TypeOf(out); !ok || ty < wire.TypeData || ty > wire.TypeDataCheck {
		f.t.Fatalf("the sender gives %x, want data", out)
	}
	return out
}

func TestSendingAFrameAllocatesNothing(t *testing.T) {
	f := newFlowing(t)
	for _, repair := range []bool{false, true} {
		f.out.forward(repair)
		if got := testing.AllocsPerRun(200, func() { f.frame(repair) }); got != 0 {
			t.Errorf("a data frame (repair %v) makes %v allocations, want 0", repair, got)
		}
	}
}

// What a block costs in the end is the copy for the disk and its event.
func TestReceivingAFrameAllocatesNothing(t *testing.T) {
	f := newFlowing(t)
	re := f.b.core.order[0]
	for _, repair := range []bool{false, true} {
		f.out.forward(repair)
		var frames [][]byte
		for range re.lay.data(0) / quad {
			frames = append(frames, bytes.Clone(f.frame(repair)))
		}
		next := 0
		take := func() {
			f.b.core.HandleFrame(f.now, 1, frames[next], Meta{})
			next++
		}
		whole := testing.AllocsPerRun(20, func() {
			f.b.core.emptied(re)
			for next = 0; next < len(frames); {
				take()
			}
			f.b.core.events = f.b.core.events[:0]
		})
		if !re.blocks[0].done || whole > 2 {
			t.Errorf("a block (repair %v) is rebuilt: %v, with %v allocations, want 2", repair, re.blocks[0].done, whole)
		}
		f.b.core.emptied(re)
		next = 0
		if got := testing.AllocsPerRun(len(frames)-2, take); got != 0 {
			t.Errorf("a data frame (repair %v) makes %v allocations, want 0", repair, got)
		}
	}
}

func TestAnAccountAllocatesNothing(t *testing.T) {
	f := newFlowing(t)
	s := f.b.core.peers[0].paths[0].current
	st := f.b.core.order[0].streams[0]
	if got := testing.AllocsPerRun(100, func() {
		s.owe(st.stream)
		if _, ok := f.b.core.controlFrame(s, f.buf, true); !ok {
			t.Fatal("nothing is said")
		}
	}); got != 0 {
		t.Errorf("an account makes %v allocations, want 0", got)
	}
}

// castFlow is a body on its way to two others at once.
func castFlow(t *testing.T) (*circle, *outgoing) {
	x := newCircle(t, 1, 2)
	x.sendAll(400_000, x.others...)
	o := func() *outgoing {
		if outs := x.from.core.peers[0].outs; len(outs) > 0 {
			return outs[0]
		}
		return nil
	}
	x.run(time.Minute, func() bool { return x.cast > 5000 && o().group.cast != nil && o().state == outSending })
	return x, o()
}

func TestAGroupFrameAllocatesNothing(t *testing.T) {
	x, o := castFlow(t)
	buf := make([]byte, 0, 512)
	g := o.group.cast
	re := x.others[0].core.order[0]
	for _, repair := range []bool{false, true} {
		again := func() {
			for _, q := range g.members {
				q.forward(repair)
				q.group.ready, q.group.called = true, false
			}
			g.merged, g.burst = false, 0
			for b := range g.next {
				g.next[b] = o.next[b]
			}
		}
		again()
		frame := func() []byte {
			if g.left <= 0 || !o.group.ready {
				again()
			}
			out, ok := x.from.core.PollTransmit(x.now, 1, buf)
			if !ok || wire.TypeOf(out) != wire.TypeCast {
				t.Fatalf("the sender gives %x, want a group frame", out)
			}
			return out
		}
		if got := testing.AllocsPerRun(200, func() { frame() }); got != 0 {
			t.Errorf("sending a group frame (repair %v) makes %v allocations, want 0", repair, got)
		}
		again()
		f := bytes.Clone(frame())
		if got := testing.AllocsPerRun(100, func() {
			x.others[0].core.emptied(re)
			x.others[0].core.HandleFrame(x.now, 1, f, Meta{})
		}); got != 0 || re.got == 0 {
			t.Errorf("receiving a group frame (repair %v) of %d symbols makes %v allocations, want 0", repair, re.got, got)
		}
	}
}
