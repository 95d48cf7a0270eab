package link

import (
	"testing"
	"time"
)

// pair is two members on one radio channel.
func pair(t testing.TB, seed uint64, loss float64) (*world, *node, *node, *channel) {
	w := newWorld(t, seed)
	ch := w.radio(loss)
	a, b := w.node("a", ch), w.node("b", ch)
	w.acquaintAll()
	return w, a, b, ch
}

func met(a, b *node) func() bool {
	return func() bool { return a.peers[b.id] && b.peers[a.id] }
}

func TestMembersMeetAndDeliver(t *testing.T) {
	for _, size := range []int{1, 100, 219, 220, 1024, 1952, 1953, 10240, 51200} {
		w, a, b, _ := pair(t, uint64(size), 0)
		if !w.run(time.Minute, met(a, b)) {
			t.Fatalf("no session after a minute")
		}
		d := a.send(b, size, Message)
		if !w.run(10*time.Minute, delivered(a, b, d)) {
			t.Fatalf("%d octets were not delivered", size)
		}
		if b.stored[d] != 1 || a.custody[d] != 1 {
			t.Errorf("%d octets: received %d times, custody %d times", size, b.stored[d], a.custody[d])
		}
	}
}
