package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
	"packhorse/store"
)

// A gateway's parcel is a body and a head under the same key.
const (
	parcels   = 100_000
	bodyBytes = 10_400
	headBytes = 300

	bodyKind = store.Kind(1)
	headKind = store.Kind(2)
)

// runFill puts parcels, Commits groups of Group. A later fill puts the first of them again.
func runFill(j job) (r result, err error) {
	s, err := store.Open(j.Dir, store.Options{MaxBytes: maxBytes})
	if err != nil {
		return r, err
	}
	src := newSource()
	begun := time.Now()
	for range j.Commits {
		if err := s.Apply(src.parcels(j.Group)...); err != nil {
			return r, err
		}
	}
	r.Seconds, r.Ops = time.Since(begun).Seconds(), j.Group*j.Commits
	r.take(s)
	return r, end(j, s, &r)
}

func (s *source) parcels(n int) (ops []store.Op) {
	for range n {
		var id [16]byte
		s.rng.Read(id[:])
		key := hex.EncodeToString(id[:])
		ops = append(ops, store.Op{Kind: bodyKind, Key: key, Value: s.value(bodyBytes)},
			store.Op{Kind: headKind, Key: key, Value: s.value(headBytes)})
	}
	return ops
}

// end closes a store, or ends the process as kill -9 would.
func end(j job, s *store.Store, r *result) error {
	if !j.Kill {
		return s.Close()
	}
	return errors.Join(r.print(), unix.Kill(os.Getpid(), unix.SIGKILL))
}

// runOpen measures Open and the memory that it takes and keeps.
func runOpen(j job) (r result, err error) {
	r.StartKiB = status("VmRSS")
	begun := time.Now()
	var s *store.Store
	err = profiled(j, func() error {
		s, err = store.Open(j.Dir, store.Options{MaxBytes: maxBytes})
		return err
	})
	if err != nil {
		return r, err
	}
	r.Seconds, r.Ops, r.PeakKiB = time.Since(begun).Seconds(), 1, status("VmHWM")
	debug.FreeOSMemory()
	r.RestKiB = status("VmRSS")
	r.take(s)
	if m := s.Stats(); m.Damaged > 0 || m.Records < 2*parcels {
		return r, fmt.Errorf("opened with %d records and %d damaged, want %d and 0", m.Records, m.Damaged, 2*parcels)
	}
	return r, end(j, s, &r)
}
