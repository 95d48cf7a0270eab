package link

import "time"

// delay learns how long a peer takes to answer beyond what the medium needs, as
// RFC 6298 does for round trips.
type delay struct {
	known     bool
	mean, dev time.Duration
}

// The allowance before anything was learned, and the least afterwards.
const (
	firstAllowance = 300 * time.Millisecond
	leastAllowance = 60 * time.Millisecond
)

// The port is silent while a question waits, so neither a peer that is always late nor a
// board that slept may make it wait for long. What is later is asked again.
const (
	mostAllowance = 5 * time.Second
	mostLearned   = 30 * time.Second
)

func (d *delay) learn(took time.Duration) {
	took = min(max(took, 0), mostLearned)
	if !d.known {
		d.known, d.mean, d.dev = true, took, took/2
		return
	}
	diff := took - d.mean
	if diff < 0 {
		diff = -diff
	}
	d.dev += (diff - d.dev) / 4
	d.mean += (took - d.mean) / 8
}

// answer is how long to wait for an answer to a question. What was learned holds the medium's part; a modem's
// wait for the channel varies by about as much again.
func (d *delay) answer(medium time.Duration) time.Duration {
	if !d.known {
		return d.wait(medium)
	}
	return min(d.mean+max(4*d.dev, leastAllowance, medium*4/5), 4*medium+mostAllowance)
}

// wait is how long to wait for an answer after our frame has left: the medium's part,
// and on top what was learned.
func (d *delay) wait(medium time.Duration) time.Duration {
	if !d.known {
		return medium + max(firstAllowance, medium/2)
	}
	wait := max(medium, d.mean) + max(4*d.dev, leastAllowance, medium/4)
	return min(wait, 4*medium+mostAllowance)
}
