package store

import (
	"encoding/binary"
	"path/filepath"
)

// snapshotShare is how many octets of log come on one octet of snapshot at least.
const snapshotShare = 8

// snapshotSync is how much of a snapshot is written between two syncs, so that none of them takes long.
const snapshotSync = 1 << 20

// snapshot is what the owner knows of the last one and of the one that it is writing. It is written a section or
// a few at a time, after a batch: nobody waits for more.
type snapshot struct {
	covers  position // end of the last one; the zero position: there is none
	size    int64    // octets of it
	damage  int      // stretches that it tells of
	backlog int64    // octets that the log had behind the last one at Open
	from    int64    // octets of log when the last one was begun, backlog included

	file     writeFile // what is being written; nil: nothing
	codec    *snapshotCodec
	body     []byte
	item     uint32 // next to write
	written  int64  // octets of the file
	synced   int64
	followed int64 // octets of log that were there at the last step
}

func (s *Store) snapshotPath() string { return filepath.Join(s.dir, snapshotName) }

// logged is how much log there is, counted from the snapshot that Open found.
func (s *Store) logged() int64 { return s.snap.backlog + s.meter.Written }

// position is the end of the log on disk.
func (s *Store) position() position {
	if len(s.buckets) == 0 {
		return position{}
	}
	last := s.buckets[len(s.buckets)-1]
	return position{place{last.number, last.size}, s.tail.next}
}

// followSnapshot begins a snapshot when the log has grown enough, and writes some more of one.
func (s *Store) followSnapshot() {
	n := &s.snap
	if len(s.buckets) > 0 && s.buckets[0].old {
		return // the bucket of a sequence is known only while all are there
	}
	if n.file == nil && s.logged()-n.from < max(s.o.snapshotBytes, snapshotShare*n.size) {
		return
	}
	err := s.beginSnapshot()
	for budget := (s.logged() - n.followed) / (snapshotShare / 2); err == nil && n.file != nil; {
		before := n.written
		if err = s.stepSnapshot(); n.written-before >= budget {
			break
		}
		budget -= n.written - before
	}
	n.followed = s.logged()
	if err != nil {
		s.dropSnapshot()
	}
}

// closeSnapshot leaves one of all that there is: Open then reads no log, and knows where it must end.
func (s *Store) closeSnapshot() (wrote bool) {
	n := &s.snap
	if len(s.tail.broken) > 0 || s.tail.cut != nil {
		return false
	}
	if s.position() == n.covers && len(s.known()) == n.damage && n.file == nil {
		return false
	}
	if n.file != nil {
		n.file.Close()
		n.file = nil
	}
	err := s.beginSnapshot()
	for err == nil && n.file != nil {
		err = s.stepSnapshot()
	}
	if err != nil {
		s.dropSnapshot()
	}
	return err == nil
}

func (s *Store) beginSnapshot() error {
	n := &s.snap
	if n.file != nil || len(s.buckets) == 0 {
		return nil
	}
	if s.gone.Load() {
		return errGone
	}
	f, err := s.disk.createNew(besides(s.snapshotPath()))
	if err != nil {
		return err
	}
	n.file, n.item, n.written, n.synced = f, 0, 0, 0
	n.from, n.followed = s.logged(), s.logged()
	n.codec = newSnapshotCodec(s.o.Cipher)
	n.body = s.position().append(n.body[:0])
	n.body = binary.BigEndian.AppendUint32(n.body, uint32(s.index.count))
	if err := s.writeSnapshot(n.codec.head[:]); err != nil {
		return err
	}
	if err := s.section(sectionBegin); err != nil {
		return err
	}
	return s.arriving()
}

// arriving writes the chunks that a later put may name.
func (s *Store) arriving() error {
	t := table{s: s}
	s.snap.body = s.snap.body[:0]
	t.begin(sectionChunks)
	for u := range s.uploads {
		for _, l := range u.chunks {
			t.add(l.append)
		}
	}
	t.begin(sectionItems)
	return t.err
}

// stepSnapshot writes one more section of items, or all that remains behind the last of them.
func (s *Store) stepSnapshot() error {
	n := &s.snap
	if n.item == s.index.used {
		return s.endSnapshot()
	}
	for n.body = n.body[:0]; n.item < s.index.used && len(n.body) < sectionTarget; n.item++ {
		if it := s.index.item(n.item); it.live() {
			n.body = appendItem(n.body, it, s.large[it.id])
		}
	}
	return s.section(sectionItems)
}

// endSnapshot makes the new one take the old one's place. The rename is durable with the next sync of the directory:
// until then either of them is there, and both are right.
func (s *Store) endSnapshot() error {
	n := &s.snap
	end, damage := s.position(), s.known()
	if err := s.tables(damage); err != nil {
		return err
	}
	n.body = end.append(n.body[:0])
	if err := s.section(sectionEnd); err != nil {
		return err
	}
	err := s.syncSnapshot()
	if err == nil {
		f := n.file
		n.file = nil
		err = f.Close()
	}
	if err == nil {
		err = s.disk.rename(besides(s.snapshotPath()), s.snapshotPath())
	}
	if err != nil {
		return err
	}
	n.covers, n.damage, n.size = end, len(damage), n.written
	s.count(func(m *Stats) { m.Snapshots++ })
	return nil
}

// tables writes the buckets, their graves and the damage.
func (s *Store) tables(damage []Damage) error {
	t := table{s: s}
	s.snap.body = s.snap.body[:0]
	t.begin(sectionBuckets)
	for _, b := range s.buckets {
		if !b.gone {
			t.add(row{b.number, b.salt, b.first, b.size, b.old}.append)
		}
	}
	t.begin(sectionGraves)
	for _, b := range s.buckets {
		for guarded, octets := range b.graves {
			t.add(graveRow{b.number, guarded, octets}.append)
		}
	}
	t.begin(sectionDamage)
	for _, d := range damage {
		t.add(func(dst []byte) []byte { return appendDamage(dst, &d) })
	}
	t.begin(sectionEnd)
	return t.err
}

// table collects rows to sections.
type table struct {
	s   *Store
	typ sectionType
	err error
}

// begin ends the sections of one type.
func (t *table) begin(typ sectionType) {
	n := &t.s.snap
	if t.err == nil && len(n.body) > 0 {
		t.err = t.s.section(t.typ)
	}
	t.typ, n.body = typ, n.body[:0]
}

func (t *table) add(appendTo func([]byte) []byte) {
	n := &t.s.snap
	n.body = appendTo(n.body)
	if len(n.body) >= sectionTarget {
		t.begin(t.typ)
	}
}

// section writes the body.
func (s *Store) section(typ sectionType) error {
	return s.writeSnapshot(s.snap.codec.section(typ, s.snap.body))
}

func (s *Store) writeSnapshot(b []byte) error {
	n := &s.snap
	if s.gone.Load() {
		return errGone
	}
	if _, err := n.file.Write(b); err != nil {
		return err
	}
	n.written += int64(len(b))
	s.count(func(m *Stats) { m.SnapshotBytes += int64(len(b)) })
	if n.written-n.synced < snapshotSync {
		return nil
	}
	return s.syncSnapshot()
}

func (s *Store) syncSnapshot() error {
	if s.gone.Load() {
		return errGone
	}
	s.snap.synced = s.snap.written
	s.count(func(m *Stats) { m.Syncs++ })
	return s.snap.file.Sync()
}

// dropSnapshot gives up after an error: the one before stays, and the next is tried when it would be due again.
func (s *Store) dropSnapshot() {
	n := &s.snap
	if n.file != nil {
		n.file.Close()
		n.file = nil
	}
	if s.gone.Load() {
		return
	}
	n.from = s.logged()
	_ = s.disk.remove(besides(s.snapshotPath())) // the next one or Open will
	s.count(func(m *Stats) { m.Failures++ })
}

// forgetSnapshot removes what tells of damage that is no more.
func (s *Store) forgetSnapshot() error {
	if err := s.disk.remove(s.snapshotPath()); err != nil {
		return err
	}
	return s.syncDir()
}
