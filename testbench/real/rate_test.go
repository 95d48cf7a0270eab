//go:build linux

package real

import (
	"strings"
	"testing"
)

// TestALetterGoesOnAFasterSetting has two gateways on SF9 that hear each other well: their modems are given other
// settings while they run, the letter goes there, and both come back.
func TestALetterGoesOnAFasterSetting(t *testing.T) {
	v := settle(t, plan{gateways: 2, seed: 5})
	for _, g := range v.nodes {
		g.stop()
	}
	for _, g := range v.nodes {
		g.configure(wild)
		g.boot()
	}
	v.first().until("neighbour", func() bool { return v.first().peer(v.last().name).Path == "direct" })
	v.quiet()
	v.still()
	at := func(g *gateway) string { return g.status().Radios[0].Modulation }
	common := at(v.first())
	if !strings.Contains(common, "SF9 BW125") {
		t.Fatalf("the common setting is %s, want SF9 and 125 kHz", common)
	}
	s := v.send(5, 10_000)
	fast := common
	v.first().until("faster setting", func() bool { fast = at(v.first()); return fast != common })
	v.delivered(s, 0)
	arrived := <-s.arrived
	for _, g := range v.nodes {
		g.until("return to "+common, func() bool { return at(g) == common })
	}
	t.Logf("10 kB on %s in %v; from %s and back", fast, arrived.Sub(s.from), common)
}
