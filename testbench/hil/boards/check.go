package boards

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"packhorse/board"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/power"
)

// answerLimit is how long a console or a gateway is waited for by Check.
const answerLimit = 5 * time.Second

// Check looks what of a bench can be reached as it is now. Nothing is switched. dir takes the consoles' logs. The bench
// must be locked by the caller.
func Check(ctx context.Context, f *benchfile.File, dir string) (found []board.Finding) {
	for _, n := range f.Node {
		one := &benchfile.File{Path: f.Path, Bench: f.Bench, Node: []benchfile.Node{n}}
		found = append(found, checkPower(ctx, n))
		found = append(found, checkNode(ctx, one, n, filepath.Join(dir, n.Name))...)
	}
	return append(found, checkAttenuation(f)...)
}

func checkPower(ctx context.Context, n benchfile.Node) board.Finding {
	subject := n.Name + " power"
	switch p := n.Power; p.Kind {
	case benchfile.USBHub:
		on, err := power.Hub{Node: n.Name, Location: p.Location, Port: p.Port}.Check(ctx)
		if err != nil {
			return failed(subject, err)
		}
		return fine(subject, fmt.Sprintf("hub %s port %d can be switched and is %s", p.Location, p.Port, map[bool]string{true: "on", false: "off"}[on]))
	case benchfile.Relay:
		r, err := power.OpenRelay(n.Name, p.Line, p.ActiveLow)
		if err != nil {
			return failed(subject, err)
		}
		if err := r.Close(); err != nil {
			return failed(subject, err)
		}
		return fine(subject, fmt.Sprintf("the line %s is free", p.Line))
	}
	return board.Finding{Level: board.Warn, Subject: subject, What: "it has no switch: cases that cut the power are skipped", Fix: "a hub that uhubctl can switch, or a relay"}
}

// checkNode opens console and connection, and asks the gateway.
func checkNode(ctx context.Context, f *benchfile.File, n benchfile.Node, dir string) []board.Finding {
	n.Power = benchfile.Power{Kind: benchfile.NoSwitch}
	f.Node[0] = n
	r, err := Open(f, dir)
	if err != nil {
		return []board.Finding{failed(n.Name+" console", err)}
	}
	defer r.Close()
	var found []board.Finding
	if n.Console != nil {
		found = append(found, checkConsole(ctx, r.nodes[0], n))
	}
	if s, ok := r.nodes[0].(*shellNode); ok {
		found = append(found, checkShell(ctx, s))
	}
	return append(found, checkGateway(ctx, r.nodes[0], found))
}

// checkConsole presses return: a prompt comes back, of the appliance or for a login.
func checkConsole(ctx context.Context, n hil.Node, about benchfile.Node) board.Finding {
	subject, where := about.Name+" console", about.Console.Port
	c := n.Console()
	if c == nil {
		return fine(subject, where+" opens; it is a login prompt, and only kept")
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err := c.Awake(ctx); err != nil {
		return board.Finding{Level: board.Warn, Subject: subject, What: where + " opens, and shows no prompt", Fix: "nothing, if the board is off; else check TX, RX, ground and the rate"}
	}
	return fine(subject, where+" shows the prompt")
}

func checkShell(ctx context.Context, n *shellNode) board.Finding {
	subject := n.Name() + " ssh"
	session, err := n.shell.Session(ctx)
	if err != nil {
		fix := "nothing, if the board is off; else check address and cable"
		switch {
		case strings.Contains(err.Error(), "host key"):
			fix = "another machine answers there, or it was set up anew: correct host_key only if you know why"
		case strings.Contains(err.Error(), "unable to authenticate"):
			fix = "put the public half of the key into the node's authorized_keys, or ssh_keys of its packhorse.toml"
		}
		return board.Finding{Level: board.Fail, Subject: subject, What: err.Error(), Fix: fix}
	}
	session.Close()
	return fine(subject, n.about.SSH.Address+" answers with the key that it should have")
}

// checkGateway asks for the status where anybody would answer.
func checkGateway(ctx context.Context, n hil.Node, so []board.Finding) board.Finding {
	subject := n.Name() + " gateway"
	for _, f := range so {
		if f.Level != board.OK {
			return board.Finding{Level: board.Warn, Subject: subject, What: "it was not asked", Fix: "what is above first"}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	s, err := status(ctx, n)
	if err != nil {
		return failed(subject, err)
	}
	what := fmt.Sprintf("%s, packhorse %s, %d radios", s.Name, s.Version, len(s.Radios))
	return fine(subject, what)
}

// checkAttenuation says which of them the bench sets itself, and which radios nothing lies between: these must not be
// joined by cable.
func checkAttenuation(f *benchfile.File) (found []board.Finding) {
	for _, a := range f.Attenuation {
		subject := strings.Join(a.Between[:], " - ")
		what := fmt.Sprintf("%g dB fixed", a.FixedDB)
		if a.Settable() {
			what += fmt.Sprintf(", %g to %g dB set by %s", a.StepDB[0], a.StepDB[1], a.Command[0])
		}
		finding := fine(subject, what)
		if worst := float64(f.Bench.MaxPowerDBm) - a.FixedDB; worst > maxInput {
			finding = board.Finding{Level: board.Fail, Subject: subject, What: fmt.Sprintf("at %d dBm %.0f dBm would reach the receiver", f.Bench.MaxPowerDBm, worst), Fix: "add fixed pads: 30 dB on each side"}
		}
		found = append(found, finding)
	}
	return found
}

// maxInput is what a receiver bears, in dBm: SX1276 and SX1262 are specified to 10 dBm (absolute maximum ratings); a bench
// stays ten below.
const maxInput = 0

func fine(subject, what string) board.Finding {
	return board.Finding{Level: board.OK, Subject: subject, What: what}
}

// failed takes what to look at out of an error that knows it.
func failed(subject string, err error) board.Finding {
	f := board.Finding{Level: board.Fail, Subject: subject, What: err.Error()}
	var e *hil.Error
	if errors.As(err, &e) && e.Look != "" {
		f.What, f.Fix = fmt.Sprintf("%s: %v", e.Doing, e.Err), "look at "+e.Look
	}
	return f
}
