// Package asked is what a core has asked of the store and waits for. Pure.
package asked

import (
	"time"

	"packhorse/store"
)

// Batches are those that are not durable yet, in order. The zero value is empty.
type Batches struct {
	seq  uint64
	done []func(now time.Time, err error)
}

// Add waits for one more batch and numbers it. done runs once it is durable or is known not to be, never inside this call.
func (b *Batches) Add(done func(now time.Time, err error)) (seq uint64) {
	b.seq++
	b.done = append(b.done, done)
	return b.seq
}

// Last is the number of the latest batch, 0 before the first.
func (b *Batches) Last() uint64 { return b.seq }

// Settle releases the effects of the oldest batch. An answer to any other is a mistake of the shell and changes nothing.
func (b *Batches) Settle(now time.Time, seq uint64, err error) {
	if len(b.done) == 0 || seq != b.seq-uint64(len(b.done))+1 {
		return
	}
	done := b.done[0]
	b.done[0] = nil
	b.done = b.done[1:]
	done(now, err)
}

// Loads are the records that were asked for. The zero value is empty.
type Loads struct {
	askers map[record][]func(now time.Time, value []byte, err error)
}

type record struct {
	kind store.Kind
	key  string
}

// Add waits for a record; first tells that nobody did before, so that it has to be asked for.
func (l *Loads) Add(kind store.Kind, key string, done func(now time.Time, value []byte, err error)) (first bool) {
	if l.askers == nil {
		l.askers = map[record][]func(time.Time, []byte, error){}
	}
	r := record{kind, key}
	l.askers[r] = append(l.askers[r], done)
	return len(l.askers[r]) == 1
}

// Settle answers everybody who waits for a record.
func (l *Loads) Settle(now time.Time, kind store.Kind, key string, value []byte, err error) {
	r := record{kind, key}
	waiting := l.askers[r]
	delete(l.askers, r)
	for _, done := range waiting {
		done(now, value, err)
	}
}
