package world

import (
	"math/rand/v2"
	"time"

	"packhorse/link"
	"packhorse/link/access"
	"packhorse/link/wire"
	"packhorse/radio"
	"packhorse/radio/sim"
)

// What a chip behind SPI needs: an octet at 8 MHz, the commands around a frame, synthesiser and
// amplifier until the carrier stands, and up to so long until a process under Linux sees an edge.
const (
	spiOctet   = time.Microsecond
	spiCommand = 100 * time.Microsecond
	carrierUp  = 300 * time.Microsecond
	edgeMost   = 200 * time.Microsecond
	bareMTU    = 255
)

// barePort sends a node's frames through a radio chip, with link/access for its medium access.
type barePort struct {
	n       *Node
	port    link.Port
	station int
	ledger  *radio.Ledger
	cfg     access.Config
	rand    *rand.Rand
	machine *access.Machine
	busy    bool // the chip listens, or a frame is on its way out
	began   time.Time
	told    time.Time // of PortClear
	waking  time.Time // the earliest timer; zero: none
	// Senses counts the listenings.
	Senses int
}

func newBarePort(n *Node, station int) *barePort {
	p := &barePort{n: n, port: n.nextPort(), station: station, ledger: radio.NewLedger()}
	seed := n.w.Rand("medium access of " + n.Name)
	p.rand = rand.New(rand.NewPCG(seed.Uint64(), seed.Uint64()))
	p.cfg = access.LoRa(n.w.Modulation, n.w.Rule, bareMTU)
	p.cfg.Rand = p.rand
	p.machine = access.New(n.w.now, p.cfg)
	return p
}

// waiter is a core that can be asked what it would send.
type waiter interface {
	Waiting(now time.Time, p link.Port) (access.Class, bool)
}

func (p *barePort) airtime(n int) time.Duration { return p.n.w.Modulation.TimeOnAir(n) }

func (p *barePort) open() {
	p.machine = access.New(p.n.w.now, p.cfg)
	p.n.portEvent(link.PortUp{Port: p.port, Medium: link.Radio, MTU: bareMTU, Airtime: p.airtime, Access: p.cfg.Mean(), OwnAccess: true})
}

func (p *barePort) close() { p.machine.Forget(p.n.w.now) }

// pull goes on with the medium access as long as the core has something to say.
func (p *barePort) pull() {
	now := p.n.w.now
	if p.busy || p.n.shell == nil {
		return
	}
	class, ok := p.n.shell.(waiter).Waiting(now, p.port)
	if !ok {
		p.machine.Forget(now)
		return
	}
	if wait, ok := p.ledger.Wait(now, p.n.w.Rule, p.airtime(bareMTU)); wait > 0 || !ok {
		p.machine.Forget(now)
		p.wake(now.Add(max(wait, time.Second)))
		return
	}
	p.machine.Want(now, class)
	switch do, at := p.machine.Next(now); do {
	case access.Wait:
		p.wake(at)
	case access.Sense:
		p.sense(now)
	case access.Send:
		p.send(now)
	}
}

// sense listens. No frame is so short that it begins and ends meanwhile.
func (p *barePort) sense(now time.Time) {
	p.busy = true
	p.Senses++
	heard, life := p.n.w.Air.Busy(now, p.station), p.n.life
	p.n.w.After(p.cfg.Sense, func() {
		p.busy = false
		if life != p.n.life {
			return
		}
		heard = heard || p.n.w.Air.Busy(p.n.w.now, p.station)
		p.machine.Sensed(now, p.n.w.now, heard)
		p.n.settle()
	})
}

// send takes the frame from the core, now that the medium is ours, and gives it to the chip.
func (p *barePort) send(now time.Time) {
	frame, ok := p.n.transmit(p.port)
	if !ok {
		p.machine.Forget(now)
		return
	}
	p.busy = true
	air := p.airtime(len(frame))
	start := now.Add(p.edge() + spiCommand + time.Duration(len(frame))*spiOctet + carrierUp)
	p.ledger.Reserve(p.n.w.Rule, air)
	p.ledger.Spend(start.Add(air), p.n.w.Rule, air)
	p.n.w.At(start, func() {
		if err := p.n.w.Air.Queue(start, p.station, frame); err != nil {
			p.n.w.Tracef("%s port %d: %v", p.n.Name, p.port, err)
			p.busy = false
			p.machine.Sent(start, start)
			return
		}
		p.began = start
		p.n.w.queued(p.station, p.n, p.port, frame)
		p.n.portEvent(link.PortClear{Port: p.port, At: start.Add(air)})
	})
}

// edge is how late the process sees what its chip tells.
func (p *barePort) edge() time.Duration { return time.Duration(p.rand.Int64N(int64(edgeMost))) }

func (p *barePort) received(r sim.Reception) {
	t := wire.TypeOf(r.Data)
	p.machine.Heard(p.n.w.now, r.At, t >= wire.TypeData && t <= wire.TypeDataCheck)
	late := p.edge() + spiCommand + time.Duration(len(r.Data))*spiOctet
	p.n.w.At(r.At.Add(late), func() {
		p.n.frame(p.port, r.Data, link.Meta{RSSIdBm: r.RSSIdBm, SNRdB: r.SNRdB, HasSignal: true})
	})
	p.n.settle()
}

func (p *barePort) node() *Node { return p.n }

func (p *barePort) left(s sim.Sent) {
	p.machine.Sent(p.began, s.At)
	p.busy = false
	p.n.settle()
}

// wake settles the node again at a time.
func (p *barePort) wake(at time.Time) { p.n.wake(&p.waking, at) }
