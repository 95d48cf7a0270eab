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
	if b := s.sparse(); err == nil && b != nil {
		if err = s.empty(b); err == nil {
			err = s.removeDead()
		}
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

// sparse is the oldest bucket that is at least half dead.
func (s *Store) sparse() *bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pick(func(b *bucket) bool { return 2*b.liveBytes() <= b.size })
}

func (s *Store) pick(want func(*bucket) bool) *bucket {
	for _, b := range s.buckets {
		if b != s.tail.bucket && !b.damaged && !b.gone && b.pins == 0 && want(b) {
			return b
		}
	}
	return nil
}

// empty writes what is live in a bucket again at the end of the log.
func (s *Store) empty(b *bucket) error {
	seg, err := s.disk.readFile(b.path())
	if err != nil {
		return err
	}
	if s.rotten(b, seg) {
		return errRotten
	}
	return s.move(b, seg)
}

// move writes what is live in a bucket again; seg is its content.
func (s *Store) move(b *bucket, seg []byte) error {
	t, err := s.begin()
	if err != nil {
		return err
	}
	m := mover{t: t, from: b}
	walk(seg, b.first, b.codec(s.o.Cipher), m.record, func(int, int, string) {})
	if m.err == nil {
		m.lists()
	}
	if m.err == nil {
		m.err = t.commit()
	}
	if m.err != nil {
		t.rollback()
		return m.err
	}
	s.mu.Lock()
	b.graves = nil // the copies guard now
	s.mu.Unlock()
	return nil
}

// rotten tells whether a bucket has become damaged; if so it is kept for good.
func (s *Store) rotten(b *bucket, seg []byte) bool {
	bad := false
	harm := func(from, to int, reason string) {
		bad = true
		s.found(loc{seq: b.first, off: uint32(from), len: uint32(to - from)}, reason)
	}
	whole := seg[:min(b.size, int64(len(seg)))]
	walk(whole, b.first, b.codec(s.o.Cipher), func(f found) {
		if f.opaque != "" {
			harm(f.start, f.end, f.opaque)
		}
	}, harm)
	if !bad && int64(len(seg)) < b.size {
		harm(len(seg), len(seg), reasonShort)
	}
	if rest := seg[len(whole):]; !blank(rest) {
		harm(len(whole), len(seg), "something behind the end")
	}
	s.quarantine()
	return bad
}

// mover copies live records into a group.
type mover struct {
	t     *txn
	from  *bucket
	large []*list // large values of which a record moved, in that order
	err   error
}

func (m *mover) record(f found) {
	if m.err != nil {
		return
	}
	s := m.t.s
	name := idOf(f.kind, f.key)
	e := s.index.get(name)
	switch f.typ {
	case typePut:
		if e != nil && e.seq == f.seq {
			m.copy(f, change{typ: typePut, kind: f.kind, id: name})
		}
	case typeTombstone:
		g := parseGrave(f.payload)
		if s.guards(span{g.oldest, g.newest}, m.from.number) {
			m.copy(f, change{typ: typeTombstone, kind: f.kind, id: name, grave: g})
		}
	case typeLarge:
		if e != nil && e.seq == f.seq {
			m.list(f, name)
		}
	case typeChunk:
		if e != nil && e.large {
			m.chunk(f, name)
		}
	}
}

func (m *mover) copy(f found, c change) {
	c.at, m.err = m.t.append(f.record)
	m.t.changes = append(m.t.changes, c)
}

func (m *mover) chunk(f found, name id) {
	for i, l := range m.t.s.large[name].chunks {
		if l.seq == f.seq {
			c := m.list(f, name)
			c.large.chunks[i], m.err = m.t.append(f.record)
			return
		}
	}
}

// list is the new list of a large value's chunks.
type list struct {
	change
	key []byte
}

func (m *mover) list(f found, name id) *list {
	for _, c := range m.large {
		if c.id == name {
			return c
		}
	}
	old := m.t.s.large[name]
	c := &list{change{kind: f.kind, id: name, large: &large{old.size, append([]loc(nil), old.chunks...)}}, f.key}
	m.large = append(m.large, c)
	return c
}

func (m *mover) lists() {
	for _, c := range m.large {
		if m.err = m.t.stageList(&c.change, c.key); m.err != nil {
			return
		}
		m.t.changes = append(m.t.changes, c.change)
	}
}
