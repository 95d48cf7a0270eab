package clock

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// sample is what one server said.
type sample struct {
	server   string
	offset   time.Duration // to be added to our clock
	distance time.Duration // how far from the truth it may be at most: RFC 5905, root distance
	leap     int8          // 1: a second is inserted at the end of the month, -1: one is left out
}

// slack is what two good servers may differ by beyond what they say of themselves: roads that are slower one way.
const slack = 100 * time.Millisecond

// maxDistance is MAXDIST of RFC 5905 for the servers and a second of road: a satellite and back.
const maxDistance = 2500 * time.Millisecond

// aloneFor is how many rounds a server has to be the only one of several to answer before it is believed.
const aloneFor = 3

var (
	errSilent   = errors.New("clock: no time server answers")
	errAlone    = errors.New("clock: one time server of several answers; it is believed when it stays so")
	errDisagree = errors.New("clock: the time servers disagree")
)

// agree takes what most servers say. asked is how many were asked, alone how many rounds before this one ended with
// errAlone. A server that was the only one to be asked is believed.
func agree(samples []sample, asked, alone int) (sample, error) {
	near := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.distance > maxDistance })
	slices.SortFunc(near, func(a, b sample) int { return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.server, b.server)) })
	switch {
	case len(near) == 0:
		return sample{}, errSilent
	case len(near) == 1 && asked > 1 && alone+1 < aloneFor:
		return sample{}, errAlone
	}
	middle := near[(len(near)-1)/2]
	with := slices.DeleteFunc(slices.Clone(near), func(s sample) bool {
		return (s.offset - middle.offset).Abs() > s.distance+middle.distance+slack
	})
	if 2*len(with) <= len(near) {
		return sample{}, fmt.Errorf("%w: %s and %s by %v", errDisagree, near[0].server, near[len(near)-1].server, (near[len(near)-1].offset - near[0].offset).Round(time.Millisecond))
	}
	best := with[(len(with)-1)/2]
	best.leap = majorityLeap(with)
	return best, nil
}

// majorityLeap believes in a leap second that more than half announce.
func majorityLeap(with []sample) int8 {
	sum := 0
	for _, s := range with {
		sum += int(s.leap)
	}
	switch {
	case 2*sum > len(with):
		return 1
	case -2*sum > len(with):
		return -1
	}
	return 0
}
