package road

import (
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway"
)

// knowsTheWay tells whether the first gateway has a way to the last.
func (r *road) knowsTheWay() bool {
	for _, p := range r.nodes[0].Core.Snapshot(r.Now()).Peers {
		if p.Name == r.last().Name && (len(p.Ports) > 0 || p.Via != "") {
			return true
		}
	}
	return false
}

// TestAllRestart starts three in a line anew at the same moment, at 10 % loss, and then sends 64 octets from end to end.
func TestAllRestart(t *testing.T) {
	var ways, texts []float64
	for seed := range uint64(20) {
		r := line(t, seed, 3)
		r.Air.SetLoss(0.1)
		for _, n := range r.nodes {
			n.Stop()
		}
		r.Run(time.Second, nil)
		for _, n := range r.nodes {
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
		}
		start := r.Now()
		r.await(10*time.Minute, "way", r.knowsTheWay)
		ways = append(ways, r.Now().Sub(start).Seconds())
		r.Run(2*time.Minute, nil)
		content := []byte(strings.Repeat("a", 64))
		p := r.send(content)
		r.await(time.Hour, "letter", r.arrived)
		texts = append(texts, r.Now().Sub(r.begun).Seconds())
		r.await(time.Hour, "receipt", func() bool { return r.nodes[0].Parcels[p.ID].State == gateway.Delivered })
	}
	slices.Sort(ways)
	slices.Sort(texts)
	t.Logf("a way after %.1f s (median), %.1f at worst; a text took %.1f s, %.1f at worst", ways[10], ways[19], texts[10], texts[19])
	if ways[10] > 10 || ways[19] > 30 || texts[10] > 16 {
		t.Errorf("ways after %.1f s and texts in %.1f s: want 10, at worst 30, and 16", ways, texts)
	}
}
