package store

import "slices"

// revival is a value that only the damage of its deletion has brought back.
type revival struct {
	Name
	id id
	entry
	large *large
}

// merge joins what the snapshot and the log behind it say with what the log alone holds. Of a value that is whole the
// snapshot knows where it is, even where damage hides it from who reads the log; and it knows what was deleted. Of one that is not whole the
// log may hold an older state: better that than none, and the loss is told.
func (v *View) merge(before *state) error {
	x := v.x
	v.s.state, v.struck, v.hidden = x.state, map[id]loc{}, nil
	r := reader{disk: v.held, reuse: true}
	defer r.close()
	before.index.each(func(_ uint32, it *item) {
		hidden, ok := v.whole(&r, it, before.large[it.id])
		if !ok {
			v.struck[it.id] = it.loc
			return
		}
		v.hidden = append(v.hidden, hidden...)
		x.index.set(it.id, it.entry)
		if delete(x.large, it.id); it.large {
			if x.large == nil {
				x.large = map[id]*large{}
			}
			x.large[it.id] = before.large[it.id]
		}
	})
	if err := v.revive(&r, before); err != nil {
		return err
	}
	x.recharge()
	return nil
}

// whole tells whether every record of a value can be read, and which of them damage hides.
func (v *View) whole(r *reader, it *item, l *large) (hidden []loc, ok bool) {
	all := []loc{it.loc}
	if it.large {
		all = append(all, l.chunks...)
	}
	for _, at := range all {
		if !v.x.hit(at) {
			continue
		}
		if _, err := r.any(v.s.piece(at)); err != nil {
			return nil, false
		}
		hidden = append(hidden, at)
	}
	return hidden, true
}

// revive takes out of the index what the snapshot knows to be deleted.
func (v *View) revive(r *reader, before *state) error {
	v.revived = nil
	v.x.index.each(func(_ uint32, it *item) {
		if before.index.get(it.id) == nil {
			v.revived = append(v.revived, revival{id: it.id, entry: it.entry, large: v.x.large[it.id]})
		}
	})
	for i := range v.revived {
		n := &v.revived[i]
		rec, err := r.any(v.s.piece(n.loc))
		if err != nil {
			return err
		}
		n.Name = Name{rec.kind, string(rec.key)}
		v.x.index.del(n.id)
		delete(v.x.large, n.id)
	}
	return nil
}

// recharge adds up what is live anew.
func (st *state) recharge() {
	st.live = 0
	for _, b := range st.buckets {
		b.live = 0
	}
	st.index.each(func(_ uint32, it *item) { st.charge(it.id, &it.entry, +1) })
}

// hiddenIn are the records of a bucket that damage hides.
func (v *View) hiddenIn(b *bucket) []loc {
	return slices.DeleteFunc(slices.Clone(v.hidden), func(l loc) bool { return v.x.numberOf(l.seq) != b.number })
}

// buryAgain deletes what only damage brought back, where it still is.
func (s *Store) buryAgain(all []revival) error {
	var names []Name
	for i := range all {
		n := &all[i]
		if b := s.bucketOf(n.seq); b == nil || b.gone {
			continue
		}
		s.index.set(n.id, n.entry)
		if n.entry.large {
			if s.large == nil {
				s.large = map[id]*large{}
			}
			s.large[n.id] = n.large
		}
		s.charge(n.id, &n.entry, +1)
		names = append(names, n.Name)
	}
	return s.drop(names)
}
