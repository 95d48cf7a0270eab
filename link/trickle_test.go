package link

import (
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/link/wire"
)

// turning is a trickle timer of an SF7 radio, and its dice.
func turning(seed uint64) (trickle, func(time.Duration) time.Duration) {
	r := rand.New(rand.NewPCG(seed, 1))
	return newTrickle(&port{airtime: sf7}), func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
}

// RFC 6206, section 4.2: t lies in the second half of its interval, intervals double up to Imax.
func TestTrickleIntervals(t *testing.T) {
	for seed := range uint64(50) {
		tr, dice := turning(seed)
		now := epoch
		tr.start(now, 0)
		want := tr.fastest
		for range 12 {
			begun := tr.end.Add(-tr.interval)
			if tr.interval != want || now.After(epoch) && (tr.at.Before(begun.Add(want/2)) || !tr.at.Before(tr.end)) {
				t.Fatalf("I %v, t %v into it; want I %v, t in its second half", tr.interval, tr.at.Sub(begun), want)
			}
			if now = tr.next(); !tr.timeout(now, dice) {
				t.Fatalf("no beacon although nobody else was heard")
			}
			if now = tr.next(); tr.timeout(now, dice) {
				t.Fatalf("two beacons in one interval")
			}
			want = min(2*want, tr.slowest)
		}
		if tr.slowest != tr.fastest<<trickleDoublings {
			t.Errorf("Imax %v, want %v doubled %d times", tr.slowest, tr.fastest, trickleDoublings)
		}
	}
}

// What resets the timer, and what is suppressed.
func TestTrickleSuppression(t *testing.T) {
	for name, c := range map[string]struct {
		ours   bool // the reset is for news of our own
		heard  int
		silent bool // we were, for a quarter of Imax
		want   bool
	}{
		"few others":     {heard: trickleK - 1, want: true},
		"enough others":  {heard: trickleK},
		"our own news":   {heard: 9, ours: true, want: true},
		"long not heard": {heard: 9, silent: true, want: true},
	} {
		tr, dice := turning(1)
		now := epoch.Add(time.Hour)
		tr.interval, tr.last = tr.slowest, now
		tr.begin(now, dice)
		tr.reset(now, c.ours, dice)
		if end := tr.end; tr.interval != tr.fastest || end.Sub(now) != tr.fastest {
			t.Errorf("%s: I %v after a reset, want %v", name, tr.interval, tr.fastest)
		} else if tr.reset(now.Add(time.Second), c.ours, dice); tr.end != end {
			t.Errorf("%s: a second reset begins another interval", name)
		}
		if tr.heard = c.heard; c.silent {
			tr.last = now.Add(-tr.slowest / 4)
		}
		if got := tr.timeout(tr.at, dice); got != c.want {
			t.Errorf("%s: beacon %v, want %v", name, got, c.want)
		}
	}
}

// However often others hurry it and however many are heard, a station is silent for no longer than pause.
func TestTrickleKeepsPresence(t *testing.T) {
	for seed := range seeds(200) {
		tr, dice := turning(seed)
		now := epoch
		tr.start(now, 0)
		var worst time.Duration
		for tr.last = now; now.Before(epoch.Add(6 * time.Hour)); {
			tr.heard = 20
			step := tr.next().Sub(now)
			if early := dice(2 * tr.slowest); early < step {
				now = now.Add(early)
				tr.reset(now, false, dice)
				continue
			}
			if now = tr.next(); tr.timeout(now, dice) {
				worst, tr.last = max(worst, now.Sub(tr.last)), now
			}
		}
		if worst > tr.pause() {
			t.Fatalf("seed %d: silent for %v, want %v at most", seed, worst, tr.pause())
		}
	}
}

// A neighbour's word on its clock is kept.
func TestBeaconsTellOfTheClock(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	a.event(Clock{ClockGPS})
	w.run(time.Minute, met(a, b))
	w.run(5*time.Minute, func() bool { return false })
	if got := b.core.Peers()[0].Clock; got != ClockGPS {
		t.Errorf("b takes the clock of a for %d, want %d", got, ClockGPS)
	}
	f := wire.Beacon{Short: a.core.short, Boot: a.core.boot, Seq: a.core.beaconSeq + 1, Clock: 7}
	b.core.HandleFrame(w.now, 1, b.core.domain.append(wire.AppendBeacon(nil, f), 0), Meta{})
	if got := b.core.Peers()[0].Clock; got != ClockRTC {
		t.Errorf("a quality that we do not know counts as %d, want the best we know, %d", got, ClockRTC)
	}
}
