//go:build !lean

package main

import (
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// boltEngine is bbolt with default options and one Update a commit.
type boltEngine struct{ db *bolt.DB }

var boltBucket = []byte("parcels")

func openBolt(dir string) (engine, error) {
	db, err := bolt.Open(filepath.Join(dir, "bolt"), 0o600, nil)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(boltBucket)
		return err
	})
	return &boltEngine{db}, err
}

func (e *boltEngine) each(ps []pair, do func(*bolt.Bucket, pair) error) error {
	return e.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(boltBucket)
		for _, p := range ps {
			if err := do(b, p); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *boltEngine) put(ps []pair) error {
	return e.each(ps, func(b *bolt.Bucket, p pair) error { return b.Put(p.key, p.value) })
}

func (e *boltEngine) remove(ps []pair) error {
	return e.each(ps, func(b *bolt.Bucket, p pair) error { return b.Delete(p.key) })
}

func (e *boltEngine) get(key []byte) (v []byte, err error) {
	err = e.db.View(func(tx *bolt.Tx) error {
		v = append(v, tx.Bucket(boltBucket).Get(key)...)
		return nil
	})
	return v, err
}

func (e *boltEngine) close() error { return e.db.Close() }
