package inet

import (
	"errors"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/session"
	"packhorse/store"
)

// batchDone runs when its batch is durable, or is known not to be.
type batchDone func(now time.Time, err error)

type loadDone func(now time.Time, value []byte, err error)

// persist asks for a batch; done runs later, never inside this call. With nothing to write it runs when all
// before it is written.
func (c *Core) persist(ops []store.Op, done batchDone) {
	c.emit(Persist{Seq: c.batches.Add(done), Ops: ops})
}

// write is persist for what may be nothing at all.
func (c *Core) write(now time.Time, ops []store.Op, done batchDone) {
	if len(ops) == 0 {
		done(now, nil)
		return
	}
	c.persist(ops, done)
}

// load asks for a record; several askers share one Load.
func (c *Core) load(kind store.Kind, key string, done loadDone) {
	if c.loads.Add(kind, key, done) {
		c.emit(Load{Kind: kind, Key: key})
	}
}

// sessionOps are what a ring asks to store.
func sessionOps(records []session.Record) (ops []store.Op) {
	for _, r := range records {
		ops = append(ops, store.Op{Kind: gateway.KindInetSession, Key: r.Key, Value: r.Value, Delete: r.Delete})
	}
	return ops
}

// storeError says what a failed batch means to who asked for it.
func storeError(err error) error {
	if errors.Is(err, store.ErrFull) {
		return &gateway.Error{Code: "quota", Message: "the store is full: nothing was saved", Fix: "free space, or raise store.max_bytes"}
	}
	return &gateway.Error{Code: "failed", Message: "nothing was saved: " + err.Error(), Fix: "packhorse store check"}
}

// isLater tells what is not taken now and may be another time.
func isLater(err error) bool {
	var g *gateway.Error
	return errors.As(err, &g) && (g.Code == "quota" || g.Code == "not_yet")
}

var (
	errAgain    = &gateway.Error{Code: "not_yet", Message: "this parcel is being written", Fix: "try again"}
	errNotReady = &gateway.Error{Code: "not_yet", Message: "the Internet gateway is not ready: it has no certificate, or no clock that it trusts", Fix: "synchronise the clock of this machine"}
	errClosed   = &gateway.Error{Code: "failed", Message: "this collection was closed", Fix: "open another"}
	errManySubs = &gateway.Error{Code: "not_yet", Message: "too many collections at once", Fix: "try again"}
)
