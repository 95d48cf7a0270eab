package link

import (
	"time"

	"packhorse/link/wire"
)

// Who asks a neighbour that is on an excursion finds no answer, and asks ever more rarely; between two excursions there is
// hardly time for a question. So one of the two that come back says so by a beacon, in turns, because not everybody hears both,
// and both listen for a question then. Whoever hears the beacon asks what was asked in vain.

// longAway is how many questions' time an excursion took after which coming back is told.
const longAway = 8

// earshot is for a question on the common setting that could not be heard before.
func (p *port) earshot() time.Duration { return p.turn(wire.ControlOverhead + wire.MoveSize) }

// listenAtHome leaves others the time for a question.
func (c *Core) listenAtHome(p *port) {
	p.tells = false
	p.hush = c.now.Add(p.earshot())
	if p.away == nil || c.now.Sub(p.left) < longAway*p.earshot() || p.budget.lacks(c.now, Bulk, p.full()) {
		return
	}
	mv := &p.away.moves
	number := mv.answer.Number
	if p.mover {
		number = mv.number
	}
	if p.mover == (number%2 == 0) {
		p.tells, p.beacon.due, p.hush = true, true, time.Time{}
		return
	}
	p.hush = p.hush.Add(p.access + p.airtime(wire.BeaconSize))
}

// toldHome begins the gap behind the beacon.
func (p *port) toldHome() {
	if p.tells {
		p.tells, p.hush = false, p.clear.Add(p.earshot())
	}
}

// wokenBy asks again what found no answer, of the neighbour whose beacon was heard, and where there are excursions of all:
// with it another may have come back.
func (c *Core) wokenBy(pa *path) {
	c.wake(pa)
	if len(pa.port.rates) == 0 {
		return
	}
	for _, q := range pa.port.paths {
		if q.current != nil {
			c.wake(q)
		}
	}
}
