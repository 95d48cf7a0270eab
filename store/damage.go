package store

import "path/filepath"

// Damage is a stretch of a file that does not hold what was written to it.
type Damage struct {
	File    string
	Offset  int64
	Octets  int64  // 0 when what should follow is missing
	Records uint64 // how many records were lost, 0 when that cannot be known
	Reason  string

	at place
}

// maxDamage bounds how many stretches a store remembers and counts.
const maxDamage = 1024

// reasonLost is what is said of a bucket that is not there.
const reasonLost = "bucket missing"

// covers tells whether the record at l lies in the stretch.
func (d *Damage) covers(bucket uint32, l loc) bool {
	return d.at.bucket == bucket && (d.Reason == reasonLost ||
		int64(l.off)+int64(l.len) > d.Offset && (d.Octets == 0 || int64(l.off) < d.Offset+d.Octets))
}

// found notes damage that a read met, once for each place. The owner keeps the bucket from then on.
func (s *Store) found(l loc, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := s.numberOf(l.seq)
	for i := range s.damage {
		if s.damage[i].covers(number, l) {
			return
		}
	}
	d := Damage{Offset: int64(l.off), Octets: int64(l.len), Records: 1, Reason: reason, at: place{number, int64(l.off)}}
	if b := s.bucket(number); b != nil {
		d.File = b.path()
	} else {
		d.File = filepath.Join(s.dir, segmentName(l.seq))
	}
	s.note(d)
}

// known lists the damage. What is on the list never changes.
func (s *Store) known() []Damage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.damage
}

func (s *Store) note(d Damage) {
	if len(s.damage) < maxDamage {
		s.damage = append(s.damage, d)
		s.meter.Damaged++
	}
}

// quarantine keeps the buckets that damage was found in. It is for the owner: nobody else changes a bucket.
func (s *Store) quarantine() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.damage[s.tail.judged:] {
		if b := s.bucket(d.at.bucket); b != nil {
			b.damaged = true
		}
	}
	s.tail.judged = len(s.damage)
}
