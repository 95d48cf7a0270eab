package store

import (
	"path/filepath"
	"time"
)

// Stats is what a store has done since Open and what it holds.
type Stats struct {
	Records  int   // live values
	Live     int64 // octets of them, record headers included
	Disk     int64 // octets of all buckets
	Buckets  int
	Free     int64 // octets left on the file system; -1 when unknown
	Max      int64 // Options.MaxBytes
	Reserve  int64 // Options.Reserve
	Syncs    int64 // of files and directories, while writing
	Written  int64 // octets written to the log
	Moved    int64 // of them by emptying buckets that were half dead or more
	Taken    int64 // octets of keys and values that Apply acknowledged
	Repairs  int   // torn or failed writes cut off
	Failures int   // writes that the disk refused
	Damaged  int   // stretches of damage that are known, found by Open or by reading
	// Life is about how many octets were written to the log in the store's life: buckets are numbered for
	// ever and filled one after another. It is right within the size of a bucket for each restart.
	Life int64
	Sync Latency // of the log
	// Quarantine is what Repair put aside and nobody has removed yet.
	Quarantine []Quarantined

	Snapshots     int    // index snapshots written
	SnapshotBytes int64  // octets written to them
	FullScan      string // why Open read the whole log; empty when a snapshot spared it that
}

// Stats asks the file system for its free space and the quarantine; everything else is in memory.
func (s *Store) Stats() Stats {
	free, err := s.disk.free(s.dir)
	if err != nil {
		free = -1
	}
	aside, _ := quarantined(s.disk, s.dir) // a directory that cannot be read is the next writer's to report
	s.mu.RLock()
	defer s.mu.RUnlock()
	m := s.meter
	m.Free, m.Records, m.Live, m.Buckets = free, s.index.count, s.live, 0
	m.Max, m.Reserve, m.Taken, m.Sync, m.Quarantine = s.o.MaxBytes, max(0, s.o.Reserve), s.taken.Load(), s.syncs.latency(), aside
	for _, b := range s.buckets {
		if !b.gone {
			m.Buckets++
			m.Disk += b.size
		}
		m.Life = lifeOf(b.number, b.size, s.o.BucketBytes)
	}
	return m
}

// lifeOf is what was written up to the end of a bucket.
func lifeOf(number uint32, size, each int64) int64 { return int64(number-1)*each + size }

// Usage is what takes the room.
type Usage struct {
	Kinds   map[Kind]Share
	Buckets []BucketReport // in the order of the log
}

// Usage adds up every live value; it takes some milliseconds for 100,000.
func (s *Store) Usage() Usage {
	written := map[string]time.Time{}
	if entries, err := s.disk.readDir(s.dir); err == nil {
		for _, e := range entries {
			if st, err := e.Info(); err == nil {
				written[filepath.Join(s.dir, e.Name())] = st.ModTime()
			}
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	u := Usage{Kinds: s.kinds()}
	for _, b := range s.buckets {
		if !b.gone {
			u.Buckets = append(u.Buckets, b.report(written[b.path()]))
		}
	}
	return u
}

func (b *bucket) report(written time.Time) BucketReport {
	return BucketReport{Name: b.name(), Number: b.number, First: b.first, Bytes: b.size, Live: b.liveBytes(), Damaged: b.damaged, Written: written}
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

// FreeSpace is what the file system of a directory has left, and how much of it a store leaves alone unless told otherwise. It is -1
// when unknown.
func FreeSpace(dir string) (free, reserve int64) {
	var o Options
	o.fill()
	free, err := o.disk.free(dir)
	if err != nil {
		free = -1
	}
	return free, o.Reserve
}
