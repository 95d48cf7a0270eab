package store

import (
	"fmt"
	"math"
	"path/filepath"
	"sync"

	"github.com/tidwall/wal"
)

// appender is the open log of one bucket. It belongs to the owner.
type appender interface {
	add(seq uint64, rec []byte) // takes a copy
	flush() error               // writes what was added
	sync() error
	// runway fills the file with zeros between its end and another, so that what is written there later does not
	// change its size. It returns the end that it has then.
	runway(from, to int64) (int64, error)
	trim(size int64) error // takes a runway and what is reserved back
	reserve(from, n int64) // hints that so many octets will follow there
	close() error          // without a sync
}

// walLog is tidwall/wal with one segment a bucket: it would otherwise cycle in the middle
// of a batch, and it never syncs a directory. It is dropped after its first error, for
// its memory then no longer agrees with the file.
type walLog struct {
	log *wal.Log
	in  walInside
	*walBuffers
}

// walBuffers outlive the bucket that they are used for.
type walBuffers struct {
	batch wal.Batch
	tail  []byte
}

var walPool = sync.Pool{New: func() any { return new(walBuffers) }}

// segmentName is the file name tidwall/wal gives the segment that begins with seq.
func segmentName(seq uint64) string { return fmt.Sprintf("%020d", seq) }

func segmentPath(dir string, first uint64) string { return filepath.Join(dir, segmentName(first)) }

// openWAL opens a bucket whose segment file exists and holds good records only.
func openWAL(dir string) (appender, error) {
	l, err := wal.Open(dir, &wal.Options{NoSync: true, SegmentSize: math.MaxInt32,
		SegmentCacheSize: 1, AllowEmpty: true, DirPerms: 0o700, FilePerms: 0o600})
	if err != nil {
		return nil, err
	}
	w := &walLog{l, insideOf(l), walPool.Get().(*walBuffers)}
	w.in.lend(w.tail)
	return w, nil
}

func (w *walLog) add(seq uint64, rec []byte) { w.batch.Write(seq, rec) }

func (w *walLog) flush() error {
	err := w.log.WriteBatch(&w.batch)
	w.tail = w.in.forget()
	return err
}

func (w *walLog) sync() error {
	if w.in.file == nil {
		return w.log.Sync()
	}
	return syncData(w.in.file)
}

func (w *walLog) runway(from, to int64) (int64, error) {
	if w.in.file == nil {
		return from, nil
	}
	_, err := w.in.file.WriteAt(zeros[:to-from], from)
	return to, err
}

func (w *walLog) reserve(from, n int64) {
	if w.in.file != nil {
		reserveSpace(w.in.file, from, n)
	}
}

func (w *walLog) trim(size int64) error {
	if w.in.file == nil {
		return nil // there is no runway either
	}
	return w.in.file.Truncate(size)
}

func (w *walLog) close() error {
	w.batch.Clear()
	walPool.Put(w.walBuffers)
	if w.in.file == nil {
		return w.log.Close() // it syncs once more
	}
	return w.in.file.Close()
}
