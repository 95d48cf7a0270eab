package discovery

import (
	"cmp"
	"slices"

	"golang.org/x/net/dns/dnsmessage"
)

// order puts records in the order of RFC 2782: by priority, and within one drawn at random by weight, those
// without a weight hardly ever before others.
func order(list []dnsmessage.SRVResource, rand func(n int) int) []dnsmessage.SRVResource {
	slices.SortStableFunc(list, func(a, b dnsmessage.SRVResource) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Weight, b.Weight))
	})
	for i := range list {
		end := i
		for end < len(list) && list[end].Priority == list[i].Priority {
			end++
		}
		draw(list[i:end], rand)
	}
	return list
}

// draw moves one of several records of a priority to the front.
func draw(same []dnsmessage.SRVResource, rand func(n int) int) {
	sum := 0
	for _, s := range same {
		sum += int(s.Weight)
	}
	left := rand(sum + 1)
	for i, s := range same {
		if left -= int(s.Weight); left <= 0 {
			copy(same[1:i+1], same[:i])
			same[0] = s
			return
		}
	}
}
