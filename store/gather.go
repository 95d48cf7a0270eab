package store

import "time"

// Limits of a group of batches that share a sync, and so of how long one takes. A batch that is larger goes alone.
const (
	groupRecords = 64
	groupBytes   = 256 << 10
)

// gather adds to a request what waits already, and what comes within Linger. It returns apart what is one too many.
func (s *Store) gather(first *request) (group []*request, next *request) {
	group = []*request{first}
	records, octets := len(first.ops), first.bytes()
	var late <-chan time.Time
	if s.o.Linger > 0 {
		t := time.NewTimer(s.o.Linger)
		defer t.Stop()
		late = t.C
	}
	for records < groupRecords && octets < groupBytes {
		r := s.another(late)
		if r == nil {
			break
		}
		records += len(r.ops)
		octets += r.bytes()
		if records > groupRecords || octets > groupBytes {
			return group, r
		}
		group = append(group, r)
	}
	return group, nil
}

// another waits for a request until it is late; without a time it takes only one that waits already.
func (s *Store) another(late <-chan time.Time) *request {
	select {
	case r := <-s.requests:
		return r
	default:
	}
	if late == nil {
		return nil
	}
	select {
	case r := <-s.requests:
		return r
	case <-late:
	case <-s.quit:
	}
	return nil
}
