//go:build !lean

package main

// engines opens each engine in a directory that exists, empty or left by an earlier run.
var engines = map[string]func(dir string) (engine, error){
	"packhorse": openPackhorse,
	"wal":       openWAL,
	"raw":       openRaw,
	"bbolt":     openBolt,
	"SQLite":    openLite,
	"Pebble":    openPebble,
}
