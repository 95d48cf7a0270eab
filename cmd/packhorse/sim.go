//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
)

func (a *app) simCommand() *cobra.Command {
	return group("sim", "radios that are not there", a.simAir(), a.simRun())
}

func (a *app) simAir() *cobra.Command {
	var o lab.Options
	c := &cobra.Command{
		Use:   "air",
		Short: "serial ports with modems behind them, joined by a simulated channel",
		Long: `Makes pseudo-terminals that any program can open as RNode or other modems, and joins them by a channel
with exact time on air, half duplex, collisions, carrier sense and seeded loss, in real time, until Ctrl-C.
Frequency, bandwidth, spreading factor and power are what the program that opens a port sets; modems that keep their settings themselves have those
of the examples in docs/CONFIG.md.
While it runs it takes commands on stdin: "cut 0-1", "join 0-1", "loss 0.3", "stats".`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.runAir(c.Context(), o) },
	}
	f := c.Flags()
	f.IntVarP(&o.Stations, "number", "n", 2, "how many radios")
	f.StringVar(&o.Kind, "kind", "rnode", "which `modem`: "+strings.Join(lab.Kinds, ", "))
	f.StringVar(&o.Links, "links", "all", "who hears whom: all, line, or pairs such as 0-1,1-2")
	f.Float64Var(&o.Loss, "loss", 0, "`probability` that a packet is lost at a receiver, 0 to 1")
	f.Uint64Var(&o.Seed, "seed", 1, "of the loss: the same seed loses the same packets of the same traffic")
	f.StringVar(&o.Dir, "dir", ".radios", "where to put the ports' links, rnode0 and so on")
	return c
}

func (a *app) runAir(ctx context.Context, o lab.Options) error {
	air, err := lab.NewAir(o)
	if err != nil {
		return usage("packhorse sim air --help", "%s", err)
	}
	done := make(chan error, 1)
	go func() { done <- air.Run(ctx) }()
	if err := a.showAir(air); err != nil {
		return err
	}
	a.hint("%s in the air, links %s, loss %g, seed %d; Ctrl-C ends it", count(o.Stations, "radio"), o.Links, o.Loss, o.Seed)
	go a.airCommands(ctx, air)
	return <-done
}

// showAir names the ports.
func (a *app) showAir(air *lab.Air) error {
	v := struct {
		admin.Head
		Ports []string `json:"ports"`
	}{a.head("packhorse.sim_air/1"), air.Paths()}
	return a.answer(v, func() {
		for _, p := range v.Ports {
			a.say("%s", p)
		}
	})
}

// airCommands reads one command a line from stdin while the air runs.
func (a *app) airCommands(ctx context.Context, air *lab.Air) {
	for s := bufio.NewScanner(a.in); s.Scan(); {
		if err := a.airCommand(ctx, air, strings.Fields(s.Text())); err != nil {
			a.hint("packhorse: %s", err)
		}
	}
}

func (a *app) airCommand(ctx context.Context, air *lab.Air, words []string) error {
	switch {
	case len(words) == 0:
		return nil
	case len(words) == 2 && (words[0] == "cut" || words[0] == "join"):
		l, err := lab.ParseLink(words[1])
		if err != nil {
			return err
		}
		return air.Cut(ctx, l, words[0] == "cut")
	case len(words) == 2 && words[0] == "loss":
		v, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			return fmt.Errorf("%q is no probability", words[1])
		}
		return air.SetLoss(ctx, v)
	case len(words) == 1 && words[0] == "stats":
		return a.airStats(ctx, air)
	}
	return fmt.Errorf("%q is no command: cut 0-1, join 0-1, loss 0.3, stats", strings.Join(words, " "))
}

// airRadio is one radio of `stats --json`.
type airRadio struct {
	AirtimeS   float64 `json:"airtime_s"`
	Sent       uint64  `json:"frames_sent"`
	Received   uint64  `json:"frames_received"`
	Lost       uint64  `json:"frames_lost"`
	Collisions uint64  `json:"frames_collided"`
}

func (a *app) airStats(ctx context.Context, air *lab.Air) error {
	counts, err := air.Counts(ctx)
	if err != nil {
		return err
	}
	v := struct {
		admin.Head
		Radios []airRadio `json:"radios"`
	}{a.head("packhorse.sim_stats/1"), []airRadio{}}
	rows := [][]string{{"RADIO", "AIRTIME", "SENT", "RECEIVED", "LOST", "COLLISIONS"}}
	for i, c := range counts {
		v.Radios = append(v.Radios, airRadio{c.Airtime.Seconds(), c.FramesSent, c.FramesReceived, c.Lost, c.Collisions})
		rows = append(rows, []string{strconv.Itoa(i), fmt.Sprintf("%.1f s", c.Airtime.Seconds()), fmt.Sprint(c.FramesSent),
			fmt.Sprint(c.FramesReceived), fmt.Sprint(c.Lost), fmt.Sprint(c.Collisions)})
	}
	return a.answer(v, func() { table(a.out, rows) })
}
