package meshtastic

import (
	"context"
	"testing"
	"time"

	hw "packhorse/board"
	board "packhorse/board/sim"
	"packhorse/radio/sim"
)

// Once over real pseudo-terminals, in real time. The nodes start meanwhile, and the first question is lost in that.
func TestOverPseudoTerminals(t *testing.T) {
	bare := sim.Station{Modem: sim.Bare}
	air, err := sim.New(sim.Config{Stations: []sim.Station{bare, bare}})
	if err != nil {
		t.Fatal(err)
	}
	rig, err := board.NewRig(air, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := rig.AddMeshtastic(i, board.Meshtastic{Region: us, Preset: turbo}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	ended := make(chan struct{})
	go func() { _ = rig.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	open := make(chan *Modem, 2)
	for i := range 2 {
		go func() {
			port, err := hw.OpenSerial(rig.Paths()[i], 115200)
			if err != nil {
				t.Error(err)
				open <- nil
				return
			}
			m, err := Open(ctx, port, Opts{})
			if err == nil {
				err = m.Configure(ctx, m.Info().Modulation, 30)
			}
			if err != nil {
				t.Error(err)
			}
			open <- m
		}()
	}
	x, y := <-open, <-open
	if x == nil || y == nil {
		t.FailNow()
	}
	defer x.Close()
	defer y.Close()
	want := "over a real line \x94\xc3"
	if err := x.Transmit(ctx, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if p, err := y.Receive(ctx); err != nil || string(p.Data) != want {
		t.Errorf("got %q, %v", p.Data, err)
	}
}
