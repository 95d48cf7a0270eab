package world

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/link"
	"packhorse/radio/phy"
)

var estate = sync.OnceValues(func() (*Estate, error) { return NewEstate("valley", 3) })

// gateways makes a world of paired gateways with a radio each.
func gateways(t *testing.T, cfg Config, names ...string) (*World, []*GatewayNode) {
	t.Helper()
	e, err := estate()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Stations, cfg.PowerDBm, cfg.Trace = len(names), 14, true; cfg.Modulation == (phy.Modulation{}) {
		cfg.Modulation = sf7
	}
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

// A letter between gateways goes on a faster setting, and each shows the other as people see it.
func TestGatewaysGoOnAFasterSettingAndTellOfIt(t *testing.T) {
	slow := sf7
	slow.SpreadingFactor = 10
	g, err := phy.LookupRegion("NZ915")
	if err != nil {
		t.Fatal(err)
	}
	slow.FrequencyHz = g.Plan.FrequencyHz
	ladder := phy.Ladder(g, slow, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi}, true)
	w, n := gateways(t, Config{Seed: 4, Burst: 2 * time.Second, Modulation: slow, Ladder: ladder}, "anna", "bert")
	if _, err := n[0].Send("bert", octets(4, 20_000)); err != nil {
		t.Fatal(err)
	}
	rate, eta := "", time.Duration(0)
	n[0].Watch = func(e gateway.Event) {
		if p, ok := e.(gateway.ParcelChanged); ok {
			eta = max(eta, p.Parcel.ETA)
			rate = max(rate, n[0].Core.Snapshot(w.Now()).Peers[0].Paths[0].Rate)
		}
	}
	start := w.Now()
	if !w.Run(time.Hour, func() bool { return len(n[1].Letters) > 0 }) {
		t.Fatalf("no letter after an hour:\n%s", w.TraceText())
	}
	if rate == "" {
		t.Error("it went on the common setting")
	}
	if took := w.Now().Sub(start); eta == 0 || eta > 10*took {
		t.Errorf("said to take up to %v, took %v", eta, took)
	}
	w.Run(10*time.Minute, nil)
	p := n[0].Core.Snapshot(w.Now()).Peers[0]
	if !p.ClockKnown || p.Clock != link.ClockNTP {
		t.Errorf("the neighbour's clock: got %v %v, want that of NTP", p.Clock, p.ClockKnown)
	}
	if path := p.Paths[0]; path.Rate != "" || path.Cost <= 0 || path.ETX < 1 || !path.Signal.HasSignal {
		t.Errorf("its path, back on the common setting: got %+v", path)
	}
}
