package main

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// tree is what goes into a file system or an archive: octets by their path, without a slash in front.
type tree map[string][]byte

// paths are those of the tree, in their order.
func (t tree) paths() []string { return slices.Sorted(maps.Keys(t)) }

// dirs are the directories that the paths need, each after the one that holds it.
func (t tree) dirs() []string {
	set := map[string]bool{}
	for p := range t {
		for i, c := range p {
			if c == '/' {
				set[p[:i]] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		return cmp.Or(cmp.Compare(bytes.Count([]byte(a), []byte("/")), bytes.Count([]byte(b), []byte("/"))), cmp.Compare(a, b))
	})
}
