package board

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/adrianmo/go-nmea"
)

const (
	// maxSentence is longer than any NMEA sentence (82 characters), receivers' own included.
	maxSentence = 256
	// fixLife is how long a fix vouches for a clock: longer than a tunnel, shorter than a clock needs to run away.
	fixLife = 10 * time.Minute
	// fixApart is how far a clock and a fix may be apart: the sentence comes up to a second after its time.
	fixApart = 2 * time.Second
)

// GPS takes the time from the sentences of a satellite receiver (NMEA 0183). It needs a valid position (RMC with
// status A and a mode that is neither estimated, simulated nor set by hand), and a second one that fits, before it
// believes in a time. A ZDA sentence that contradicts the year ends that: receivers count 1,024 weeks wrong. Safe for
// concurrent use; a nil GPS knows nothing.
type GPS struct {
	mu   sync.Mutex
	last moment // of the latest valid RMC
	fix  moment // confirmed
	zda  moment
}

// moment is a time by satellite, and when it arrived.
type moment struct{ utc, at time.Time }

// Read takes sentences from a serial port until it fails or ends.
func (g *GPS) Read(port io.Reader) error {
	lines := bufio.NewScanner(port)
	lines.Buffer(make([]byte, maxSentence), maxSentence)
	lines.Split(sentences)
	for lines.Scan() {
		g.Sentence(lines.Text(), time.Now())
	}
	return lines.Err()
}

// sentences is bufio.ScanLines that drops what is too long for a sentence in place of failing.
func sentences(data []byte, atEOF bool) (int, []byte, error) {
	advance, line, err := bufio.ScanLines(data, atEOF)
	if advance == 0 && len(data) >= maxSentence-1 {
		return len(data), []byte{}, nil
	}
	return advance, line, err
}

// Sentence takes one sentence that arrived at a time of the monotonic clock. What is damaged or of no use is dropped.
func (g *GPS) Sentence(line string, at time.Time) {
	if !strings.Contains(line, "RMC,") && !strings.Contains(line, "ZDA,") || !strings.Contains(line, "*") {
		return // nothing else has date and time, and without its checksum nothing counts
	}
	s, err := nmea.Parse(line)
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch s := s.(type) {
	case nmea.RMC:
		g.rmc(s, at)
	case nmea.ZDA:
		if s.Time.Valid && s.Month >= 1 && s.Month <= 12 && s.Day >= 1 && s.Day <= 31 && s.Year > 0 && s.Year < 10000 {
			g.zda = moment{clockTime(int(s.Year), int(s.Month), int(s.Day), s.Time), at}
		}
	}
}

func (g *GPS) rmc(s nmea.RMC, at time.Time) {
	if s.Validity != nmea.ValidRMC || !s.Time.Valid || !s.Date.Valid || strings.ContainsAny(s.FFAMode, "ENSM") || s.NavStatus == nmea.NavStatusUnsafe {
		g.last = moment{} // the last fix still counts for a while
		return
	}
	m := moment{clockTime(2000+s.Date.YY, s.Date.MM, s.Date.DD, s.Time), at}
	if m.utc.Year() < firstPlausible || g.contradicted(m) {
		g.last, g.fix = moment{}, moment{}
		return
	}
	if !g.last.at.IsZero() && m.fits(g.last, fixApart) {
		g.fix = m
	}
	g.last = m
}

// contradicted tells that a ZDA sentence of these seconds has another date.
func (g *GPS) contradicted(m moment) bool {
	return !g.zda.at.IsZero() && m.at.Sub(g.zda.at).Abs() < fixApart && !m.fits(g.zda, 2*fixApart)
}

// fits tells whether as much time has passed by satellite as here.
func (m moment) fits(earlier moment, apart time.Duration) bool {
	return (m.utc.Sub(earlier.utc) - m.at.Sub(earlier.at)).Abs() <= apart
}

func clockTime(year, month, day int, t nmea.Time) time.Time {
	return time.Date(year, time.Month(month), day, t.Hour, t.Minute, t.Second, t.Millisecond*int(time.Millisecond), time.UTC)
}

// Time is the time by satellite now, exact to about a second; false without a fix in the last ten minutes.
func (g *GPS) Time(now time.Time) (time.Time, bool) {
	if g == nil {
		return time.Time{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	age := now.Sub(g.fix.at)
	if g.fix.at.IsZero() || age > fixLife || age < 0 {
		return time.Time{}, false
	}
	return g.fix.utc.Add(age), true
}

// Confirms tells whether the wall clock, now, shows the time by satellite.
func (g *GPS) Confirms(now time.Time) bool {
	t, known := g.Time(now)
	return known && now.Round(0).Sub(t).Abs() <= fixApart
}

// PPS lists the pulse-per-second devices: where a receiver has one wired, a program such as chrony can keep the
// clock to microseconds by it, and then the kernel says that it is synchronised.
func (h Host) PPS() []string { return h.glob("/dev/pps*") }
