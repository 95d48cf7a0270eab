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

type loadDone func(now time.Time, value []byte, err error)

// persist asks for a batch; done runs later, never inside this call.
func (c *Core) persist(b batch, done batchDone) {
	c.saveClock(&b)
	ops := c.box.expand(b.ops)
	size := sizeOf(ops)
	seq := c.batches.Add(func(now time.Time, err error) {
		if c.judgeBatch(now, size, err); err != nil {
			c.box.failed(ops)
		}
		done(now, err)
	})
	c.emit(Persist{Seq: seq, Ops: ops, Secrets: b.secrets})
}

// load asks for a record; several askers share one Load.
func (c *Core) load(kind store.Kind, key string, done loadDone) {
	if c.loads.Add(kind, key, done) {
		c.emit(Load{Kind: kind, Key: key})
	}
}

// storeError says what a failed batch means to who asked for it.
func storeError(err error) error {
	if isFull(err) {
		return &Error{Code: "quota", Message: "the store is full: nothing was saved", Fix: "free space, or let waiting parcels be delivered: packhorse queue"}
	}
	return &Error{Code: "failed", Message: "nothing was saved: " + err.Error(), Fix: "packhorse store check"}
}
