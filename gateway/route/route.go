// Package route finds the next hop to each gateway of the domain. It is a pure table: adverts that
// were heard go in, the cheapest loop-free neighbour comes out.
//
// Every gateway numbers its adverts; each hop adds its own cost. A neighbour may be used for a
// destination only when what it reported is less than the least cost that this gateway itself ever had for
// the same number (the feasibility condition of RFC 8966 section 2.4): so routes never loop, also
// while they change.
package route

import (
	"bytes"
	"sort"

	"packhorse/link"
)

// Unreachable is the cost that no route reaches.
const Unreachable = ^uint16(0)

// Table is the routes of one gateway. Not safe for concurrent use.
type Table struct {
	max  int
	dest map[link.PeerID]*destination
}

type destination struct {
	seq      uint64
	feasible uint16 // least total cost we had for seq
	via      map[link.PeerID]uint16
}

// NewTable makes a table of at most max destinations.
func NewTable(max int) *Table {
	return &Table{max: max, dest: map[link.PeerID]*destination{}}
}

// Learn takes a destination's advert number seq as a neighbour reported it. reported is the
// neighbour's own cost (0 for itself), hop what it costs to reach that neighbour. It tells whether anything changed.
func (t *Table) Learn(dst link.PeerID, seq uint64, via link.PeerID, reported, hop uint16) bool {
	d := t.dest[dst]
	if d == nil {
		if len(t.dest) >= t.max {
			return false
		}
		d = &destination{seq: seq, feasible: Unreachable, via: map[link.PeerID]uint16{}}
		t.dest[dst] = d
	}
	if seq < d.seq {
		return false
	}
	if seq > d.seq {
		d.seq, d.feasible = seq, Unreachable
		clear(d.via)
	}
	old, known := d.via[via]
	d.via[via] = reported
	d.feasible = min(d.feasible, Add(reported, hop))
	return !known || old != reported
}

// Next is the cheapest usable neighbour towards dst. hop tells what a neighbour costs to reach, and
// whether it may be used at all.
func (t *Table) Next(dst link.PeerID, hop func(link.PeerID) (uint16, bool)) (via link.PeerID, cost uint16, ok bool) {
	d := t.dest[dst]
	if d == nil {
		return via, Unreachable, false
	}
	cost = Unreachable
	for _, p := range sortedPeers(d.via) {
		h, usable := hop(p)
		if !usable || d.via[p] >= d.feasible {
			continue
		}
		if total := Add(d.via[p], h); total < cost {
			via, cost, ok = p, total, true
		}
	}
	d.feasible = min(d.feasible, cost) // what we may now report to others
	return via, cost, ok
}

// Known tells whether any neighbour ever reported the destination.
func (t *Table) Known(dst link.PeerID) bool { return t.dest[dst] != nil }

// Forget removes what a neighbour reported: it restarted, or left.
func (t *Table) Forget(via link.PeerID) {
	for _, d := range t.dest {
		delete(d.via, via)
	}
}

// Remove takes a destination out.
func (t *Table) Remove(dst link.PeerID) { delete(t.dest, dst) }

// Add sums costs without wrapping.
func Add(a, b uint16) uint16 { return uint16(min(uint32(a)+uint32(b), uint32(Unreachable))) }

func sortedPeers(m map[link.PeerID]uint16) []link.PeerID {
	out := make([]link.PeerID, 0, len(m))
	for p := range m {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return bytes.Compare(out[i][:], out[j][:]) < 0 })
	return out
}
