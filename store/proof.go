package store

import (
	"bytes"
	"fmt"
	"slices"
)

// prove reads the store as Open would, and in the same pass the log alone: the index must come out the same. A
// snapshot that fails is damage.
func (v *View) prove() error {
	if v.x.snap == nil {
		return v.read()
	}
	alone := newSurvey(v.held, v.s.dir, v.x.seal)
	for _, b := range v.x.buckets {
		mine := *b
		alone.buckets = append(alone.buckets, &mine)
	}
	next := 0
	v.held.also = func(name string, content []byte) {
		if next < len(alone.buckets) && alone.buckets[next].path() == name {
			b := alone.buckets[next]
			alone.segment(b, bytes.Clone(content), 0, b.first) // the other opens it in place
			next++
		}
	}
	err := v.read()
	v.held.also = nil
	if err != nil || v.x.snap == nil || len(v.x.damage) > 0 {
		return err
	}
	alone.finish()
	n := v.x.differences(&alone.state)
	if n == 0 {
		return nil
	}
	reason := fmt.Sprintf("it differs from the log in %d values", n)
	v.x.forsake(reason)
	err = v.read()
	v.x.damage = append(v.x.damage, Damage{File: v.s.snapshotPath(), Reason: reason})
	return err
}

// differences counts the values that two surveys of one log see in other places.
func (st *state) differences(other *state) (n int) {
	other.index.each(func(_ uint32, it *item) {
		e := st.index.get(it.id)
		switch {
		case e == nil || e.loc != it.loc || e.kind != it.kind || e.large != it.large:
			n++
		case e.large && (st.large[it.id].size != other.large[it.id].size || !slices.Equal(st.large[it.id].chunks, other.large[it.id].chunks)):
			n++
		}
	})
	return n + max(0, st.index.count-other.index.count)
}
