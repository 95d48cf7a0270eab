package world

import (
	"testing"
	"time"
)

// TestPairingFitsItsAir bounds what a pairing costs, to the end of what follows it.
func TestPairingFitsItsAir(t *testing.T) {
	e, err := NewEstate("valley", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, loss := range []float64{0, 0.1} {
		var air time.Duration
		for seed := range uint64(20) {
			w, err := New(Config{Seed: seed, Stations: 2, Modulation: sf7, PowerDBm: 14, Burst: 8 * time.Second, Loss: loss})
			if err != nil {
				t.Fatal(err)
			}
			nodes, err := w.Gateways(e, t.TempDir(), "anna", "bert")
			if err != nil {
				t.Fatal(err)
			}
			w.Run(2*time.Minute, nil)
			air += w.Airtime() / 20
			for _, n := range nodes {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if limit := 24 * time.Second; air > limit {
			t.Errorf("loss %.1f: a pairing takes %v of air, want %v at most", loss, air, limit)
		}
		t.Logf("loss %.1f: a pairing takes %.1f s of air", loss, air.Seconds())
	}
}
