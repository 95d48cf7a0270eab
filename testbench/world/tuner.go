package world

import (
	"slices"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// retuneTime is how long an RNode takes to change: frequency, bandwidth, spreading factor, coding rate and power
// are five KISS commands that are echoed, and the firmware starts its receiver again after each.
const retuneTime = 50 * time.Millisecond

// tuner is what a radio port knows of its modem's setting.
type tuner struct {
	now    phy.Setting
	ladder []phy.Setting
	wanted bool // a change is asked for; frames taken before go first
	starts bool // it is under way
	to     int
}

func airtime(s phy.Setting, n int) time.Duration { return s.Modulation.TimeOnAir(n + 1) }

// home is the setting at the start.
func (t *tuner) home(w *World, station int) {
	t.now = phy.CommonSetting(phy.RNodeModulation(w.Modulation), w.PowerDBm, w.Rule)
	t.wanted, t.starts = false, false
	if t.ladder = w.Ladder; slices.Contains(w.Fixed, station) {
		t.ladder = nil
	}
}

// reset brings the modem to the common setting, as opening it does.
func (p *radioPort) reset() {
	w := p.n.w
	if p.home(w, p.station); len(p.ladder) > 0 {
		_ = w.Air.Tune(w.now, p.station, p.now.Modulation, p.now.PowerDBm)
	}
	p.depth = p.depthNow()
}

// modemFrames is how many full frames a modem surely has room for.
const modemFrames = 20

// depthNow is how many frames may wait in the modem.
func (p *radioPort) depthNow() int {
	return max(2, min(modemFrames, int(p.n.w.Burst/max(1, p.airtime(sim.SingleFrame)))))
}

// rates is the ladder as the link takes it.
func (p *radioPort) rates() []link.Rate {
	var all []link.Rate
	for _, s := range p.ladder {
		all = append(all, link.Rate{Name: s.String(), Code: s.Code, MTU: sim.SingleFrame, Access: phy.RNode(s.Modulation).Access(0),
			Airtime: func(n int) time.Duration { return airtime(s, n) }, NeedsSNRdB: s.NeedsSNRdB})
	}
	return all
}

// tune changes the setting as soon as everything taken has left the air.
func (p *radioPort) tune(rate int) {
	p.wanted, p.to = true, rate
	p.retunes()
}

// retunes reports whether a change is wanted or under way, and begins it when it can.
func (p *radioPort) retunes() bool {
	w := p.n.w
	if !p.wanted || p.starts {
		return p.wanted
	}
	if p.frame != nil || w.Air.Waiting(p.station) > 0 || w.Air.Sending(p.station) {
		return p.frame == nil // what was taken is handed over first
	}
	p.starts = true
	p.n.later(retuneTime, p.retuned)
	return true
}

// retuned is the end of a change.
func (p *radioPort) retuned() {
	w := p.n.w
	e := link.Tuned{Port: p.port, Rate: p.to}
	p.wanted, p.starts = false, false
	if e.Failed = w.TuneFails != nil && w.TuneFails(p.station, p.to); !e.Failed {
		if p.now = phy.CommonSetting(phy.RNodeModulation(w.Modulation), w.PowerDBm, w.Rule); p.to > 0 {
			p.now = p.ladder[p.to-1]
		}
		_ = w.Air.Tune(w.now, p.station, p.now.Modulation, p.now.PowerDBm)
		p.leaving, p.burst, p.depth = nil, time.Time{}, p.depthNow()
		p.tellBudget(w.now)
	}
	w.Tracef("%s port %d is on %v, failed %v", p.n.Name, p.port, p.now, e.Failed)
	p.n.portEvent(e)
}

// Setting is what the node's first radio is on.
func (n *Node) Setting() phy.Setting {
	for _, p := range n.ports {
		if r, ok := p.(*radioPort); ok {
			return r.now
		}
	}
	return phy.Setting{}
}
