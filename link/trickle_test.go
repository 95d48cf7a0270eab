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
	w.run(5*time.Minute, never)
	if got := b.core.Peers()[0].Clock; got != ClockGPS {
		t.Errorf("b takes the clock of a for %d, want %d", got, ClockGPS)
	}
	f := wire.Beacon{Short: a.core.short, Boot: a.core.boot, Seq: a.core.beaconSeq + 1, Clock: 7}
	b.core.HandleFrame(w.now, 1, b.core.domain.append(wire.AppendBeacon(nil, f), 0), Meta{})
	if got := b.core.Peers()[0].Clock; got != ClockRTC {
		t.Errorf("a quality that we do not know counts as %d, want the best we know, %d", got, ClockRTC)
	}
}

// Imax follows the law, within bounds, and goes back with it.
func TestTrickleFollowsTheLaw(t *testing.T) {
	for name, c := range map[string]struct {
		slow, perHour, want time.Duration
	}{
		"no law":          {slow: 1, want: 0},
		"a tenth":         {slow: 1, perHour: 360 * time.Second, want: 0},
		"a hundredth":     {slow: 1, perHour: 36 * time.Second, want: sf7(wire.BeaconSize) * 5000},
		"a thousandth":    {slow: 1, perHour: 3600 * time.Millisecond, want: sf7(wire.BeaconSize) * 50_000},
		"slow, little":    {slow: 24, perHour: 3600 * time.Millisecond, want: trickleMostMax},
		"almost nothing":  {slow: 1, perHour: 1, want: trickleMostMax},
		"below the usual": {slow: 24, perHour: 360 * time.Second, want: 0},
	} {
		air := c.slow * sf7(wire.BeaconSize)
		tr := newTrickle(&port{airtime: func(int) time.Duration { return air }})
		_, dice := turning(1)
		tr.start(epoch, 0)
		tr.allow(c.perHour, air, epoch, dice)
		want := max(c.want, tr.usual)
		if off := (tr.slowest - want).Abs(); off > time.Millisecond {
			t.Errorf("%s: Imax %v, want %v", name, tr.slowest, want)
		}
		if p := tr.patience(); p < 4*tr.pause() || p > max(10*tr.usual, 25*time.Hour) {
			t.Errorf("%s: patience %v with a pause of %v", name, p, tr.pause())
		}
		tr.interval = tr.slowest
		if tr.allow(0, air, epoch, dice); tr.slowest != tr.usual || tr.interval > tr.usual || tr.end.After(epoch.Add(2*tr.usual)) {
			t.Errorf("%s: without a law again Imax %v, I %v", name, tr.slowest, tr.interval)
		}
	}
}

// At rest two stations stay in session and use a fiftieth of what the law leaves, with losses too.
func TestBeaconsAtRestUnderTheLaw(t *testing.T) {
	for _, perHour := range []time.Duration{36 * time.Second, 3600 * time.Millisecond} {
		w, a, b, ch := pair(t, 1, 0.3)
		for _, n := range w.nodes {
			n.event(PortBudget{Port: 1, PerHour: perHour, Left: perHour})
		}
		w.run(time.Hour, met(a, b))
		w.run(10*time.Hour, never)
		before := ch.airUsed
		const hours = 60
		w.run(hours*time.Hour, never)
		per := (ch.airUsed - before) / (2 * hours)
		if most := perHour / 50 * 11 / 10; per > most || per == 0 || len(a.downs)+len(b.downs) > 0 {
			t.Errorf("%v an hour: beacons take %v, sessions down %d; want %v at most and none", perHour, per, len(a.downs)+len(b.downs), most)
		}
	}
}
