package gateway

import (
	"time"

	"packhorse/store"
)

// batch is what becomes durable together.
type batch struct {
	ops     []store.Op
	secrets []Secret
}

// batchDone runs when its batch is durable, or is known not to be.
type batchDone func(now time.Time, err error)

type loadKey struct {
	kind store.Kind
	key  string
}

type loadDone func(now time.Time, value []byte, err error)

// persist asks for a batch; done runs later, never inside this call.
func (c *Core) persist(b batch, done batchDone) {
	c.saveClock(&b)
	c.seq++
	ops := c.box.expand(b.ops)
	size := sizeOf(ops)
	c.batches = append(c.batches, func(now time.Time, err error) {
		if c.judgeBatch(now, size, err); err != nil {
			c.box.failed(ops)
		}
		done(now, err)
	})
	c.emit(Persist{Seq: c.seq, Ops: ops, Secrets: b.secrets})
}

// persisted releases the effects of the oldest batch. An answer to any other batch is a mistake of
// the shell and changes nothing.
func (c *Core) persisted(now time.Time, e Persisted) {
	if len(c.batches) == 0 || e.Seq != c.seq-uint64(len(c.batches))+1 {
		return
	}
	done := c.batches[0]
	c.batches[0] = nil
	c.batches = c.batches[1:]
	done(now, e.Err)
}

// load asks for a record; several askers share one Load.
func (c *Core) load(kind store.Kind, key string, done loadDone) {
	k := loadKey{kind, key}
	if len(c.loads[k]) == 0 {
		c.emit(Load{Kind: kind, Key: key})
	}
	c.loads[k] = append(c.loads[k], done)
}

func (c *Core) loaded(now time.Time, e Loaded) {
	k := loadKey{e.Kind, e.Key}
	waiting := c.loads[k]
	delete(c.loads, k)
	for _, done := range waiting {
		done(now, e.Value, e.Err)
	}
}

// storeError says what a failed batch means to who asked for it.
func storeError(err error) error {
	if isFull(err) {
		return &Error{Code: "quota", Message: "the store is full: nothing was saved", Fix: "free space, or let waiting parcels be delivered: packhorse queue"}
	}
	return &Error{Code: "failed", Message: "nothing was saved: " + err.Error(), Fix: "packhorse store check"}
}
