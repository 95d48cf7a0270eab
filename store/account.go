package store

import (
	"path/filepath"
	"slices"
	"sort"
)

// account adds up what counts of each bucket, and finds the buckets that are lost. It fails when the log
// names a record that neither the snapshot nor the log behind it has.
func (x *survey) account() bool {
	if x.unexplained() && !x.rebuilt {
		return false
	}
	there, missing := x.buckets, x.missing()
	x.buckets = append(append([]*bucket(nil), there...), missing...)
	sort.Slice(x.buckets, func(i, j int) bool { return x.buckets[i].number < x.buckets[j].number })
	lost := x.lost(missing)
	dead, held := x.charges(lost)
	x.buckets = there
	for _, name := range dead {
		x.index.del(name)
		delete(x.large, name)
	}
	for _, b := range missing {
		if lost[b.number] && b.live > 0 || x.atEnd() && x.hadGraves(b.number) {
			x.damage = append(x.damage, Damage{File: b.path(), Records: held[b.number], Reason: reasonLost, at: place{bucket: b.number}})
		}
	}
	x.engrave()
	if x.bucket(x.cut.bucket) == nil {
		x.next = x.reached
	}
	return true
}

// unexplained tells whether a value that is live has a chunk of which nothing is known. Lists that were replaced or deleted
// may name chunks that died with them before the snapshot came to their item.
func (x *survey) unexplained() bool {
	for name, seq := range x.unknown {
		if e := x.index.get(name); e != nil && e.seq == seq {
			return true
		}
	}
	return false
}

// atEnd tells that no batch follows the snapshot. Then no bucket was removed since in which anything was live, for
// what is live dies of a batch only.
func (x *survey) atEnd() bool { return x.next == x.snap.end.next }

// complete tells that all of the log behind the begin of the snapshot is there and good. What the index then says to be
// in a bucket before it would be moved, replaced or deleted there, had that bucket been removed.
func (x *survey) complete() bool {
	last := x.buckets[len(x.buckets)-1].number
	for n := x.snap.begin.bucket; n <= last; n++ {
		if b := x.bucket(n); b == nil || b.gone || b.damaged {
			return false
		}
	}
	return true
}

// untouched tells that nothing was written behind the snapshot, not even a part of a batch.
func (x *survey) untouched() bool {
	b := x.bucket(x.cut.bucket)
	return x.snap != nil && x.why == "" && b != nil && x.atEnd() && x.torn == 0 && !b.ahead && b.number == x.buckets[len(x.buckets)-1].number
}

// missing makes stand-ins for the buckets that are not there.
func (x *survey) missing() (out []*bucket) {
	for _, r := range x.snap.rows {
		if x.bucket(r.number) != nil {
			continue
		}
		b := &bucket{number: r.number, salt: r.salt, first: r.first, old: r.old, dir: x.dir, gone: true}
		if b.old {
			b.dir = filepath.Join(x.dir, bucketName(b.number, b.salt))
		}
		out = append(out, b)
	}
	return out
}

// lost are the numbers of the buckets that were not removed and are not there.
func (x *survey) lost(missing []*bucket) map[uint32]bool {
	out := map[uint32]bool{}
	for _, d := range x.snap.damage {
		if d.Reason == reasonLost {
			out[d.at.bucket] = true
		}
	}
	complete := len(missing) > 0 && x.complete()
	for _, b := range missing {
		out[b.number] = x.atEnd() || complete && b.number < x.snap.begin.bucket
	}
	return out
}

// charges fills in what is live. Items in a bucket that was removed are dead: they died behind the snapshot, and so may the
// records have that say so. Those in a lost bucket stay: reading tells. held counts the items of both.
func (x *survey) charges(lost map[uint32]bool) (dead []id, held map[uint32]uint64) {
	x.live, held = 0, map[uint32]uint64{}
	for _, b := range x.buckets {
		b.live = 0
	}
	x.index.each(func(_ uint32, it *item) {
		if b := x.bucketOf(it.seq); b == nil || b.gone {
			number := x.numberOf(it.seq)
			if held[number]++; !lost[number] {
				dead = append(dead, it.id)
				return
			}
		}
		x.charge(it.id, &it.entry, +1)
	})
	return dead, held
}

// hadGraves tells whether a bucket had tombstones that are needed: others may go with it at any time.
func (x *survey) hadGraves(number uint32) bool {
	return slices.ContainsFunc(x.snap.graves, func(g graveRow) bool { return g.number == number && x.guards(g.span, number) })
}

// engrave takes over the graves of before.
func (x *survey) engrave() {
	for _, g := range x.snap.graves {
		b := x.bucket(g.number)
		if b == nil || !x.guards(g.span, b.number) {
			continue
		}
		if b.graves == nil {
			b.graves = map[span]int64{}
		}
		b.graves[g.span] += g.octets
	}
}

// remember goes on telling of damage that the snapshot tells of, but for that in a bucket that was put aside since.
func (x *survey) remember(still func(Damage) bool) {
	for _, d := range x.snap.damage {
		b := x.bucket(d.at.bucket)
		again := slices.ContainsFunc(x.damage, func(o Damage) bool { return o.at == d.at })
		if b == nil && d.Reason != reasonLost || again || !still(d) {
			continue
		}
		if x.damage = append(x.damage, d); b != nil {
			b.damaged = true
		}
	}
}
