package store

import "fmt"

// Record states, as Records tells them.
const (
	StateLive    = "live"    // what a value is read from, or a deletion that is still needed
	StateDead    = "dead"    // replaced, deleted, or no longer needed
	StateTorn    = "torn"    // of a batch that was never whole: Open cuts it off
	StateDamaged = "damaged" // not what was written
)

// RecordInfo is one record of a store, or a stretch of damage.
type RecordInfo struct {
	State    string
	Type     string // put, chunk, large, deletion, batch end, head; empty for damage
	Kind     Kind   // of put, chunk, large and deletion
	Key      string // as Kind
	Sequence uint64
	Bucket   string
	Offset   int64 // in the bucket's file
	Octets   int64 // of the record or the damage
	Size     int64 // octets of the value of a put or large; of a chunk its piece
	Reason   string
}

var typeNames = [...]string{typePut: "put", typeChunk: "chunk", typeLarge: "large", typeTombstone: "deletion", typeBatchEnd: "batch end", typeHead: "head"}

// Records visits every record in the order of the log, and ends with the first error of visit.
func (v *View) Records(visit func(RecordInfo) error) error {
	for _, b := range v.x.buckets {
		seg, err := v.held.readFile(b.path())
		if err != nil {
			return fmt.Errorf("store: reading %s: %w", b.path(), err)
		}
		say := func(r RecordInfo, from, to int) {
			r.Bucket, r.Offset, r.Octets = b.name(), int64(from), int64(to-from)
			if !(place{b.number, int64(from)}).before(v.x.cut) {
				r.State = StateTorn
			}
			if err == nil {
				err = visit(r)
			}
		}
		walk(seg, b.first, b.codec(v.x.seal), func(f found) {
			say(v.describe(b, f), f.start, f.end)
		}, func(from, to int, reason string) {
			say(RecordInfo{State: StateDamaged, Reason: reason}, from, to)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *View) describe(b *bucket, f found) RecordInfo {
	r := RecordInfo{State: StateDead, Sequence: f.seq}
	if f.opaque != "" {
		r.State, r.Reason = StateDamaged, f.opaque
		return r
	}
	r.Type, r.Kind, r.Key, r.Size = typeNames[f.typ], f.kind, string(f.key), int64(len(f.payload))
	if v.alive(b, f, &r) {
		r.State = StateLive
	}
	return r
}

func (v *View) alive(b *bucket, f found, r *RecordInfo) bool {
	name := idOf(f.kind, f.key)
	e := v.s.index.get(name)
	switch f.typ {
	case typeLarge:
		n, _, _ := parseLarge(f.payload)
		r.Size = int64(n)
		fallthrough
	case typePut:
		return e != nil && e.seq == f.seq
	case typeChunk:
		return e != nil && e.large && v.s.hasChunk(name, f.seq)
	case typeTombstone:
		r.Size = 0
		g := parseGrave(f.payload)
		return v.s.guards(span{g.oldest, g.newest}, b.number)
	}
	return f.typ == typeHead
}

func (st *state) hasChunk(name id, seq uint64) bool {
	for _, l := range st.large[name].chunks {
		if l.seq == seq {
			return true
		}
	}
	return false
}
