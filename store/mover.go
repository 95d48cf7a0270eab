package store

// move writes what is live in a bucket again, all in one batch; seg is its content, and more are records of it that cannot be found
// there.
func (s *Store) move(b *bucket, seg []byte, more ...record) error {
	t, err := s.begin()
	if err != nil {
		return err
	}
	t.moving = true
	m := mover{t: t, from: b}
	walk(seg, b.first, b.codec(s.o.Cipher), m.record, func(int, int, string) {})
	for i := range more {
		m.record(found{record: more[i]})
	}
	if err := m.finish(); err != nil {
		return err
	}
	s.mu.Lock()
	b.graves = nil // the copies guard now
	s.mu.Unlock()
	return nil
}

// finish makes the copies count.
func (m *mover) finish() error {
	if m.err == nil {
		m.lists()
	}
	if m.err == nil {
		m.err = m.t.commit()
	}
	if m.err != nil {
		m.t.rollback()
	}
	return m.err
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
