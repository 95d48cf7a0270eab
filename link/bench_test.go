package link

import (
	"fmt"
	"testing"
	"time"

	"packhorse/link/wire"
)

// The whole set-up between members who know each other: message 1, message 2 and the
// frame that confirms.
func TestSessionSetUpFitsIn140Octets(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	var sizes []int
	w.onFrame = func(_ *station, f []byte) []byte {
		if wire.TypeOf(f) != wire.TypeBeacon {
			sizes = append(sizes, len(f))
		}
		return f
	}
	w.run(time.Minute, met(a, b))
	if got, want := fmt.Sprint(sizes), "[59 57 21]"; got != want {
		t.Errorf("set-up takes frames of %s octets, want %s", got, want)
	}
}

// steady is a transfer in the middle of a burst on a port that is always free.
func steady(t testing.TB) (*world, *node, *node) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b := w.node("a", ch), w.node("b", ch)
	w.acquaintAll()
	w.run(time.Minute, met(a, b))
	a.send(b, 4_000_000, Message)
	w.run(10*time.Second, never)
	return w, a, b
}

func BenchmarkSendDataFrame(b *testing.B) {
	for name, repair := range map[string]bool{"systematic": false, "repair": true} {
		b.Run(name, func(b *testing.B) {
			f := newFlowing(b)
			f.out.forward(repair)
			b.ReportAllocs()
			b.SetBytes(244)
			for b.Loop() {
				f.frame(repair)
			}
		})
	}
}

func BenchmarkReceiveDataFrame(bm *testing.B) {
	w, a, b := steady(bm)
	var frames [][]byte
	for len(frames) < 10 {
		if out, ok := a.core.PollTransmit(w.now, 1, nil); ok && wire.TypeOf(out) == wire.TypeData {
			frames = append(frames, out)
		}
	}
	re := b.core.order[0]
	bm.ReportAllocs()
	bm.SetBytes(244)
	for i := 0; bm.Loop(); i++ {
		if i%len(frames) == 0 {
			clear(re.blocks)
		}
		b.core.HandleFrame(w.now, 1, frames[i%len(frames)], Meta{})
		b.core.events = b.core.events[:0]
	}
}

func BenchmarkPollTimeout(bm *testing.B) {
	_, a, _ := steady(bm)
	bm.ReportAllocs()
	for bm.Loop() {
		a.core.PollTimeout()
	}
}

// A forged opening costs the hint of each member: the most that a stranger's frame can cost without the domain's key.
func BenchmarkForgedOpening(b *testing.B) {
	for _, members := range []int{1, 16, maxPeers} {
		b.Run(fmt.Sprint(members, " members"), func(b *testing.B) {
			w := newWorld(b, 1)
			n := w.node("a", w.radio(0))
			for i := range members {
				n.event(AddMember{Member{ID: PeerID{1, byte(i), byte(i >> 8)}, Static: [32]byte{1, byte(i)}}})
			}
			f := make([]byte, wire.Handshake1Size)
			f[0] = byte(wire.TypeHandshake1) << 4
			for b.Loop() {
				n.core.HandleFrame(w.now, 1, f, Meta{})
			}
			if n.core.Stats().Dropped[DropForeign] == 0 {
				b.Error("nothing was dropped as foreign")
			}
		})
	}
}
