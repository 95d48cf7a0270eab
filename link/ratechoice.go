package link

import (
	"bytes"
	"math"
	"slices"
	"time"

	"packhorse/link/wire"
)

const (
	fadeMargin  = 3    // dB above what a setting needs, and
	fadeSpread  = 2    // times the mean deviation measured, on top
	worthMoving = 0.75 // of the time that all would take here, at most
	lullFrames  = 16   // full frames' airtime for which a setting that failed is avoided at first
	lullLonger  = 6    // doublings, at most
	countItems  = 64   // of the queue, when it is reckoned what is left
)

// moves is what a path knows of excursions.
type moves struct {
	signal signal
	theirs float64 // SNR of our frames at the peer, as it said
	known  bool    // it said so
	at     [maxRates + 1]rateRecord

	never     bool // the peer's radio stays where it is
	notBefore time.Time
	asked     bool // we proposed going, and wait
	number    uint8
	span      uint8
	ignored   int // words since that did not answer it
	going     int // rate that is proposed, or agreed to

	due    bool // an answer to the peer's proposal is to be said
	code   uint8
	answer wire.Excursion
	back   bool // the end is to be said
	goes   bool // it was said that we go
}

// rateRecord is how a setting has done with this peer.
type rateRecord struct {
	loss    float64
	delay   delay
	until   time.Time // when it was left
	fails   int       // in a row
	broke   bool      // the last excursion there ended in silence, after it had begun well
	avoid   time.Time
	unknown bool // the peer does not have it
}

// signal averages the SNR of a peer's frames, restated as on the common setting, and how much it varies.
type signal struct {
	known     bool
	mean, dev float64
}

func (s *signal) learn(m Meta) {
	if !m.HasSignal {
		return
	}
	if !s.known {
		s.known, s.mean = true, m.SNRdB
		return
	}
	diff := m.SNRdB - s.mean
	if diff < 0 {
		s.mean += diff / 2 // a fade counts at once
	} else {
		s.mean += diff / 4
	}
	s.dev += (math.Abs(diff) - s.dev) / 8
}

// low is what can be counted on but for the fade margin.
func (s *signal) low() float64 { return s.mean - fadeSpread*s.dev }

// tell is low for the air.
func (s *signal) tell() int8 {
	if !s.known {
		return wire.UnknownSNR
	}
	return int8(max(-127, min(127, math.Round(s.low()))))
}

func (mv *moves) told(snr int8) {
	if snr != wire.UnknownSNR {
		mv.theirs, mv.known = float64(snr), true
	}
}

// renew forgets what a peer that may have started anew can have changed.
func (mv *moves) renew() {
	mv.never, mv.asked, mv.due, mv.back, mv.goes = false, false, false, false, false
	for i := range mv.at {
		mv.at[i].unknown = false
	}
}

// change keeps loss and delay of the setting left and takes up those of the new one.
func (mv *moves) change(pa *path, from, to int) {
	mv.at[from].loss, mv.at[from].delay, mv.at[from].until = pa.loss, pa.delay, pa.heard
	pa.loss, pa.delay = mv.at[to].loss, mv.at[to].delay
}

// lull is how long a setting that failed once is avoided.
func (p *port) lull() time.Duration { return lullFrames * p.common.Airtime(p.common.MTU) }

// brokeAt notes an excursion that ended in silence. Once may be chance if something was heard before.
func (c *Core) brokeAt(pa *path, rate int, heard bool) {
	if r := &pa.moves.at[rate]; heard && !r.broke {
		r.broke = true
		return
	}
	c.failedAt(pa, rate)
}

// failedAt notes that a setting did not hold: it is avoided, longer each time.
func (c *Core) failedAt(pa *path, rate int) {
	if pa == nil {
		return
	}
	r := &pa.moves.at[rate]
	r.avoid = c.now.Add(pa.port.lull() << min(r.fails, lullLonger))
	r.fails++
}

// heldAt notes that a setting held to the end.
func (c *Core) heldAt(pa *path, rate int) {
	r := &pa.moves.at[rate]
	r.fails, r.broke = r.fails/2, false
}

// leads reports whether our proposal goes before the peer's when both make one: the lower key's.
func (c *Core) leads(pa *path) bool { return bytes.Compare(c.public[:], pa.peer.static[:]) < 0 }

// judge decides on a proposal.
func (c *Core) judge(pa *path, setting [6]byte) (rate int, code uint8) {
	p := pa.port
	i := slices.IndexFunc(p.rates, func(r Rate) bool { return r.Code == setting })
	switch {
	case len(p.rates) == 0:
		return 0, wire.MovedNever
	case i < 0:
		return 0, wire.MovedUnknown
	case !pa.moves.signal.carries(p.rates[i]):
		return 0, wire.MovedWeak
	case !c.free(pa):
		return 0, wire.MovedBusy
	}
	return i + 1, wire.MovedYes
}

func (s *signal) carries(r Rate) bool { return s.known && s.low() >= r.NeedsSNRdB+fadeMargin }

// ignoredBy notes a word of the peer while a proposal waits for its answer, which may stand behind it. Who answers
// everything else is not asked again for a while.
func (c *Core) ignoredBy(pa *path) {
	mv := &pa.moves
	if !mv.asked {
		return
	}
	if mv.ignored++; mv.ignored > patientTries {
		mv.asked, mv.ignored, mv.notBefore = false, 0, c.now.Add(pa.port.lull())
	}
}

// proposes fills in a proposal if one is worth its while.
func (c *Core) proposes(pa *path, m *wire.Message) bool {
	rate := c.bestRate(pa)
	if rate == 0 {
		return false
	}
	mv := &pa.moves
	if !mv.asked || mv.going != rate {
		mv.number++
	}
	mv.asked, mv.going, mv.span = true, rate, uint8(c.spanWith(pa)/time.Second)
	m.Excursion = wire.Excursion{Setting: pa.port.rates[rate-1].Code, Number: mv.number, Span: mv.span, SNRdB: mv.signal.tell()}
	return true
}

// wouldMove reports whether a transfer should ask before its next burst, because a proposal can go with that.
func (c *Core) wouldMove(o *outgoing) bool {
	return len(o.path.port.rates) > 0 && o.group.cast == nil && o.item.Priority != Emergency && c.bestRate(o.path) > 0
}

// bestRate is the setting on which what is left for the peer is done soonest, if that is worth a move; 0: it is not.
func (c *Core) bestRate(pa *path) int {
	p, mv := pa.port, &pa.moves
	if len(p.rates) == 0 || mv.never || !mv.signal.known || mv.notBefore.After(c.now) || !c.free(pa) {
		return 0
	}
	octets := c.left(pa)
	best, least := 0, time.Duration(worthMoving*float64(p.common.takes(octets, pa.loss)))
	for i, r := range p.rates {
		if !c.trusts(pa, i) {
			continue
		}
		if took := p.moving() + r.takes(octets, c.lossAt(pa, i+1)); took <= least && !c.exhausted(p, i+1, took) {
			best, least = i+1, took
		}
	}
	return best
}

// trusts reports whether both sides have the margin for a setting, and neither it nor one that needs less
// failed of late.
func (c *Core) trusts(pa *path, i int) bool {
	mv, r := &pa.moves, pa.port.rates[i]
	if mv.at[i+1].avoid.After(c.now) || !mv.reaches(i, r) {
		return false
	}
	for j, q := range pa.port.rates {
		if q.NeedsSNRdB < r.NeedsSNRdB && mv.at[j+1].avoid.After(c.now) {
			return false
		}
	}
	return true
}

// reaches reports whether both sides have the margin for a setting.
func (mv *moves) reaches(i int, r Rate) bool {
	return !mv.at[i+1].unknown && mv.signal.carries(r) && (!mv.known || mv.theirs >= r.NeedsSNRdB+fadeMargin)
}

// lossAt is the loss met on a setting, unless that is long ago.
func (c *Core) lossAt(pa *path, rate int) float64 {
	r := &pa.moves.at[rate]
	if c.now.Sub(r.until) > pa.port.beacon.slowest {
		return 0
	}
	return r.loss
}

// left is how many octets the peer still lacks of what could go on an excursion: not what one control frame brings, goes
// to several, or is too urgent for a detour.
func (c *Core) left(pa *path) (octets int) {
	for _, o := range pa.peer.outs[:min(len(pa.peer.outs), countItems)] {
		if o.path == pa && o.group.cast == nil && o.item.Priority != Emergency && !c.pushes(o) {
			octets += o.remaining()
		}
	}
	return octets
}

// takes is the airtime of so many octets in full frames.
func (r Rate) takes(octets int, loss float64) time.Duration {
	body := max(1, r.MTU-wire.DataOverhead)
	frames := (octets + body - 1) / body
	return time.Duration(float64(frames) * float64(r.Airtime(r.MTU)) / (1 - min(loss, 0.9)))
}

// moving is what an excursion costs besides: two changes, its own frames, and that they may have to be repeated.
func (p *port) moving() time.Duration {
	frame := wire.ControlOverhead + wire.MoveSize
	return 2*p.retune + 2*(2*p.common.Access+p.common.Airtime(frame))
}
