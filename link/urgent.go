package link

import (
	"time"

	"packhorse/link/wire"
)

// An emergency does not wait for bulk: not for the burst of its own station, nor for the answer to it, nor for the
// bursts of others. It is handed to the port at once, which finds the next gap; whoever hears that one waits sends
// short bursts and leaves gaps.

// urgency is what a port knows of emergencies.
type urgency struct {
	need      time.Time // until when somebody else has one
	announced time.Time // when we last said that we have
	strangers time.Time // when others last sent to others
	gapped    time.Time // when we last left a gap
	invited   time.Time // until when the burst of an emergency that we invited should begin
}

// needFor is how long an announcement counts: a few short bursts with their answers and gaps.
func (p *port) needFor() time.Duration {
	return 4 * (burstLeast*p.airtime(p.mtu) + 2*p.turn(64) + p.gap())
}

// gap is what a modem with an access of its own needs to get in: its silence and its whole window.
func (p *port) gap() time.Duration { return 2 * p.access }

// needed notes that a neighbour has an emergency.
func (p *port) needed(now time.Time) {
	if p.shared() {
		p.urgency.need = now.Add(p.needFor())
	}
}

// pressing finds an emergency of ours that can move on the port.
func (c *Core) pressing(p *port) *outgoing {
	for _, pa := range p.paths {
		if !pa.works() {
			continue
		}
		if outs := pa.peer.outs; len(outs) == 0 || outs[0].item.Priority != Emergency {
			continue // they are in order of priority
		}
		for _, o := range pa.peer.active() {
			if o.path == pa && o.item.Priority == Emergency {
				return o
			}
		}
	}
	return nil
}

// brief reports whether bursts of this transfer are short for the sake of an emergency.
func (c *Core) brief(o *outgoing) bool {
	p := o.path.port
	return p.shared() && o.item.Priority != Emergency && (p.urgency.need.After(c.now) || c.pressing(p) != nil)
}

// mostOfBurst bounds a burst where others may wait for the channel.
func (c *Core) mostOfBurst(o *outgoing) int {
	p := o.path.port
	switch {
	case c.brief(o):
		return burstLeast
	case p.shared() && p.crowded() && o.item.Priority != Emergency && o.group.cast == nil: // a group's answers are many
		return max(burstLeast, int(burstCrowd/max(p.airtime(p.mtu), time.Millisecond)))
	}
	return burstFrames + burstOther
}

// burstCrowd is the longest burst where there is more than one neighbour.
const burstCrowd = 8 * time.Second

// leaveGap keeps us silent for as long as a neighbour's modem needs to get its emergency in. Where the medium access is
// ours it sees to that itself.
func (c *Core) leaveGap(p *port) {
	if !p.slow() || p.rate != 0 {
		return
	}
	if p.urgency.need.After(c.now) || c.now.Sub(p.urgency.gapped) >= gapEvery && p.crowded() {
		p.urgency.gapped = c.now
		if end := c.now.Add(p.gap()); end.After(p.hush) {
			p.hush = end
		}
	}
}

// gapEvery is how often a station that has others near leaves a gap in its bulk without having heard of an emergency:
// a modem that waits cannot say so.
const gapEvery = burstAir / 2

// crowded reports whether there is a second neighbour on the port.
func (p *port) crowded() bool {
	n := 0
	for _, pa := range p.paths {
		if pa.works() {
			n++
		}
	}
	return n > 1
}

// slow tells a shared medium whose access is a modem's.
func (p *port) slow() bool { return p.shared() && !p.own }

// otherTalk notes traffic among others. With an emergency of ours that had no luck yet we say so.
func (c *Core) otherTalk(p *port) {
	p.urgency.strangers = c.now
	if o := c.pressing(p); o != nil && (o.tries > 0 || !c.pushes(o)) {
		c.announce(p)
	}
}

// mostDelays is how often the wait for an answer goes on because others talk. Emergencies are answered in between.
func (o *outgoing) mostDelays() int {
	if o.item.Priority == Emergency {
		return 1
	}
	return maxBackoff
}

// announce makes a beacon due that tells of our emergency, unless one did lately.
func (c *Core) announce(p *port) {
	if p.shared() && c.now.Sub(p.urgency.announced) >= p.needFor()/2 {
		p.urgency.announced, p.beacon.due = c.now, true
	}
}

// busy reports whether others used the port within the time of a burst.
func (p *port) busy(now time.Time) bool {
	return now.Sub(p.urgency.strangers) < burstLeast*p.airtime(p.mtu)
}

// speaksUrgently is the session that owes a word on an emergency.
func (c *Core) speaksUrgently(p *port) *session {
	for _, pa := range p.paths {
		for _, s := range [...]*session{pa.current, pa.previous} {
			if s == nil {
				continue
			}
			for _, id := range s.owed {
				if st := s.in[id]; st != nil && st.item.Priority == Emergency && (st.state != inOpen || !p.urgency.invited.After(c.now)) {
					return s
				}
			}
		}
	}
	return nil
}

// urgentTransfer is the emergency to serve now. The answer to another emergency it waits for, that to bulk only where
// it is about to come: a modem's own carrier sense keeps the two apart.
func (c *Core) urgentTransfer(p *port) *outgoing {
	if c.pressing(p) == nil {
		return nil
	}
	if p.hush.After(c.now) && (!p.slow() || c.urgentWaits(p)) {
		return nil
	}
	if o := c.mostUrgent(p); o != nil && o.item.Priority == Emergency {
		return o
	}
	return nil
}

// urgentWaits reports whether an emergency waits for an answer.
func (c *Core) urgentWaits(p *port) bool {
	for _, pa := range p.paths {
		for _, o := range pa.peer.active() {
			if o.path == pa && o.waiting && o.item.Priority == Emergency {
				return true
			}
		}
	}
	return false
}

// urgentBeacon reports whether the beacon that is due tells of an emergency.
func (c *Core) urgentBeacon(p *port) bool {
	return p.beacon.due && !c.domain.none() && p.urgency.announced.Add(p.needFor()/2).After(c.now) && c.pressing(p) != nil
}

// nextUrgent is what goes before everything else, and into the gaps of others.
func (c *Core) nextUrgent(p *port) next {
	if p.rate != 0 || !p.shared() {
		return next{}
	}
	if s := c.speaksUrgently(p); s != nil {
		return next{say: sayPressing, session: s}
	}
	if o := c.urgentTransfer(p); o != nil {
		return next{say: sayTransfer, out: o}
	}
	if c.urgentBeacon(p) {
		return next{say: sayEmergency}
	}
	return next{}
}

// pressingFrame says what is owed on an emergency. If it invites a burst, that should begin soon.
func (c *Core) pressingFrame(s *session, buf []byte) ([]byte, bool) {
	buf, ok := c.controlFrame(s, buf, true)
	if p := s.path.port; c.grants {
		p.urgency.invited = p.hearing
	}
	return buf, ok
}

// beaconFrame sends the beacon that is due.
func (c *Core) beaconFrame(p *port, buf []byte) ([]byte, bool) {
	p.beacon.due, p.beacon.last = false, c.now
	n, urgent := len(buf), c.pressing(p) != nil
	if buf = c.appendBeacon(buf, urgent); urgent {
		p.urgency.announced = c.now
	}
	p.sent(c.now, len(buf)-n)
	p.toldHome()
	return buf, true
}

// appendUrgent tells the peer of a control frame that an emergency for somebody else waits here.
func (c *Core) appendUrgent(s *session, buf []byte, limit int) []byte {
	p := s.path.port
	if o := c.pressing(p); o == nil || !p.shared() || o.path == s.path || len(buf) >= limit {
		return buf
	}
	return wire.AppendMessage(buf, &wire.Message{Kind: wire.KindUrgent})
}

// urgentSubmit begins an emergency: its beacons start anew, and one is due at once where others are talking, unless the
// emergency itself is as short.
func (c *Core) urgentSubmit(o *outgoing) {
	if o.item.Priority != Emergency || o.path == nil {
		return
	}
	p := o.path.port
	p.beacon.reset(c.now, true, c.jitter)
	if p.busy(c.now) && !c.pushes(o) {
		c.announce(p)
	}
}

// urgentOffer takes an emergency that is offered to us: while it comes, our own bursts are short.
func (c *Core) urgentOffer(st *inStream) {
	if st.item.Priority == Emergency {
		st.sess.path.port.needed(c.now)
	}
}
