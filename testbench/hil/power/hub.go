package power

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"packhorse/testbench/hil"
)

// patience is how long uhubctl may take; a hub with devices that do not answer takes it some seconds.
const patience = 30 * time.Second

// Hub is a port of a USB hub, switched by the program uhubctl (github.com/mvp/uhubctl). Safe for concurrent use; two
// ports of one hub may be switched at the same time.
type Hub struct {
	Node     string // for messages
	Location string // of the hub, such as 1-1.4
	Port     int    // from 1
	Program  string // empty: uhubctl
}

var _ hil.Power = Hub{}

// On gives power.
func (h Hub) On(ctx context.Context) error { return h.turn(ctx, true) }

// Off takes it away.
func (h Hub) Off(ctx context.Context) error { return h.turn(ctx, false) }

// Check looks whether the hub is there and can be switched, and changes nothing. Whether the port has power is on.
func (h Hub) Check(ctx context.Context) (on bool, err error) {
	out, err := h.run(ctx, nil)
	if err != nil {
		return false, h.failed("look at the hub", out, err)
	}
	states := portStates(out, h.Location, h.Port)
	if len(states) == 0 {
		return false, h.failed("look at the hub", out, fmt.Errorf("it has no port %d that can be switched", h.Port))
	}
	return states[len(states)-1], nil
}

func (h Hub) turn(ctx context.Context, on bool) error {
	action := map[bool]string{true: "on", false: "off"}[on]
	// Some devices draw a charge from their data lines and need more than one try.
	out, err := h.run(ctx, []string{"-a", action, "-r", "5"})
	if err != nil {
		return h.failed("switch "+action, out, err)
	}
	// A port of a USB 3 hub is on two hubs for the kernel; uhubctl switches and shows both.
	_, after, told := strings.Cut(out, "New status for hub ")
	if !told {
		return h.failed("switch "+action, out, errors.New("uhubctl did not say what became of it"))
	}
	states := portStates("New status for hub "+after, "", h.Port)
	if len(states) == 0 {
		return h.failed("switch "+action, out, fmt.Errorf("the hub shows no port %d", h.Port))
	}
	for _, s := range states {
		if s != on {
			return h.failed("switch "+action, out, errors.New("the port is still as it was: this hub says that it switches, and does not"))
		}
	}
	return nil
}

func (h Hub) run(ctx context.Context, more []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	program := h.Program
	if program == "" {
		program = "uhubctl"
	}
	c := exec.CommandContext(ctx, program, append([]string{"-N", "-l", h.Location, "-p", strconv.Itoa(h.Port)}, more...)...)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

// failed says what a person can do: uhubctl itself says only what went wrong.
func (h Hub) failed(doing, out string, err error) error {
	look := fmt.Sprintf("the hub %s: uhubctl without arguments lists those that can be switched", h.Location)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		look = "the program uhubctl: sudo apt install uhubctl"
	case strings.Contains(out, "permission"):
		look = "the permissions of USB hubs: uhubctl comes with udev rules, or run the bench as root"
	}
	if said := strings.TrimSpace(out); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return &hil.Error{Node: h.Node, Doing: doing, Look: look, Err: err}
}

// portStates reads uhubctl's status lines: whether a port has power, in the order told. An empty location takes all hubs.
//
//	Current status for hub 1-1 [0424:9514, USB 2.00, 5 ports, ppps]
//	  Port 2: 0503 power highspeed enable connect
//	  Port 3: 0000 off
func portStates(out, location string, port int) (on []bool) {
	hub := ""
	for line := range strings.Lines(out) {
		if _, rest, ok := strings.Cut(line, " status for hub "); ok {
			hub, _, _ = strings.Cut(rest, " ")
			continue
		}
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Port "+strconv.Itoa(port)+": ")
		if !ok || location != "" && hub != location {
			continue
		}
		on = append(on, hasWord(rest, "power"))
	}
	return on
}

func hasWord(text, word string) bool {
	for _, w := range strings.Fields(text) {
		if w == word {
			return true
		}
	}
	return false
}
