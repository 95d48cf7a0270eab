package clock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	summer = time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)
	epoch  = time.Unix(3, 0)
)

// hand is a clock that stands.
type hand struct {
	at  time.Time
	err error
}

func (h *hand) now() time.Time { return h.at }
func (h *hand) set(t time.Time) error {
	if h.err == nil {
		h.at = t
	}
	return h.err
}

func TestForward(t *testing.T) {
	denied := errors.New("denied")
	for _, c := range []struct {
		what       string
		file       string // "": none
		now, least time.Time
		fails      error
		want, set  time.Time
		err        bool
	}{
		{"a new card", "", epoch, summer, nil, summer, summer, false},
		{"nothing is known", "", epoch, time.Time{}, nil, epoch, time.Time{}, false},
		{"after a restart", "2027-07-01T12:00:00Z\n", epoch, time.Time{}, nil, summer, summer, false},
		{"the system is newer than the file", "2026-12-01T00:00:00Z", epoch, summer, nil, summer, summer, false},
		{"a board with a battery", "2027-07-01T12:00:00Z", summer.Add(time.Hour), time.Time{}, nil, summer.Add(time.Hour), time.Time{}, false},
		{"a damaged file", "2027-07-", epoch, summer, nil, summer, summer, true},
		{"a year that cannot be", "2199-07-01T12:00:00Z", epoch, time.Time{}, nil, epoch, time.Time{}, true},
		{"the kernel refuses", "2027-07-01T12:00:00Z", epoch, time.Time{}, denied, epoch, time.Time{}, true},
	} {
		file := filepath.Join(t.TempDir(), "clock")
		if c.file != "" {
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h := &hand{at: c.now, err: c.fails}
		set, err := forward(h, file, c.least)
		if !h.at.Equal(c.want) || !set.Equal(c.set) || (err != nil) != c.err {
			t.Errorf("%s: shows %v, set %v, %v", c.what, h.at, set, err)
		}
	}
}

func TestSaveComesBack(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "clock")
	for _, at := range []time.Time{summer, summer.Add(time.Hour)} {
		if err := save(file, at.In(time.FixedZone("", 7200))); err != nil {
			t.Fatal(err)
		}
		if got, err := load(file); err != nil || !got.Equal(at) {
			t.Errorf("got %v, %v, want %v", got, err, at)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := save(filepath.Join(dir, "no", "clock"), summer); err == nil {
		t.Error("saved nowhere")
	}
}
