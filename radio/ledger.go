package radio

import (
	"sort"
	"time"

	"packhorse/radio/phy"
)

// Reservation is how much airtime one save of the ledger covers. It is counted
// as used from the moment it is saved, so a crash never earns airtime, and a
// card is written once per reservation instead of once per frame.
const Reservation = 10 * time.Second

const (
	mergeWithin = time.Second // spends closer than this become one entry
	maxBands    = 16          // sub-bands remembered; a rule table has fewer per region
)

// spend is airtime that left, or may have left, until End.
type spend struct {
	start, end time.Time
	air        time.Duration
}

// band is the use of one sub-band in the last hour, oldest first.
type band struct {
	name     string
	spends   []spend
	reserved time.Duration // saved as used, not yet spent
}

// Ledger accounts the airtime of one transmitter over a sliding hour, exactly
// and per sub-band (EN 300 220-1: any hour, failed transmissions too). It is a
// state machine: times come in, nothing is written. Before a transmission the
// owner asks Wait, then Reserve, saves Marshal if Reserve says so, then calls
// Spend. It is not safe for concurrent use.
type Ledger struct{ bands []band }

// NewLedger is the ledger of a transmitter that has never sent.
func NewLedger() *Ledger { return &Ledger{} }

// band finds or makes the account of a sub-band. When there are too many, the
// one with the least airtime goes: it is the one that matters least.
func (l *Ledger) band(name string) *band {
	for i := range l.bands {
		if l.bands[i].name == name {
			return &l.bands[i]
		}
	}
	if len(l.bands) >= maxBands {
		l.forgetSmallest()
	}
	l.bands = append(l.bands, band{name: name})
	return &l.bands[len(l.bands)-1]
}

func (l *Ledger) forgetSmallest() {
	least := 0
	for i := range l.bands {
		if l.bands[i].total() < l.bands[least].total() {
			least = i
		}
	}
	l.bands = append(l.bands[:least], l.bands[least+1:]...)
}

func (b *band) total() (sum time.Duration) {
	for _, s := range b.spends {
		sum += s.air
	}
	return sum
}

// expire drops what lies more than an hour back.
func (b *band) expire(now time.Time) {
	n := 0
	for n < len(b.spends) && now.Sub(b.spends[n].end) >= phy.Window {
		n++
	}
	b.spends = append(b.spends[:0], b.spends[n:]...)
}

// Used is the airtime that counts against the rule's sub-band at now.
func (l *Ledger) Used(now time.Time, r phy.Rule) time.Duration {
	b := l.band(r.SubBand())
	b.expire(now)
	return b.total()
}

// Wait is how long a transmission of this length must wait for its budget; 0
// when it may start. ok is false when it is longer than the law ever allows.
// Rules without a duty cycle never wait.
func (l *Ledger) Wait(now time.Time, r phy.Rule, air time.Duration) (wait time.Duration, ok bool) {
	if r.MaxTransmit > 0 && air > r.MaxTransmit {
		return 0, false
	}
	if r.DutyPPM == 0 {
		return 0, true
	}
	if air > r.Allowed() {
		return 0, false
	}
	b := l.band(r.SubBand())
	b.expire(now)
	over := b.total() + air - r.Allowed()
	for i := 0; over > 0; i++ {
		over -= b.spends[i].air
		wait = b.spends[i].end.Add(phy.Window).Sub(now)
	}
	return max(0, wait), true
}

// FreeAt is when a transmission of this length has its budget; zero when never.
func (l *Ledger) FreeAt(now time.Time, r phy.Rule, air time.Duration) time.Time {
	wait, ok := l.Wait(now, r, air)
	if !ok {
		return time.Time{}
	}
	return now.Add(wait)
}

// Reserve makes room for a transmission in what is saved. When it answers true,
// Marshal must be durable before the transmission starts.
func (l *Ledger) Reserve(r phy.Rule, air time.Duration) (save bool) {
	if r.DutyPPM == 0 {
		return false
	}
	b := l.band(r.SubBand())
	if b.reserved >= air {
		return false
	}
	b.reserved = max(Reservation, air)
	return true
}

// Spend counts a transmission that will have left by end. Where a modem queues,
// end is the owner's estimate: airtime counts until an hour after it.
func (l *Ledger) Spend(end time.Time, r phy.Rule, air time.Duration) {
	if r.DutyPPM == 0 || air <= 0 {
		return
	}
	b := l.band(r.SubBand())
	b.reserved = max(0, b.reserved-air)
	b.add(spend{start: end, end: end, air: air}, mergeWithin)
}

// Absorb counts what another ledger counts too: nobody knows any more whose transmitter it was.
func (l *Ledger) Absorb(other *Ledger) {
	for _, from := range other.bands {
		b := l.band(from.name)
		b.spends = append(b.spends, from.spends...)
		sort.SliceStable(b.spends, func(i, j int) bool { return b.spends[i].end.Before(b.spends[j].end) })
	}
}

// Late tells that what was to leave by thought may leave as late as end: all that was counted to leave by then or
// later counts until an hour after end.
func (l *Ledger) Late(r phy.Rule, thought, end time.Time) {
	if r.DutyPPM == 0 || !end.After(thought) {
		return
	}
	b := l.band(r.SubBand())
	for i := len(b.spends) - 1; i >= 0; i-- {
		s := &b.spends[i]
		if s.end.Before(thought) {
			return
		}
		if s.end.Before(end) {
			s.end = end
		}
	}
}

// add keeps spends in order of their ends, and merges neighbours so that an hour
// holds a bounded number of them. A merged spend counts until its latest end.
func (b *band) add(s spend, within time.Duration) {
	if n := len(b.spends); n > 0 {
		last := &b.spends[n-1]
		if s.end.Before(last.end) {
			s.start, s.end = last.end, last.end // a later estimate was given before: count longer, not shorter
		}
		if s.end.Sub(last.start) < within {
			last.end, last.air = s.end, last.air+s.air
			return
		}
	}
	b.spends = append(b.spends, s)
}

// Settle gives back what is reserved and not spent. Call it before the last
// Marshal of an orderly stop, when nothing more will be sent.
func (l *Ledger) Settle() {
	for i := range l.bands {
		l.bands[i].reserved = 0
	}
}

// Fill counts the whole hour as used as of now: for a ledger that was lost.
func (l *Ledger) Fill(now time.Time, r phy.Rule) {
	b := l.band(r.SubBand())
	b.spends = append(b.spends[:0], spend{start: now, end: now, air: r.Allowed()})
}

// Refund is airtime that counts until At.
type Refund struct {
	At  time.Time
	Air time.Duration
}

// Refunds are when the airtime used in the rule's sub-band stops counting, in order of time, to the minute and never
// too early.
func (l *Ledger) Refunds(now time.Time, r phy.Rule) []Refund {
	b := l.band(r.SubBand())
	b.expire(now)
	coarse := band{}
	for _, s := range b.spends {
		coarse.add(s, savedMerge)
	}
	var out []Refund
	for _, s := range coarse.spends {
		out = append(out, Refund{At: s.end.Add(phy.Window), Air: s.air})
	}
	return out
}

// sorted is the bands by name, so that the same ledger has one form.
func (l *Ledger) sorted() []band {
	out := append([]band(nil), l.bands...)
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}
