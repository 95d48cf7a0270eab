package store

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/tidwall/wal"
)

// appender is the open log of one bucket. It belongs to the owner.
type appender interface {
	add(seq uint64, rec []byte) // takes a copy
	flush() error               // writes what was added
	sync() error
	close() error
}

// walLog is tidwall/wal with one segment a bucket: it would otherwise cycle in the middle
// of a batch, and it never syncs a directory. It is dropped after its first error, for
// its memory then no longer agrees with the file.
type walLog struct {
	log   *wal.Log
	batch wal.Batch
}

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
	return &walLog{log: l}, nil
}

func (w *walLog) add(seq uint64, rec []byte) { w.batch.Write(seq, rec) }
func (w *walLog) flush() error               { return w.log.WriteBatch(&w.batch) }
func (w *walLog) sync() error                { return w.log.Sync() }
func (w *walLog) close() error               { return w.log.Close() }
