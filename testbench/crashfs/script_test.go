//go:build linux

package crashfs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"packhorse/store"
)

// script is what writers do to a store. Each has keys of its own and applies one batch
// after the other; together they share syncs. At the end of a phase the store is closed, or
// with Kill every other time its process is killed, and then opened again.
type script struct {
	Seed             uint64
	Writers, Batches int // of each writer in a phase
	Phases           int
	Kill             bool
	Small            bool  // values are small: the store writes ahead of them
	Bucket           int64 // octets; 0 means 32 KiB
}

// options make buckets turn over and be compacted within a test.
func (s *script) options() store.Options {
	return store.Options{BucketBytes: cmp.Or(s.Bucket, 32<<10), Reserve: -1}
}

const (
	keysOfWriter = 12
	kinds        = 3
	streamed     = 260 << 10 // a first value of this size or more is put as a stream; it goes to disk in parts
)

// name is a record's kind and key.
type name struct {
	kind store.Kind
	key  string
}

func nameOf(writer, n int) name {
	return name{store.Kind(n % kinds), fmt.Sprintf("writer%d-%d", writer, n)}
}

// batch is always the same for the same arguments.
func (s *script) batch(writer, i int) []store.Op {
	r := rand.New(rand.NewPCG(s.Seed, uint64(writer)<<32|uint64(i)))
	ops := make([]store.Op, 1+r.IntN(5))
	for i := range ops {
		n := nameOf(writer, r.IntN(keysOfWriter))
		ops[i] = store.Op{Kind: n.kind, Key: n.key}
		if r.IntN(3) == 0 {
			ops[i].Delete = true
		} else {
			ops[i].Value = s.value(r)
		}
	}
	switch chance := r.IntN(16); {
	case s.Small:
	case chance == 0:
		ops[0].Delete, ops[0].Value = false, octets(r, streamed+r.IntN(200<<10))
	case chance < 3: // a value that the same batch replaces may fill buckets that are dead at once
		large := ops[0]
		large.Delete, large.Value = false, octets(r, 100<<10+r.IntN(100<<10))
		ops = append([]store.Op{large}, ops...)
	}
	return ops
}

// value is most often small; now and then the store has to cut it into chunks.
func (s *script) value(r *rand.Rand) []byte {
	n := r.IntN(200)
	switch chance := r.IntN(40); {
	case s.Small:
		n = r.IntN(800)
	case chance == 0:
		n = 64<<10 + r.IntN(128<<10)
	case chance <= 12:
		n = r.IntN(6000)
	}
	return octets(r, n)
}

func octets(r *rand.Rand, n int) []byte {
	b := make([]byte, n+8)
	for at := 0; at < n; at += 8 {
		binary.LittleEndian.PutUint64(b[at:], r.Uint64())
	}
	return b[:n]
}

// model is what a store must hold.
type model map[name][]byte

func (m model) apply(ops []store.Op) {
	for _, op := range ops {
		n := name{op.Kind, op.Key}
		if op.Delete {
			delete(m, n)
		} else {
			m[n] = op.Value
		}
	}
}
