//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/testbench/scenario"
)

// simRun is `sim run`: a scenario in virtual time.
func (a *app) simRun() *cobra.Command {
	var r simRunner
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "play a scenario of gateways on simulated radios, in virtual time",
		Long: `Plays a text file of commands such as "node a b", "pair b a", "send a b file=20kB", "run until delivered": whole
gateways with their stores on disk, on a simulated LoRa channel, hours in a second. Below each command stands the
output that is expected of it, indented; a difference, a broken bound or a failed check ends with exit code 1
and the command that replays it. Under another seed than the file's own, and in a file without expected output, only bounds and checks count.
A name that is no file is looked for among the scenarios that come with this program: --list shows them.
It needs no radio, no root, no network and no configuration.`,
		Args: between(0, 1, "one scenario file, or --list"),
		RunE: func(c *cobra.Command, args []string) error {
			r.app, r.seeded = a, c.Flags().Changed("seed")
			if r.list {
				return r.names()
			}
			if len(args) == 0 {
				return usage("packhorse sim run --list", "packhorse sim run takes one scenario file")
			}
			r.file = args[0]
			return r.run(c.Context())
		},
	}
	f := c.Flags()
	f.Uint64Var(&r.seed, "seed", 0, "instead of the file's own")
	f.BoolVar(&r.rewrite, "rewrite", false, "write the output into the file as what is expected")
	f.BoolVar(&r.trace, "trace", false, "print every frame on stderr at the end, by virtual time")
	f.BoolVar(&r.list, "list", false, "name the scenarios that come with this program")
	return c
}

// simRunner is one run of a scenario.
type simRunner struct {
	*app
	file                 string
	seed                 uint64
	seeded               bool
	compare              bool // output that differs is a failure
	rewrite, trace, list bool
}

// simStep and simSummary are the lines of --json.
type simStep struct {
	admin.Head
	Line     int      `json:"line"`
	Command  string   `json:"command"`
	Output   []string `json:"output"`
	Expected []string `json:"expected"`
	OK       bool     `json:"ok"`
	PassedS  float64  `json:"passed_s"`
}

type simSummary struct {
	admin.Head
	File        string  `json:"file"`
	Seed        uint64  `json:"seed"`
	OK          bool    `json:"ok"`
	Commands    int     `json:"commands"`
	Differences int     `json:"differences"`
	PassedS     float64 `json:"passed_s"`
	Replay      string  `json:"replay"`
}

func (r *simRunner) names() error {
	v := struct {
		admin.Head
		Scenarios []string `json:"scenarios"`
	}{r.head("packhorse.sim_list/1"), some(scenario.Examples())}
	return r.answer(v, func() { r.say("%s", strings.Join(v.Scenarios, "\n")) })
}

// read finds the scenario: a file, or one of ours.
func (r *simRunner) read() (*scenario.Script, error) {
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(r.file) == r.file && !r.rewrite {
		if ours, e := scenario.Example(r.file); e == nil {
			text, err = ours, nil
		}
	}
	if err != nil {
		return nil, usage("packhorse sim run --list shows those that come with this program", "no scenario: %s", err)
	}
	s, err := scenario.Parse(r.file, text)
	if err != nil {
		return nil, usage("correct that line", "%s", err)
	}
	return s, nil
}

func (r *simRunner) run(ctx context.Context) error {
	s, err := r.read()
	if err != nil {
		return err
	}
	r.compare = s.Expects() && !r.rewrite && (!r.seeded || r.seed == s.Seed)
	dir, err := os.MkdirTemp("", "packhorse-sim")
	if err != nil {
		return fmt.Errorf("a place for the stores: %w", err)
	}
	defer os.RemoveAll(dir)
	begun := time.Now()
	res, err := scenario.Run(ctx, s, scenario.Options{Dir: dir, Seed: r.seed, HasSeed: r.seeded, Step: r.step})
	if r.trace {
		fmt.Fprint(r.err, res.Trace)
	}
	if err == nil && r.rewrite {
		err = os.WriteFile(r.file, s.Rewrite(res.Outputs()), 0o644)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.end(res, err, time.Since(begun))
}

// step prints a command that has run, with what was expected where that is something else.
func (r *simRunner) step(s scenario.Step) error {
	if r.json {
		return lines(r.out, simStep{r.head("packhorse.sim_step/1"), s.Command.Line, s.Command.Text, some(s.Output), some(s.Command.Want), s.OK(), s.Passed.Seconds()})
	}
	r.say("%s", clean(s.Command.Text))
	for _, l := range s.Output {
		r.say("  %s", clean(l))
	}
	if s.OK() || !r.compare {
		return nil
	}
	r.say("! %s:%d expects:", r.file, s.Command.Line)
	for _, l := range s.Command.Want {
		r.say("! %s", clean(l))
	}
	return nil
}

// end says how it went, and how to see it again.
func (r *simRunner) end(res scenario.Result, err error, took time.Duration) error {
	v := simSummary{Head: r.head("packhorse.sim_run/1"), File: r.file, Seed: res.Seed, Commands: len(res.Steps), Differences: res.Differences(),
		Replay: fmt.Sprintf("packhorse sim run %s --seed %d", quoteArg(r.file), res.Seed)}
	if len(res.Steps) > 0 {
		v.PassedS = res.Steps[len(res.Steps)-1].Passed.Seconds()
	}
	if err == nil && v.Differences > 0 && r.compare {
		err = fmt.Errorf("%s: the output of %s is not what the file expects", r.file, count(v.Differences, "command"))
	}
	v.OK = err == nil
	if e := r.answer(v, func() {
		if v.OK {
			r.say("ok: %s, seed %d, %s, %s in %s", r.file, v.Seed, count(v.Commands, "command"), span(seconds(v.PassedS)), span(took))
		}
	}); e != nil {
		return e
	}
	if err == nil {
		return nil
	}
	r.hint("seed %d; replay: %s", v.Seed, v.Replay)
	return &admin.Error{Code: admin.CodeFailed, Message: err.Error(), Fix: "look at the commands above; --trace shows every frame"}
}

// quoteArg writes a word for a shell.
func quoteArg(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+,:=", c)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
