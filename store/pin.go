package store

// pin keeps the buckets that a long reader goes on to look at: they are neither emptied nor unlinked before
// its release, whatever dies in them. What it costs is their disk space.
type pin struct {
	s    *Store
	held []*bucket
}

// pinBuckets keeps all that the store holds now. Its caller holds s.mu.
func (s *Store) pinBuckets() *pin {
	p := &pin{s: s}
	for _, b := range s.buckets {
		if !b.gone {
			p.add(b)
		}
	}
	return p
}

// pinValue is find, and keeps what it found.
func (s *Store) pinValue(name id) (placed, *pin, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.lookUp(name)
	if !ok {
		return v, nil, false
	}
	p := &pin{s: s}
	for _, c := range append(v.chunks, v.put) {
		if b := s.bucketOf(c.seq); b != nil {
			p.add(b)
		}
	}
	return v, p, true
}

func (p *pin) add(b *bucket) {
	b.pins++
	p.held = append(p.held, b)
}

// release lets the buckets go; the next batch tidies them up. Releasing again does nothing.
func (p *pin) release() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, b := range p.held {
		b.pins--
	}
	p.held = nil
}
