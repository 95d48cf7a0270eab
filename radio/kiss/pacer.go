package kiss

import (
	"slices"
	"time"
)

// pacer estimates when the frames in the TNC leave. It says nothing of that, but a half-duplex one cannot have sent while
// it received.
type pacer struct {
	access time.Duration
	queue  []departure // oldest first; also those that left within memory
}

type departure struct{ given, start, end time.Time }

// memory is how long a frame that should have left may yet turn out to wait: the longest frame takes that at 300 bit/s.
const memory = 12 * time.Second

// mostHeld is how long a frame is thought to wait because others were heard. What left a little sooner than was thought, with
// another's frame right behind it, would else be put off for as long as others talk, and the next frame with it.
const mostHeld = time.Minute

// add counts a frame handed over now.
func (p *pacer) add(now time.Time, air time.Duration) {
	p.queue = slices.DeleteFunc(p.queue, func(d departure) bool { return now.Sub(d.end) > memory })
	start := later(now, p.clear()).Add(p.access)
	p.queue = append(p.queue, departure{now, start, start.Add(air)})
}

// wait is how long until fewer than depth frames are in the TNC.
func (p *pacer) wait(now time.Time, depth int) time.Duration {
	if len(p.queue) < depth {
		return 0
	}
	return max(0, p.queue[len(p.queue)-depth].end.Sub(now))
}

// clear is when the last one has left; zero when there never was any.
func (p *pacer) clear() time.Time {
	if len(p.queue) == 0 {
		return time.Time{}
	}
	return p.queue[len(p.queue)-1].end
}

// heard tells that a frame of somebody else has just ended. What should have been on the air beside it was not, and
// the wait for the channel began anew.
func (p *pacer) heard(now time.Time, air time.Duration) {
	free := now
	for i := range p.queue {
		d := &p.queue[i]
		if !d.end.After(now.Add(-air)) || now.Sub(d.given) > mostHeld {
			continue
		}
		length := d.end.Sub(d.start)
		d.start = later(d.start, free.Add(p.access))
		d.end = d.start.Add(length)
		free = d.end
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
