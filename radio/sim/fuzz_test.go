package sim

import (
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzAir drives an air with any order of calls: time never stands still or
// runs back, and every packet is accounted for once at every other station.
func FuzzAir(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 3, 4, 5, 250, 7})
	f.Add(uint64(2), []byte{0, 9, 17, 0, 8, 16, 6, 14, 0})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		if len(script) > 200 {
			return
		}
		a := newAir(t, 3, RNode, func(c *Config) { c.Seed, c.Loss, c.Duplicate = seed, 0.2, 0.1 })
		r, now := rand.New(rand.NewPCG(seed, 99)), epoch
		for _, b := range script {
			now = now.Add(time.Duration(r.IntN(300)) * time.Millisecond)
			act(a, now, b, r)
			a.HandleTimeout(now)
			if at, ok := a.PollTimeout(); ok && !at.After(now) {
				t.Fatalf("after HandleTimeout(%v) the next timeout is %v", now, at)
			}
		}
		got, _, _ := drain(a)
		for i := 1; i < len(got); i++ {
			if got[i].At.Before(got[i-1].At) {
				t.Fatalf("reception %d at %v after one at %v", i, got[i].At, got[i-1].At)
			}
		}
	})
}

func act(a *Air, now time.Time, b byte, r *rand.Rand) {
	station := int(b>>3) % 3
	switch b & 7 {
	case 0, 1, 2, 3:
		_ = a.Queue(now, station, make([]byte, 1+r.IntN(MaxFrame)))
	case 4:
		a.Cut(station, (station+1)%3, b&64 != 0)
	case 5:
		a.SetLink(station, (station+1)%3, float64(b))
	case 6:
		a.Off(now, station)
	case 7:
		m := sf7
		m.SpreadingFactor = 5 + b>>5
		_ = a.Tune(now, station, m, 14)
	}
}
