//go:build !lean

package main

import (
	"path/filepath"

	"github.com/cockroachdb/pebble"
)

// pebbleEngine is Pebble with default options and a synced write-ahead log.
type pebbleEngine struct{ db *pebble.DB }

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	pebble.DefaultLogger.Fatalf(f, a...)
}

func openPebble(dir string) (engine, error) {
	db, err := pebble.Open(filepath.Join(dir, "pebble"), &pebble.Options{Logger: quiet{}})
	return &pebbleEngine{db}, err
}

func (e *pebbleEngine) put(ps []pair) error {
	return e.each(ps, func(b *pebble.Batch, p pair) error { return b.Set(p.key, p.value, nil) })
}

func (e *pebbleEngine) remove(ps []pair) error {
	return e.each(ps, func(b *pebble.Batch, p pair) error { return b.Delete(p.key, nil) })
}

func (e *pebbleEngine) each(ps []pair, do func(*pebble.Batch, pair) error) error {
	b := e.db.NewBatch()
	defer b.Close()
	for _, p := range ps {
		if err := do(b, p); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func (e *pebbleEngine) get(key []byte) ([]byte, error) {
	v, done, err := e.db.Get(key)
	if err != nil {
		return nil, err
	}
	defer done.Close()
	return append([]byte(nil), v...), nil
}

func (e *pebbleEngine) close() error { return e.db.Close() }
