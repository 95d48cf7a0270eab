package radio

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/radio/phy"
)

var (
	tenPercent = phy.Rule{Region: "EU868", LowHz: 869_400_000, HighHz: 869_650_000, Kind: phy.DutyCycle, DutyPPM: 100_000}
	onePercent = phy.Rule{Region: "EU868", LowHz: 868_000_000, HighHz: 868_600_000, Kind: phy.DutyCycle, DutyPPM: 10_000}
	unlimited  = phy.Rule{Region: "NZ915", LowHz: 915_000_000, HighHz: 928_000_000}
	epoch      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// wall is the stamp of a machine that knows its wall clock at most.
func wall(now time.Time, known bool) Stamp { return Stamp{Wall: now, Known: known} }

func TestLedgerWaitsForTheOldestAirtime(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch, onePercent, 30*time.Second)
	l.Spend(epoch.Add(10*time.Minute), onePercent, 5*time.Second)
	now := epoch.Add(20 * time.Minute)
	for _, c := range []struct {
		air, want time.Duration
		ok        bool
	}{
		{time.Second, 0, true},
		{2 * time.Second, 40 * time.Minute, true},
		{32 * time.Second, 50 * time.Minute, true},
		{36 * time.Second, 50 * time.Minute, true},
		{37 * time.Second, 0, false},
	} {
		wait, ok := l.Wait(now, onePercent, c.air)
		if wait != c.want || ok != c.ok {
			t.Errorf("%v: got %v %v, want %v %v", c.air, wait, ok, c.want, c.ok)
		}
	}
	if got, want := l.Used(now, onePercent), 35*time.Second; got != want {
		t.Errorf("used: got %v, want %v", got, want)
	}
	if got := l.Used(now, tenPercent); got != 0 {
		t.Errorf("used in the other sub-band: got %v, want 0", got)
	}
	if got, want := l.FreeAt(now, onePercent, 2*time.Second), epoch.Add(time.Hour); !got.Equal(want) {
		t.Errorf("free at: got %v, want %v", got, want)
	}
}

func TestLedgerLeavesOtherRulesAlone(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch, unlimited, time.Hour)
	if wait, ok := l.Wait(epoch, unlimited, time.Hour); wait != 0 || !ok {
		t.Errorf("no limit: got %v %v, want 0 true", wait, ok)
	}
	if l.Reserve(unlimited, time.Second) {
		t.Error("a rule without duty cycle asks for a save")
	}
	short := unlimited
	short.MaxTransmit = 400 * time.Millisecond
	if _, ok := l.Wait(epoch, short, 401*time.Millisecond); ok {
		t.Error("a transmission above the longest allowed was let through")
	}
}

// Against a naive model that keeps every frame: the ledger never forgets airtime
// early, and keeps none for more than a second too long.
func TestLedgerAgainstNaiveModel(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 7))
		l, now := NewLedger(), epoch
		var all []spend
		used := func(window time.Duration) (sum time.Duration) {
			for _, s := range all {
				if now.Sub(s.end) < window {
					sum += s.air
				}
			}
			return sum
		}
		for step := range 1000 {
			now = now.Add(time.Duration(rng.Int64N(int64(8 * time.Second))))
			air := time.Duration(1 + rng.Int64N(int64(900*time.Millisecond)))
			wait, ok := l.Wait(now, onePercent, air)
			if !ok {
				t.Fatalf("seed %d step %d: %v refused", seed, step, air)
			}
			if fits := used(phy.Window)+air <= onePercent.Allowed(); wait == 0 && !fits {
				t.Fatalf("seed %d step %d: let through %v over %v", seed, step, air, used(phy.Window))
			} else if certainly := used(phy.Window+mergeWithin)+air <= onePercent.Allowed(); wait > 0 && certainly {
				t.Fatalf("seed %d step %d: waits %v for %v over %v", seed, step, wait, air, used(phy.Window+mergeWithin))
			}
			if wait > 0 {
				if rng.IntN(4) > 0 {
					continue
				}
				now = now.Add(wait)
				if left, _ := l.Wait(now, onePercent, air); left != 0 {
					t.Fatalf("seed %d step %d: %v still to wait after waiting", seed, step, left)
				}
			}
			l.Spend(now, onePercent, air)
			all = append(all, spend{end: now, air: air})
			if got := l.Used(now, onePercent); got < used(phy.Window) || got > used(phy.Window+mergeWithin) {
				t.Fatalf("seed %d step %d: used %v, want %v to %v", seed, step, got, used(phy.Window), used(phy.Window+mergeWithin))
			}
		}
		if n := len(l.band(onePercent.SubBand()).spends); n > 3601 {
			t.Errorf("seed %d: %d entries kept, want at most 3601", seed, n)
		}
	}
}

// A crash at any moment: what was on the air counts after the restart, and at
// most one reservation more.
func TestLedgerCrashNeverEarnsAirtime(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for run := range 200 {
		l, now := NewLedger(), epoch
		var disk []byte
		var sent time.Duration
		for range rng.IntN(120) {
			air := time.Duration(1+rng.Int64N(3_000_000)) * time.Microsecond
			if l.Reserve(tenPercent, air) {
				disk = l.Marshal(now, wall(now, true))
			}
			now = now.Add(air)
			l.Spend(now, tenPercent, air)
			sent += air
		}
		if disk == nil {
			continue
		}
		known := rng.IntN(2) == 0
		after, err := LoadLedger(disk, now.Add(time.Second), wall(now.Add(time.Second), known))
		if err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		got := after.Used(now.Add(time.Second), tenPercent)
		if got < sent || got > sent+Reservation {
			t.Errorf("run %d: %v after the crash, want %v to %v", run, got, sent, sent+Reservation)
		}
	}
}

func TestLedgerSavesOncePerReservation(t *testing.T) {
	l, saves := NewLedger(), 0
	for range 100 {
		if l.Reserve(tenPercent, 400*time.Millisecond) {
			saves++
		}
		l.Spend(epoch, tenPercent, 400*time.Millisecond)
	}
	if want := 4; saves != want {
		t.Errorf("40 s of airtime: got %d saves, want %d", saves, want)
	}
}

func TestLedgerSettleGivesTheReservationBack(t *testing.T) {
	l := NewLedger()
	l.Reserve(tenPercent, time.Second)
	l.Spend(epoch, tenPercent, time.Second)
	l.Settle()
	after, err := LoadLedger(l.Marshal(epoch, wall(epoch, true)), epoch, wall(epoch, true))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after.Used(epoch, tenPercent), time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLedgerAtBoot(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch, tenPercent, 100*time.Second)
	known, unknown := l.Marshal(epoch, wall(epoch, true)), l.Marshal(epoch, wall(epoch, false))
	later := epoch.Add(2 * time.Hour)
	for _, c := range []struct {
		name  string
		disk  []byte
		now   time.Time
		clock bool
		want  time.Duration
	}{
		{"two hours later nothing counts", known, later, true, 0},
		{"half an hour later all counts", known, epoch.Add(30 * time.Minute), true, 100 * time.Second},
		{"without a clock all counts", known, later, false, 100 * time.Second},
		{"saved without a clock all counts", unknown, later, true, 100 * time.Second},
		{"when time ran backwards all counts", known, epoch.Add(-time.Hour), true, 100 * time.Second},
	} {
		after, err := LoadLedger(c.disk, c.now, wall(c.now, c.clock))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := after.Used(c.now, tenPercent); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if got := after.Used(c.now.Add(time.Hour), tenPercent); got != 0 {
			t.Errorf("%s, an hour on: got %v, want 0", c.name, got)
		}
	}
}

func TestLedgerCountsOnOverARestart(t *testing.T) {
	known := func(boot byte, up, wall time.Duration) Stamp {
		return Stamp{Wall: epoch.Add(wall), Known: true, Boot: [16]byte{boot}, Up: up}
	}
	doubted := func(boot byte, up, wall time.Duration) Stamp {
		s := known(boot, up, wall)
		s.Known = false
		return s
	}
	const half, two = 30 * time.Minute, 2 * time.Hour
	for _, c := range []struct {
		name      string
		was, is   Stamp
		countsFor time.Duration // from the restart on
	}{
		{"same boot, half an hour", known(1, 0, 0), known(1, half, half), half},
		{"same boot, the wall clock was set ahead", known(1, 0, 0), known(1, time.Minute, two), time.Hour - time.Minute},
		{"same boot, the wall clock was set back", known(1, 0, 0), known(1, half, -two), half},
		{"same boot, no wall clock at all", doubted(1, 0, 0), doubted(1, half, 0), half},
		{"same boot, its clock ran backwards", known(1, half, 0), known(1, 0, half), time.Hour},
		{"another boot", known(1, 0, 0), known(2, 0, half), half},
		{"another boot, long ago", known(1, 0, 0), known(2, 0, two), 0},
		{"another boot, the clock was set back", known(1, 0, 0), known(2, 0, -half), time.Hour},
		{"another boot, the clock is not trusted", known(1, 0, 0), doubted(2, two, two), time.Hour},
		{"another boot, the clock was not trusted", doubted(1, 0, 0), known(2, two, two), time.Hour},
	} {
		l := NewLedger()
		l.Spend(epoch, tenPercent, 100*time.Second)
		now := epoch.Add(77 * time.Hour) // of the process: it means nothing
		after, err := LoadLedger(l.Marshal(epoch, c.was), now, c.is)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := after.Used(now.Add(c.countsFor-time.Millisecond), tenPercent); c.countsFor > 0 && got != 100*time.Second {
			t.Errorf("%s: within %v: got %v, want 1m40s", c.name, c.countsFor, got)
		}
		if got := after.Used(now.Add(c.countsFor), tenPercent); got != 0 {
			t.Errorf("%s: after %v: got %v, want nothing", c.name, c.countsFor, got)
		}
	}
}

// What a modem still holds when the ledger is saved counts from when it leaves.
func TestLedgerSavesWhatHasNotLeftYet(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch.Add(20*time.Second), tenPercent, 10*time.Second)
	after, err := LoadLedger(l.Marshal(epoch, wall(epoch, true)), epoch.Add(time.Second), wall(epoch.Add(time.Second), true))
	if err != nil {
		t.Fatal(err)
	}
	wantUsed(t, after, epoch.Add(time.Hour+19*time.Second), 10*time.Second)
	wantUsed(t, after, epoch.Add(time.Hour+20*time.Second), 0)
}

func TestLedgerCountsLateFramesFromWhenTheyLeft(t *testing.T) {
	l := NewLedger()
	for i := range 3 {
		l.Spend(epoch.Add(time.Duration(i)*10*time.Second), tenPercent, 5*time.Second)
	}
	l.Late(tenPercent, epoch.Add(10*time.Second), epoch.Add(5*time.Minute))
	wantUsed(t, l, epoch.Add(time.Hour), 10*time.Second)
	wantUsed(t, l, epoch.Add(time.Hour+5*time.Minute-1), 10*time.Second)
	wantUsed(t, l, epoch.Add(time.Hour+5*time.Minute), 0)
}

// wantUsed asks at times that never go back: what has left the hour is forgotten.
func wantUsed(t *testing.T, l *Ledger, at time.Time, want time.Duration) {
	t.Helper()
	if got := l.Used(at, tenPercent); got != want {
		t.Errorf("after %v: got %v, want %v", at.Sub(epoch), got, want)
	}
}

func TestLedgerRefusesDamage(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch, tenPercent, time.Second)
	l.Spend(epoch.Add(5*time.Minute), onePercent, time.Second)
	good := l.Marshal(epoch, wall(epoch, true))
	for n := range good {
		if _, err := LoadLedger(good[:n], epoch, wall(epoch, true)); !errors.Is(err, ErrLedger) {
			t.Errorf("cut to %d octets: got %v, want ErrLedger", n, err)
		}
	}
	if _, err := LoadLedger(LostLedger(), epoch, wall(epoch, true)); !errors.Is(err, ErrLedger) {
		t.Errorf("a lost one: got %v, want ErrLedger", err)
	}
	if _, err := LoadLedger(append(bytes.Clone(good), 0), epoch, wall(epoch, true)); !errors.Is(err, ErrLedger) {
		t.Errorf("one octet too many: got %v, want ErrLedger", err)
	}
	l.Fill(epoch, tenPercent)
	if wait, ok := l.Wait(epoch, tenPercent, time.Second); wait != time.Hour || !ok {
		t.Errorf("filled: got %v %v, want an hour", wait, ok)
	}
}

func TestLedgerMarshalChangesNothing(t *testing.T) {
	l := NewLedger()
	for i := range 5 {
		l.Spend(epoch.Add(time.Duration(i)*20*time.Minute), tenPercent, time.Duration(1<<i)*time.Second)
	}
	now := epoch.Add(81 * time.Minute)
	l.Marshal(now, wall(now, true))
	if got, want := l.Used(now, tenPercent), 28*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLedgerStaysSmall(t *testing.T) {
	l, now := NewLedger(), epoch
	for now.Before(epoch.Add(2 * time.Hour)) {
		now = now.Add(100 * time.Millisecond)
		l.Spend(now, tenPercent, 10*time.Millisecond)
	}
	if got, want := l.Used(now, tenPercent), 360*time.Second; got < want || got > want+100*time.Millisecond {
		t.Errorf("used: got %v, want %v", got, want)
	}
	if got := len(l.bands[0].spends); got > 3601 {
		t.Errorf("in memory: got %d entries, want at most 3601", got)
	}
	if got := len(l.Marshal(now, wall(now, true))); got > 600 {
		t.Errorf("on disk: got %d octets, want at most 600", got)
	}
	if got := len(l.Marshal(now.Add(2*time.Hour), wall(now.Add(2*time.Hour), true))); got > 90 {
		t.Errorf("on disk when all is past: got %d octets, want at most 90", got)
	}
}

func TestLedgerForgetsTheSmallestBand(t *testing.T) {
	l := NewLedger()
	l.Spend(epoch, tenPercent, time.Minute)
	for i := range uint32(40) {
		r := onePercent
		r.LowHz += i
		l.Spend(epoch, r, time.Duration(i+1)*time.Millisecond)
	}
	if got := len(l.bands); got != maxBands {
		t.Errorf("got %d bands, want %d", got, maxBands)
	}
	if got := l.Used(epoch, tenPercent); got != time.Minute {
		t.Errorf("the busiest band: got %v, want 1m", got)
	}
}

func FuzzLoadLedger(f *testing.F) {
	l := NewLedger()
	l.Spend(epoch, tenPercent, time.Second)
	l.Reserve(onePercent, time.Second)
	f.Add(l.Marshal(epoch, wall(epoch, true)), true)
	f.Add([]byte{1, 1}, false)
	f.Fuzz(func(t *testing.T, b []byte, known bool) {
		l, err := LoadLedger(b, epoch, wall(epoch, known))
		if err != nil {
			return
		}
		again, err := LoadLedger(l.Marshal(epoch, wall(epoch, known)), epoch, wall(epoch, known))
		if err != nil {
			t.Fatalf("own form not read back: %v", err)
		}
		if got, want := again.Used(epoch, tenPercent), l.Used(epoch, tenPercent); got != want && want <= time.Hour {
			t.Fatalf("used: got %v, want %v", got, want)
		}
	})
}

// An end that lies farther ahead than the saved form can tell does not come back as one of long ago.
func TestLedgerSavesAnEndFarAhead(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, 30 * 24 * time.Hour, 100 * 365 * 24 * time.Hour} {
		l := NewLedger()
		l.Spend(epoch.Add(ahead), onePercent, 20*time.Second)
		back, err := LoadLedger(l.Marshal(epoch, wall(epoch, true)), epoch, wall(epoch, true))
		if err != nil || back.Used(epoch, onePercent) != 20*time.Second {
			t.Errorf("%v ahead: got %v, %v, want 20 s", ahead, back.Used(epoch, onePercent), err)
		}
	}
}
