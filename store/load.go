package store

import (
	"fmt"
	"path/filepath"
)

// load finds out what there is, mends what a crash left, and takes the result over.
func (s *Store) load() error {
	x, err := surveyOf(s.disk, s.dir, s.o.Cipher)
	if err != nil {
		return err
	}
	if x.snap != nil {
		if x.why, err = x.misfit(); err != nil {
			return err
		}
	}
	if x.why == "" && !s.o.readAll {
		err = x.follow()
	} else {
		err = x.read()
	}
	if err != nil {
		return err
	}
	return s.takeOver(x)
}

// takeOver makes a survey the store's state.
func (s *Store) takeOver(x *survey) error {
	if err := s.repair(x); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	s.state = x.state
	s.damage = x.damage[:min(len(x.damage), maxDamage)]
	s.meter.Damaged = len(x.damage)
	s.tail.judged = len(s.damage)
	s.tail.next, s.tail.last = x.next, x.cut.bucket
	if n := len(s.buckets); n > 0 {
		last := s.buckets[n-1]
		s.tail.last = max(s.tail.last, last.number)
		if !last.damaged && !last.old && last.size < s.o.BucketBytes {
			s.tail.bucket = last
		}
		s.meter.FullScan = x.why
	}
	s.snap.takeOver(x)
	return nil
}

// takeOver notes what the last snapshot was. One that did not fit is as good as none.
func (n *snapshot) takeOver(x *survey) {
	var begin position
	if x.snap != nil {
		begin, n.size, n.damage = x.snap.begin, x.snap.size, len(x.snap.damage)
		if x.why == "" {
			n.covers = x.snap.end
		}
	}
	for _, b := range x.buckets {
		if b.number == begin.bucket {
			n.backlog += b.size - begin.off
		} else if b.number > begin.bucket {
			n.backlog += b.size
		}
	}
}

// repair deletes left-overs and cuts the torn tail, newest bucket first: a crash in
// between leaves a shorter torn tail.
func (s *Store) repair(x *survey) error {
	for _, name := range x.strays {
		if err := s.disk.remove(name); err != nil {
			return err
		}
		if err := s.disk.syncDir(filepath.Dir(name)); err != nil {
			return err
		}
	}
	for n := len(x.buckets); n > 0 && x.buckets[n-1].number > x.cut.bucket; n-- {
		b := x.buckets[n-1]
		if err := s.discard(b); err != nil {
			return err
		}
		x.buckets = x.buckets[:n-1]
	}
	if x.torn > 0 {
		s.meter.Repairs++
	}
	return s.secure(x)
}

// secure cuts the newest bucket and syncs it: a process that was killed may have left there what the kernel has
// not written yet, and what Open shows has to outlive the power. Older buckets were synced when they were sealed, and
// all before the snapshot said so.
func (s *Store) secure(x *survey) error {
	if x.untouched() {
		return nil
	}
	if n := len(x.buckets); n > 0 {
		b := x.buckets[n-1]
		if b.ahead = false; b.number == x.cut.bucket { // an older one when the newest is lost
			b.size = min(b.size, x.cut.off)
		}
		if err := s.cutBucket(b); err != nil {
			return err
		}
	}
	return s.syncDir()
}

// cutBucket shortens a bucket's file to its size for good.
func (s *Store) cutBucket(b *bucket) error {
	return s.disk.truncate(b.path(), b.size)
}

// discard deletes for good what a failed or torn batch left.
func (s *Store) discard(b *bucket) error {
	if err := s.unlink(b); err != nil {
		return err
	}
	return s.syncDir()
}

func (s *Store) unlink(b *bucket) error {
	err := s.disk.remove(b.path())
	if err == nil && b.old {
		err = s.disk.remove(b.dir)
	}
	return err
}

// syncDir makes what was made and unlinked durable. Buckets that went before it cannot come back.
func (s *Store) syncDir() error {
	if err := s.disk.syncDir(s.dir); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return nil
}
