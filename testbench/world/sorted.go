package world

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// sortedPartials lists keys in an order that does not depend on the map.
func sortedPartials[V any](m map[partialKey]V) []partialKey {
	return slices.SortedFunc(maps.Keys(m), func(x, y partialKey) int {
		return cmp.Or(bytes.Compare(x.digest[:], y.digest[:]), cmp.Compare(x.block, y.block))
	})
}
