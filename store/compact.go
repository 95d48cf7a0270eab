package store

import "errors"

// restAfterFailure is how many groups pass before compaction is tried again.
const restAfterFailure = 64

var errRotten = errors.New("store: damage found")

// tidy gives space back after a commit: it is the only time the store writes unasked, so
// an idle store writes nothing.
func (s *Store) tidy() {
	if s.gone.Load() || s.tail.cut != nil || len(s.tail.broken) > 0 {
		return
	}
	if s.tail.rest > 0 {
		s.tail.rest--
		return
	}
	s.quarantine()
	err := s.removeDead()
	if err == nil {
		err = s.compact()
	}
	if err != nil {
		s.tail.rest = restAfterFailure
		return
	}
	s.followSnapshot()
}

// removeDead unlinks buckets without anything live. Until the directory is synced they may come back after a
// power cut, so the tombstones that guard against them stay: the sync that the next bucket needs anyway lets
// those go too.
func (s *Store) removeDead() error {
	for {
		b := s.takeDead()
		if b == nil {
			return nil
		}
		if err := s.unlink(b); err != nil {
			s.mu.Lock()
			b.gone = false
			s.meter.Failures++
			s.mu.Unlock()
			return err
		}
	}
}

// takeDead picks a dead bucket and marks it as gone in one step, for nobody to pin it in between. Buckets of the
// last batch stay until another follows: Open would take a batch that has lost some of its records for a torn one.
func (s *Store) takeDead() *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone.Load() {
		return nil
	}
	b := s.pick(func(b *bucket) bool { return b.number < s.tail.begun && b.liveBytes() == 0 })
	if b != nil {
		b.gone = true
	}
	return b
}

// Live records are written again only where it pays: most of what a gateway holds dies by itself, of delivery or age.
const (
	slackBuckets = 16 // that may be dead before anything is moved
	pressBuckets = 16 // room below which dead octets are wanted at once
)

// pays tells whether dead octets are worth moving live ones for: there are more than half of the live ones and slackBuckets, or
// a quarter of the quota where that is less; or the disk is nearly full.
func (s *Store) pays() bool {
	var total, live int64
	for _, b := range s.buckets {
		if !b.gone && !b.damaged && b.pins == 0 {
			total, live = total+b.size, live+b.liveBytes()
		}
	}
	slack := max(2*s.o.BucketBytes, min(slackBuckets*s.o.BucketBytes, s.o.MaxBytes/4))
	if s.o.eager || total > live+live/2+slack {
		return true
	}
	if total < live+2*s.o.BucketBytes {
		return false
	}
	free, err := s.disk.free(s.dir)
	return err == nil && free < max(0, s.o.Reserve)+pressBuckets*s.o.BucketBytes
}

// sparse is the bucket with the least that lives, if at least half of it is dead and moving pays.
func (s *Store) sparse() (least *bucket) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	share := 0.5
	s.pick(func(b *bucket) bool {
		if n := float64(b.liveBytes()) / float64(b.size); n <= share && (least == nil || n < share) {
			least, share = b, n
		}
		return false
	})
	if least != nil && !s.pays() {
		return nil
	}
	return least
}

func (s *Store) pick(want func(*bucket) bool) *bucket {
	for _, b := range s.buckets {
		if b != s.tail.bucket && !b.damaged && !b.gone && b.pins == 0 && want(b) {
			return b
		}
	}
	return nil
}
