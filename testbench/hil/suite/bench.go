package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// Bench is a rig while suites run on it, one case at a time, with what the cases before have learnt of it.
type Bench struct {
	Rig     hil.Rig
	Params  Params
	Marks   *Recorder
	Figures map[string]float64 // what the running case has measured; the unit ends the name

	air    *upset
	peers  []*Peer
	paired error // why the nodes are not in one domain; nil with joined
	joined bool
	drawn  uint64 // how many contents were drawn

	noting sync.Mutex // of Figures, while nodes start side by side
}

// errNotTried is the state of pairing before it was tried.
var errNotTried = errors.New("not tried yet")

// NewBench is a bench with a rig's nodes, which may be off.
func NewBench(r hil.Rig, p Params, m *Recorder) *Bench {
	air := &upset{Air: r.Air(), links: map[link]harm{}}
	b := &Bench{Rig: watched{r, air}, air: air, Params: p, Marks: m, Figures: map[string]float64{}, paired: errNotTried}
	for _, n := range r.Nodes() {
		b.peers = append(b.peers, &Peer{Node: n, b: b})
	}
	return b
}

// Peers are the nodes.
func (b *Bench) Peers() []*Peer { return b.peers }

// two are the nodes of suites that need two.
func (b *Bench) two() (x, y *Peer, err error) {
	if len(b.peers) < 2 {
		return nil, nil, &hil.Unable{What: "send anything", Why: "the rig has one node only"}
	}
	return b.peers[0], b.peers[1], nil
}

// Peer is a node with what is known of its gateway.
type Peer struct {
	hil.Node
	b        *Bench
	gateway  string // its name on the air
	powerEnd func() // ends the mark of its power
	dark     bool   // we took its power, and it was not ready since
}

// switchable answers the power switch.
func (p *Peer) switchable() (hil.Power, error) {
	if p.Power() == nil {
		return nil, &hil.Unable{What: "cut the power of " + p.Name(), Why: "it has no power switch"}
	}
	return p.Power(), nil
}

// Dark tells whether the bench took the node's power and did not see it ready since.
func (p *Peer) Dark() bool { return p.dark }

// On gives power, where there is a switch, and waits until the gateway is ready. How long that took is a figure, and what the
// system's own clock said of it.
func (p *Peer) On(ctx context.Context) (hil.Banner, error) {
	power := p.Power()
	if power == nil {
		return p.awake(ctx)
	}
	if err := power.On(ctx); err != nil {
		return hil.Banner{}, err
	}
	if p.powerEnd == nil {
		p.powerEnd = p.b.Marks.Begin(p.Name(), powerMark, "")
	}
	end := p.b.Marks.Begin(p.Name(), bootMark, "starting")
	defer end()
	from := p.b.Marks.Since()
	banner, err := p.ready(ctx)
	took := p.b.Marks.Since() - from
	if err == nil {
		_, err = p.status(ctx)
	}
	if err == nil {
		p.dark = false
		p.b.started(p.Name(), took, banner.Uptime)
	}
	return banner, err
}

// Off takes power away as a pulled plug does. Without a switch it is Unable.
func (p *Peer) Off(ctx context.Context) error {
	power, err := p.switchable()
	if err != nil {
		return err
	}
	p.dark = true // also when that fails: nobody knows then
	if err := power.Off(ctx); err != nil {
		return err
	}
	if p.powerEnd != nil {
		p.powerEnd()
		p.powerEnd = nil
	}
	return nil
}

// Cycle is Off and On.
func (p *Peer) Cycle(ctx context.Context) (hil.Banner, error) {
	if err := p.Off(ctx); err != nil {
		return hil.Banner{}, err
	}
	if err := rest(ctx, p.b.Params.Pause); err != nil {
		return hil.Banner{}, err
	}
	return p.On(ctx)
}

// started notes the slowest start of a node as figures of the case: seconds by the bench's clock from power to ready, and the
// uptime that the node named, where it did.
func (b *Bench) started(node string, took float64, uptime time.Duration) {
	b.noting.Lock()
	defer b.noting.Unlock()
	name := "power_to_ready_" + node + "_s"
	b.Figures[name] = max(b.Figures[name], took)
	if uptime > 0 {
		name = "uptime_at_ready_" + node + "_s"
		b.Figures[name] = max(b.Figures[name], uptime.Seconds())
	}
}

func (p *Peer) ready(ctx context.Context) (hil.Banner, error) {
	if r, ok := p.Node.(hil.Readier); ok {
		return r.Ready(ctx)
	}
	if c := p.Console(); c != nil {
		return c.Ready(ctx)
	}
	return p.awake(ctx)
}

// awake asks a node that has power already until it answers.
func (p *Peer) awake(ctx context.Context) (hil.Banner, error) {
	var s admin.Status
	err := poll(ctx, "answer of "+p.Name(), func() (bool, error) {
		var err error
		s, err = p.status(ctx)
		return err == nil, nil
	})
	return hil.Banner{Name: s.Name, Version: s.Version, Uptime: time.Duration(s.UptimeS) * time.Second}, err
}

func (p *Peer) status(ctx context.Context) (admin.Status, error) {
	s, err := ask[admin.Status](ctx, p, "status")
	if err == nil {
		p.gateway = s.Name
	}
	return s, err
}

// frames is how many it has sent and received.
func (p *Peer) frames(ctx context.Context) (sent, received uint64, err error) {
	sent, received, err = p.b.Rig.Air().Frames(ctx, p.Name())
	if err == nil {
		p.b.Marks.Count(p.Name(), sent)
	}
	return sent, received, err
}

// look is how often a condition is tried.
const look = 200 * time.Millisecond

// poll waits until a condition holds, or cannot any more.
func poll(ctx context.Context, what string, yes func() (bool, error)) error {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		if ok, err := yes(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no %s in time: %w", what, ctx.Err())
		case <-t.C:
		}
	}
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
