package link

import (
	"math"
	"testing"
	"time"

	"packhorse/link/wire"
)

// short is the lower tail of the binomial distribution.
func TestShortIsTheLowerTail(t *testing.T) {
	for _, v := range []struct {
		needed, sent int
		loss, want   float64
	}{
		{1, 1, .3, .3}, {2, 2, .3, .51}, {1, 2, .3, .09}, {2, 3, .3, .216}, {2, 1, .1, 1}, {0, 1, .1, 0},
	} {
		if got := short(v.needed, v.sent, v.loss); math.Abs(got-v.want) > 1e-9 {
			t.Errorf("short(%d, %d, %v) is %v, want %v", v.needed, v.sent, v.loss, got, v.want)
		}
	}
}

// The wanted symbols spread over as many frames as they need, evenly.
func TestRepairIsSpreadEvenly(t *testing.T) {
	for _, v := range [][3]int{{1, 4, 1}, {4, 4, 4}, {5, 4, 3}, {6, 4, 3}, {9, 4, 3}, {12, 4, 4}} {
		if got := even(v[0], v[1]); got != v[2] {
			t.Errorf("even(%d, %d) is %d, want %d", v[0], v[1], got, v[2])
		}
	}
}

// A question that got lost is asked again with symbols that the peer probably lacks.
func TestALostQuestionIsAskedAgainWithSymbols(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	asked, known, again := false, false, false
	w.onFrame = func(s *station, f []byte) []byte {
		switch h, _, err := wire.ParseData(f); {
		case s.node != a || known:
		case asked:
			known, again = true, err == nil
		case err == nil && (h.Poll || h.Check):
			asked = true
			return nil
		}
		return f
	}
	if d := a.send(b, 20000, Message); !w.run(10*time.Minute, delivered(a, b, d)) {
		t.Fatal("not delivered")
	}
	if !asked || !again {
		t.Errorf("a question was lost: %v, and asked again with symbols: %v, want both", asked, again)
	}
}

// Frames of repair hold as many symbols each.
func TestFramesOfRepairAreEven(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	o := a.core.peer(b.id).out(a.send(b, 20_000, Message))
	w.run(time.Minute, func() bool { return o.state == outPolled })
	o.state, o.burst, o.cursor = outSending, 2, 0
	clear(o.want)
	o.want[0], o.next[0], o.left = 6, uint8(o.lay.data(0)), 6
	a.core.now = w.now
	var got [2]int
	for i := range got {
		f, _ := a.core.appendData(o, nil)
		got[i] = (len(f) - wire.DataOverhead) / o.lay.sym
	}
	if got != [2]int{3, 3} {
		t.Errorf("six symbols went as %v, want three in each frame", got)
	}
}
