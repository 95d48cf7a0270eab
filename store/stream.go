package store

import (
	"errors"
	"fmt"
)

// streamBuffer is what a Writer holds in memory and sends to the disk at once: as much as a group takes.
const streamBuffer = groupBytes

// MaxStreams bounds the Writers and Readers that are open at a time: each has a buffer and keeps buckets.
const MaxStreams = 64

// ErrBusy says that MaxStreams streams are open.
var ErrBusy = fmt.Errorf("store: %d streams are open already; finish one first", MaxStreams)

var errEnded = errors.New("store: the stream has ended")

// Writer puts one value whose octets come one after the other. It is for one goroutine; others may use the store and
// further Writers meanwhile. What it holds in memory is a buffer of 256 KiB.
type Writer struct {
	s      *Store
	op     Op
	buf    []byte // what is not on disk yet
	upload *upload
	err    error // why it has ended
}

// Create begins a value that is put when the Writer commits; the key has what it had until then. The pieces
// go to disk as they fill the buffer, and count against MaxBytes and the reserve: on top of the value that the
// key has. End it with Commit or Abort. Its errors are ErrBusy, and that of a key that is too long.
func (s *Store) Create(k Kind, key string) (*Writer, error) {
	op := Op{Kind: k, Key: key}
	if err := op.check(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	return &Writer{s: s, op: op, buf: make([]byte, 0, streamBuffer), upload: &upload{}}, nil
}

// Write takes a copy of p. After an error, such as ErrFull, nothing is kept of the stream.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.upload.size+len(w.buf)+len(p) > MaxValue {
		return 0, w.end(errTooLarge(w.upload.size + len(w.buf) + len(p)))
	}
	for len(p) > 0 {
		if len(w.buf) == cap(w.buf) {
			if err := w.spill(); err != nil {
				return n, err
			}
		}
		k := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf, p, n = w.buf[:len(w.buf)+k], p[k:], n+k
	}
	return n, nil
}

// spill makes the full buffer durable as chunks.
func (w *Writer) spill() error {
	op := w.op
	op.Value, op.upload, op.more = w.buf, w.upload, true
	if err := w.s.Apply(op); err != nil {
		return w.end(err)
	}
	w.upload.size += len(w.buf)
	w.buf = w.buf[:0]
	return nil
}

// Commit puts the value, and applies extra with it: all or nothing, durable when it returns. After an error nothing is
// kept of the stream.
func (w *Writer) Commit(extra ...Op) error {
	if w.err != nil {
		return w.err
	}
	op := w.op
	op.Value = w.buf
	if w.upload.size > 0 {
		op.upload = w.upload
	}
	if err := w.s.Apply(append([]Op{op}, extra...)...); err != nil {
		return w.end(err)
	}
	w.upload.size = 0 // the put has the chunks
	w.end(errEnded)
	return nil
}

// Abort gives the stream up, unless it has ended.
func (w *Writer) Abort() {
	if w.err == nil {
		w.end(errEnded)
	}
}

// end frees what the stream holds.
func (w *Writer) end(err error) error {
	w.err, w.buf = err, nil
	if w.upload.size > 0 {
		_ = w.s.send(&request{drop: w.upload}) // of a closed store nothing is left to free
	}
	w.s.leave()
	return err
}

// enter counts a stream in.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == MaxStreams {
		return ErrBusy
	}
	s.streams++
	return nil
}

func (s *Store) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams--
}
