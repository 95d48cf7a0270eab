package link

import (
	"time"

	"packhorse/link/wire"
)

// A port that can be retuned has a common setting, where all stations meet, and further ones for excursions
// with one neighbour. What the port is now stands in its fields mtu, airtime and access, as everywhere else;
// the tuner knows the way back.

// tuner is where a port stands among its settings.
type tuner struct {
	rates  []Rate
	retune time.Duration
	common Rate // name, MTU, airtime and access of the common setting
	rate   int  // as in Tune
	tuning bool // Tune was emitted and not answered
	to     int
	again  time.Time // of the next try, when coming back failed
	failed int       // how often that did

	away  *path // with whom, while rate or to is not 0
	mover bool  // we proposed it
	span  time.Duration
	left  time.Time // departure
	until time.Time // end of the agreed time
	over  bool      // it has passed
	quiet time.Time // when the silence began, if it is one
	heard bool      // something came on this setting
	rest  time.Time // no excursion until then: others had to wait for the last one
	tells bool      // a beacon is to say that we are back, and a gap follows it
}

// newTuner takes the rates of a port that can be retuned.
func newTuner(e PortUp) tuner {
	t := tuner{retune: e.Retune, common: Rate{MTU: e.MTU, Airtime: e.Airtime, Access: e.Access}}
	if e.Medium == Radio {
		t.rates = e.Rates[:min(len(e.Rates), maxRates)]
	}
	return t
}

// maxRates is how many settings a port has besides the common one.
const maxRates = 16

// home reports whether the port is on the common setting and stays there.
func (p *port) home() bool { return !p.tuning && p.rate == 0 }

// elsewhere reports whether nothing can be said to the path's peer now, because the port is on its way or on
// an excursion with another.
func (p *port) elsewhere(pa *path) bool { return p.tuning || p.rate != 0 && p.away != pa }

// tune asks the shell for a setting.
func (c *Core) tune(p *port, rate int) {
	p.tuning, p.to, p.again = true, rate, time.Time{}
	c.emit(Tune{Port: p.id, Rate: rate})
}

// tuned takes the shell's answer.
func (c *Core) tuned(e Tuned) {
	p := c.port(e.Port)
	if p == nil || !p.tuning || e.Rate != p.to {
		return
	}
	p.tuning = false
	switch {
	case e.Failed && e.Rate == 0:
		p.again = c.now.Add(max(p.retune, time.Second) << min(p.failed, 6))
		p.failed++
	case e.Failed:
		c.failedAt(p.away, e.Rate)
		c.arrive(p, 0)
	default:
		p.failed = 0
		c.arrive(p, e.Rate)
	}
}

// arrive makes a setting the port's own, here and in what is known of the neighbour.
func (c *Core) arrive(p *port, rate int) {
	pa := p.away
	if pa != nil {
		pa.moves.change(pa, p.rate, rate)
	}
	r := p.common
	if rate > 0 {
		r = p.rates[rate-1]
	}
	p.rate, p.mtu, p.access, p.airtime = rate, r.MTU, r.Access, r.Airtime
	p.clear, p.hush, p.hearing, p.served, p.heard = c.now, time.Time{}, time.Time{}, nil, false
	if rate == 0 {
		c.cameHome(p)
		return
	}
	p.quiet, p.over, p.until = c.now, false, c.now.Add(p.span)
	if c.transfersMoved(p); pa == nil {
		c.tune(p, 0)
	}
}

// cameHome ends an excursion.
func (c *Core) cameHome(p *port) {
	if c.othersOn(p, p.away) {
		p.rest = c.now.Add(c.now.Sub(p.left))
	}
	if p.hasOthers(p.away) {
		c.listenAtHome(p)
	}
	c.transfersMoved(p)
	p.away = nil
}

// transfersMoved brings the transfers of the port to where it is now. What was asked on the setting before
// finds no answer here, and what got lost there says nothing of here.
func (c *Core) transfersMoved(p *port) {
	for _, pa := range p.paths {
		for _, o := range pa.peer.outs {
			if o.path != pa {
				continue
			}
			o.burst, o.sent, o.extra, o.checked = 0, 0, 0, false
			if o.waiting && pa == p.away && p.rate != 0 {
				c.await(o)
				continue
			}
			if o.waiting = false; p.rate == 0 && o.state == outSending && pa == p.away {
				o.state = outPolled // the account may come with another excursion
			}
		}
	}
}

// parted leaves an excursion whose path is closed.
func (c *Core) parted(pa *path) {
	p := pa.port
	if p.away != pa {
		return
	}
	if p.away = nil; !p.tuning && p.rate != 0 {
		c.tune(p, 0)
	}
}

// misplaced reports whether a frame has no place on the setting of an excursion: strangers and handshakes meet on
// the common one.
func (p *port) misplaced(t wire.Type) bool {
	return p.away != nil && t != wire.TypeControl && (t < wire.TypeData || t > wire.TypeDataCheck)
}

// timers of the tuner.
func (t *tuner) timers(at *timer, p *port) {
	switch {
	case t.tuning:
	case !t.again.IsZero():
		at.add(t.again)
	case t.rate != 0:
		at.add(p.silentAt())
		if !t.over {
			at.add(t.until)
		}
	}
}

// tunerTimeout ends an excursion that is over or silent, and tries again to come back.
func (c *Core) tunerTimeout(p *port) {
	switch {
	case p.tuning:
	case !p.again.IsZero():
		if !p.again.After(c.now) {
			c.tune(p, 0)
		}
	case p.rate == 0:
	case !p.silentAt().After(c.now):
		c.fellSilent(p)
	case !p.until.After(c.now):
		if p.over = true; !p.mover {
			c.tune(p, 0)
		}
	}
}

// rateName is the setting of the excursion with the path's peer, if there is one.
func (pa *path) rateName() string {
	if p := pa.port; p.rate != 0 && p.away == pa {
		return p.rates[p.rate-1].Name
	}
	return ""
}
