package queue

import "fmt"

// Limit bounds a count; 0 means no bound.
type Limit struct {
	Octets int64 // of bodies
	Items  int   // of heads, with those that are only remembered
}

// Limits bound what others can make us keep.
type Limits struct {
	All    Limit
	Peer   Limit // of one neighbour
	Own    Limit // of what came from no neighbour
	Sender Limit
	// Shares of each of these in per cent: of bulk alone, and of bulk and messages together. 0 means 75 and 90.
	Bulk, Messages int
}

const (
	defaultBulk     = 75
	defaultMessages = 90
)

// Scope is whose quota is meant.
type Scope uint8

const (
	ScopeAll Scope = iota
	ScopePeer
	ScopeOwn
	ScopeSender
)

// Full tells which quota has no room.
type Full struct {
	Scope       Scope
	Name        string   // of the neighbour or sender
	Priority    Priority // Emergency: the whole quota is used up; else the share of this and lesser urgency
	Items       bool     // Used and Limit are items, else octets
	Used, Limit int64
}

// Error is a sentence for people without the Name, which is the owner's to put in words.
func (f *Full) Error() string {
	unit, end := "octets", "deliveries"
	if f.Items { // heads stay until their time is over
		unit, end = "items", "some to expire"
	}
	return fmt.Sprintf("queue: the quota of %s is full: %d of %d %s are used; wait for %s or raise it", f.What(), f.Used, f.Limit, unit, end)
}

// What names the quota in words.
func (f *Full) What() string {
	whose := [...]string{"all", "one neighbour", "our own apps", "one sender"}[min(f.Scope, ScopeSender)]
	return whose + [...]string{"", " for messages and bulk", " for bulk"}[min(f.Priority, Bulk)]
}

// usage is what an account holds, by priority.
type usage struct {
	octets [priorities]int64
	items  [priorities]int32
}

func (u *usage) add(p Priority, octets int64, items int32) {
	u.octets[p] += octets
	u.items[p] += items
}

// from sums up what is of a priority or less urgent.
func (u *usage) from(p Priority) (octets, items int64) {
	for ; p < priorities; p++ {
		octets += u.octets[p]
		items += int64(u.items[p])
	}
	return octets, items
}

// refuse tells why so much more of a priority does not fit, nil when it does.
func (u *usage) refuse(l Limit, share [priorities]int, p Priority, octets, items int64) *Full {
	for q := range p + 1 {
		o, n := u.from(q)
		if limit := part(l.Octets, share[q]); l.Octets > 0 && octets > 0 && o+octets > limit {
			return &Full{Priority: q, Used: o, Limit: limit}
		}
		if limit := part(int64(l.Items), share[q]); l.Items > 0 && items > 0 && n+items > limit {
			return &Full{Priority: q, Items: true, Used: n, Limit: limit}
		}
	}
	return nil
}

// part is so many per cent, rounded up.
func part(n int64, percent int) int64 { return n/100*int64(percent) + (n%100*int64(percent)+99)/100 }

func (l *Limits) shares() (s [priorities]int) {
	s = [priorities]int{100, l.Messages, l.Bulk}
	if s[Message] <= 0 {
		s[Message] = defaultMessages
	}
	if s[Bulk] <= 0 {
		s[Bulk] = defaultBulk
	}
	return s
}
