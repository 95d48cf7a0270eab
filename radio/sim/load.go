package sim

import "time"

// load is the airtime a modem used in the bin of 7.5 s that runs and the one
// before, as the firmware accounts it: all of a packet in the bin where it began.
type load struct {
	bin  int64
	used [2]time.Duration // this bin, the last
}

const binLength = 7500 * time.Millisecond

func (l *load) add(now time.Time, d time.Duration) {
	l.roll(now)
	l.used[0] += d
}

func (l *load) percent(now time.Time) int {
	l.roll(now)
	return int(100 * (l.used[0] + l.used[1]) / (2 * binLength))
}

func (l *load) roll(now time.Time) {
	bin := now.UnixMilli() / binLength.Milliseconds()
	switch bin - l.bin {
	case 0:
		return
	case 1:
		l.used = [2]time.Duration{0, l.used[0]}
	default:
		l.used = [2]time.Duration{}
	}
	l.bin = bin
}
