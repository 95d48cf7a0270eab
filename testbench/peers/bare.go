package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/tidwall/wal"
	"golang.org/x/sys/unix"
)

// bareWAL is tidwall/wal alone: a put is an entry of key and value, a removal one of the key. It finds and
// reclaims nothing; it is the floor on which packhorse/store stands.
type bareWAL struct {
	log   *wal.Log
	next  uint64
	entry []byte
}

func openWAL(dir string) (engine, error) {
	l, err := wal.Open(filepath.Join(dir, "wal"), &wal.Options{SegmentSize: 4 << 20, SegmentCacheSize: 2})
	if err != nil {
		return nil, err
	}
	last, err := l.LastIndex()
	return &bareWAL{log: l, next: last + 1}, err
}

func (e *bareWAL) put(ps []pair) error    { return e.write(ps, 1) }
func (e *bareWAL) remove(ps []pair) error { return e.write(ps, 2) }

func (e *bareWAL) write(ps []pair, op byte) error {
	if len(ps) == 1 {
		e.next++
		return e.log.Write(e.next-1, e.encode(ps[0], op))
	}
	var b wal.Batch
	for _, p := range ps {
		b.Write(e.next, e.encode(p, op))
		e.next++
	}
	return e.log.WriteBatch(&b)
}

func (e *bareWAL) encode(p pair, op byte) []byte {
	e.entry = append(append(e.entry[:0], op), p.key...)
	if op == 1 {
		e.entry = append(e.entry, p.value...)
	}
	return e.entry
}

var errNoLookup = errors.New("this engine finds nothing by key")

func (e *bareWAL) get([]byte) ([]byte, error) { return nil, errNoLookup }
func (e *bareWAL) close() error               { return e.log.Close() }

// raw is pwrite and fdatasync of the values at the end of one growing file: what the disk can do.
type raw struct {
	f   *os.File
	at  int64
	buf []byte
}

func openRaw(dir string) (engine, error) {
	f, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY, 0o600)
	return &raw{f: f}, err
}

func (e *raw) put(ps []pair) error {
	e.buf = e.buf[:0]
	for _, p := range ps {
		e.buf = append(e.buf, p.value...)
	}
	if _, err := e.f.WriteAt(e.buf, e.at); err != nil {
		return err
	}
	e.at += int64(len(e.buf))
	return unix.Fdatasync(int(e.f.Fd()))
}

func (e *raw) remove([]pair) error        { return errors.New("raw files only grow") }
func (e *raw) get([]byte) ([]byte, error) { return nil, errNoLookup }
func (e *raw) close() error               { return e.f.Close() }
