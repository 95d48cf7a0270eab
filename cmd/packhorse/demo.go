//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	once  bool
	dir   string
	loss  float64
	seed  uint64
	size  int
	limit time.Duration
}

// demoRegion is where the demo takes place: 869.525 MHz, 36 s of airtime in any six minutes
// on average, 360 s in any hour.
const demoRegion = "EU868"

func (a *app) demoCommand() *cobra.Command {
	o := demoOptions{size: 20_000}
	c := &cobra.Command{
		Use:   "demo",
		Short: "three gateways in a line on simulated radios, and a parcel over two hops",
		Long: `Starts three real gateways, each in a process of its own with a simulated RNode modem on a serial port,
pairs them, takes the third out of the first one's range, and sends a text and a file from end to end over the
middle one. Then it leaves them running for you to play with. It needs no radio, no root and no network.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), o) },
	}
	f := c.Flags()
	f.BoolVar(&o.once, "once", false, "end when the file has arrived")
	f.StringVar(&o.dir, "dir", ".demo", "where the gateways' files go")
	f.Float64Var(&o.loss, "loss", 0.1, "`probability` that a packet is lost at a receiver")
	f.Uint64Var(&o.seed, "seed", 7, "of the loss")
	f.IntVar(&o.size, "size", o.size, "`octets` of the file")
	f.DurationVar(&o.limit, "limit", 15*time.Minute, "longest time until the file has arrived")
	return c
}

func (a *app) demo(ctx context.Context, o demoOptions) error {
	if err := checkLoss(o.loss); err != nil {
		return err
	}
	if o.size < 1 || o.size > admin.MaxContent {
		return usage("--size 20000", "%d octets: give 1 to %d", o.size, admin.MaxContent)
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	region, err := phy.LookupRegion(demoRegion)
	if err != nil {
		return err
	}
	a.say("Three gateways a, b and c in a line, %s, %s, %g %% of packets lost.", demoRegion, region.Plan, 100*o.loss)
	a.say("Real: the gateways, their stores, sessions and serial ports. Simulated: the radios, in real time.")
	begun := time.Now()
	v, err := lab.Open(ctx, lab.Plan{Binary: binary, Dir: o.dir, Names: []string{"a", "b", "c"}, Region: demoRegion, Domain: "demo",
		Links: "all", Loss: o.loss, Seed: o.seed})
	if err != nil {
		return err
	}
	defer a.closeVillage(v)
	s := &story{app: a, v: v, begun: begun, plan: region.Plan, limit: o.limit}
	if err := s.tell(ctx, o.size); err != nil {
		return err
	}
	if o.once {
		return nil
	}
	a.playHints(v)
	<-ctx.Done()
	return nil
}

func (a *app) closeVillage(v *lab.Village) {
	a.hint("stopping the gateways")
	v.Close()
}

// playHints says how to go on by hand.
func (a *app) playHints(v *lab.Village) {
	a.say("\nThe gateways go on running. In another terminal:")
	for _, n := range v.Nodes {
		a.say("  %s", n.Command("status"))
	}
	first, last := v.Nodes[0], v.Nodes[len(v.Nodes)-1]
	a.say("  %s", first.Command("send", last.Name, "'hello again'", "--wait delivered"))
	a.say("  %s", last.Command("inbox"))
	a.say("Logs are in %s. Ctrl-C ends it.", v.Nodes[0].Log())
}
