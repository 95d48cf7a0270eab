package node

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/domain"
	"packhorse/link"
	"packhorse/radio/phy"
)

// plain is a message without the name of the package that it comes from.
func plain(err error) string {
	s := err.Error()
	for _, p := range []string{"phy: ", "domain: ", "cogrpc: ", "poweb: ", "discovery: "} {
		s = strings.TrimPrefix(s, p)
	}
	return s
}

func checkRegion(name string) error {
	if _, err := phy.LookupRegion(name); err != nil {
		return &admin.Error{Code: admin.CodeUsage, Message: plain(err), Fix: "packhorse up --region EU868"}
	}
	return nil
}

// up sets what it is told and leaves the rest as it is.
func (n *Node) up(ctx context.Context, u admin.Up) error {
	if u.Region != "" {
		if err := n.mayChangeRegion(u.Region); err != nil {
			return err
		}
	}
	if u.Name != "" || u.Domain != "" {
		owner, err := n.ownerFor(ctx, u.Domain)
		if err != nil {
			return err
		}
		_, err = n.ask(ctx, func(t gateway.Token) gateway.Event {
			return gateway.Up{Token: t, Name: u.Name, Owner: owner}
		})
		if err != nil {
			return err
		}
	}
	if u.Region == "" {
		return nil
	}
	return n.setRegion(u.Region)
}

func (n *Node) mayChangeRegion(region string) error {
	if err := checkRegion(region); err != nil {
		return err
	}
	n.mu.Lock()
	fixed := n.plan.fixed
	n.mu.Unlock()
	if fixed != "" && fixed != region {
		return &admin.Error{Code: admin.CodeUsage, Message: "the configuration says region " + fixed, Fix: "change region there, then reload or restart packhorse"}
	}
	return nil
}

// ownerFor makes the keys of a new domain: that takes seconds on a small board, so not in the core.
func (n *Node) ownerFor(ctx context.Context, name string) (*domain.Owner, error) {
	if name == "" {
		return nil, nil
	}
	if err := domain.CheckName(name); err != nil {
		return nil, &admin.Error{Code: admin.CodeUsage, Message: plain(err), Fix: "packhorse up --domain NAME"}
	}
	if err := n.settleClock(ctx); err != nil {
		return nil, err
	}
	s, err := n.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	switch s.Domain {
	case name:
		return nil, nil
	case "":
		return domain.NewOwner(name, time.Now(), rand.Reader)
	}
	return nil, &admin.Error{Code: admin.CodeRefused, Message: "this gateway is in domain " + s.Domain + " already",
		Fix: "a domain is never replaced: start with an empty state directory"}
}

// settleClock waits for the clock of a new gateway, which is trusted a few seconds after the first start.
func (n *Node) settleClock(ctx context.Context) error {
	var left time.Duration
	err := n.look(ctx, func(_ time.Time, c *gateway.Core) { _, left = c.Clock() })
	if err != nil || left == 0 || left > settleTime {
		return err
	}
	select {
	case <-time.After(left + time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settleTime is how long `up` waits for the clock at most.
const settleTime = 20 * time.Second

func (n *Node) info(region string) Info {
	return Info{ID: n.identity.ID(), Name: n.identity.Name, Region: region, Key: n.identity.Sign, Allowed: n.allowed, Clock: n.clockQuality}
}

func (n *Node) allowed(id link.PeerID) (ok bool) {
	n.look(context.Background(), func(now time.Time, c *gateway.Core) { ok = c.IsMember(now, id) })
	return ok
}
