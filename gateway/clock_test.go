package gateway

import (
	"encoding/binary"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

const year = 365 * day

// leap moves the wall clock of a site, and that of the bench with it, as a wrong server does.
func (s *site) leap(d time.Duration) {
	s.b.now, s.jump = s.b.now.Add(d), s.jump+d
	s.core.HandleTimeout(s.b.now)
	s.b.settle()
}

// doubter has a domain, two apps and a clock that is not taken at its word.
func doubter(t testing.TB) (b *bench, s *site, alice, bob *app) {
	b = newBench(t)
	s = b.site("ada")
	s.doubts = true
	s.boot()
	s.core.HandleEvent(b.now, Clock{pki.ClockNTP})
	b.must(20*time.Second, "trust in the first time of all", s.core.clockTrusted)
	if d := b.now.Sub(epoch); d < holdFirst {
		t.Fatalf("the first time was believed after %v, want %v", d, holdFirst)
	}
	b.found(s, "ridge")
	return b, s, s.app("alice"), s.app("bob")
}

func TestOneWrongReadingTwentyYearsAheadEndsNothing(t *testing.T) {
	b, s, alice, bob := doubter(t)
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	s.leap(20 * year)
	b.run(2*time.Hour, func() bool { return false })
	if s.core.quality != pki.ClockNeighbour || s.core.Snapshot(b.now).ClockWhy == "" {
		t.Fatalf("twenty years ahead the clock counts as %d, why %q; want a neighbour's, and why", s.core.quality, s.core.Snapshot(b.now).ClockWhy)
	}
	s.leap(-20 * year)
	if !s.core.clockTrusted() {
		t.Fatal("back at the right time the clock is not trusted")
	}
	if got := bob.collect(); s.state(raw) != Delivered || len(got) != 1 {
		t.Fatalf("after the wrong reading the parcel is %v, %d handed out; want it delivered", s.state(raw), len(got))
	}
}

func TestTrueTimeStillEndsWhatIsOver(t *testing.T) {
	b, s, alice, bob := doubter(t)
	raw := alice.parcel(bob, "p1", text(10), func(m *ramf.Message) { m.TTL = time.Hour })
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(2*time.Hour, "expiry by a clock that fits", func() bool { return s.state(raw) == Expired })
}

func TestClockAfterARestart(t *testing.T) {
	for _, c := range []struct {
		what  string
		off   time.Duration
		after time.Duration // until it is trusted, -1: never
	}{
		{"an hour without power", time.Hour, 0},
		{"a day less a minute", day - time.Minute, 0},
		{"a month", 30 * day, holdAhead},
		{"a year", year, holdAhead},
		{"more than a year", year + 3*day, -1},
		{"1,024 weeks", 1024 * 7 * day, -1},
		{"an hour back", -time.Hour, 0},
		{"two days back", -2 * day, -1},
		{"decades back", -50 * year, -1},
	} {
		t.Run(c.what, func(t *testing.T) {
			b, s, _, _ := doubter(t)
			b.now, s.jump = b.now.Add(c.off), s.jump+c.off
			s.boot()
			began := b.now
			ok := b.run(3*time.Hour, func() bool {
				s.core.HandleEvent(b.now, Clock{pki.ClockNTP})
				return s.core.clockTrusted()
			})
			if after := b.now.Sub(began); ok != (c.after >= 0) || ok && after != c.after {
				t.Fatalf("trusted %v after %v, want after %v", ok, after, c.after)
			}
		})
	}
}

func TestKeptClockIsTakenAtItsWordAndSetsAnotherRight(t *testing.T) {
	b, s, _, _ := doubter(t)
	b.now, s.jump = b.now.Add(-2*day), s.jump-2*day
	s.doubts = false
	s.boot()
	s.core.HandleEvent(b.now, Clock{pki.ClockNTP})
	if !s.core.clockTrusted() {
		t.Fatal("a clock that the host keeps is not trusted")
	}
	s.app("carol") // something to write
	s.doubts = true
	s.boot()
	s.core.HandleEvent(b.now, Clock{pki.ClockNTP})
	if !s.core.clockTrusted() {
		t.Fatal("the time of the kept clock was not remembered")
	}
}

func TestHoldingBeginsAnewWhenTheReadingMoves(t *testing.T) {
	known := time.Unix(1_800_000_000, 0)
	w := wallclock{reported: pki.ClockNTP, known: known}
	for i, r := range []struct {
		wall, steady time.Duration
		want         pki.Quality
	}{
		{30 * day, 0, pki.ClockNeighbour},
		{30*day + 50*time.Minute, 50 * time.Minute, pki.ClockNeighbour},
		{40 * day, 59 * time.Minute, pki.ClockNeighbour}, // another reading: the hour begins here
		{40*day + 58*time.Minute, 117 * time.Minute, pki.ClockNeighbour},
		{40*day + time.Hour, 119 * time.Minute, pki.ClockNTP},
		{41*day + time.Hour, 121 * time.Minute, pki.ClockNTP},
		{42*day + 2*time.Hour, 122 * time.Minute, pki.ClockNeighbour}, // small steps lead no further than a large one
	} {
		if got := w.judge(known.Add(r.wall), r.steady); got != r.want {
			t.Fatalf("reading %d: quality %d, want %d", i, got, r.want)
		}
	}
	w.reported = pki.ClockNone
	if got := w.judge(known, 3*time.Hour); got != pki.ClockNone {
		t.Fatalf("a clock that was never set counts as %d", got)
	}
}

func TestTimeIsSavedHourlyAndOnlyWithSomethingElse(t *testing.T) {
	b, s, alice, bob := doubter(t)
	saved := func() uint64 { return binary.BigEndian.Uint64(s.disk[KindCounter][counterClock]) }
	first, batches := saved(), s.batches
	b.run(20*time.Hour, func() bool { return false })
	if s.batches != batches {
		t.Fatalf("an idle gateway wrote %d batches", s.batches-batches)
	}
	for i := range 3 {
		if _, err := alice.deliver(alice.parcel(bob, string(rune('a'+i)), text(10))); err != nil {
			t.Fatal(err)
		}
		b.run(10*time.Minute, func() bool { return false })
	}
	if got := saved() - first; got < 20*3600 || got > 20*3600+1200 {
		t.Fatalf("the saved time went on by %d s, want that of the first batch after 20 hours", got)
	}
}
