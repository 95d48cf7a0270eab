//go:build lean

package main

// engines of a program without the peers: theirs is 10 MiB of memory before they are asked for anything.
var engines = map[string]func(dir string) (engine, error){"packhorse": openPackhorse}
