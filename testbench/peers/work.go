package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const valueBytes = 4096

// source makes fresh keys of 32 octets and incompressible values.
type source struct {
	rng  *rand.ChaCha8
	pool []byte
	at   int
}

func newSource() *source {
	s := &source{rng: rand.NewChaCha8([32]byte{1}), pool: make([]byte, 1<<20)}
	s.rng.Read(s.pool)
	return s
}

// group is the next n pairs, written over ps.
func (s *source) group(ps []pair, n int) []pair {
	ps = ps[:0]
	for range n {
		key := make([]byte, 32)
		s.rng.Read(key)
		ps = append(ps, pair{key, s.value(valueBytes)})
	}
	return ps
}

// value is n octets of the pool, other ones than the last time.
func (s *source) value(n int) []byte {
	if s.at+n > len(s.pool) {
		s.at = int(s.rng.Uint64() % 4096)
	}
	s.at += n
	return s.pool[s.at-n : s.at : s.at]
}

// runPut measures durable puts.
func runPut(j job) (result, error) {
	return run(j, func(e engine, ps []pair) error { return e.put(ps) })
}

// runPair measures durable puts, each followed by its durable removal.
func runPair(j job) (result, error) {
	return run(j, func(e engine, ps []pair) error {
		if err := e.put(ps); err != nil {
			return err
		}
		return e.remove(ps)
	})
}

// run measures commits; one before them goes unmeasured, for it makes the files.
func run(j job, do func(engine, []pair) error) (r result, err error) {
	e, err := open(j.Engine, j.Dir)
	if err != nil {
		return r, err
	}
	src := newSource()
	ps := src.group(nil, j.Group)
	if err := do(e, ps); err != nil {
		return r, err
	}
	if err := j.gate(); err != nil {
		return r, err
	}
	begun := time.Now()
	err = profiled(j, func() error {
		for range j.Commits {
			ps = src.group(ps, j.Group)
			if err := do(e, ps); err != nil {
				return err
			}
		}
		return nil
	})
	r.Seconds, r.Ops = time.Since(begun).Seconds(), j.Group*j.Commits
	err = errors.Join(err, j.gate())
	if err == nil && j.Work == "put" {
		err = holds(e, ps)
	}
	if p, ok := e.(*packhorse); ok {
		r.take(p.s)
	}
	return r, errors.Join(err, e.close())
}

// holds checks that an engine holds what it was given.
func holds(e engine, ps []pair) error {
	for _, p := range ps {
		got, err := e.get(p.key)
		if errors.Is(err, errNoLookup) {
			return nil
		}
		if err != nil || !bytes.Equal(got, p.value) {
			return fmt.Errorf("key %x: got %d octets and error %v, want those that were put", p.key, len(got), err)
		}
	}
	return nil
}
