package scenario

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"packhorse/gateway/domain"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
	"packhorse/testbench/world"
)

// What a world is without being told.
const (
	defaultRegion = "NZ915" // no duty cycle: nobody waits for the law
	defaultBurst  = 8 * time.Second
	minStore      = 64_000
	nobody        = "none"
	pathLossDB    = 110
)

func (p *play) world(c Command) error {
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	p.World, err = world.New(cfg)
	return err
}

func (p *play) config(c Command) (cfg world.Config, err error) {
	p.region = defaultRegion
	if r, ok := c.Options["region"]; ok {
		p.region = r
	}
	if cfg.Modulation, cfg.PowerDBm, cfg.Rule, err = law(p.region); err != nil {
		return cfg, err
	}
	cfg.Trace, cfg.Stations = true, p.script.nodes()
	if cfg.Seed = p.script.Seed; p.o.HasSeed {
		cfg.Seed = p.o.Seed
	}
	if cfg.Loss, err = option(c, "loss", readPercent, 0); err != nil {
		return cfg, err
	}
	if cfg.Burst, err = option(c, "burst", readDuration, defaultBurst); err != nil {
		return cfg, err
	}
	size, err := option(c, "store", readSize, 0)
	if err == nil && size != 0 && size < minStore {
		err = fmt.Errorf("store=%s is less than a gateway needs for itself, 64kB", c.Options["store"])
	}
	cfg.StoreBytes = int64(size)
	return cfg, err
}

// nodes counts the gateways that a file starts, at least one.
func (s *Script) nodes() (n int) {
	for _, c := range s.Commands {
		if c.Name == "node" {
			n += len(c.Args)
		}
	}
	return min(max(n, 1), sim.MaxStations)
}

// law is the region's own plan, as strong as its rules let a dipole be.
func law(name string) (phy.Modulation, int, phy.Rule, error) {
	region, err := phy.LookupRegion(name)
	if err != nil {
		return phy.Modulation{}, 0, phy.Rule{}, err
	}
	power := region.PlanPower
	rule, err := region.Rule(region.Plan, power)
	for err != nil && power.ConductedDBm > 0 {
		power.ConductedDBm--
		rule, err = region.Rule(region.Plan, power)
	}
	return region.Plan, int(power.ConductedDBm), rule, err
}

func (p *play) node(c Command) error {
	for key, v := range c.Options {
		if v != nobody {
			return fmt.Errorf("%s=%s: only %s=none can be said of a node", key, v, key)
		}
	}
	_, shut := c.Options["region"]
	_, wired := c.Options["radio"]
	for _, name := range c.Args {
		if err := p.add(name, !shut && !wired); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) add(name string, radio bool) error {
	if _, err := p.find(name); err == nil {
		return fmt.Errorf("there is a node %s already", name)
	}
	if err := domain.CheckName(name); err != nil {
		return err
	}
	if len(p.nodes) == many {
		return fmt.Errorf("at most %d nodes are started", many)
	}
	keys, err := p.o.Keys.node(len(p.nodes), name)
	if err != nil {
		return err
	}
	g, err := p.Gateway(name, filepath.Join(p.o.Dir, name), keys, false)
	if err != nil {
		return err
	}
	n := &actor{GatewayNode: g, station: -1, told: map[string]string{}}
	p.nodes = append(p.nodes, n)
	p.watch(n)
	if radio {
		p.openRadio(n)
	}
	return nil
}

func (p *play) openRadio(n *actor) {
	n.station = p.radios
	p.radios++
	n.ports = append(n.ports, "radio")
	n.Radio()
}

// onAir finds the stations of two gateways.
func (p *play) onAir(c Command) (x, y int, err error) {
	a, b, err := p.two(c, p.find)
	if err != nil {
		return x, y, err
	}
	for _, n := range []*actor{a, b} {
		if n.station < 0 {
			return x, y, fmt.Errorf("%s has no open radio", n.Name)
		}
	}
	return a.station, b.station, nil
}

func (p *play) line(c Command) error {
	for i := range c.Args {
		for j := i + 1; j < len(c.Args); j++ {
			x, y, err := p.onAir(Command{Args: []string{c.Args[i], c.Args[j]}})
			if err != nil {
				return err
			}
			loss := float64(pathLossDB)
			if j > i+1 {
				loss = math.Inf(1)
			}
			p.Air.SetLink(x, y, loss)
		}
	}
	return nil
}

func (p *play) hear(c Command) error {
	x, y, err := p.onAir(c)
	if err == nil {
		p.Air.SetLink(x, y, pathLossDB)
	}
	return err
}

func (p *play) cut(c Command) error     { return p.path(c, true) }
func (p *play) restore(c Command) error { return p.path(c, false) }
func (p *play) path(c Command, cut bool) error {
	x, y, err := p.onAir(c)
	if err == nil {
		p.Air.Cut(x, y, cut)
	}
	return err
}

func (p *play) loss(c Command) error {
	v, err := readPercent(c.Args[0])
	if err == nil {
		p.Air.SetLoss(v)
	}
	return err
}

func (p *play) wire(c Command) error {
	a, b, err := p.two(c, p.find)
	if err != nil {
		return err
	}
	latency, err := option(c, "latency", readDuration, 40*time.Millisecond)
	if err != nil {
		return err
	}
	loss, err := option(c, "loss", readPercent, 0)
	if err != nil {
		return err
	}
	w := p.wireOf(a, b)
	if w == nil {
		w = p.Join(a.Node, b.Node, latency)
		a.ports, b.ports = append(a.ports, "wire"), append(b.ports, "wire")
		p.wires[[2]*actor{a, b}] = w
	}
	w.Latency, w.Loss = latency, loss
	w.Up()
	return nil
}

func (p *play) wireOf(a, b *actor) *world.Wire {
	if w := p.wires[[2]*actor{a, b}]; w != nil {
		return w
	}
	return p.wires[[2]*actor{b, a}]
}

func (p *play) unwire(c Command) error {
	a, b, err := p.two(c, p.find)
	if err != nil {
		return err
	}
	w := p.wireOf(a, b)
	if w == nil {
		return fmt.Errorf("no wire joins %s and %s", a.Name, b.Name)
	}
	w.Down()
	return nil
}

func (p *play) stop(c Command) error {
	return p.each(c, p.running, func(n *actor) error { n.Stop(); return nil })
}

func (p *play) start(c Command) error {
	return p.each(c, p.find, func(n *actor) error {
		if n.Core != nil {
			return fmt.Errorf("%s runs already", n.Name)
		}
		return n.Start()
	})
}
