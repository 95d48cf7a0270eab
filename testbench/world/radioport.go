package world

import (
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// octetTime is one octet between host and modem at 115200 baud.
const octetTime = 10 * time.Second / 115200

// radioPort hands a node's frames to its RNode modem as the product's serial
// radio does: a frame is taken from the core only when the ledger has room for the
// longest and fewer than depth frames are thought to wait in the modem; then the modem is asked, which
// does not answer while it transmits; then the octets cross the serial line.
type radioPort struct {
	n       *Node
	port    link.Port
	station int
	depth   int
	ledger  *radio.Ledger
	leaving []departure   // frames handed over, by estimate not yet gone
	burst   time.Time     // when the last burst was thought to start
	frame   []byte        // taken and not yet handed over
	crosses bool          // frame is on the serial line
	held    bool          // the modem did not answer when asked for room
	asked   time.Time     // when it last answered
	gone    time.Duration // airtime of what left since, by estimate
	opened  bool          // the modem has had a channel access before
	waking  time.Time     // the earliest timer; zero: none
	tuner
}

type departure struct {
	at  time.Time
	air time.Duration
}

// Radio gives the node a radio, on the next free station of the world's air.
func (n *Node) Radio() {
	w := n.w
	if station := len(w.radio); w.modem(station) == sim.Bare {
		n.add(station, newBarePort(n, station))
		return
	}
	p := &radioPort{n: n, port: n.nextPort(), station: len(w.radio), ledger: radio.NewLedger()}
	p.tuner.home(w, p.station)
	p.depth = p.depthNow()
	n.add(p.station, p)
}

// station is a port on the radio channel.
type station interface {
	port
	received(r sim.Reception)
	left(s sim.Sent)
	node() *Node
}

func (n *Node) add(number int, p station) {
	n.w.radio[number] = p
	n.ports = append(n.ports, p)
	if n.shell != nil {
		p.open()
		n.settle()
	}
}

// airtime is that of a frame of n octets with the modem's own octet and preamble.
func (p *radioPort) airtime(n int) time.Duration {
	return airtime(p.now, n)
}

func (p *radioPort) timing() phy.RNodeTiming { return phy.RNode(p.now.Modulation) }

func (p *radioPort) open() {
	p.reset()
	common := p.now
	p.n.portEvent(link.PortUp{Port: p.port, Medium: link.Radio, MTU: sim.SingleFrame, Access: p.timing().Access(0),
		Airtime: func(n int) time.Duration { return airtime(common, n) }, Rates: p.rates(), Retune: retuneTime})
	p.tellBudget(p.n.w.now)
}

// close drops the frame that was on its way to the modem. What the modem has
// already, it sends.
func (p *radioPort) close() {
	p.frame, p.crosses, p.held, p.leaving, p.burst = nil, false, false, nil, time.Time{}
}

func (p *radioPort) pull() {
	now := p.n.w.now
	if p.retunes() {
		return
	}
	if p.frame == nil {
		if wait := max(p.room(now), p.budget(now)); wait > 0 {
			p.wake(wait)
			return
		}
		frame, ok := p.n.transmit(p.port)
		if !ok {
			return
		}
		p.frame = frame
	}
	p.hand(now)
}

// budget is how long until the law allows the longest frame: only then one is
// taken, so that what is most urgent is chosen last.
func (p *radioPort) budget(now time.Time) time.Duration {
	wait, ok := p.ledger.Wait(now, p.now.Rule, p.airtime(sim.SingleFrame))
	if !ok {
		return time.Hour
	}
	return wait
}

// room is how long until fewer than depth frames wait in the modem.
func (p *radioPort) room(now time.Time) time.Duration {
	for len(p.leaving) > 0 && !p.leaving[0].at.After(now) {
		p.gone += p.leaving[0].air
		p.leaving = p.leaving[1:]
	}
	if len(p.leaving) < p.depth {
		return 0
	}
	return p.leaving[len(p.leaving)-p.depth].at.Sub(now)
}

// hand gives the frame to the modem as soon as that answers.
func (p *radioPort) hand(now time.Time) {
	if p.crosses {
		return
	}
	if p.n.w.Air.Sending(p.station) {
		p.held = true
		return // fromAir comes back when the burst is over
	}
	p.answered(now)
	p.answered(now)
	p.ledger.Reserve(p.now.Rule, p.airtime(len(p.frame)))
	p.crosses = true
	frame, life := p.frame, p.n.life
	p.n.w.After(time.Duration(len(frame))*octetTime, func() { p.cross(frame, life) })
}

// answered takes note that the modem has answered when it was asked for room. A late answer comes
// with the end of a burst: what had time to leave since the answer before has
// left, the rest has just been read.
func (p *radioPort) answered(now time.Time) {
	if p.held {
		left := now.Sub(p.asked) - p.gone
		for len(p.leaving) > 0 && p.leaving[0].air <= left {
			left -= p.leaving[0].air
			p.leaving = p.leaving[1:]
		}
		rest := p.leaving
		p.leaving, p.burst = nil, time.Time{}
		for _, d := range rest {
			p.leaves(now, d.air)
		}
	}
	p.held, p.asked, p.gone = false, now, 0
}

// cross is the moment when the modem has the whole frame.
func (p *radioPort) cross(frame []byte, life int) {
	if life != p.n.life {
		return // the host died in the middle of it
	}
	w := p.n.w
	p.frame, p.crosses = nil, false
	if err := w.Air.Queue(w.now, p.station, frame); err != nil {
		w.Tracef("%s port %d: %v", p.n.Name, p.port, err)
		p.n.settle()
		return
	}
	w.queued(p.station, p.n, p.port, frame)
	air := p.airtime(len(frame))
	at := p.leaves(w.now, air)
	p.ledger.Spend(at, p.now.Rule, air)
	p.tellBudget(w.now)
	p.n.portEvent(link.PortClear{Port: p.port, At: at})
}

// tellBudget says what the law leaves, as the product's shell does after each frame.
func (p *radioPort) tellBudget(now time.Time) {
	here := p.account(now, p.now.Rule)
	b := link.PortBudget{Port: p.port, Left: here.Left, PerHour: here.PerHour, Refunds: here.Refunds, Accounts: []link.Account{p.account(now, p.n.w.Rule)}}
	for _, s := range p.ladder {
		b.Accounts = append(b.Accounts, p.account(now, s.Rule))
	}
	if p.n.shell != nil {
		p.n.shell.portEvent(now, b) // no frame is taken for it: PortClear comes first
	}
}

func (p *radioPort) account(now time.Time, r phy.Rule) link.Account {
	a := link.Account{Band: r.SubBand()}
	if r.DutyPPM > 0 {
		a.PerHour, a.Left = r.Allowed(), r.Allowed()-p.ledger.Used(now, r)
	}
	for _, f := range p.ledger.Refunds(now, r) {
		a.Refunds = append(a.Refunds, link.Refund(f))
	}
	return a
}

// leaves estimates when a frame handed over now has left: with the burst that
// the modem is still waiting to send, else after another channel access.
func (p *radioPort) leaves(now time.Time, air time.Duration) time.Time {
	last := now
	if k := len(p.leaving); k > 0 && p.leaving[k-1].at.After(now) {
		last = p.leaving[k-1].at
	}
	if !p.timing().Flushes || !now.Before(p.burst) || !last.After(now) {
		last = last.Add(p.access())
		p.burst = last
	}
	p.leaving = append(p.leaving, departure{last.Add(air), air})
	return last.Add(air)
}

// access is how long the modem will wait for the channel when nobody else sends: after
// its first access the firmware's window is over before it begins.
func (p *radioPort) access() time.Duration {
	if p.opened {
		return p.timing().DIFS
	}
	p.opened = true
	return p.timing().Access(0)
}

// wake settles the node again after d.
func (p *radioPort) wake(d time.Duration) {
	p.n.wake(&p.waking, p.n.w.now.Add(d))
}

// received passes a frame on when it has crossed the serial line.
func (p *radioPort) received(r sim.Reception) {
	crossing := time.Duration(len(r.Data)) * octetTime
	m := link.Meta{RSSIdBm: r.RSSIdBm, SNRdB: p.now.OnCommon(r.SNRdB, r.RSSIdBm), HasSignal: true}
	p.n.w.At(r.At.Add(crossing), func() { p.n.frame(p.port, r.Data, m) })
}

func (p *radioPort) node() *Node { return p.n }

func (p *radioPort) left(sim.Sent) { p.n.settle() }

// fromAir passes on what has come out of the air.
func (w *World) fromAir() {
	for r, ok := w.Air.PollReceive(); ok; r, ok = w.Air.PollReceive() {
		if p := w.radio[r.Station]; p != nil && w.heard(r, p.node()) {
			p.received(r)
		}
	}
	for s, ok := w.Air.PollSent(); ok; s, ok = w.Air.PollSent() {
		w.leftAir(s)
		if p := w.radio[s.Station]; p != nil {
			p.left(s)
		}
	}
}
