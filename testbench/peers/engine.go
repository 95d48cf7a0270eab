package main

import "fmt"

// engine is one store under test. A call is one commit: when it returns, what it was given is durable.
type engine interface {
	put(ps []pair) error
	remove(ps []pair) error // what was put before
	get(key []byte) ([]byte, error)
	close() error
}

// pair is a key and its value. Both are borrowed for the time of the call.
type pair struct{ key, value []byte }

func open(name, dir string) (engine, error) {
	f := engines[name]
	if f == nil {
		return nil, fmt.Errorf("no engine %q", name)
	}
	return f(dir)
}
