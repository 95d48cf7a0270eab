package chip

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio"
)

// What nobody of ours sends is counted and not received.
func TestForeignPacketsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := open(t)
		defer r.Close()
		f.tell(Event{Foreign: true})
		synctest.Wait()
		if r.Channel().Foreign != 1 || r.Stats().Foreign != 1 || r.Stats().Received != 0 {
			t.Errorf("got %+v, %+v", r.Channel(), r.Stats())
		}
	})
}

// A packet that a driver found while it began something else keeps its time.
func TestAPacketKeepsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := open(t)
		defer r.Close()
		at := time.Now()
		time.Sleep(time.Minute)
		f.tell(Event{Received: &radio.Packet{Data: []byte{1}, At: at}})
		if p, err := r.Receive(t.Context()); err != nil || !p.At.Equal(at) {
			t.Errorf("got %v, %v, want %v", p.At, err, at)
		}
	})
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		level := -120.0
		r, f := open(t, func(f *fake) { f.level = func() float64 { return level } })
		defer r.Close()
		if c := r.Channel(); radio.Measured(c.NoiseDBm) || radio.Measured(c.Busy) {
			t.Errorf("before anything: got %+v", c)
		}
		time.Sleep(4*time.Second + checkEvery/2)
		if c := r.Channel(); c.NoiseDBm != -120 || c.Busy != 0 {
			t.Errorf("quiet: got %+v", c)
		}
		if n := f.look().samples; n != 4 {
			t.Errorf("%d samples in four seconds, want one a second", n)
		}
		f.do(func() { level = -88 })
		time.Sleep(time.Second)
		if c := r.Channel(); c.NoiseDBm != -118 {
			t.Errorf("one louder sample: got %v dBm, want -118", c.NoiseDBm)
		}
		for range 4 {
			if err := r.Transmit(context.Background(), make([]byte, 255)); err != nil {
				t.Fatal(err)
			}
		}
		f.hear(7)
		air := 4*sf7.TimeOnAir(255) + sf7.TimeOnAir(1)
		synctest.Wait()
		got := r.Channel().Busy
		if least, most := float64(air)/float64(2*meterBin), float64(air)/float64(meterBin); got < least || got > most {
			t.Errorf("busy %v, want %v to %v", got, least, most)
		}
		time.Sleep(3 * meterBin)
		if c := r.Channel(); c.Busy != 0 {
			t.Errorf("long after: busy %v", c.Busy)
		}
	})
}
