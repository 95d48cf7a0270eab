//go:build !lean

package main

import (
	"database/sql"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// lite is SQLite with a write-ahead log synced at each commit, its default pages, cache and checkpoints, prepared
// statements, one connection that has the file to itself, and one tree: a table with row ids and an index of keys
// writes a quarter more.
type lite struct {
	db            *sql.DB
	ins, del, sel *sql.Stmt
}

const litePragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=locking_mode(EXCLUSIVE)"

func openLite(dir string) (engine, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "lite")+litePragmas)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS parcels (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID"); err != nil {
		return nil, err
	}
	e := &lite{db: db}
	for to, q := range map[**sql.Stmt]string{
		&e.ins: "INSERT INTO parcels (k, v) VALUES (?, ?)",
		&e.del: "DELETE FROM parcels WHERE k = ?",
		&e.sel: "SELECT v FROM parcels WHERE k = ?",
	} {
		if *to, err = db.Prepare(q); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *lite) put(ps []pair) error {
	return e.each(e.ins, ps, func(p pair) []any { return []any{p.key, p.value} })
}

func (e *lite) remove(ps []pair) error {
	return e.each(e.del, ps, func(p pair) []any { return []any{p.key} })
}

// each runs a statement for every pair in one transaction; a statement alone is one by itself.
func (e *lite) each(st *sql.Stmt, ps []pair, args func(pair) []any) error {
	if len(ps) == 1 {
		_, err := st.Exec(args(ps[0])...)
		return err
	}
	tx, err := e.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing behind a commit
	st = tx.Stmt(st)
	for _, p := range ps {
		if _, err := st.Exec(args(p)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (e *lite) get(key []byte) (v []byte, err error) {
	err = e.sel.QueryRow(key).Scan(&v)
	return v, err
}

func (e *lite) close() error { return e.db.Close() }
