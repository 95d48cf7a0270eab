package store

// Stats is what a store has done since Open and what it holds.
type Stats struct {
	Records  int   // live values
	Live     int64 // octets of them, record headers included
	Disk     int64 // octets of all buckets
	Buckets  int
	Free     int64 // octets left on the file system; -1 when unknown
	Syncs    int64 // of files and directories, while writing
	Written  int64 // octets written to the log
	Repairs  int   // torn or failed writes cut off
	Failures int   // writes that the disk refused
	Damaged  int   // stretches of damage found
}

// Stats asks the file system for its free space; everything else is in memory.
func (s *Store) Stats() Stats {
	free, err := s.disk.free(s.dir)
	if err != nil {
		free = -1
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	m := s.meter
	m.Free, m.Records, m.Live, m.Buckets = free, s.index.count, s.live, 0
	for _, b := range s.buckets {
		if !b.gone {
			m.Buckets++
			m.Disk += b.size
		}
	}
	return m
}

// Room is by how many octets a batch may grow the store now, record headers included; 0 when it is full. A free
// space that the file system does not tell does not count.
func (s *Store) Room() int64 {
	free, err := s.disk.free(s.dir)
	s.mu.RLock()
	room := s.o.MaxBytes - s.live
	s.mu.RUnlock()
	if err == nil {
		room = min(room, free-max(0, s.o.Reserve))
	}
	return max(0, room)
}

func (s *Store) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.meter)
}
