package road

import (
	"testing"
	"time"
)

// TestRadioCutGoesOnOverTheInternet cuts the radio in the middle of a transfer, with a
// DTLS peer on the other side, and later the other way round.
func TestRadioCutGoesOnOverTheInternet(t *testing.T) {
	for seed := range uint64(5) {
		r := line(t, seed, 2)
		wire := r.Join(r.nodes[0].Node, r.nodes[1].Node, 50*time.Millisecond)
		content := letter(seed)
		p := r.send(content)
		r.Run(time.Duration(5+3*seed)*time.Second, nil)
		if r.arrived() {
			t.Fatalf("seed %d: the letter was faster than the cut", seed)
		}
		r.Air.Cut(0, 1, true)
		wire.Up()
		cut := r.Now()
		r.await(30*time.Minute, "delivery", r.arrived)
		t.Logf("seed %d: cut after %v, delivered %v later, %d octets over the wire", seed, cut.Sub(r.begun).Round(time.Second), r.Now().Sub(cut).Round(time.Second), wire.Octets)
		r.finish(p, content)
	}
}

// TestLetterComesBackToTheRadio has the Internet fail in the middle of a transfer.
func TestLetterComesBackToTheRadio(t *testing.T) {
	r := line(t, 1, 2)
	r.Air.Cut(0, 1, true)
	wire := r.Join(r.nodes[0].Node, r.nodes[1].Node, 50*time.Millisecond)
	wire.Rate = 2000
	wire.Up()
	r.await(10*time.Minute, "session", func() bool { return r.nodes[0].Hears(names[1]) })
	content := letter(1)
	p := r.send(content)
	before := wire.Octets
	r.await(10*time.Minute, "half of the letter over the wire", func() bool { return wire.Octets-before > payload/2 })
	if r.arrived() {
		t.Fatal("the letter was faster than the cut")
	}
	r.Air.Cut(0, 1, false)
	wire.Down()
	air := r.Airtime()
	r.finish(p, content)
	if share, _ := r.Shares(len(content), r.Airtime()-air, time.Second); share < 0.7 {
		t.Errorf("air share %.3f of the rest: what had come over the wire was sent again", share)
	}
}
