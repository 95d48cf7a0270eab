package link

import (
	"math/rand/v2"
	"time"
)

// What the small world knows of settings: stations hear each other on the same one only, and a change takes
// its time once the frame on the air has left.

const simRetune = 50 * time.Millisecond

// withRates gives a channel settings that are so many times as fast, all of them good enough.
func (ch *channel) withRates(faster ...int) *channel {
	for i, n := range faster {
		by := time.Duration(n)
		ch.rates = append(ch.rates, Rate{Name: "fast", Code: [6]byte{byte(i + 1)}, MTU: ch.mtu, Access: ch.access / by,
			Airtime: func(n int) time.Duration { return ch.airtime(n) / by }})
	}
	return ch
}

// airtime is that of a frame on the station's setting.
func (s *station) airtime(n int) time.Duration {
	if s.rate > 0 {
		return s.ch.rates[s.rate-1].Airtime(n)
	}
	return s.ch.airtime(n)
}

// busy is until when somebody sends on the station's setting.
func (s *station) busy() *time.Time {
	if s.rate > 0 {
		return &s.ch.others[s.rate-1]
	}
	return &s.ch.busy
}

// tune is what a shell does with the event.
func (n *node) tune(e Tune) {
	s := n.stations[e.Port-1]
	ups := s.ups
	n.later = append(n.later, laterEvent{at: n.w.now.Add(simRetune), do: func() {
		switch {
		case s.ups != ups:
			return // the port is another one meanwhile
		case s.frame != nil:
			n.tune(e)
			return
		}
		fails := s.ch.tuneFails != nil && s.ch.tuneFails()
		if n.tunes++; !fails {
			s.rate = e.Rate
		}
		n.core.HandleEvent(n.w.now, Tuned{Port: e.Port, Rate: e.Rate, Failed: fails})
	}})
}

// drawRates gives some channels of a trial settings to change to. It draws apart, so that the rest of the trial is
// the same with and without.
func (tr *trial) drawRates(ch *channel) {
	rng := rand.New(rand.NewPCG(tr.seed, 77))
	if rng.IntN(2) == 0 {
		return
	}
	ch.withRates([][]int{{4}, {2, 8}, {2, 4, 6, 12}}[rng.IntN(3)]...)
	if rng.IntN(3) == 0 {
		ch.rates[len(ch.rates)-1].NeedsSNRdB = 20
	}
	if rng.IntN(4) == 0 {
		ch.tuneFails = func() bool { return rng.IntN(5) == 0 }
	}
	if rng.IntN(3) == 0 {
		ch.rates[0].MTU = max(MinMTU, ch.mtu*2/3) // as where the law bounds a frame's time
	}
}
