//go:build unix

package lock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func holder(owner string, pid int, d time.Duration) Holder {
	return Holder{Owner: owner, PID: pid, Purpose: "road", Since: now, Until: now.Add(d)}
}

func mustTake(t *testing.T, b Book, h Holder) (*Lock, *Holder) {
	t.Helper()
	l, stale, err := b.Take(now, h)
	if err != nil {
		t.Fatal(err)
	}
	return l, stale
}

// wantHeld checks that a bench is refused to bert and who has it.
func wantHeld(t *testing.T, b Book, owner string, running bool) {
	t.Helper()
	_, _, err := b.Take(now, holder("bert", 2, time.Hour))
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.Owner != owner || held.Running != running || held.Remedy() == "" || !strings.Contains(err.Error(), "until 2026-11-2") {
		t.Errorf("got %v (%+v), want held by %s, running %v", err, held, owner, running)
	}
}

func TestARunKeepsOthersOffAndEndsWithNothingLeft(t *testing.T) {
	b := Book{t.TempDir(), "attic"}
	l, _ := mustTake(t, b, holder("anna", 1, time.Minute))
	wantHeld(t, b, "anna", true)
	if _, _, err := b.Take(now.Add(time.Hour), holder("bert", 2, time.Hour)); err == nil {
		t.Error("a run that lasts longer than it thought was taken the bench away")
	}
	if h, running, err := b.Status(now); err != nil || !running || h.Owner != "anna" {
		t.Errorf("status %+v %v %v", h, running, err)
	}
	if _, err := b.Release(now, "anna", true); err == nil {
		t.Error("a run that goes on lost its lock")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if h, running, err := b.Status(now); err != nil || running || h != nil {
		t.Errorf("after the run: %+v %v %v", h, running, err)
	}
}

func TestAReservationOutlivesItsProcessAndItsOwnersRuns(t *testing.T) {
	b := Book{t.TempDir(), "attic"}
	if _, err := b.Reserve(now, holder("anna", 0, time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, b, "anna", false)
	l, stale := mustTake(t, b, holder("anna", 7, time.Minute))
	if stale != nil {
		t.Errorf("took over %v from herself", stale)
	}
	l.Close()
	wantHeld(t, b, "anna", false)
	if _, err := b.Release(now, "bert", false); err == nil {
		t.Error("bert released anna's reservation")
	}
	if was, err := b.Release(now, "anna", false); err != nil || was.Owner != "anna" {
		t.Errorf("release: %v %v", was, err)
	}
	mustTake(t, b, holder("bert", 2, time.Hour))
}

func TestWhatIsStaleIsTakenOverWithItsName(t *testing.T) {
	over := now.Add(-time.Hour)
	for text, owner := range map[string]string{
		`{"owner":"anna","since":"2026-11-22T08:00:00Z","until":"` + over.Format(time.RFC3339) + `"}`: "anna",
		`{"owner":"cleo","pid":999999,"since":"2026-11-22T08:00:00Z","until":"2027-01-01T00:00:00Z"}`: "cleo",
		`{"owner":`: "",
		``:          "",
	} {
		b := Book{t.TempDir(), "attic"}
		if err := os.WriteFile(b.Path(), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if h, _, err := b.Status(now); err != nil || h != nil {
			t.Errorf("%s: status %v %v", text, h, err)
		}
		l, stale := mustTake(t, b, holder("bert", 2, time.Hour))
		if (stale == nil) != (owner == "") || stale != nil && stale.Owner != owner {
			t.Errorf("%s: took over %v", text, stale)
		}
		l.Close()
		if h, _, _ := b.Status(now); h != nil {
			t.Errorf("%s: left %v", text, h)
		}
	}
}

func TestForceTakesAReservationAway(t *testing.T) {
	b := Book{t.TempDir(), "attic"}
	if _, err := b.Reserve(now, holder("anna", 0, time.Hour)); err != nil {
		t.Fatal(err)
	}
	if was, err := b.Release(now, "bert", true); err != nil || was.Owner != "anna" {
		t.Errorf("got %v %v", was, err)
	}
}

func TestReservationsAreBounded(t *testing.T) {
	b := Book{t.TempDir(), "attic"}
	for _, d := range []time.Duration{0, -time.Hour, Longest + 1} {
		if _, err := b.Reserve(now, holder("anna", 0, d)); err == nil {
			t.Errorf("reserved for %v", d)
		}
	}
}

func TestADirectoryThatIsMissingIsSaid(t *testing.T) {
	b := Book{filepath.Join(t.TempDir(), "none"), "attic"}
	if _, _, err := b.Take(now, holder("anna", 1, time.Hour)); err == nil || !strings.Contains(err.Error(), "make the directory") {
		t.Errorf("got %v", err)
	}
}
