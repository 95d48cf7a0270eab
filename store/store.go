// Package store keeps what must survive power loss: one engine of typed
// records on a write-ahead log. What Apply acknowledged is on disk.
package store

import "errors"

// Kind is the type of a record. Kinds are numbered for ever; a kind is never reused.
type Kind uint8

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("store: no such record")
	ErrFull     = errors.New("store: full")
	ErrLocked   = errors.New("store: in use by another process")
	ErrClosed   = errors.New("store: closed")
)

// Op is one change of a batch: a put, or with Delete a removal (of what may not exist).
type Op struct {
	Kind   Kind
	Key    string // at most 128 octets
	Value  []byte // at most 9,437,184 octets; borrowed until Apply returns
	Delete bool
}

// Options tune a store. The zero value is usable.
type Options struct {
	// MaxBytes bounds the live octets; 0 means 1 GiB. Apply answers ErrFull beyond it,
	// for batches that grow the store; deletions always pass.
	MaxBytes int64
	// Reserve is the free space of the file system below which growing batches are
	// refused; 0 means 64 MiB.
	Reserve int64
}

// Store is safe for concurrent use.
type Store struct{}

// Open repairs a torn tail, takes the lock and rebuilds the index.
func Open(dir string, o Options) (*Store, error) { panic("store: not built yet") }

// Apply makes a batch durable, all or nothing. Concurrent calls share one sync.
func (s *Store) Apply(ops ...Op) error { panic("store: not built yet") }

// Get returns a copy of a value.
func (s *Store) Get(k Kind, key string) ([]byte, error) { panic("store: not built yet") }

// Keys lists the keys of a kind with the size of their values, sorted.
func (s *Store) Keys(k Kind) []Entry { panic("store: not built yet") }

// Entry is one line of Keys.
type Entry struct {
	Key  string
	Size int
}

// Close syncs and releases the lock.
func (s *Store) Close() error { panic("store: not built yet") }
