package store

import (
	"fmt"
	"path/filepath"
)

// Report is what Check found.
type Report struct {
	Buckets []BucketReport
	Records int   // good records on disk, dead ones too
	Values  int   // live values
	Live    int64 // octets of live records
	Dead    int64 // all other octets
	Torn    int64 // octets behind the last whole batch: Open cuts them off
	Damage  []Damage
	InUse   bool // a process has the store open: what is torn may be what it is writing
}

// BucketReport is one bucket of a Report.
type BucketReport struct {
	Name        string
	First       uint64 // sequence of its first record
	Bytes, Live int64
	Damaged     bool
}

// Check reads a whole store and changes nothing. It may be used while a process has the
// store open.
func Check(dir string) (*Report, error) {
	x, err := examine(osDisk{}, dir, nil)
	if err != nil {
		return nil, fmt.Errorf("store: checking %s: %w", dir, err)
	}
	r := &Report{Records: x.records, Values: x.index.count, Live: x.live, Torn: x.torn, Damage: x.damage}
	for _, b := range x.buckets {
		r.Buckets = append(r.Buckets, BucketReport{Name: b.name(), First: b.first, Bytes: b.size,
			Live: b.liveBytes(), Damaged: b.damaged})
		r.Dead += b.size
	}
	r.Dead -= r.Live + r.Torn
	r.InUse = locked(filepath.Join(dir, lockName))
	return r, nil
}

// OK tells that nothing acknowledged is missing or altered.
func (r *Report) OK() bool { return len(r.Damage) == 0 }
