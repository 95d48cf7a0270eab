//go:build linux

package law

import (
	"fmt"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// witness is the air, and remembers what station 0 has really transmitted.
type witness struct {
	*sim.Air
	mod  phy.Modulation
	sent []transmission
}

type transmission struct {
	start, end time.Time
	hz         uint32
}

func (w *witness) Tune(now time.Time, station int, m phy.Modulation, powerDBm int) error {
	w.look()
	if station == 0 {
		w.mod = phy.RNodeModulation(m)
	}
	return w.Air.Tune(now, station, m, powerDBm)
}

func (w *witness) HandleTimeout(now time.Time) {
	w.Air.HandleTimeout(now)
	w.look()
}

func (w *witness) look() {
	for s, ok := w.PollSent(); ok; s, ok = w.PollSent() {
		if s.Station == 0 {
			w.sent = append(w.sent, transmission{start: s.At.Add(-w.mod.TimeOnAir(s.Octets + 1)), end: s.At, hz: w.mod.FrequencyHz})
		}
	}
}

// total is the time on air, to be compared with the channel's own account.
func (w *witness) total() (sum time.Duration) {
	for _, t := range w.sent {
		sum += t.end.Sub(t.start)
	}
	return sum
}

// worst is the most that was on the air in the rule's band in any hour. The sum over a sliding hour is greatest
// where the hour ends with a transmission or begins with one.
func (w *witness) worst(r phy.Rule) (most time.Duration) {
	var in []transmission
	for _, t := range w.sent {
		if t.hz >= r.LowHz && t.hz <= r.HighHz {
			in = append(in, t)
		}
	}
	for i := range in {
		most = max(most, within(in, in[i].end.Add(-time.Hour), in[i].end), within(in, in[i].start, in[i].start.Add(time.Hour)))
	}
	return most
}

func within(in []transmission, from, to time.Time) (sum time.Duration) {
	for _, t := range in {
		start, end := t.start, t.end
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(0, end.Sub(start))
	}
	return sum
}

func (w *witness) judge(rules ...phy.Rule) error {
	for _, r := range rules {
		if most := w.worst(r); most > r.Allowed() {
			return fmt.Errorf("%s: %v in one hour, %v are allowed", r.SubBand(), most, r.Allowed())
		}
	}
	return nil
}
