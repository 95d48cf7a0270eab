package gateway

import "time"

// chores are what the gateway does by itself for its place in the domain: it has its
// membership renewed, tells whom the domain revoked, seals drafts and asks for contacts.
type chores struct {
	next   time.Time       // when to look again, zero: not before something changes
	asking map[string]bool // questions whose batch is on its way, by counter
	taking map[string]bool // dispatches to us likewise
}

// chore does what is due. It runs whenever anything changed that routes or waiting items depend on.
func (c *Core) chore(now time.Time) {
	c.publishDomain(now)
	c.renewMembership(now)
	c.certifyBox(now)
	c.sealDrafts(now)
}

// wakeAt asks for another look at a time.
func (c *Core) wakeAt(t time.Time) {
	if c.chores.next.IsZero() || t.Before(c.chores.next) {
		c.chores.next = t
	}
}

func (c *Core) wakeChores(now time.Time) {
	if !c.chores.next.IsZero() && !c.chores.next.After(now) {
		c.chores.next, c.dirty = time.Time{}, true
	}
}
