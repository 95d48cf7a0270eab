//go:build linux

package law

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
)

// open makes a configured modem on each station.
func open(t *testing.T, ctx context.Context, modems *board.Rig, n int, m phy.Modulation) []*rnode.Modem {
	t.Helper()
	var all []*rnode.Modem
	for i := range n {
		r, err := rnode.Open(ctx, modems.Dial(i), rnode.Opts{})
		if err == nil {
			err = r.Configure(ctx, m, 14)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestRNodesChangeTheirSettingWhileTheyRun sends a frame on each of several settings; a Receive waits all the while.
func TestRNodesChangeTheirSettingWhileTheyRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air, err := sim.New(sim.Config{Seed: 1, Stations: make([]sim.Station, 2)})
		if err != nil {
			t.Fatal(err)
		}
		modems := board.NewMemoryRNodes(air, 2)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = modems.Run(ctx); close(ended) }()
		common := setting(t, 869_525_000, 10)
		pair := open(t, ctx, modems, 2, common.Modulation)
		heard := make(chan []byte)
		go func() {
			for {
				p, err := pair[1].Receive(ctx)
				if err != nil {
					return
				}
				heard <- p.Data
			}
		}()
		for i, s := range []phy.Setting{common, setting(t, 869_525_000, 7), setting(t, 868_300_000, 8), common} {
			began := time.Now()
			for _, r := range pair {
				if err := r.Configure(ctx, s.Modulation, 10+i); err != nil {
					t.Fatalf("%v: %v", s, err)
				}
			}
			if took := time.Since(began) / 2; took > pair[0].Capabilities().Retune {
				t.Errorf("%v: a change took %v, want at most the %v that is promised", s, took, pair[0].Capabilities().Retune)
			}
			frame := bytes.Repeat([]byte{byte(i + 1)}, 100)
			if err := pair[0].Transmit(ctx, frame); err != nil {
				t.Fatal(err)
			}
			if got := <-heard; !bytes.Equal(got, frame) {
				t.Errorf("%v: heard %x", s, got[:4])
			}
			time.Sleep(time.Second)
		}
		odd := common.Modulation
		odd.FrequencyHz = 1_000_000_000
		if err := pair[0].Configure(ctx, odd, 30); err == nil {
			t.Error("a power and a frequency that the board does not have were accepted")
		}
		broken, stop := context.WithCancel(ctx)
		stop()
		if err := pair[0].Configure(broken, setting(t, 868_300_000, 7).Modulation, 14); err == nil {
			t.Error("a change that was broken off was confirmed")
		}
		if err := pair[0].Transmit(ctx, []byte{1}); err == nil {
			t.Error("sent although nobody knows the setting")
		}
		if err := pair[0].Configure(ctx, common.Modulation, 14); err != nil {
			t.Errorf("back: %v", err)
		}
		if err := pair[0].Transmit(ctx, []byte{9}); err != nil {
			t.Error(err)
		}
		if got := <-heard; !bytes.Equal(got, []byte{9}) {
			t.Errorf("after coming back: heard %x", got)
		}
		cancel()
		for _, r := range pair {
			_ = r.Close()
		}
		<-ended
	})
}

// While others keep the channel busy, a modem's estimate waits with its frames.
func TestRNodeKnowsThatItsFramesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = l.modems.Run(ctx); close(ended) }()
		r := open(t, ctx, l.modems, 1, l.common.Modulation)[0]
		time.Sleep(20 * time.Second)
		m := l.common.Modulation
		m.SpreadingFactor = 12
		l.modems.Do(ctx, func(now time.Time) {
			_ = l.air.Air.Tune(now, 1, m, 14)
			for range 10 {
				_ = l.air.Queue(now, 1, make([]byte, 255)) // 90 s in all
			}
		})
		time.Sleep(time.Second)
		if err := r.Transmit(ctx, make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			time.Sleep(10 * time.Second)
			if at := r.Clear(); !at.After(time.Now().Add(-3 * time.Second)) {
				t.Errorf("the frame is thought to have left %v ago, but it waits", time.Since(at))
			}
		}
		time.Sleep(time.Minute)
		var left time.Time
		l.modems.Do(ctx, func(time.Time) { left = l.air.sent[0].end })
		if off := r.Clear().Sub(left); off < -100*time.Millisecond || off > 5*time.Second {
			t.Errorf("left at %v, estimated %v later: want 0 to 5s", left, off)
		}
		cancel()
		_ = r.Close()
		<-ended
	})
}
