package gateway

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"

	"packhorse/gateway/endpoint"
	"packhorse/store"
)

// digest tells one value of a record from another.
type digest [sha256.Size]byte

// unsaved is the digest of what the disk did not take: nobody knows what is there.
var unsaved digest

// expand replaces what box.put left in a batch by the records that differ from those on disk.
func (b *box) expand(ops []store.Op) []store.Op {
	mark := func(op store.Op) bool { return op.Kind == KindBuiltin && op.Key == "" }
	if !slices.ContainsFunc(ops, mark) {
		return ops
	}
	return append(slices.DeleteFunc(slices.Clone(ops), mark), b.changes()...)
}

func (b *box) changes() (ops []store.Op) {
	now := map[string]digest{}
	for _, r := range b.ep.Marshal() {
		if b.newer[r.Key] {
			continue
		}
		now[r.Key] = sha256.Sum256(r.Value)
		if now[r.Key] != b.saved[r.Key] {
			ops = append(ops, store.Op{Kind: KindBuiltin, Key: r.Key, Value: r.Value})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.saved)) {
		if _, there := now[key]; !there {
			ops = append(ops, store.Op{Kind: KindBuiltin, Key: key, Delete: true})
		}
	}
	b.saved = now
	return ops
}

// failed notes that a batch is not on disk: what it held is written again with the next one.
func (b *box) failed(ops []store.Op) {
	for _, op := range ops {
		if op.Kind == KindBuiltin {
			b.saved[op.Key] = unsaved
		}
	}
}

// restoreBox rebuilds the built-in endpoint, if it was ever stored.
func (c *Core) restoreBox(records []Record) error {
	var parts []endpoint.Record
	for _, r := range records {
		if r.Kind == KindBuiltin {
			parts = append(parts, endpoint.Record{Key: r.Key, Value: r.Value})
			c.box.saved[r.Key] = sha256.Sum256(r.Value)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	ep, skipped, err := endpoint.Unmarshal(parts, c.cfg.Endpoint.Key)
	for _, s := range skipped {
		c.notice(true, "store: record passed over: "+s.Err.Error())
		delete(c.box.saved, s.Key) // it stays as it is
		c.box.newer[s.Key] = errors.Is(s.Err, endpoint.ErrNewer)
	}
	if err != nil {
		for key := range c.box.saved {
			c.box.newer[key] = errors.Is(err, endpoint.ErrNewer)
		}
		clear(c.box.saved)
		return err
	}
	c.box.ep = ep
	return nil
}
