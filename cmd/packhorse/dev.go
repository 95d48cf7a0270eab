//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
)

// labCommands are those that need pseudo-terminals.
func (a *app) labCommands() []*cobra.Command {
	return []*cobra.Command{a.simCommand(), a.devCommand(), a.demoCommand()}
}

// devRegion has neither duty cycle nor dwell, so that nobody waits for the law.
const devRegion = "NZ915"

// devPort is PoWeb's own port; Awala apps try it first.
const devPort = 13276

func (a *app) devCommand() *cobra.Command {
	p := lab.Plan{Names: []string{"dev1", "dev2"}, PoWeb: devPort, Links: "all", Domain: "dev", Region: devRegion}
	c := &cobra.Command{
		Use:   "dev",
		Short: "two paired gateways on simulated radios for app developers: PoWeb on 13276 and 13277",
		Long: `Starts two real gateways with simulated radios in range of each other, already paired. Point one Awala app
at 127.0.0.1:13276 and another at 127.0.0.1:13277: what they send each other crosses the simulated air. Everything is
made anew at each start.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.village(c.Context(), p) },
	}
	villageFlags(c, &p, ".packhorse-dev")
	return c
}

func villageFlags(c *cobra.Command, p *lab.Plan, dir string) {
	f := c.Flags()
	f.StringVar(&p.Dir, "dir", dir, "where the gateways' files go; wiped at each start")
	f.IntVar(&p.PoWeb, "poweb", p.PoWeb, "`port` of the first gateway's PoWeb; the next one's is one more")
	f.Float64Var(&p.Loss, "loss", 0, "`probability` that a packet is lost at a receiver")
	f.Uint64Var(&p.Seed, "seed", 1, "of the loss")
}

// village runs simulated gateways, paired, until ctx ends.
func (a *app) village(ctx context.Context, p lab.Plan) error {
	var err error
	if err := checkLoss(p.Loss); err != nil {
		return err
	}
	if p.PoWeb < 0 || p.PoWeb+len(p.Names) > 65536 {
		return usage("--poweb 13276", "%d is no port with room for %s above it", p.PoWeb, count(len(p.Names), "gateway"))
	}
	if p.Binary, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	v, err := lab.Open(ctx, p)
	if err != nil {
		return err
	}
	defer a.closeVillage(v)
	if err := v.Found(ctx); err != nil {
		return err
	}
	for i := 1; i < len(v.Nodes); i++ {
		a.hint("pairing %s", v.Nodes[i].Name)
		if err := v.Pair(ctx, i, func(string) {}); err != nil {
			return err
		}
	}
	if err := a.showVillage(v); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func checkLoss(p float64) error {
	if p >= 0 && p <= 1 {
		return nil
	}
	return usage("--loss 0.1", "%g is no probability", p)
}

// villager is one gateway in the JSON answer.
type villager struct {
	Name   string `json:"name"`
	PoWeb  string `json:"poweb,omitempty"`
	Socket string `json:"socket"`
	Log    string `json:"log"`
}

func (a *app) showVillage(v *lab.Village) error {
	list := []villager{}
	for _, n := range v.Nodes {
		list = append(list, villager{n.Name, n.PoWeb, n.Socket, n.Log()})
	}
	answer := struct {
		admin.Head
		Nodes []villager `json:"nodes"`
	}{a.head("packhorse.dev/1"), list}
	return a.answer(answer, func() {
		for _, n := range list {
			where := ""
			if n.PoWeb != "" {
				where = "poweb http://" + n.PoWeb + "  "
			}
			a.say("ready %s  %spackhorse --socket %s status", n.Name, where, n.Socket)
		}
		a.hint("Ctrl-C ends it.")
	})
}

// runSimulated runs n gateways in range of each other, the first with PoWeb on its own port.
func (a *app) runSimulated(ctx context.Context, n int) error {
	if n < 1 || n > lab.MaxStations {
		return usage("--sim 3", "%d gateways: give 1 to %d", n, lab.MaxStations)
	}
	p := lab.Plan{Dir: ".packhorse-sim", PoWeb: devPort, Links: "all", Domain: "sim", Region: devRegion, Seed: 1}
	for i := range n {
		p.Names = append(p.Names, fmt.Sprintf("sim%d", i+1))
	}
	return a.village(ctx, p)
}
