package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Repaired is what Repair did, or with DryRun would do.
type Repaired struct {
	Torn       int64    // octets of a write that was cut off: removed
	Leftovers  []string // of a crash: removed
	Damage     []Damage
	Rescued    int // live records of damaged buckets that were written again
	Octets     int64
	Quarantine []Quarantined // what was put aside now
	Lost       []Loss
	// Dropped are values of which a piece is lost: deleted, for they can never be read again.
	Dropped []Name
}

// Changed tells whether there was something to do.
func (r *Repaired) Changed() bool {
	return r.Torn > 0 || len(r.Leftovers)+len(r.Damage)+len(r.Quarantine)+len(r.Dropped) > 0
}

// RepairOptions tune Repair.
type RepairOptions struct {
	Options
	DryRun   bool
	Progress func(done, total int64) // as LookOptions has it, of the reading
}

// Repair mends a store that nobody has open. Besides what Open does it writes what is whole in damaged buckets
// again at the end of the log, puts those buckets aside in the directory quarantine, and deletes values of
// which a piece is lost. It may be cut off anywhere and called again. Nothing undamaged is lost or becomes older.
func Repair(dir string, o RepairOptions) (*Repaired, error) {
	o.Options.fill()
	r, err := repair(dir, &o)
	if err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, err
		}
		return nil, fmt.Errorf("store: repairing %s: %w", dir, err)
	}
	return r, nil
}

func repair(dir string, o *RepairOptions) (*Repaired, error) {
	if _, err := o.disk.readDir(dir); err != nil {
		return nil, err
	}
	l, err := o.lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	defer l.release()
	v, err := look(dir, LookOptions{Cipher: o.Cipher, Progress: o.Progress, disk: o.disk})
	if err != nil {
		return nil, err
	}
	defer v.Close()
	r, err := v.prognosis()
	if err != nil || o.DryRun {
		return r, err
	}
	s := newStore(dir, o.Options)
	if err := s.takeOver(v.x); err != nil {
		return nil, err
	}
	err = s.heal(v, r)
	if err = errors.Join(err, s.tail.close()); err == nil && r.Changed() {
		err = s.renewSnapshot()
	}
	return r, err
}

// renewSnapshot makes the index of what is there now. The old one told of damage that is no more.
func (s *Store) renewSnapshot() error {
	if err := s.forgetSnapshot(); err != nil {
		return err
	}
	s.damage, s.snap = nil, snapshot{}
	s.closeSnapshot() // without one the next Open reads the log
	return s.syncDir()
}

// lock keeps others out; a dry run leaves no trace.
func (o *RepairOptions) lock(path string) (*lockFile, error) {
	if !o.DryRun {
		return acquire(path)
	}
	l, err := lock(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return &lockFile{}, nil
	}
	return l, err
}

// prognosis is what will be done.
func (v *View) prognosis() (*Repaired, error) {
	if v.sealed {
		return nil, ErrSealed
	}
	if err := v.prove(); err != nil {
		return nil, err
	}
	r := &Repaired{Torn: v.x.torn, Leftovers: v.x.strays, Damage: v.x.damage}
	var err error
	if r.Dropped, err = v.unreadable(); err != nil {
		return nil, err
	}
	if r.Lost, err = v.losses(); err != nil {
		return nil, err
	}
	for _, b := range v.x.buckets {
		if b.damaged {
			r.Quarantine = append(r.Quarantine, Quarantined{b.name(), b.size})
		}
	}
	return r, v.countRescued(r)
}

func (v *View) countRescued(r *Repaired) error {
	damaged := map[string]bool{}
	for _, q := range r.Quarantine {
		damaged[q.Name] = true
	}
	if len(damaged) == 0 {
		return nil
	}
	r.Rescued = len(v.hidden)
	for _, l := range v.hidden {
		r.Octets += int64(l.len)
	}
	return v.Records(func(i RecordInfo) error {
		if damaged[i.Bucket] && i.State == StateLive && i.Type != typeNames[typeHead] {
			r.Rescued++
			r.Octets += i.Octets
		}
		return nil
	})
}

// heal empties the damaged buckets one by one. Until one is put aside it stays what it was, so a crash
// costs work and nothing else.
func (s *Store) heal(v *View, r *Repaired) error {
	for _, q := range r.Quarantine {
		b := s.called(q.Name)
		seg, err := v.held.readFile(b.path())
		if err == nil {
			err = s.rescue(v, b, seg[:min(b.size, int64(len(seg)))])
		}
		if err == nil {
			err = s.putAside(b)
		}
		if err != nil {
			return err
		}
	}
	if err := s.buryAgain(v.revived); err != nil {
		return err
	}
	return s.drop(r.Dropped)
}

// rescue writes again what is live in a damaged bucket, also what damage hides.
func (s *Store) rescue(v *View, b *bucket, seg []byte) error {
	var hidden []record
	r := reader{disk: v.held}
	defer r.close()
	for _, l := range v.hiddenIn(b) {
		rec, err := r.any(v.s.piece(l))
		if err != nil {
			return err
		}
		hidden = append(hidden, rec)
	}
	return s.move(b, seg, hidden...)
}

func (s *Store) called(name string) *bucket {
	for _, b := range s.buckets {
		if b.name() == name {
			return b
		}
	}
	return nil
}

// drop deletes values in one batch.
func (s *Store) drop(names []Name) error {
	if len(names) == 0 {
		return nil
	}
	t, err := s.begin()
	if err != nil {
		return err
	}
	ops := make([]Op, len(names))
	for i, n := range names {
		ops[i] = Op{Kind: n.Kind, Key: n.Key, Delete: true}
	}
	t.identify(ops)
	if err = t.stage(ops); err == nil {
		err = t.commit()
	}
	if err != nil {
		t.rollback()
	}
	return err
}
