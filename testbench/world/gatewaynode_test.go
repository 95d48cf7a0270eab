package world

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

var estate = sync.OnceValues(func() (*Estate, error) { return NewEstate("valley", 3) })

// gateways makes a world of paired gateways with a radio each.
func gateways(t *testing.T, cfg Config, names ...string) (*World, []*GatewayNode) {
	t.Helper()
	e, err := estate()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Stations, cfg.Modulation, cfg.PowerDBm, cfg.Trace = len(names), sf7, 14, true
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := w.Gateways(e, t.TempDir(), names...)
	t.Cleanup(func() {
		for _, n := range nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.TraceText())
	}
	return w, nodes
}

func TestGatewaysCarryALetter(t *testing.T) {
	w, n := gateways(t, Config{Seed: 1, Burst: 8 * time.Second}, "anna", "bert")
	content := octets(1, 10_000)
	air, start := w.Airtime(), w.Now()
	if _, err := n[0].Send("bert", content); err != nil {
		t.Fatal(err)
	}
	if !w.Run(time.Hour, func() bool { return len(n[1].Letters) > 0 }) {
		t.Fatalf("no letter after an hour:\n%s", w.TraceText())
	}
	took := w.Now().Sub(start)
	got, err := n[1].Read(n[1].Letters[0].ID)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d octets, %v", len(got), err)
	}
	w.Run(time.Minute, nil)
	a, b := w.Shares(len(content), w.Airtime()-air, took)
	t.Logf("air %.3f, time %.3f", a, b)
}
