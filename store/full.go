package store

import "fmt"

// Limit is what a store can be too full for.
type Limit uint8

// The limits of a store.
const (
	LimitBytes   Limit = iota // Options.MaxBytes, of live octets with their headers
	LimitRecords              // Options.MaxRecords, of live values
	LimitReserve              // Options.Reserve, of octets that stay free on the file system
)

// FullError says which limit a growing batch met. It is ErrFull.
type FullError struct {
	Limit Limit
	Max   int64 // the limit as it is set
	Used  int64 // what is used of it; for LimitReserve the octets that the file system has left
	Asked int64 // by how much the batch would grow the store
}

func (e *FullError) Error() string {
	switch e.Limit {
	case LimitRecords:
		return fmt.Sprintf("%v: %d of %d records are used and %d more are asked for; raise the limit or wait for deliveries", ErrFull, e.Used, e.Max, e.Asked)
	case LimitReserve:
		return fmt.Sprintf("%v: the file system has %d octets left, %d are asked for and %d stay in reserve; free some space", ErrFull, e.Used, e.Asked, e.Max)
	}
	return fmt.Sprintf("%v: %d of %d octets are used and %d more are asked for; raise the limit or wait for deliveries", ErrFull, e.Used, e.Max, e.Asked)
}

// Unwrap makes it ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }

// growth is by how much something changes what is live.
type growth struct{ octets, records int64 }

// admit refuses a batch that would grow the store over its limits.
func (t *txn) admit(ops []Op) error {
	var sum, ask growth
	for i, name := range t.identify(ops) {
		g := t.cost(&ops[i], name)
		sum.octets, sum.records = sum.octets+g.octets, sum.records+g.records
		if ops[i].more && !t.has(name) {
			ask.records++ // its put comes later, but would come in vain
		}
	}
	ask.octets, ask.records = sum.octets, sum.records+ask.records
	s := t.s
	if used := int64(s.index.count) + t.grow.records; ask.records > 0 && used+ask.records > s.o.MaxRecords {
		return &FullError{LimitRecords, s.o.MaxRecords, used, ask.records}
	}
	if ask.octets > 0 {
		if err := t.fits(ask.octets); err != nil {
			return err
		}
	}
	t.grow.octets += sum.octets
	t.grow.records += sum.records
	return nil
}

// fits takes octets from the quota and the free space.
func (t *txn) fits(octets int64) error {
	s := t.s
	if used := s.live + t.grow.octets; used+octets > s.o.MaxBytes {
		return &FullError{LimitBytes, s.o.MaxBytes, used, octets}
	}
	if t.room < 0 {
		free, err := s.disk.free(s.dir)
		if err != nil {
			return s.failure(err)
		}
		t.room = free
	}
	if reserve := max(0, s.o.Reserve); t.room-octets < reserve {
		return &FullError{LimitReserve, reserve, t.room, octets}
	}
	t.room -= octets
	return nil
}

func (t *txn) has(name id) bool {
	if c := t.latest(name); c != nil {
		return c.typ != typeTombstone
	}
	return t.s.index.get(name) != nil
}

// cost is by how much an op changes what is live.
func (t *txn) cost(op *Op, name id) (g growth) {
	each := int64(codec{seal: t.s.o.Cipher}.overhead() + len(op.Key))
	records := int64(1)
	if op.upload != nil || len(op.Value) > maxInline {
		records += int64(len(op.Value)+maxInline-1) / maxInline
	}
	if op.more {
		return growth{octets: int64(len(op.Value)) + each*(records-1)}
	}
	if t.has(name) {
		g.records = -1
	}
	if c := t.latest(name); c != nil {
		g.octets = -c.weight()
	} else if e := t.s.index.get(name); e != nil {
		g.octets = -t.s.weight(name, e)
	}
	if op.Delete {
		return g
	}
	return growth{g.octets + int64(len(op.Value)) + each*records, g.records + 1}
}

func (c *change) weight() (n int64) {
	if c.typ == typeTombstone {
		return 0
	}
	n = int64(c.at.len)
	if c.large != nil {
		for _, l := range c.large.chunks {
			n += int64(l.len)
		}
	}
	return n
}
