package permit

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/pki"
)

// rate is what is known of one PDA. Times are in milliseconds since 1970.
type rate struct {
	issuer pki.NodeID
	until  time.Time // end of the PDA
	latest int64
	floor  int64  // what came before it is forgotten: nothing there can be judged any more
	spans  []span // in order of time; neighbours touch at most
}

// span is a number of parcels that came from one time to another, both included.
type span struct {
	from, to int64
	count    int
}

func newRate(pda, issuer *pki.Certificate) *rate {
	return &rate{issuer: issuer.ID, until: pda.X509.NotAfter, latest: math.MinInt64, floor: math.MinInt64}
}

// take counts a parcel at a time unless some period then had more than the limit.
func (r *rate) take(limit pki.RateLimit, reach time.Duration, t time.Time) bool {
	at := span{t.UnixMilli(), t.UnixMilli(), 1}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		at.to++
	}
	if reach == 0 && at.to < r.latest {
		at.from, at.to = r.latest, r.latest
	}
	period := limit.Period.Milliseconds()
	if at.from < r.floor {
		return false
	}
	i, fresh := r.insert(at)
	if r.exceeds(i, limit.Limit, period) {
		if r.spans[i].count--; fresh {
			r.spans = slices.Delete(r.spans, i, i+1)
		}
		return false
	}
	r.latest = max(r.latest, at.to)
	r.forget(r.latest-reach.Milliseconds(), period)
	r.join(period)
	return true
}

// giveBack takes one from the span that covers a time.
func (r *rate) giveBack(t time.Time) {
	i := slices.IndexFunc(r.spans, func(s span) bool { return s.to >= t.UnixMilli() })
	if i < 0 || r.spans[i].from > t.UnixMilli()+1 {
		return // forgotten meanwhile
	}
	if r.spans[i].count--; r.spans[i].count == 0 {
		r.spans = slices.Delete(r.spans, i, i+1)
	}
}

// insert adds to the span that covers a time, or a fresh one.
func (r *rate) insert(at span) (i int, fresh bool) {
	i, _ = slices.BinarySearchFunc(r.spans, at.to, func(s span, t int64) int { return cmp.Compare(s.to, t) })
	if i < len(r.spans) && r.spans[i].from <= at.from {
		r.spans[i].count++
		return i, false
	}
	r.spans = slices.Insert(r.spans, i, at)
	return i, true
}

// exceeds tells whether some period that may have the span i in it may have more than the limit. Two times are in
// one period when they are less than it apart; spans count whole.
func (r *rate) exceeds(i, limit int, period int64) bool {
	sum, k := 0, 0
	for j := 0; j <= i; j++ {
		for ; k < len(r.spans) && r.spans[k].from-r.spans[j].to < period; k++ {
			sum += r.spans[k].count
		}
		if k > i && sum > limit {
			return true
		}
		sum -= r.spans[j].count
	}
	return false
}

// forget drops what is in no period with a time from oldest on. What is dropped may not be asked for again.
func (r *rate) forget(oldest, period int64) {
	n := 0
	for n < len(r.spans) && r.spans[n].to <= oldest-period {
		n++
	}
	if n > 0 {
		r.spans, r.floor = slices.Delete(r.spans, 0, n), max(r.floor, oldest)
	}
}

// join makes one of two neighbours while there are too many: those that lie closest for their age.
func (r *rate) join(period int64) {
	for len(r.spans) > maxSpans {
		best, least := 0, int64(math.MaxInt64)
		for i := range len(r.spans) - 1 {
			a, b := r.spans[i], r.spans[i+1]
			if cost := (b.to - a.from) / ((r.latest-b.to+period)/1024 + 1); cost < least {
				best, least = i, cost
			}
		}
		r.spans[best].to = max(r.spans[best].to, r.spans[best+1].to)
		r.spans[best].count += r.spans[best+1].count
		r.spans = slices.Delete(r.spans, best+1, best+2)
	}
}

// A record, big-endian; times are signed:
//
//	offset  size  what
//	     0     1  version 1
//	     1    65  id of the endpoint that issued the PDA
//	    66     8  end of the PDA, seconds since 1970
//	    74     8  latest time counted, milliseconds since 1970 as all that follow
//	    82     8  time before which nothing is counted any more
//	    90    20  for each span: from 8, to 8, count 4
const (
	rateVersion = 1
	rateHead    = 90
	spanSize    = 20
)

func (r *rate) append(b []byte) []byte {
	b = append(append(b, rateVersion), r.issuer...)
	for _, v := range []int64{r.until.Unix(), r.latest, r.floor} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	for _, s := range r.spans {
		b = binary.BigEndian.AppendUint64(b, uint64(s.from))
		b = binary.BigEndian.AppendUint64(b, uint64(s.to))
		b = binary.BigEndian.AppendUint32(b, uint32(s.count))
	}
	return b
}

func parseRate(b []byte) (*rate, error) {
	if len(b) < rateHead || b[0] != rateVersion || (len(b)-rateHead)%spanSize != 0 || len(b) > rateHead+maxSpans*spanSize {
		return nil, errRecord
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
	r := &rate{issuer: pki.NodeID(b[1:66]), until: time.Unix(number(66), 0).UTC(), latest: number(74), floor: number(82)}
	if !r.issuer.Valid() {
		return nil, errRecord
	}
	for at := rateHead; at < len(b); at += spanSize {
		s := span{number(at), number(at + 8), int(binary.BigEndian.Uint32(b[at+16:]))}
		if n := len(r.spans); s.to < s.from || s.count < 1 || n > 0 && s.from < r.spans[n-1].to || s.to > r.latest {
			return nil, errRecord
		}
		r.spans = append(r.spans, s)
	}
	return r, nil
}

func compareKeys(a, b Record) int { return strings.Compare(a.Key, b.Key) }
