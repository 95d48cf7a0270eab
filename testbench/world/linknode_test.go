package world

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
)

// octets makes n octets that are the same in every run.
func octets(seed uint64, n int) []byte {
	w := World{Config: Config{Seed: seed}}
	b := make([]byte, n)
	_, _ = w.Rand("body").Read(b)
	return b
}

// linked makes two nodes with radios and a session between them.
func linked(t *testing.T, cfg Config) (*World, *LinkNode, *LinkNode) {
	t.Helper()
	if cfg.Stations, cfg.PowerDBm = 2, 14; cfg.Modulation == (phy.Modulation{}) {
		cfg.Modulation = sf7
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := w.LinkNodes("A", "B")
	if err != nil {
		t.Fatal(err)
	}
	up := func() bool { return len(nodes[0].Peers) == 1 && len(nodes[1].Peers) == 1 }
	if !w.Run(10*time.Minute, up) {
		t.Fatalf("no session after ten minutes:\n%s", w.TraceText())
	}
	return w, nodes[0], nodes[1]
}

func TestLinkCarriesABodyThroughLoss(t *testing.T) {
	for _, loss := range []float64{0, 0.3} {
		w, a, b := linked(t, Config{Seed: 1, Loss: loss, Burst: 8 * time.Second, Trace: true})
		body := octets(1, 10_000)
		air, start := w.Airtime(), w.Now()
		d := a.Submit(b, 1, link.Message, body)
		if !w.Run(time.Hour, func() bool { return !a.Custody[d].IsZero() }) {
			t.Fatalf("loss %v: no custody after an hour:\n%s", loss, w.TraceText())
		}
		if !bytes.Equal(b.Delivered[d], body) || b.Took[d] != 1 {
			t.Errorf("loss %v: B has %d octets, taken %d times", loss, len(b.Delivered[d]), b.Took[d])
		}
		air1, time1 := w.Shares(len(body), w.Airtime()-air, w.Now().Sub(start))
		t.Logf("loss %.1f: air %.3f, time to custody %.3f", loss, air1, time1)
	}
}

func TestLinkResumesAfterBothWereKilled(t *testing.T) {
	w, a, b := linked(t, Config{Seed: 2, Burst: 8 * time.Second, Trace: true})
	body := octets(2, 10_000)
	air := w.Airtime()
	d := a.Submit(b, 1, link.Message, body)
	for _, n := range []*LinkNode{b, a} {
		w.Run(6*time.Second, nil)
		n.Stop()
		w.Run(time.Second, nil)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if !w.Run(time.Hour, func() bool { return !a.Custody[d].IsZero() }) || !bytes.Equal(b.Delivered[d], body) {
		t.Fatalf("not delivered:\n%s", w.TraceText())
	}
	share, _ := w.Shares(len(body), w.Airtime()-air, time.Second)
	t.Logf("air %.3f with a restart of each", share)
}

func TestLinkGoesOnOverAWireWhenTheRadioIsCut(t *testing.T) {
	w, a, b := linked(t, Config{Seed: 3, Burst: 8 * time.Second, Trace: true})
	wire := w.Join(a.Node, b.Node, 50*time.Millisecond)
	body := octets(3, 10_000)
	d := a.Submit(b, 1, link.Message, body)
	w.Run(8*time.Second, nil)
	w.Air.Cut(0, 1, true)
	wire.Up()
	if !w.Run(10*time.Minute, func() bool { return !a.Custody[d].IsZero() }) || !bytes.Equal(b.Delivered[d], body) || b.Took[d] != 1 {
		t.Fatalf("B has %d octets, taken %d times:\n%s", len(b.Delivered[d]), b.Took[d], w.TraceText())
	}
	if wire.Octets < 5000 || wire.Octets > 12_000 {
		t.Errorf("%d octets crossed the wire, want about the half that had not come by radio", wire.Octets)
	}
}
