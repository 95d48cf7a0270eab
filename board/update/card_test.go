package update

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/board/card"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// aCard is a card in files: the slots beside boot partition and data.
func aCard(t *testing.T) Card {
	t.Helper()
	dir := t.TempDir()
	c := Card{Disk: filepath.Join(dir, "card"), Running: card.SlotA, Release: running, BootDir: filepath.Join(dir, "boot"), History: filepath.Join(dir, "update.json")}
	if err := os.Mkdir(c.BootDir, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(c.BootDir, card.AutobootFile), text)
	for _, slot := range []int{card.SlotA, card.SlotB} {
		put(t, Partition(c.Disk, slot), another())
	}
	return c
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// restarted is the card after a start of the other slot, with what is in it.
func (c Card) restarted(r card.Release) Card {
	c.Running, c.Release = card.Other(c.Running), r
	return c
}

func (c Card) defaultSlot(t *testing.T) int {
	t.Helper()
	a, err := c.autoboot()
	if err != nil {
		t.Fatal(err)
	}
	return a.Default
}

func (c Card) staged(t *testing.T, r card.Release, s signer) {
	t.Helper()
	f, err := Open(bytes.NewReader(updateOf(t, r, slotOf(1), s)), s.keys())
	if err == nil {
		err = c.Stage(t.Context(), f, noon, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c Card) start(t *testing.T) State {
	t.Helper()
	s, err := c.Started(noon)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUpdateIsTriedAndKept(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	before := get(t, Partition(c.Disk, card.SlotA))
	if st := c.start(t); st.Trial || st.Result != "" || st.Other != nil {
		t.Fatalf("a new card: %+v", st)
	}
	if err := c.Try(noon); !errors.Is(err, ErrNothing) {
		t.Fatalf("nothing was staged: got %v", err)
	}
	c.staged(t, next, s)
	if got := get(t, Partition(c.Disk, card.SlotB)); !bytes.Equal(got, whole(slotOf(1), slotSize)) {
		t.Error("slot B is not the update")
	}
	if st := c.start(t); st.Result != "0.5.0 is in slot B and was not tried yet" || st.Other == nil || st.Other.Release != next {
		t.Errorf("staged: %+v", st)
	}
	if err := c.Try(noon); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(updateOf(t, next, sector, s)), s.keys())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stage(t.Context(), f, noon, nil); !errors.Is(err, ErrAsked) {
		t.Errorf("staged while the machine goes down: got %v", err)
	}
	new := c.restarted(next)
	if st := new.start(t); !st.Trial || st.Default != card.SlotA || st.Result != "0.5.0 is being tried" {
		t.Errorf("on trial: %+v", st)
	}
	if err := new.Try(noon); !errors.Is(err, ErrTrial) {
		t.Errorf("a trial in a trial: got %v", err)
	}
	if err := new.Stage(t.Context(), f, noon, nil); !errors.Is(err, ErrTrial) {
		t.Errorf("staged over the default: got %v", err)
	}
	for range 2 { // also when it is asked for again
		if err := new.Commit(noon); err != nil {
			t.Fatal(err)
		}
	}
	st := new.start(t)
	if st.Trial || st.Default != card.SlotB || st.Result != "0.5.0 was tried and is kept" || st.Other == nil || *st.Other != (System{card.SlotA, running}) {
		t.Errorf("kept: %+v", st)
	}
	if !bytes.Equal(before, get(t, Partition(c.Disk, card.SlotA))) {
		t.Error("the slot that ran was written to")
	}
	what := ""
	for _, e := range st.Events {
		what += e.What + " "
	}
	if what != "staged asked trial kept " {
		t.Errorf("the history is %q", what)
	}
}

func TestOldSystemCanBeTriedAgain(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	c.staged(t, next, s)
	if err := c.Try(noon); err != nil {
		t.Fatal(err)
	}
	new := c.restarted(next)
	new.start(t)
	if err := errors.Join(new.Commit(noon), new.Try(noon)); err != nil {
		t.Fatal(err)
	}
	if st := c.start(t); !st.Trial || st.Result != "0.4.1 is being tried" {
		t.Errorf("on trial: %+v", st)
	}
	if err := c.Commit(noon); err != nil || c.defaultSlot(t) != card.SlotA {
		t.Errorf("got %v, default %d", err, c.defaultSlot(t))
	}
}

func TestTrialThatFails(t *testing.T) {
	for why, want := range map[string]string{
		"":                                       "0.5.0 was tried and did not become ready (it did not start, or the power failed meanwhile); 0.4.1 runs again",
		"the gateway said nothing for 2 minutes": "0.5.0 was tried and did not become ready (the gateway said nothing for 2 minutes); 0.4.1 runs again",
	} {
		c := aCard(t)
		c.staged(t, next, newSigner(t, 1))
		if err := c.Try(noon); err != nil {
			t.Fatal(err)
		}
		if why != "" {
			new := c.restarted(next)
			new.start(t)
			if err := new.GiveUp(why); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // said once, and shown until there is news
			if st := c.start(t); st.Trial || st.Result != want || st.Default != card.SlotA {
				t.Errorf("got %+v, want %q", st, want)
			}
		}
		if n := len(c.start(t).Events); n > 4 {
			t.Errorf("%d events", n)
		}
	}
}

// TestPowerCutsWhileStagingOnACard says what Try makes of a slot that was cut off, and that nothing else was touched.
func TestPowerCutsWhileStagingOnACard(t *testing.T) {
	s := newSigner(t, 1)
	file := updateOf(t, next, slotOf(1), s)
	for limit := 0; ; limit++ {
		c := aCard(t)
		if err := c.note(func(j *journal) { j.Other = &System{card.SlotB, next} }); err != nil { // until the next one begins
			t.Fatal(err)
		}
		slotA, autoboot := get(t, Partition(c.Disk, card.SlotA)), get(t, filepath.Join(c.BootDir, card.AutobootFile))
		d := newFakeDevice(slotSize, limit, 1)
		c.Open = func(path string) (Device, error) {
			if path != Partition(c.Disk, card.SlotB) {
				t.Fatalf("opened %s", path)
			}
			if st, _ := c.State(); st.Other != nil {
				t.Fatal("the slot still counts as whole")
			}
			return d, nil
		}
		f, err := Open(bytes.NewReader(file), s.keys())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Stage(t.Context(), f, noon, nil)
		if !bytes.Equal(slotA, get(t, Partition(c.Disk, card.SlotA))) || !bytes.Equal(autoboot, get(t, filepath.Join(c.BootDir, card.AutobootFile))) {
			t.Fatal("the running system or autoboot.txt changed")
		}
		tried := c.Try(noon)
		if err == nil {
			if tried != nil {
				t.Errorf("staged, and then: %v", tried)
			}
			return
		}
		if !errors.Is(err, errDown) || !errors.Is(tried, ErrNothing) {
			t.Fatalf("after %d: %v, then %v", limit, err, tried)
		}
	}
}

// cutFile is autoboot.txt on a card whose power fails: a write of one sector is there whole or not at all.
type cutFile struct {
	t     *testing.T
	path  string
	limit *int
}

func (c cutFile) WriteAt(p []byte, at int64) (int, error) {
	if at/card.SectorSize != (at+int64(len(p))-1)/card.SectorSize {
		c.t.Errorf("%d octets at %d are more than a sector", len(p), at)
	}
	if st, err := os.Stat(c.path); err != nil || st.Size() != at+int64(len(p)) {
		c.t.Errorf("the write changes the length: %v", err)
	}
	if *c.limit--; *c.limit < 0 {
		return 0, errDown
	}
	f, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.WriteAt(p, at)
}

func (c cutFile) Sync() error {
	if *c.limit--; *c.limit < 0 {
		return errDown
	}
	return nil
}

func (c cutFile) Close() error { return nil }

// TestPowerCutsInACommit cuts the power at each step: afterwards one of the two systems starts, and is known to be kept
// or to have failed.
func TestPowerCutsInACommit(t *testing.T) {
	for limit := range 6 {
		c := aCard(t)
		c.staged(t, next, newSigner(t, 1))
		if err := c.Try(noon); err != nil {
			t.Fatal(err)
		}
		new := c.restarted(next)
		new.start(t)
		history := new.History
		left := limit
		new.inPlace = func(path string) (inPlace, error) { return cutFile{t, path, &left}, nil }
		if limit == 2 { // all of autoboot.txt and nothing of the history
			new.History = filepath.Join(t.TempDir(), "none", "x")
		}
		err := new.Commit(noon)
		if (err == nil) != (limit > 2) {
			t.Errorf("%d: got %v", limit, err)
		}
		new.History = history
		var st State
		if c.defaultSlot(t) == card.SlotB {
			st = new.start(t)
		} else {
			st = c.start(t)
		}
		want := "0.5.0 was tried and is kept"
		if limit == 0 {
			want = "0.5.0 was tried and did not become ready (it did not start, or the power failed meanwhile); 0.4.1 runs again"
		}
		if st.Trial || st.Result != want {
			t.Errorf("%d: got %+v, want %q", limit, st, want)
		}
	}
}

func TestAutobootStaysWhereItIs(t *testing.T) {
	c := aCard(t)
	path := filepath.Join(c.BootDir, card.AutobootFile)
	put(t, path, append(get(t, path), "\n\n\n\n\n"...))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	calls := ""
	c.Writable = func(yes bool) error {
		if calls += map[bool]string{true: "w", false: "r"}[yes]; !yes && c.defaultSlot(t) != card.SlotB {
			t.Error("read-only before it was written")
		}
		return nil
	}
	if err := c.restarted(next).Commit(noon); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() || calls != "wr" {
		t.Errorf("got %v, %v and %q, want the same file of the same length", after, err, calls)
	}
	if got := c.defaultSlot(t); got != card.SlotB {
		t.Errorf("default %d", got)
	}
}

// TestOpeningAutobootChangesNothing: between opening and writing the power may fail as well.
func TestOpeningAutobootChangesNothing(t *testing.T) {
	c := aCard(t)
	path := filepath.Join(c.BootDir, card.AutobootFile)
	before := get(t, path)
	f, err := openInPlace(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := get(t, path); !bytes.Equal(got, before) {
		t.Errorf("now it is %q", got)
	}
}

func TestAutobootThatCannotBeWrittenIsLeftAlone(t *testing.T) {
	text, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "[all]\n", string(text) + strings.Repeat("#", 600), "tryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3"} {
		c := aCard(t)
		path := filepath.Join(c.BootDir, card.AutobootFile)
		put(t, path, []byte(bad))
		if err := c.restarted(next).Commit(noon); err == nil {
			t.Errorf("%q: committed", bad)
		}
		if got := string(get(t, path)); got != bad {
			t.Errorf("%q: now it is %q", bad, got)
		}
		if _, err := c.State(); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	c := aCard(t)
	c.Writable = func(bool) error { return fs.ErrPermission }
	if err := c.restarted(next).Commit(noon); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if c.defaultSlot(t) != card.SlotA {
		t.Error("written all the same")
	}
}

// TestDamagedAutobootIsMendedAtTheStart: owners edit what lies on the boot partition.
func TestDamagedAutobootIsMendedAtTheStart(t *testing.T) {
	text, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "[all]\n", "boot_partition=2\n", strings.Repeat("\x00", len(text)), "\ufeff" + string(text) + strings.Repeat("#", 600),
		"tryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3", "none", "a directory"} {
		for _, trial := range []bool{false, true} {
			c := aCard(t)
			if trial {
				if err := c.note(func(j *journal) { j.Asked = &asked{System: System{card.SlotB, next}, From: running} }); err != nil {
					t.Fatal(err)
				}
				c = c.restarted(next)
			}
			path := filepath.Join(c.BootDir, card.AutobootFile)
			switch put(t, path, []byte(bad)); bad {
			case "none":
				err = os.Remove(path)
			case "a directory":
				err = errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
			}
			if err != nil {
				t.Fatal(err)
			}
			calls := ""
			c.Writable = func(yes bool) error { calls += map[bool]string{true: "w", false: "r"}[yes]; return nil }
			st, err := c.Started(noon)
			if bad == "a directory" {
				if err == nil || st.Mended {
					t.Errorf("a directory: got %+v, %v", st, err)
				}
				continue
			}
			if err != nil || !st.Mended || st.Default != card.SlotA || st.Trial != trial || calls != "wr" {
				t.Errorf("%.20q, trial %v: got %+v, %v, %s", bad, trial, st, err, calls)
			}
			if st := c.start(t); st.Mended || calls != "wr" {
				t.Errorf("%.20q: mended twice", bad)
			}
		}
	}
}

func TestDamagedHistoryIsNone(t *testing.T) {
	for _, bad := range []string{"", "{", "null", `{"events":[{"what":"surprise"}]}`, strings.Repeat(" ", maxJournal) + `{"events":[{"what":"kept","version":"9"}]}`} {
		c := aCard(t)
		put(t, c.History, []byte(bad))
		if st := c.start(t); st.Result != "" || st.Other != nil {
			t.Errorf("%.20q: %+v", bad, st)
		}
		c.staged(t, next, newSigner(t, 1))
		if st := c.start(t); st.Other == nil {
			t.Errorf("%.20q: nothing is staged", bad)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	c.Open = func(string) (Device, error) { return newFakeDevice(4096, -1, 0), nil }
	file := updateOf(t, next, sector, s)
	for range 2 * maxEvents {
		f, err := Open(bytes.NewReader(file), s.keys())
		if err == nil {
			err = c.Stage(t.Context(), f, noon, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if st := c.start(t); len(st.Events) != maxEvents {
		t.Errorf("%d events", len(st.Events))
	}
}

func TestOnlyOneStages(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	file := updateOf(t, next, sector, s)
	tries := 0
	c.Open = func(path string) (Device, error) {
		if tries++; tries == 1 {
			f, err := Open(bytes.NewReader(file), s.keys())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Stage(t.Context(), f, noon, nil); !errors.Is(err, ErrBusy) {
				t.Errorf("a second update: got %v", err)
			}
			if err := c.Try(noon); !errors.Is(err, ErrBusy) {
				t.Errorf("a trial meanwhile: got %v", err)
			}
		}
		return OpenSlot(path)
	}
	c.staged(t, next, s)
	if tries != 1 {
		t.Errorf("opened %d times", tries)
	}
}

func TestFits(t *testing.T) {
	m := Manifest{Version: "0.5.0", Build: "bbbbbbbb", Board: card.BoardPi, Created: "2026-11-01T00:00:00Z"}
	for _, c := range []struct {
		name  string
		runs  card.Release
		older bool
		want  error
	}{
		{"as old", running, false, nil},
		{"no date", card.Release{Board: card.BoardPi}, false, nil},
		{"newer", card.Release{Board: card.BoardPi, Created: "2026-10-31T23:59:59Z"}, false, nil},
		{"older", card.Release{Board: card.BoardPi, Created: "2026-11-01T00:00:01Z"}, false, ErrOlder},
		{"older and allowed", card.Release{Board: card.BoardPi, Created: "2026-11-01T00:00:01Z"}, true, nil},
		{"the same", card.Release{Board: card.BoardPi, Build: "bbbbbbbb"}, true, ErrSameBuild},
		{"another board", card.Release{Board: "toaster"}, true, ErrBoard},
		{"no board", card.Release{}, true, ErrBoard},
	} {
		if err := Fits(m, c.runs, c.older); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestPartitionNames(t *testing.T) {
	for disk, want := range map[string]string{"/dev/mmcblk0": "/dev/mmcblk0p3", "/dev/sda": "/dev/sda3", "/dev/vda": "/dev/vda3", "/dev/nvme0n1": "/dev/nvme0n1p3"} {
		if got := Partition(disk, 3); got != want {
			t.Errorf("%s: got %s", disk, got)
		}
	}
}

func TestKeys(t *testing.T) {
	a, b := newSigner(t, 1).pub.String(), newSigner(t, 2).pub.String()
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0}, {a, 1}, {a + "\n" + b + "\n", 2}, {"# mine\n\nuntrusted comment: minisign public key X\n" + a + "\r\n", 1},
	} {
		if got, err := ParseKeys([]byte(c.text)); err != nil || len(got) != c.want {
			t.Errorf("%q: got %d, %v", c.text, len(got), err)
		}
	}
	for _, bad := range []string{"RWabc", a + "x", a + " " + b, "ssh-ed25519 AAAA", strings.Repeat(a+"\n", maxKeys+1)} {
		if got, err := ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%.90q: got %d", bad, len(got))
		}
	}
	file := filepath.Join(t.TempDir(), "keys")
	if _, err := LoadKeys(file, nil); !errors.Is(err, ErrNoKeys) {
		t.Errorf("no file and no key: got %v", err)
	}
	put(t, file, []byte(a+"\n"))
	if got, err := LoadKeys(file, []string{b}); err != nil || len(got) != 2 {
		t.Errorf("got %d, %v", len(got), err)
	}
	if _, err := LoadKeys(file, []string{"nonsense"}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
	put(t, file, []byte("nonsense\n"))
	if _, err := LoadKeys(file, nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
