package store

import (
	"math/bits"
	"sync"
	"time"
)

// Latency is how long syncs of the log took since Open. Median and P99 are upper bounds: a power of two of
// microseconds.
type Latency struct {
	Count            int64
	Median, P99, Max time.Duration
}

// timings is a histogram by powers of two of microseconds.
type timings struct {
	mu    sync.Mutex
	slots [40]int64
	max   time.Duration
}

func (t *timings) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slots[min(bits.Len64(uint64(max(0, d.Microseconds()))), len(t.slots)-1)]++
	t.max = max(t.max, d)
}

func (t *timings) latency() Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := Latency{Max: t.max}
	for _, n := range t.slots {
		l.Count += n
	}
	l.Median, l.P99 = t.below(l.Count, 50), t.below(l.Count, 99)
	return l
}

// below is what a percentage of the syncs took at most.
func (t *timings) below(count, percent int64) time.Duration {
	var sum int64
	for i, n := range t.slots {
		if sum += n; n > 0 && 100*sum >= percent*count {
			return min(t.max, time.Duration(1)<<i*time.Microsecond)
		}
	}
	return 0
}

// clockedDisk takes the time of the log's syncs.
type clockedDisk struct {
	disk
	t *timings
}

type clockedLog struct {
	appender
	t *timings
}

func (d clockedDisk) openLog(dir string) (appender, error) {
	l, err := d.disk.openLog(dir)
	if err != nil {
		return nil, err
	}
	return clockedLog{l, d.t}, nil
}

func (l clockedLog) sync() error {
	start := time.Now()
	err := l.appender.sync()
	l.t.add(time.Since(start))
	return err
}
