package sim

import "time"

// load is a share of time over the last hour, kept in bins of 7.5 s as the
// firmware keeps it: all of a packet stands in the bin where it was added.
type load struct {
	bin  int64 // that runs
	used [loadBins]time.Duration
	sum  time.Duration
}

const (
	binLength = 7500 * time.Millisecond
	loadBins  = int64(time.Hour / binLength)
)

func (l *load) add(now time.Time, d time.Duration) {
	l.roll(now)
	l.used[l.bin%loadBins] += d
	l.sum += d
}

// short is the share over the bin that runs and the one before, long over the hour.
func (l *load) short(now time.Time) float64 {
	l.roll(now)
	last := (l.bin + loadBins - 1) % loadBins
	return share(l.used[l.bin%loadBins]+l.used[last], 2*binLength)
}

func (l *load) long(now time.Time) float64 {
	l.roll(now)
	return share(l.sum, time.Hour)
}

func share(d, of time.Duration) float64 { return min(1, float64(d)/float64(of)) }

func (l *load) roll(now time.Time) {
	bin := now.UnixMilli() / binLength.Milliseconds()
	if bin-l.bin >= loadBins {
		*l = load{bin: bin}
	}
	for l.bin < bin {
		l.bin++
		l.sum -= l.used[l.bin%loadBins]
		l.used[l.bin%loadBins] = 0
	}
}

// limits are the airtime shares above which an RNode stops sending; 0 is none.
type limits struct{ short, long float64 }

// lockedFor is how long a modem waits before it looks at its limits again.
const lockedFor = time.Second

func (s *station) locked(now time.Time) bool {
	l := s.limits
	return l.short > 0 && s.load.short(now) >= l.short || l.long > 0 && s.load.long(now) >= l.long
}

// LimitAirtime sets the airtime locks of an RNode modem, as shares of the last
// 15 s and of the last hour; 0 is no limit. They survive Off and Tune.
func (a *Air) LimitAirtime(station int, short, long float64) {
	a.stations[station].limits = limits{short, long}
}

// Load is what an RNode reports of the channel: the shares of time that it has
// itself transmitted, and that anyone it hears has, over 15 s and over an hour.
func (a *Air) Load(now time.Time, station int) (airShort, airLong, busyShort, busyLong float64) {
	s := a.stations[station]
	airShort, airLong = s.load.short(now), s.load.long(now)
	busyShort, busyLong = min(1, airShort+s.heard.short(now)), min(1, airLong+s.heard.long(now))
	return airShort, airLong, busyShort, busyLong
}
