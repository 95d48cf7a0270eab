package gateway

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// sortedDigests lists the keys of a set in one order for every run.
func sortedDigests[V any](m map[link.Digest]V) []link.Digest {
	return slices.SortedFunc(maps.Keys(m), func(a, b link.Digest) int { return bytes.Compare(a[:], b[:]) })
}

// sortMembers sorts by name; two of one name keep the order of their ids.
func sortMembers(list []Member) {
	slices.SortStableFunc(list, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
}

func sortedIDs(m map[pki.NodeID]bool) []pki.NodeID { return slices.Sorted(maps.Keys(m)) }

func sortedSubs(m map[uint64]*subscription) []uint64 { return slices.Sorted(maps.Keys(m)) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
