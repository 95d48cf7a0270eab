// Package store keeps what must survive power loss: one engine of typed
// records on a write-ahead log. What Apply acknowledged is on disk.
//
// A store is a directory of buckets, and a bucket is a log file of about 4 MiB:
//
//	LOCK                   flock of the process that has the store open
//	00000000031606291678   bucket 7: its first sequence is 7<<32 and a random salt
//	snapshot               the index at some moment, see snapshot.go
//
// It holds the records from its first sequence on, in the format of record.go, and begins with a head that
// vouches for the end of the bucket before. tidwall/wal takes the files for segments of one log; it appends
// to the newest and never reads or cuts. In layout 1 a bucket was a file alone in a directory named by
// number and salt (00000007-5be1c0de): such buckets are read where they are until their records are dead.
//
// Only the newest bucket is written; it may end in zeros, see runway.go. A record dies when a later one replaces or deletes
// it; a bucket without live records is removed. One that is half dead is emptied, by writing its live records again, once
// that pays: see compact.go. So beside what pins hold, the files take at most twice what lives, or half more than that and
// 64 MiB. A value larger than 64 KiB lies in chunks, and can be written and read as a stream. The index lives in memory. Open takes it from the file snapshot, if there is a good
// one, and from the log behind it; otherwise it reads the whole log.
package store

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is the type of a record. Kinds are numbered for ever; a kind is never reused.
type Kind uint8

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("store: no such record")
	ErrFull     = errors.New("store: full")
	ErrLocked   = errors.New("store: in use by another process")
	ErrClosed   = errors.New("store: closed")
	// ErrDamaged says that the disk no longer holds what was written to it.
	ErrDamaged = errors.New("store: record damaged on disk")
	// ErrSealed and ErrNotSealed say that something is encrypted and no key was given, or the other way round.
	ErrSealed    = errors.New("store: sealed, its key is needed")
	ErrNotSealed = errors.New("store: in the clear where a key says that all is sealed")
	ErrWrongKey  = errors.New("store: sealed with another key")
)

// Limits of one Op.
const (
	MaxKey   = 128
	MaxValue = 9 << 20
)

// Op is one change of a batch: a put, or with Delete a removal (of what may not exist).
type Op struct {
	Kind   Kind
	Key    string // at most 128 octets
	Value  []byte // at most 9,437,184 octets; borrowed until Apply returns
	Delete bool

	upload *upload // Value goes on from what this holds
	more   bool    // and something follows: put nothing yet
}

func (op *Op) check() error {
	if len(op.Key) > MaxKey {
		return fmt.Errorf("store: a key of %d octets is over the limit of %d", len(op.Key), MaxKey)
	}
	if len(op.Value) > MaxValue {
		return errTooLarge(len(op.Value))
	}
	return nil
}

func errTooLarge(n int) error {
	return fmt.Errorf("store: a value of %d octets is over the limit of %d", n, MaxValue)
}

// Options tune a store. The zero value is usable.
type Options struct {
	// MaxBytes bounds the live octets; 0 means 1 GiB. Apply answers ErrFull beyond it,
	// for batches that grow the store; deletions always pass.
	MaxBytes int64
	// MaxRecords bounds the live values in the same way; 0 means 1,000,000, of which the index takes some 50 MiB.
	MaxRecords int64
	// Linger is how long a batch may wait for others to share its sync with: a card lives longer for it, and each
	// batch takes that much longer. 0 waits for none. A full group, of 64 records or 256 KiB, never waits.
	Linger time.Duration
	// Reserve is the free space of the file system below which growing batches are
	// refused; 0 means 64 MiB, less than 0 none.
	Reserve int64
	// BucketBytes is the size at which a bucket is sealed, at most 256 MiB; 0 means 4 MiB. Open and compaction may
	// hold one in memory.
	BucketBytes int64
	// Cipher seals every record with a random nonce; nil leaves them in the clear. It is XChaCha20-Poly1305:
	// its nonces have 24 octets and its tags 16.
	Cipher cipher.AEAD

	eager bool // tests have every bucket emptied that is half dead

	disk          disk  // tests inject faults here; nil is the real one
	readAll       bool  // look for damage in what no snapshot needs read
	snapshotBytes int64 // how much the log grows at least between two index snapshots; 0 means 16 MiB
}

const (
	usualBucket   = 4 << 20
	maxBucket     = 256 << 20 // octets; offsets have 32 bits
	maxBucketFile = 2 * maxBucket
)

func (o *Options) fill() {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxRecords <= 0 {
		o.MaxRecords = 1_000_000
	}
	if o.Reserve == 0 {
		o.Reserve = 64 << 20
	}
	if o.BucketBytes <= 0 {
		o.BucketBytes = usualBucket
	}
	o.BucketBytes = min(o.BucketBytes, maxBucket)
	if o.disk == nil {
		o.disk = osDisk{}
	}
	if o.snapshotBytes <= 0 {
		o.snapshotBytes = 16 << 20
	}
}

// Store is safe for concurrent use.
type Store struct {
	dir  string
	o    Options
	disk disk
	lock *lockFile

	requests chan *request
	quit     chan struct{} // closed by Close and Abandon
	done     chan struct{} // closed when the owner has ended
	end      sync.Once
	gone     atomic.Bool // abandoned: touch the disk no more

	tail tail     // the owner's alone
	snap snapshot // too

	syncs timings
	taken atomic.Int64 // octets of keys and values of acknowledged batches

	mu sync.RWMutex // guards state and meter
	state
	meter   Stats
	streams int      // that are open
	damage  []Damage // that is known, at most maxDamage stretches
}

// Open repairs a torn tail, takes the lock and rebuilds the index. It creates the
// directory when there is none.
func Open(dir string, o Options) (*Store, error) {
	o.fill()
	s := newStore(dir, o)
	if err := s.makeDir(); err != nil {
		return nil, fmt.Errorf("store: cannot make the directory: %w", err)
	}
	l, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	s.lock = l
	if err := s.load(); err != nil {
		s.lock.release()
		return nil, fmt.Errorf("store: opening %s: %w", dir, err)
	}
	go s.own()
	return s, nil
}

func newStore(dir string, o Options) *Store {
	s := &Store{dir: dir, o: o,
		requests: make(chan *request), quit: make(chan struct{}), done: make(chan struct{})}
	s.disk = clockedDisk{o.disk, &s.syncs}
	return s
}

// makeDir makes a missing directory, durably: what is above it may be as new.
func (s *Store) makeDir() error {
	if _, err := s.disk.readDir(s.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.disk.mkdir(s.dir); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(s.dir))
	if err := s.disk.syncDir(parent); err != nil {
		return err
	}
	return s.disk.syncDir(filepath.Dir(parent))
}

// Apply makes a batch durable, all or nothing. Concurrent calls share one sync. After an
// error other than ErrClosed the batch is not in the store; only if the disk goes on failing
// and the process then dies may the next Open find it whole.
func (s *Store) Apply(ops ...Op) error {
	for i := range ops {
		if err := ops[i].check(); err != nil {
			return err
		}
	}
	return s.send(&request{ops: ops})
}

// send hands a request to the owner and waits for its answer.
func (s *Store) send(r *request) error {
	r.done = make(chan error, 1)
	select {
	case s.requests <- r:
		err := <-r.done
		if err == nil {
			s.taken.Add(r.payload())
		}
		return err
	case <-s.quit:
		return ErrClosed
	}
}

// Close syncs and releases the lock. Batches that wait get ErrClosed.
func (s *Store) Close() error {
	first := s.stop()
	if !first || s.gone.Load() {
		return nil
	}
	err := s.tail.close()
	if s.closeSnapshot() || s.leaving() {
		err = errors.Join(err, s.syncDir())
	}
	s.lock.release()
	if err != nil {
		return fmt.Errorf("store: closing %s: %w", s.dir, err)
	}
	return nil
}

// leaving tells whether a bucket was unlinked but may still come back.
func (s *Store) leaving() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.buckets, func(b *bucket) bool { return b.gone })
}

// Abandon leaves the directory as a killed process would: it drops the handles and the
// lock, and neither writes nor syncs. A batch in flight gets ErrClosed and may or may not
// be found by the next Open. It is for crash tests.
func (s *Store) Abandon() {
	s.gone.Store(true)
	if s.stop() {
		s.lock.release()
	}
}

func (s *Store) stop() (first bool) {
	s.end.Do(func() { first = true; close(s.quit) })
	<-s.done
	return first
}
