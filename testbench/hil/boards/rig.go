package boards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"packhorse/board"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/power"
)

// Kind is what Identity says of this rig.
const Kind = "real"

// Rig is a bench of boards.
type Rig struct {
	file  *benchfile.File
	nodes []hil.Node
	air   *Air
	close []func() error
}

var _ hil.Rig = (*Rig)(nil)

// Open opens consoles and switches; nothing is switched yet, and no node is called. What the consoles say goes to
// dir/collected/NAME/console.log. The bench must be locked by the caller. On error all is closed again.
func Open(f *benchfile.File, dir string) (*Rig, error) {
	r := &Rig{file: f}
	for _, n := range f.Node {
		if err := r.add(n, filepath.Join(dir, "collected", n.Name)); err != nil {
			return nil, errors.Join(err, r.free())
		}
	}
	r.air = newAir(f, r.nodes)
	return r, nil
}

func (r *Rig) add(about benchfile.Node, dir string) error {
	n := &node{about: about}
	var err error
	if n.power, err = r.switchOf(about); err != nil {
		return err
	}
	if about.Console != nil {
		if n.console, err = r.openConsole(about, dir); err != nil {
			return &hil.Error{Node: about.Name, Doing: "open its console", Look: about.Console.Port, Err: err}
		}
	}
	if about.SSH == nil {
		r.nodes = append(r.nodes, n)
		return nil
	}
	if n.shell, err = newShell(about.SSH); err != nil {
		return &hil.Error{Node: about.Name, Doing: "prepare SSH", Look: r.file.Path, Err: err}
	}
	r.close = append(r.close, func() error { n.shell.Drop(); return nil })
	r.nodes = append(r.nodes, &shellNode{n})
	return nil
}

func (r *Rig) switchOf(about benchfile.Node) (hil.Power, error) {
	switch p := about.Power; p.Kind {
	case benchfile.USBHub:
		return power.Hub{Node: about.Name, Location: p.Location, Port: p.Port}, nil
	case benchfile.Relay:
		relay, err := power.OpenRelay(about.Name, p.Line, p.ActiveLow)
		if err != nil {
			return nil, err
		}
		r.close = append(r.close, relay.Close)
		return relay, nil
	}
	return nil, nil
}

func (r *Rig) openConsole(about benchfile.Node, dir string) (*hil.Console, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "console.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	port, err := board.OpenSerial(about.Console.Port, about.Console.Baud)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	r.close = append(r.close, func() error { return errors.Join(port.Close(), log.Close()) })
	return hil.NewConsole(about.Name, port, log, path), nil
}

// Nodes are in the order of the file.
func (r *Rig) Nodes() []hil.Node { return r.nodes }

// Air is what the file says of attenuators, and what the nodes say of their radios.
func (r *Rig) Air() hil.Air { return r.air }

// Identity names the bench and what lies between its antennas.
func (r *Rig) Identity() hil.Identity {
	facts := map[string]string{"region": r.file.Bench.Region, "max_power_dbm": fmt.Sprint(r.file.Bench.MaxPowerDBm)}
	for _, a := range r.file.Attenuation {
		text := fmt.Sprintf("%g dB fixed", a.FixedDB)
		if len(a.StepDB) == 2 {
			text += fmt.Sprintf(", %g to %g dB steps", a.StepDB[0], a.StepDB[1])
		}
		facts["attenuation "+strings.Join(a.Between[:], " ")] = text
	}
	return hil.Identity{Kind: Kind, Name: r.file.Bench.Name, Facts: facts}
}

// Close switches off what can be switched, and closes consoles and connections.
func (r *Rig) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), offLimit)
	defer cancel()
	var errs []error
	for _, n := range r.nodes {
		if p := n.Power(); p != nil {
			errs = append(errs, p.Off(ctx))
		}
	}
	return errors.Join(errors.Join(errs...), r.free())
}

func (r *Rig) free() error {
	var errs []error
	for _, f := range r.close {
		errs = append(errs, f())
	}
	r.close = nil
	return errors.Join(errs...)
}
