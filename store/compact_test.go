package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// hastyDisk leaves out the syncs of long runs that do not crash.
type hastyDisk struct{ disk }

type hastyLog struct{ appender }

func (d hastyDisk) openLog(dir string) (appender, error) {
	l, err := d.disk.openLog(dir)
	return hastyLog{l}, err
}

func (hastyDisk) syncDir(string) error { return nil }
func (hastyLog) sync() error           { return nil }

// life decides what dies when n values are kept: it names the key of the next put.
type life func(r *rand.Rand, step, n int) string

var lives = map[string]life{
	"uniform": func(r *rand.Rand, _, n int) string { return strconv.Itoa(r.IntN(n)) },
	"hot and cold": func(r *rand.Rand, _, n int) string { // nine of ten puts go to a tenth
		if r.IntN(10) > 0 {
			return strconv.Itoa(r.IntN(n / 10))
		}
		return strconv.Itoa(r.IntN(n))
	},
	"first in, first out": func(_ *rand.Rand, step, n int) string { return strconv.Itoa(step % n) },
}

// churn keeps n values of 1 KiB for many of their lives and returns how many octets of log came on one that was asked
// for, how much the disk held at most beside what lived, in buckets, and how much that was of what lived.
func churn(t *testing.T, s *Store, next life, n, steps int) (amplification, buckets, share float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	value := octets(1, 1000)
	var filled Stats
	for step := range n + steps {
		op := Op{Key: strconv.Itoa(step), Value: value}
		if step >= n {
			op.Key = next(r, step, n)
		}
		apply(t, s, op)
		if step == n {
			filled = s.Stats()
		}
		if st := s.Stats(); st.Live > 0 {
			buckets = max(buckets, float64(st.Disk-st.Live)/float64(s.o.BucketBytes))
			share = max(share, float64(st.Disk)/float64(st.Live))
		}
	}
	st := s.Stats()
	moved, written := st.Moved-filled.Moved, int64(steps)*int64(len(value)+60)
	return 1 + float64(moved)/float64(written), buckets, share
}

func TestMovingLiveRecordsCostsLittle(t *testing.T) {
	const n = 4000
	steps := 10 * n
	if testing.Short() {
		steps = 2 * n
	}
	for name, most := range map[string]float64{"uniform": 1.6, "hot and cold": 1.9, "first in, first out": 1} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{BucketBytes: 64 << 10, Reserve: -1, disk: hastyDisk{osDisk{}}})
			got, buckets, share := churn(t, s, lives[name], n, steps)
			t.Logf("%d values of 1 KiB in buckets of 64 KiB, %d puts: %.2f octets of log for one; at most %.0f buckets beside what lives, %.2f of it", n, steps, got, buckets, share)
			if got > most {
				t.Errorf("got %.2f octets of log for one, want at most %.2f", got, most)
			}
			if limit := 0.5*float64(s.Stats().Live)/float64(s.o.BucketBytes) + slackBuckets + 4; buckets > limit {
				t.Errorf("got %.0f buckets beside what lives, want at most %.0f", buckets, limit)
			}
		})
	}
}

func TestDeadOctetsWaitUntilMovingPays(t *testing.T) {
	d := &faultDisk{disk: hastyDisk{osDisk{}}, freeBytes: 1 << 40}
	s := open(t, t.TempDir(), Options{BucketBytes: 64 << 10, Reserve: 1 << 20, disk: d})
	value := octets(1, 1000)
	fill := func(step int) {
		for i := range 12 * 64 { // 12 buckets, of which each fourth value lives
			apply(t, s, Op{Key: fmt.Sprint(step, i), Value: value})
		}
		for i := range 12 * 64 {
			if i%4 > 0 {
				apply(t, s, Op{Key: fmt.Sprint(step, i), Delete: true})
			}
		}
	}
	fill(0)
	if got := s.Stats(); got.Moved != 0 {
		t.Errorf("with 12 buckets and room for more: got %d octets moved", got.Moved)
	}
	fill(1)
	fill(2)
	if got := s.Stats(); got.Moved == 0 || got.Disk > got.Live*3/2+20*s.o.BucketBytes {
		t.Errorf("with 36 buckets: got %d octets moved, %d on disk for %d", got.Moved, got.Disk, got.Live)
	}
	before := s.Stats()
	d.mu.Lock()
	d.freeBytes = 1<<20 + 10*s.o.BucketBytes
	d.mu.Unlock()
	for range 200 {
		apply(t, s, Op{Key: "more"})
		apply(t, s, Op{Key: "more", Delete: true})
	}
	if got := s.Stats(); got.Disk > before.Disk/2 {
		t.Errorf("near the reserve: got %d octets on disk, want at most half of %d", got.Disk, before.Disk)
	}
}

func TestBucketIsEmptiedInSteps(t *testing.T) {
	dir := t.TempDir()
	o := Options{BucketBytes: 4 << 20, Reserve: -1, eager: true}
	s := open(t, dir, o)
	m := model{}
	var puts, deletions []Op
	for i := range 600 {
		puts = append(puts, Op{Kind: 1, Key: strconv.Itoa(i), Value: octets(uint64(i), 8000)})
		if i%2 > 0 || i > 500 {
			deletions = append(deletions, Op{Kind: 1, Key: strconv.Itoa(i), Delete: true})
		}
	}
	for i := range puts {
		apply(t, s, puts[i])
	}
	first := s.buckets[0]
	for i := range deletions {
		apply(t, s, deletions[i])
	}
	m.apply(puts)
	m.apply(deletions)
	steps, moved := 0, s.Stats().Moved
	for ; !first.gone && steps < 100; steps++ {
		apply(t, s, Op{Key: "not there", Delete: true})
		now := s.Stats().Moved
		if now-moved > windowBytes+10_000 {
			t.Errorf("step %d: got %d octets moved at once, want at most %d", steps, now-moved, windowBytes)
		}
		moved = now
		if steps%4 == 3 { // it dies half-way
			s.Abandon()
			s = open(t, dir, o)
			m.check(t, s)
			first = s.buckets[0]
		}
	}
	if moved == 0 {
		t.Error("got nothing moved")
	}
	settle(t, s)
	m.check(t, s)
	s.Abandon()
	m.check(t, open(t, dir, o))
}
