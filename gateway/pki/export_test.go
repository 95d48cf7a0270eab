package pki

import "time"

// Bounds of the search, for tests.
const (
	MaxVerify = maxVerify
	MaxSteps  = maxSteps
)

// SearchCost runs a search and returns how many links it looked at and how many signatures it verified.
func SearchCost(leaf *Certificate, candidates, anchors []*Certificate, now time.Time) (steps, verified int) {
	s := search{candidates: candidates, anchors: anchors, terms: Terms{Now: now, Quality: ClockGPS}, links: map[link]error{}}
	s.extend([]*Certificate{leaf})
	return s.steps, len(s.links)
}

// Kept is how many links are remembered, Known whether one is.
func Kept(l *Links) int { return len(l.known) }

func Known(l *Links, child, issuer *Certificate) bool { return l.known[linkOf(child, issuer)] != nil }

// Remember uses a link that no certificate has, and Remembers tells whether it is kept.
func Remember(l *Links, child byte, issuer NodeID) { l.use(linkKey{[32]byte{child}, issuer}) }

func Remembers(l *Links, child byte, issuer NodeID) bool {
	return l.known[linkKey{[32]byte{child}, issuer}] != nil
}
