//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"packhorse/gateway/admin"
)

// Plan describes a village.
type Plan struct {
	Binary string   // the packhorse to run
	Dir    string   // all its files; wiped first if a village left it
	Names  []string // one gateway each; the first founds the domain
	Region string
	Domain string
	PoWeb  int    // port of the first gateway's PoWeb, the next one's is one more; 0: none
	Links  string // who hears whom
	Loss   float64
	Seed   uint64
}

// Village is gateways in processes of their own with simulated radios.
type Village struct {
	Nodes []*Node
	Air   *Air
	plan  Plan
	end   context.CancelFunc
	ended chan struct{}
}

// mark shows that a directory was made by a village and may be wiped.
const mark = ".packhorse-lab"

// Open makes the radios and starts the gateways, and waits until all of them answer.
// On error nothing is left running.
func Open(ctx context.Context, p Plan) (*Village, error) {
	if err := sweep(p.Dir); err != nil {
		return nil, err
	}
	air, err := NewAir(Options{Stations: len(p.Names), Links: p.Links, Loss: p.Loss, Seed: p.Seed, Dir: filepath.Join(p.Dir, "radios")})
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	v := &Village{Air: air, plan: p, end: end, ended: make(chan struct{})}
	go func() { air.Run(life); close(v.ended) }()
	if err := v.start(ctx); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

func (v *Village) start(ctx context.Context) error {
	for i, name := range v.plan.Names {
		n := &Node{Name: name, Dir: filepath.Join(v.plan.Dir, name), Socket: filepath.Join(v.plan.Dir, name+".sock")}
		if v.plan.PoWeb > 0 {
			n.PoWeb = fmt.Sprintf("127.0.0.1:%d", v.plan.PoWeb+i)
		}
		if err := n.config(v.Air.Paths()[i]); err != nil {
			return err
		}
		v.Nodes = append(v.Nodes, n)
	}
	return v.SwitchOn(ctx)
}

// SwitchOn starts the gateways that do not run, and waits until all of them answer.
func (v *Village) SwitchOn(ctx context.Context) error {
	for _, n := range v.Nodes {
		if n.cmd != nil {
			continue
		}
		if err := n.start(v.plan.Binary); err != nil {
			return err
		}
	}
	for _, n := range v.Nodes {
		if err := n.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweep makes an empty directory, in place of one that an earlier village left.
func sweep(dir string) error {
	left, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, mark)); err != nil && len(left) > 0 {
		return fmt.Errorf("%s is not empty and not ours: choose another directory with --dir", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, mark), []byte("made by packhorse; may be removed\n"), 0o600)
}

// Found gives every gateway its region, and the first one its domain.
func (v *Village) Found(ctx context.Context) error {
	for i, n := range v.Nodes {
		u := admin.Up{Region: v.plan.Region}
		if i == 0 {
			u.Domain = v.plan.Domain
		}
		if _, err := n.Client.Up(ctx, u); err != nil {
			return fmt.Errorf("up %s: %w", n.Name, err)
		}
	}
	return nil
}

// Pair lets gateway i into the domain of the first one, by typed code over the air.
// show is told the code.
func (v *Village) Pair(ctx context.Context, i int, show func(code string)) error {
	o, err := v.Nodes[0].Client.OpenPairing(ctx)
	if err != nil {
		return fmt.Errorf("open a pairing on %s: %w", v.Nodes[0].Name, err)
	}
	show(o.Code)
	if _, err := v.Nodes[i].Client.JoinPairing(ctx, o.Code); err != nil {
		return fmt.Errorf("join with %s: %w", v.Nodes[i].Name, err)
	}
	if _, err := v.Nodes[0].Client.Pairing(ctx); err != nil {
		return fmt.Errorf("pairing on %s: %w", v.Nodes[0].Name, err)
	}
	return nil
}

// SwitchOff ends the gateways and waits for them; their state stays on disk.
func (v *Village) SwitchOff() {
	var wg sync.WaitGroup
	for _, n := range v.Nodes {
		wg.Go(n.stop)
	}
	wg.Wait()
}

// Close ends the gateways and then the radios; it waits for both.
func (v *Village) Close() {
	v.SwitchOff()
	v.end()
	<-v.ended
}

// Command is how to say something to a node on the command line.
func (n *Node) Command(args ...string) string {
	return strings.Join(append([]string{"packhorse --socket " + n.Socket}, args...), " ")
}
