package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"packhorse/gateway"
	"packhorse/testbench/world"
)

// Options of a run.
type Options struct {
	Dir  string   // for the stores: an empty directory
	Keys *Keyring // nil makes new keys
	// Seed replaces that of the file when HasSeed is set.
	Seed    uint64
	HasSeed bool
	// Step is told of each command when it has run; nil tells nobody. An error ends the run.
	Step func(Step) error
}

// Step is a command that has run.
type Step struct {
	Command Command
	Output  []string
	Passed  time.Duration // of virtual time since the world began
}

// OK tells whether the output is what the file expects.
func (s Step) OK() bool { return slices.Equal(s.Output, s.Command.Want) }

// Result of a run.
type Result struct {
	Seed  uint64
	Steps []Step
	// Trace is what happened, frame by frame, by virtual time in seconds.
	Trace string
}

// Outputs are those of the commands that have run, for Script.Rewrite.
func (r Result) Outputs() [][]string {
	var out [][]string
	for _, s := range r.Steps {
		out = append(out, s.Output)
	}
	return out
}

// Differences counts the steps whose output is not what the file expects.
func (r Result) Differences() (n int) {
	for _, s := range r.Steps {
		if !s.OK() {
			n++
		}
	}
	return n
}

// play is a run.
type play struct {
	*world.World
	script  *Script
	o       Options
	ctx     context.Context
	region  string
	nodes   []*actor
	parcels []*parcel
	writing *parcel // its id shows with the first event about it
	wires   map[[2]*actor]*world.Wire
	radios  int
	tracing bool
	out     []string
}

// actor is a gateway of the play.
type actor struct {
	*world.GatewayNode
	station int      // -1: no radio
	ports   []string // words for ports 1, 2, ...
	offer   gateway.PairOffer
	air     time.Duration // when last asked for
	told    map[string]string
	ballast []string
}

// parcel is one that was sent and accepted.
type parcel struct {
	name, id string
	from, to *actor
	content  []byte
	text     bool
}

// Run plays a script. Differences from what the file expects are in the Result. An error of type
// *Error says that a command could not be carried out, a bound was not kept, or a check failed; when
// the context ends, its error comes instead.
func Run(ctx context.Context, s *Script, o Options) (Result, error) {
	p := newPlay(ctx, s, o)
	var r Result
	err := p.steps(&r)
	if p.World != nil {
		r.Seed, r.Trace = p.World.Seed, p.TraceText()
	}
	return r, errors.Join(err, p.close())
}

func newPlay(ctx context.Context, s *Script, o Options) *play {
	if o.Keys == nil {
		o.Keys = &Keyring{}
	}
	return &play{script: s, o: o, ctx: ctx, wires: map[[2]*actor]*world.Wire{}}
}

func (p *play) steps(r *Result) error {
	for _, c := range p.script.Commands {
		err := p.step(c)
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		if err != nil {
			return &Error{p.script.File, c.Line, err.Error()}
		}
		s := Step{Command: c, Output: p.out, Passed: p.Since()}
		p.out = nil
		r.Steps = append(r.Steps, s)
		if p.o.Step == nil {
			continue
		}
		if err := p.o.Step(s); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) step(c Command) error {
	v, _ := verbNamed(c.Name)
	if p.World == nil && c.Name != "world" {
		if err := p.world(Command{}); err != nil {
			return err
		}
	}
	return v.run(p, c)
}

// Run is the world's, and ends early when nobody waits for the play any more.
func (p *play) Run(limit time.Duration, done func() bool) bool {
	return p.World.Run(limit, func() bool { return p.ctx.Err() != nil || done != nil && done() })
}

func (p *play) close() (err error) {
	for _, n := range p.nodes {
		err = errors.Join(err, n.Close())
	}
	return err
}

// say adds a line of output. Line breaks and blanks at its ends would not survive in a file.
func (p *play) say(format string, v ...any) {
	t := strings.TrimSpace(strings.Join(strings.Fields(fmt.Sprintf(format, v...)), " "))
	if t != "" {
		p.out = append(p.out, t)
	}
}

func (p *play) find(name string) (*actor, error) {
	for _, n := range p.nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node is called %q", name)
}

// running finds a gateway that can be asked.
func (p *play) running(name string) (*actor, error) {
	n, err := p.find(name)
	if err == nil && n.Core == nil {
		err = fmt.Errorf("%s is stopped: start %s", name, name)
	}
	return n, err
}

// two finds two different gateways.
func (p *play) two(c Command, find func(string) (*actor, error)) (a, b *actor, err error) {
	if a, err = find(c.Args[0]); err != nil {
		return a, b, err
	}
	if b, err = find(c.Args[1]); err == nil && a == b {
		err = fmt.Errorf("%s twice: name two nodes", a.Name)
	}
	return a, b, err
}

// each runs f on every gateway that the command names.
func (p *play) each(c Command, find func(string) (*actor, error), f func(*actor) error) error {
	for _, name := range c.Args {
		n, err := find(name)
		if err != nil {
			return err
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}

// refusal is an error as people see it, with what to do.
func refusal(err error) string {
	var e *gateway.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Fix == "" {
		return e.Code + ": " + e.Message
	}
	return e.Code + ": " + e.Message + "; fix: " + e.Fix
}
