package permit

import (
	"fmt"
	"slices"
	"time"

	"packhorse/gateway/pki"
)

// Bounds of the table of rates.
const (
	// maxRates is how many limited PDAs are kept count of, of which one endpoint may have issued an eighth.
	maxRates = 4096
	// maxIssued is the share of one endpoint.
	maxIssued = maxRates / 8
	// maxSpans is how many times are kept of each PDA; one takes 16 octets. While all fit the count is exact.
	maxSpans = 256
)

// Rates counts the parcels of each PDA that has a rate limit: in any time of its period, wherever that begins,
// at most its limit are let through, to the millisecond.
//
// Times come from the caller: an Internet gateway's are those of receipt, a private gateway's the parcels'
// creation dates, which come in any order. Where more times are known than are kept, neighbouring ones are
// joined, the older the sooner, and count together as if each could be anywhere between: that refuses more,
// never less. A table that is full refuses what it cannot count.
type Rates struct {
	reach  time.Duration
	rows   map[string]*rate
	issued map[pki.NodeID]int
}

// NewRates makes an empty table. reach is how far behind the latest time of a PDA another one may lie: the longest
// lifetime of a parcel (ramf.MaxTTL) where times are creation dates. With 0 times are those of receipt,
// and one that goes back counts as the latest.
func NewRates(reach time.Duration) *Rates {
	return &Rates{reach: reach, rows: map[string]*rate{}, issued: map[pki.NodeID]int{}}
}

// Load takes a record that Take gave. A damaged one is an error and left out.
func (r *Rates) Load(key string, value []byte) error {
	row, err := parseRate(value)
	if err != nil {
		return err
	}
	r.add(key, row)
	return nil
}

// Take counts a parcel at a time under the PDA that path, of ramf.Message.Check, begins with, and returns the record to make durable with the parcel; none
// when the PDA has no limit. Errors are ErrRate and ErrFull; then nothing was counted.
func (r *Rates) Take(path []*pki.Certificate, at time.Time) ([]Record, error) {
	if len(path) < 2 || path[0].RateLimit == nil {
		return nil, nil
	}
	pda := path[0]
	key := hashOf(pda.Raw())
	row := r.rows[key]
	if row == nil {
		if row = newRate(pda, path[1]); len(r.rows) >= maxRates || r.issued[row.issuer] >= maxIssued {
			return nil, fmt.Errorf("%w: %d limited authorisations are in use, %d of them by this recipient", ErrFull, len(r.rows), r.issued[row.issuer])
		}
	}
	if !row.take(*pda.RateLimit, r.reach, at) {
		return nil, fmt.Errorf("%w: %d in %v", ErrRate, pda.RateLimit.Limit, pda.RateLimit.Period)
	}
	if r.rows[key] == nil {
		r.add(key, row)
	}
	return []Record{{Key: key, Value: row.append(nil)}}, nil
}

// Return undoes Take for a parcel that could not be stored and will come again. Where times are those of receipt it may
// find another parcel's instead.
func (r *Rates) Return(path []*pki.Certificate, at time.Time) {
	if len(path) < 2 || path[0].RateLimit == nil {
		return
	}
	if row := r.rows[hashOf(path[0].Raw())]; row != nil {
		row.giveBack(at)
	}
}

func (r *Rates) add(key string, row *rate) {
	if old := r.rows[key]; old != nil {
		r.issued[old.issuer]--
	}
	r.rows[key] = row
	r.issued[row.issuer]++
}

// Expire forgets PDAs that have ended by now: nothing is let through under them any more. Only call it with a
// time that can be trusted.
func (r *Rates) Expire(now time.Time) []Record {
	var gone []Record
	for key, row := range r.rows {
		if row.until.Before(now) {
			gone = append(gone, Record{Key: key, Delete: true})
		}
	}
	slices.SortFunc(gone, compareKeys)
	for _, g := range gone {
		row := r.rows[g.Key]
		delete(r.rows, g.Key)
		if r.issued[row.issuer]--; r.issued[row.issuer] == 0 {
			delete(r.issued, row.issuer)
		}
	}
	return gone
}
