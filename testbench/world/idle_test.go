package world

import (
	"testing"
	"time"
)

// Two gateways that hear each other and have nothing to say wear no card.
func TestAGatewayWithNothingToDoWritesNothing(t *testing.T) {
	w, n := gateways(t, Config{Seed: 1, Burst: 8 * time.Second}, "anna", "bert")
	if _, err := n[0].Send("bert", octets(1, 100)); err != nil {
		t.Fatal(err)
	}
	w.Run(10*time.Minute, nil)
	var before []int64
	for _, g := range n {
		before = append(before, g.Store.Stats().Written, g.Store.Stats().Syncs)
	}
	frames := w.Airtime()
	w.Run(10*time.Minute, nil)
	for i, g := range n {
		if s := g.Store.Stats(); s.Written != before[2*i] || s.Syncs != before[2*i+1] {
			t.Errorf("%s: got %d octets and %d syncs in ten idle minutes, want none", g.Name, s.Written-before[2*i], s.Syncs-before[2*i+1])
		}
	}
	if w.Airtime() == frames {
		t.Error("nothing was on the air: the gateways are not in touch")
	}
}
