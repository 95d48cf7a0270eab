package node

import (
	"errors"
	"fmt"

	"packhorse/gateway"
	"packhorse/gateway/shell"
	"packhorse/link/port"
	"packhorse/store"
)

const settingRegion = "region"

// plan is what may change while the gateway runs.
type plan struct {
	fixed      string // region of the configuration; empty: `up` sets it
	region     string // in force; empty: no radio transmits
	radios     []string
	transports func(Info) ([]port.Transport, error)
}

// planOf is what a configuration says, with the region that `up` set where it names none.
func (n *Node) planOf(c Config) (plan, error) {
	p := plan{fixed: c.Region, region: c.Region, radios: c.Radios, transports: c.Transports}
	if c.Region != "" {
		return p, checkRegion(c.Region)
	}
	b, err := n.store.Get(gateway.KindSetting, settingRegion)
	if errors.Is(err, store.ErrDamaged) {
		return p, fmt.Errorf("the region that packhorse up set cannot be read: write region in the configuration, or run: packhorse store repair, then packhorse up --region: %w", err)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return p, err
	}
	p.region = string(b)
	return p, nil
}

// Reload takes Region, Radios, Transports and Uplinks of c and restarts transports and uplinks under them; the other
// fields are left out. On error nothing has changed. Before Run it only sets what Run begins with.
func (n *Node) Reload(c Config) error {
	n.regionMu.Lock()
	defer n.regionMu.Unlock()
	if n.stopped {
		return shell.ErrStopped
	}
	p, err := n.planOf(c)
	if err != nil {
		return err
	}
	f, err := c.Uplinks.resolver()
	if err != nil {
		return err
	}
	list, err := n.prepare(p)
	if err == nil {
		n.runPlan(p, list)
		n.runUplinks(c.Uplinks, f)
	}
	return adminError(err)
}

// setRegion makes the region durable and restarts the transports under it, unless one of them cannot
// work there.
func (n *Node) setRegion(region string) error {
	n.regionMu.Lock()
	defer n.regionMu.Unlock()
	n.mu.Lock()
	p := n.plan
	n.mu.Unlock()
	if p.region == region {
		return nil
	}
	p.region = region
	list, err := n.prepare(p)
	if err != nil {
		return err
	}
	if err := n.store.Apply(store.Op{Kind: gateway.KindSetting, Key: settingRegion, Value: []byte(region)}); err != nil {
		return err
	}
	n.runPlan(p, list)
	return nil
}
