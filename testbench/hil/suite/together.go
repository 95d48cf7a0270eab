package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// domain is the one that nodes without any are brought into.
const domain = "bench"

// together makes sure that the first two nodes are in one domain and hear each other. It is tried once: when it failed,
// all cases that need it are skipped.
func (b *Bench) together(ctx context.Context) error {
	if b.joined {
		return nil
	}
	if b.paired != errNotTried {
		return &hil.Unable{What: "send anything", Why: "the nodes are not in one domain: " + cut(b.paired.Error())}
	}
	b.paired = b.bringTogether(ctx)
	b.joined = b.paired == nil
	return b.paired
}

func (b *Bench) bringTogether(ctx context.Context) error {
	x, y, err := b.two()
	if err != nil {
		return err
	}
	dx, err := b.up(ctx, x, domain)
	if err != nil {
		return err
	}
	dy, err := b.up(ctx, y, "")
	if err != nil {
		return err
	}
	switch {
	case dy == "":
		if err := b.pair(ctx, x, y); err != nil {
			return err
		}
	case dy != dx:
		return fmt.Errorf("%s is in the domain %q and %s in %q: reset one of them", x.Name(), dx, y.Name(), dy)
	}
	if err := x.hears(ctx, y); err != nil {
		return err
	}
	return y.hears(ctx, x)
}

// up gives a node region and domain, where it has none, and answers the domain that it is in.
func (b *Bench) up(ctx context.Context, p *Peer, domain string) (string, error) {
	s, err := p.status(ctx)
	if err != nil {
		return "", err
	}
	if s.Region != "" && s.Region != b.Params.Region {
		return "", fmt.Errorf("node %s obeys the rules of %s, and the bench those of %s: set one right", p.Name(), s.Region, b.Params.Region)
	}
	if s.Region != "" && (s.Domain != "" || domain == "") {
		return s.Domain, nil
	}
	args := []string{"up", "--region", b.Params.Region}
	if domain != "" && s.Domain == "" {
		args = append(args, "--domain", domain)
	}
	s, err = ask[admin.Status](ctx, p, args...)
	return s.Domain, err
}

// hears waits until another node is a neighbour that may be written to.
func (p *Peer) hears(ctx context.Context, other *Peer) error {
	return poll(ctx, fmt.Sprintf("way from %s to %s", p.Name(), other.Name()), func() (bool, error) {
		i, err := p.peer(ctx, other)
		return i.Path != "" && i.Path != "none", err
	})
}

// peer is what a node's status says of another one; the zero value: nothing.
func (p *Peer) peer(ctx context.Context, other *Peer) (admin.PeerInfo, error) {
	s, err := p.status(ctx)
	for _, i := range s.Peers {
		if i.Name == other.gateway {
			return i, err
		}
	}
	return admin.PeerInfo{}, err
}

// pair lets a node into the domain of another one by a typed code, as two people do.
func (b *Bench) pair(ctx context.Context, host, joiner *Peer) error {
	end := b.clock("pair_s")
	code, finish, err := host.offer(ctx)
	if err != nil {
		return err
	}
	joined, joinErr := ask[admin.PairResultReply](ctx, joiner, "pair", code)
	if joinErr != nil {
		// The offer stays open; its command is given up.
		stop, cancel := context.WithCancel(ctx)
		cancel()
		_, _ = finish(stop)
		return joinErr
	}
	r, err := finish(ctx)
	if err != nil {
		return err
	}
	let, err := answer[admin.PairResultReply](host, r, []string{"pair"})
	if err == nil && (let.Peer != joiner.gateway || joined.Peer != host.gateway) {
		err = fmt.Errorf("%s let in %q, %s joined %q", host.Name(), let.Peer, joiner.Name(), joined.Peer)
	}
	end()
	return err
}

// offered is the line in which `pair --json` says its code.
var offered = regexp.MustCompile(`(?m)^(\{.*"packhorse\.pair_offer/1".*\})\s*$`)

// offer begins a pairing. finish waits until somebody has joined.
func (p *Peer) offer(ctx context.Context) (code string, finish func(context.Context) (hil.Result, error), err error) {
	line := ""
	switch s, ok := p.Node.(hil.Starter); {
	case ok:
		running, err := s.Start(ctx, "pair", "--json")
		if err != nil {
			return "", nil, err
		}
		line, err = running.Line(ctx)
		if err != nil {
			return "", nil, err
		}
		finish = running.Wait
	case p.Console() != nil:
		c := p.Console()
		if err := c.Type(ctx, "pair --json"); err != nil {
			return "", nil, err
		}
		_, m, err := c.Expect(ctx, offered)
		if err != nil {
			return "", nil, err
		}
		line, finish = m[1], c.Finish
	default:
		return "", nil, &hil.Unable{What: "pair " + p.Name(), Why: "it has neither a console nor a way to start a command"}
	}
	var o admin.PairOfferReply
	if err := json.Unmarshal([]byte(line), &o); err != nil || o.Code == "" {
		return "", nil, p.wrong([]string{"pair"}, fmt.Sprintf("it said %q", cut(line)))
	}
	return o.Code, finish, nil
}
