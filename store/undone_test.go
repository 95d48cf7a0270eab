package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// lazyDisk is a file system that does of unlinks, renames and the ends of runways whatever it likes until they are synced.
type lazyDisk struct {
	disk
	undo map[string][]byte // what a power cut may bring back
}

type lazyLog struct {
	appender
	d    *lazyDisk
	path string
}

func (d *lazyDisk) keep(name string) {
	if _, there := d.undo[name]; there {
		return
	}
	if b, err := os.ReadFile(name); err == nil {
		d.undo[name] = b
	}
}

func (d *lazyDisk) remove(name string) error {
	d.keep(name)
	return d.disk.remove(name)
}

func (d *lazyDisk) rename(from, to string) error {
	d.keep(to)
	return d.disk.rename(from, to)
}

func (d *lazyDisk) syncDir(dir string) error {
	clear(d.undo)
	return d.disk.syncDir(dir)
}

func (d *lazyDisk) openLog(dir string) (appender, error) {
	files, _ := filepath.Glob(filepath.Join(dir, "0*"))
	l, err := d.disk.openLog(dir)
	return &lazyLog{l, d, files[len(files)-1]}, err
}

func (l *lazyLog) trim(size int64) error {
	l.d.keep(l.path)
	return l.appender.trim(size)
}

// powerCut undoes some of what was not synced.
func (d *lazyDisk) powerCut(t *testing.T, r *rand.Rand) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(d.undo)) {
		if r.IntN(3) > 0 {
			if err := os.WriteFile(name, d.undo[name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	clear(d.undo)
}

func TestWhatAPowerCutUndoesInADirectoryDoesNoHarm(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { forgetful(t, seed) })
	}
}

func forgetful(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	d := &lazyDisk{osDisk{}, map[string][]byte{}}
	o := tiny
	o.disk, o.snapshotBytes = d, 1<<(10+seed%8)
	dir, m := t.TempDir(), model{}
	for range 40 {
		if rep, err := Check(dir); err != nil || !rep.OK() || rep.Torn > 0 {
			t.Fatalf("Check: got %+v, %v, want no fault", rep, err)
		}
		s := open(t, dir, o)
		if st := s.Stats(); st.Damaged != 0 || st.FullScan != "" && st.FullScan != "there is no snapshot" {
			t.Fatalf("got %+v, %v", st, s.known())
		}
		m.check(t, s)
		sameAsScanned(t, dir, s)
		for range r.IntN(30) {
			ops := randomBatch(r)
			write := s.Apply
			if r.IntN(9) == 0 {
				ops[0] = Op{Kind: 1, Key: "stream", Value: octets(r.Uint64(), r.IntN(600_000))}
				write = func(ops ...Op) error { return stream(s, ops[0], ops[1:]...) }
			}
			if err := write(ops...); err != nil {
				t.Fatal(err)
			}
			m.apply(ops)
		}
		if r.IntN(4) == 0 {
			s.Close()
		} else {
			s.stop() // its last work done
			s.lock.release()
		}
		d.powerCut(t, r)
	}
}
