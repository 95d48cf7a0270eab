package pki

import "time"

// Bounds of the search, for tests.
const (
	MaxVerify = maxVerify
	MaxSteps  = maxSteps
)

// SearchCost runs a search and returns how many links it looked at and how many signatures it verified.
func SearchCost(leaf *Certificate, candidates, anchors []*Certificate, now time.Time) (steps, verified int) {
	s := search{candidates: candidates, anchors: anchors, now: now, q: ClockGPS, links: map[link]error{}}
	s.extend([]*Certificate{leaf})
	return s.steps, len(s.links)
}
