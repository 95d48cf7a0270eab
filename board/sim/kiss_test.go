package sim

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"packhorse/radio/phy"
)

// busyAir is a quietAir whose channel is busy until a time.
type busyAir struct {
	*quietAir
	until time.Time
	tuned phy.Modulation
}

func (a *busyAir) Busy(now time.Time, station int) bool { return now.Before(a.until) }

func (a *busyAir) Tune(now time.Time, station int, m phy.Modulation, power int) error {
	a.tuned = m
	return a.quietAir.Tune(now, station, m, power)
}

// queued are the frames that reached the air.
func (a *busyAir) queued() (frames []string) {
	for _, l := range a.log {
		if f, ok := strings.CutPrefix(l, "queue 0 "); ok {
			frames = append(frames, f)
		}
	}
	return frames
}

func tncOn(tnc TNC) (*tncModem, *busyAir) {
	air := &busyAir{quietAir: newQuietAir()}
	m := newTNC(air, 0, tnc)
	m.timeout(noon)
	return m, air
}

// until runs a modem to a time.
func until(m modem, from, to time.Time) {
	for now := from; ; {
		m.timeout(now)
		w := m.wakeAt()
		if w.IsZero() || w.After(to) {
			return
		}
		now = w
	}
}

const uiFrame = "a09690a4a68ae0828462" + "86888a6f03f0"

func kissed(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTNCWaitsForAFreeChannelAndDraws(t *testing.T) {
	m, air := tncOn(TNC{})
	air.until = noon.Add(3 * time.Second)
	m.feed(noon, kissed(t, "c0021fc0 c0030ac0 c00114c0 c000"+uiFrame+"c0"))
	until(m, noon, noon.Add(3*time.Second))
	if len(air.queued()) != 0 {
		t.Fatal("sent on a busy channel")
	}
	until(m, noon.Add(3*time.Second), noon.Add(30*time.Second))
	if got := air.queued(); len(got) != 1 || got[0] != uiFrame {
		t.Errorf("got %v", got)
	}
	if air.tuned.Lead != 200*time.Millisecond {
		t.Errorf("keys up for %v, want the 200 ms it was told", air.tuned.Lead)
	}
}

// With a chance of 1/8 a slot, the mean wait of many frames is 8 slots.
func TestTNCPersistence(t *testing.T) {
	m, air := tncOn(TNC{})
	m.feed(noon, kissed(t, "c0021fc0 c00301c0 c00101c0 c00401c0"))
	now, waited := noon, time.Duration(0)
	const frames = 2000
	for range frames {
		now = now.Add(time.Minute)
		m.feed(now, kissed(t, "c000"+uiFrame+"c0"))
		before := len(air.queued())
		from := now
		for len(air.queued()) == before {
			now = m.wakeAt()
			m.timeout(now)
		}
		waited += now.Sub(from)
		until(m, now, now.Add(time.Minute))
		air.log = nil
	}
	if mean := waited / frames; mean < 76*time.Millisecond || mean > 84*time.Millisecond {
		t.Errorf("mean wait %v, want 8 slots of 10 ms", mean)
	}
}

func TestTNCSendsAllThatWaitsInOneKeying(t *testing.T) {
	m, air := tncOn(TNC{Queue: 3})
	for range 5 {
		m.feed(noon, kissed(t, "c000"+uiFrame+"c0"))
	}
	if m.dropped != 2 {
		t.Errorf("%d thrown away, want 2 that the queue cannot hold", m.dropped)
	}
	until(m, noon, noon.Add(time.Minute))
	if got := len(air.queued()); got != 3 || air.tuned.Lead != 0 {
		t.Errorf("%d frames, the last after %v: want 3, and only the first with a lead", got, air.tuned.Lead)
	}
}

func TestTNCPassesOnWhatItHears(t *testing.T) {
	m, _ := tncOn(TNC{})
	m.received([]byte{0xC0, 1, 0xDB}, -90, 10)
	if got, want := hex.EncodeToString(m.take()), "c000dbdc01dbddc0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTNCIgnoresWhatIsNotForIt(t *testing.T) {
	m, air := tncOn(TNC{})
	m.feed(noon, kissed(t, "0d0a c010"+uiFrame+"c0 c00001c0 c0ffc0 c00eff01c0"))
	m.feed(noon, append(append([]byte{fend, 0}, bytes.Repeat([]byte{1}, 5000)...), fend))
	until(m, noon, noon.Add(time.Minute))
	if got := air.queued(); len(got) != 0 || cap(m.line) > 4*kissLine {
		t.Errorf("sent %v, holds %d", got, cap(m.line))
	}
}

func FuzzTNC(f *testing.F) {
	f.Add([]byte("\xc0\x00" + strings.Repeat("a", 16) + "\xc0"))
	f.Add([]byte("\xc0\x03\x00\xc0\xc0\x02\x00\xc0\xc0\xdb\xc0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, air := tncOn(TNC{})
		m.feed(noon, b)
		m.feed(noon, kissed(t, "c0 c002ffc0 c0030ac0 c000"+uiFrame+"c0"))
		if len(m.queue) > 8 || len(m.line) > kissLine+1 {
			t.Fatalf("holds %d frames and %d octets", len(m.queue), len(m.line))
		}
		until(m, noon, noon.Add(5*time.Minute))
		if got := air.queued(); len(got) == 0 {
			t.Fatal("sends nothing any more")
		}
	})
}
