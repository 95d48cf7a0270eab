package boards

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

// Air is cables and attenuators. Safe for concurrent use.
type Air struct {
	file  *benchfile.File
	nodes map[string]hil.Node

	mu     sync.Mutex
	counts map[string]*counted
}

var _ hil.Air = (*Air)(nil)

// counted adds up a counter that begins anew with each start of the gateway.
type counted struct{ before, last [2]uint64 }

func newAir(f *benchfile.File, nodes []hil.Node) *Air {
	a := &Air{file: f, nodes: map[string]hil.Node{}, counts: map[string]*counted{}}
	for _, n := range nodes {
		a.nodes[n.Name()], a.counts[n.Name()] = n, &counted{}
	}
	return a
}

// Cut is Attenuate with all that there is; a cable cannot be cut by program.
func (a *Air) Cut(context.Context, string, string, bool) error {
	return &hil.Unable{What: "take radios out of each other's range", Why: "an attenuator weakens and does not cut"}
}

// Loss has no means on cables.
func (a *Air) Loss(context.Context, float64) error {
	return &hil.Unable{What: "lose packets at random", Why: "on cables nothing does"}
}

// Attenuate sets the step attenuator between the radios of two nodes so that all together is dB.
func (a *Air) Attenuate(ctx context.Context, x, y string, dB float64) error {
	unable := &hil.Unable{What: fmt.Sprintf("set %g dB between %s and %s", dB, x, y)}
	t, ok := a.between(x, y)
	switch step := dB - t.FixedDB; {
	case !ok:
		unable.Why = "the bench file names no attenuation between them"
	case !t.Settable():
		unable.Why = "it is set by hand: the bench file names no command"
	case step < t.StepDB[0] || step > t.StepDB[1]:
		unable.Why = fmt.Sprintf("the bench can do %g to %g", t.FixedDB+t.StepDB[0], t.FixedDB+t.StepDB[1])
	default:
		return set(ctx, t.Command, step)
	}
	return unable
}

// between finds the first attenuation between two nodes.
func (a *Air) between(x, y string) (benchfile.Attenuation, bool) {
	for _, t := range a.file.Attenuation {
		one, _, _ := strings.Cut(t.Between[0], ".")
		other, _, _ := strings.Cut(t.Between[1], ".")
		if one == x && other == y || one == y && other == x {
			return t, true
		}
	}
	return benchfile.Attenuation{}, false
}

func set(ctx context.Context, command []string, step float64) error {
	ctx, cancel := context.WithTimeout(ctx, offLimit)
	defer cancel()
	args := make([]string, len(command))
	for i, w := range command {
		args[i] = strings.ReplaceAll(w, "{db}", strconv.FormatFloat(step, 'g', -1, 64))
	}
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("the attenuator: %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Frames asks the node for the counters of its radios, and goes on counting over its restarts: frames between the last
// question and a restart are not known.
func (a *Air) Frames(ctx context.Context, name string) (sent, received uint64, err error) {
	n, ok := a.nodes[name]
	if !ok {
		return 0, 0, fmt.Errorf("there is no node %q", name)
	}
	s, err := status(ctx, n)
	if err != nil {
		return 0, 0, err
	}
	var now [2]uint64
	for _, r := range s.Radios {
		now[0], now[1] = now[0]+r.FramesOut, now[1]+r.FramesIn
	}
	sent, received = a.add(name, now)
	return sent, received, nil
}

func (a *Air) add(name string, now [2]uint64) (sent, received uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.counts[name]
	if now[0] < c.last[0] || now[1] < c.last[1] {
		for i := range c.before {
			c.before[i] += c.last[i]
		}
	}
	c.last = now
	return c.before[0] + now[0], c.before[1] + now[1]
}
