package link

import (
	"time"

	"packhorse/link/wire"
)

// The parameters of RFC 6206, section 4.1, by the airtime of a beacon.
const (
	trickleMin       = 50 // Imin in beacons
	trickleDoublings = 5  // Imax is 1600 beacons: sixteen stations in reach take a hundredth of the air
	trickleK         = 3  // redundancy constant
	// On a wire a beacon costs nothing, and on a slow radio presence must not take for ever.
	trickleLeastMin = 3750 * time.Millisecond
	trickleMostMin  = 112500 * time.Millisecond
	// Where the law leaves little, beacons at rest take this share of it; but presence is told so often at least.
	trickleLawful  = 0.02
	trickleMostMax = 4 * time.Hour
)

// trickle says when a port's beacons are due, as RFC 6206 has it, with three differences. Their aim is presence too, so
// in an interval of Imax, or after silence for a quarter of that, nothing is suppressed, and neither is what we have to tell of
// ourselves. The first beacon after a start comes at once. Who is in the middle of a transfer is heard without.
type trickle struct {
	fastest, slowest time.Duration // Imin, Imax
	usual            time.Duration // Imax where the law leaves enough
	interval         time.Duration // I
	at               time.Time     // t; zero once it has passed
	end              time.Time     // of the interval
	heard            int           // c: consistent beacons in this interval
	ours             bool          // the change was our own: others cannot tell of it
	last             time.Time     // when we last sent one
	due              bool
}

func newTrickle(p *port) trickle {
	fastest := min(max(trickleLeastMin, trickleMin*p.airtime(wire.BeaconSize)), trickleMostMin)
	return trickle{fastest: fastest, slowest: fastest << trickleDoublings, usual: fastest << trickleDoublings}
}

// allow takes how much airtime the law leaves in any hour for beacons of so much each; 0: as much as one likes.
func (t *trickle) allow(perHour, beacon time.Duration, now time.Time, jitter func(time.Duration) time.Duration) {
	t.slowest = t.usual
	if perHour > 0 {
		lawful := float64(beacon) / (trickleLawful * float64(perHour)) * float64(time.Hour)
		t.slowest = max(t.usual, time.Duration(min(lawful, float64(trickleMostMax))))
	}
	if t.interval > t.slowest {
		t.interval = t.slowest
		t.begin(now, jitter)
	}
}

// patience is how long a live station may stay unheard: ten beacons may get lost, or four where they are so rare
// that ten would take longer than half a day.
func (t *trickle) patience() time.Duration {
	return max(10*t.usual, min(10*t.slowest, 12*time.Hour), 4*t.pause())
}

// pause is the longest time between two beacons of a live station.
func (t *trickle) pause() time.Duration { return t.slowest + t.slowest/2 + t.fastest }

// start begins the first interval; its beacon comes within d.
func (t *trickle) start(now time.Time, in time.Duration) {
	t.interval, t.ours, t.heard = t.fastest, true, 0
	t.at, t.end = now.Add(in), now.Add(t.fastest)
}

// begin starts an interval: t lies in its second half.
func (t *trickle) begin(now time.Time, jitter func(time.Duration) time.Duration) {
	t.heard = 0
	t.at, t.end = now.Add(t.interval/2+jitter(t.interval/2)), now.Add(t.interval)
}

// reset takes an inconsistency.
func (t *trickle) reset(now time.Time, ours bool, jitter func(time.Duration) time.Duration) {
	t.ours = t.ours || ours
	if t.interval > t.fastest {
		t.interval = t.fastest
		t.begin(now, jitter)
	}
}

// timeout moves on, and reports whether a beacon should be sent now.
func (t *trickle) timeout(now time.Time, jitter func(time.Duration) time.Duration) (fires bool) {
	if !t.at.IsZero() && !t.at.After(now) {
		t.at = time.Time{}
		fires = !t.redundant(now)
	}
	if t.end.After(now) {
		return fires
	}
	if t.interval = min(2*t.interval, t.slowest); t.interval == t.slowest {
		t.ours = false
	}
	t.begin(now, jitter)
	return fires
}

// redundant reports whether enough others have said what ours would say.
func (t *trickle) redundant(now time.Time) bool {
	return t.heard >= trickleK && !t.ours && t.interval < t.slowest && now.Sub(t.last) < t.slowest/4
}

// next is when timeout wants to be called; zero: never.
func (t *trickle) next() time.Time {
	if t.at.IsZero() {
		return t.end
	}
	return t.at
}
