package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Report is what Inspect found.
type Report struct {
	Buckets    []BucketReport
	Records    int            // good records on disk, dead ones too
	Values     int            // live values
	Kinds      map[Kind]Share // of the live values
	Live       int64          // octets of live records
	Dead       int64          // all other octets
	Torn       int64          // octets behind the last whole batch: Open cuts them off
	Damage     []Damage
	Unreadable []Name // live values of which a piece is lost
	Leftovers  []string
	Quarantine []Quarantined
	Life       int64 // as Stats has it, for buckets of the usual size
	InUse      bool  // a process has the store open: what is torn may be what it is writing
	// Sealed says that the store is sealed and no key was given: checksums and sequences were verified, and
	// that is all. Values, Kinds and Live are then unknown, and what does not read at the end of the
	// last bucket counts as Torn.
	Sealed bool
	// FullScan is why the next Open has to read the whole log; empty when the snapshot spares it that, or nothing is known.
	FullScan string
}

// BucketReport is one bucket of a Report.
type BucketReport struct {
	Name        string
	Number      uint32 // numbers rise by one for ever
	First       uint64 // sequence of its first record
	Bytes, Live int64
	Damaged     bool
	Written     time.Time // when it was last written, as the file system says
}

// Share is what the values of a kind take.
type Share struct {
	Values int
	Octets int64 // of their records
}

// Name is what a value is called.
type Name struct {
	Kind Kind
	Key  string
}

// Check is Inspect without a key.
func Check(dir string) (*Report, error) { return Inspect(dir, LookOptions{}) }

// Inspect reads a whole store, verifies everything that can be, and changes nothing. It may be used while a
// process has the store open.
func Inspect(dir string, o LookOptions) (*Report, error) {
	v, err := look(dir, o)
	if err != nil {
		return nil, fmt.Errorf("store: checking %s: %w", dir, err)
	}
	defer v.Close()
	r, err := v.report()
	if err != nil {
		return nil, fmt.Errorf("store: checking %s: %w", dir, err)
	}
	return r, nil
}

func (v *View) report() (r *Report, err error) {
	if v.sealed {
		r, err = v.surface()
	} else if err = v.prove(); err == nil {
		r, err = v.depth()
	}
	if err == nil {
		r.Quarantine, err = quarantined(v.s.disk, v.s.dir)
	}
	return r, err
}

// depth is what can be said when every record can be opened.
func (v *View) depth() (*Report, error) {
	x := v.x
	r := &Report{Records: x.records, Values: x.index.count, Kinds: x.kinds(), Live: x.live, Torn: x.torn, Damage: x.damage,
		Leftovers: x.strays, InUse: v.inUse, FullScan: x.why}
	v.bucketReports(r)
	r.Dead -= r.Live + r.Torn
	var err error
	r.Unreadable, err = v.unreadable()
	return r, err
}

func (v *View) bucketReports(r *Report) {
	for _, b := range v.x.buckets {
		var written time.Time
		if st, err := v.held.files[b.path()].Stat(); err == nil {
			written = st.ModTime()
		}
		r.Buckets = append(r.Buckets, b.report(written))
		r.Dead += b.size
		r.Life = lifeOf(b.number, b.size, usualBucket)
	}
}

// kinds adds up what is live.
func (st *state) kinds() map[Kind]Share {
	out := map[Kind]Share{}
	st.index.each(func(_ uint32, it *item) {
		k := out[it.kind]
		k.Values++
		k.Octets += st.weight(it.id, &it.entry)
		out[it.kind] = k
	})
	return out
}

// broken lists the large values of which a chunk is lost, in the order of the log.
func (st *state) broken() (out []id) {
	for n, l := range st.large {
		if slices.ContainsFunc(l.chunks, func(c loc) bool { return c.len == 0 }) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b id) int { return cmp.Compare(st.index.get(a).seq, st.index.get(b).seq) })
	return out
}

// unreadable names them: the record with the list of the chunks is there, or it would not be live.
func (v *View) unreadable() (out []Name, err error) {
	r := reader{disk: v.held}
	for _, n := range v.s.broken() {
		p, _ := v.s.find(n)
		rec, err := r.any(p.put)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		out = append(out, Name{rec.kind, string(rec.key)})
	}
	return out, nil
}

// OK tells that nothing acknowledged is missing or altered.
func (r *Report) OK() bool { return len(r.Damage) == 0 && len(r.Unreadable) == 0 }

// surface verifies a sealed store as far as that goes without its key.
func (v *View) surface() (*Report, error) {
	r := &Report{Sealed: true, InUse: v.inUse, Leftovers: v.x.strays}
	for i, b := range v.x.buckets {
		seg, err := v.held.readFile(b.path())
		if err != nil {
			return nil, err
		}
		b.size = int64(len(seg))
		last := i == len(v.x.buckets)-1
		expected, hole := b.first, -1
		walk(seg, b.first, b.codec(nil), func(f found) {
			if hole >= 0 {
				r.Damage[hole].Records, hole = f.seq-expected, -1
			}
			r.Records++
			expected = f.seq + 1
		}, func(from, to int, reason string) {
			if last && to == len(seg) {
				r.Torn = int64(to - from)
				return
			}
			b.damaged, hole = true, len(r.Damage)
			r.Damage = append(r.Damage, Damage{File: b.path(), Offset: int64(from), Octets: int64(to - from), Reason: reason})
		})
	}
	v.bucketReports(r)
	r.Dead = 0
	return r, nil
}
