package main

import "packhorse/store"

// maxBytes is large enough for every workload; all other options are as the gateway has them.
const maxBytes = 8 << 30

const kind = store.Kind(1)

type packhorse struct {
	s   *store.Store
	ops []store.Op
}

func openPackhorse(dir string) (engine, error) {
	s, err := store.Open(dir, store.Options{MaxBytes: maxBytes})
	return &packhorse{s: s}, err
}

func (e *packhorse) put(ps []pair) error {
	e.ops = e.ops[:0]
	for _, p := range ps {
		e.ops = append(e.ops, store.Op{Kind: kind, Key: string(p.key), Value: p.value})
	}
	return e.s.Apply(e.ops...)
}

func (e *packhorse) remove(ps []pair) error {
	e.ops = e.ops[:0]
	for _, p := range ps {
		e.ops = append(e.ops, store.Op{Kind: kind, Key: string(p.key), Delete: true})
	}
	return e.s.Apply(e.ops...)
}

func (e *packhorse) get(key []byte) ([]byte, error) { return e.s.Get(kind, string(key)) }
func (e *packhorse) close() error                   { return e.s.Close() }
