//go:build unix

package power

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packhorse/testbench/hil"
)

// fake answers as uhubctl 2.5.0 does, for hub 1-1 and its other half 2-1. The state is in a file; a port that is stuck
// says that it was switched, and was not.
const fake = `#!/bin/sh
cd "$(dirname "$0")" || exit 9
echo "$*" >> calls
loc=; port=; act=
while [ $# -gt 0 ]; do
	case "$1" in -l) loc=$2; shift;; -p) port=$2; shift;; -a) act=$2; shift;; -r) shift;; esac
	shift
done
[ -e denied ] && { echo "There were permission problems while accessing USB."; exit 1; }
[ "$loc" = 1-1 ] || { echo "No compatible devices detected at location $loc!"; echo "Run with -h to get usage info."; exit 1; }
show() {
	echo "$1 status for hub $2 [0424:9514, USB $3, 5 ports, ppps]"
	if [ -e "on$port" ]; then echo "  Port $port: $4"; else echo "  Port $port: $5"; fi
}
show Current 1-1 2.00 "0503 power highspeed enable connect" "0000 off"
if [ -n "$act" ]; then
	echo "Sent power $act request"
	[ -e stuck ] || case $act in on) : > "on$port";; off) rm -f "on$port";; esac
	show New 1-1 2.00 "0100 power" "0000 off"
	show Current 2-1 3.00 "02a0 power 5gbps Rx.Detect" "0080 off"
	echo "Sent power $act request"
	show New 2-1 3.00 "02a0 power 5gbps Rx.Detect" "0080 off"
fi
`

func fakeHub(t *testing.T) (h Hub, dir string) {
	t.Helper()
	dir = t.TempDir()
	program := filepath.Join(dir, "uhubctl")
	if err := os.WriteFile(program, []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	return Hub{Node: "a", Location: "1-1", Port: 2, Program: program}, dir
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHubSwitchesItsPortAndNoOther(t *testing.T) {
	h, dir := fakeHub(t)
	touch(t, filepath.Join(dir, "on3"))
	for _, on := range []bool{true, true, false, false, true} {
		turn := map[bool]func(context.Context) error{true: h.On, false: h.Off}[on]
		if err := turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Check(t.Context()); err != nil || got != on {
			t.Errorf("power is %v (%v), want %v", got, err, on)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "on3")); err != nil {
		t.Error("another port was switched off")
	}
	b, _ := os.ReadFile(filepath.Join(dir, "calls"))
	if first, _, _ := strings.Cut(string(b), "\n"); first != "-N -l 1-1 -p 2 -a on -r 5" {
		t.Errorf("uhubctl was called with %q", first)
	}
}

func TestHubSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(h *Hub, dir string)
		says   string
	}{
		{"no program", func(h *Hub, _ string) { h.Program = "no-such-uhubctl" }, "apt install uhubctl"},
		{"no hub", func(h *Hub, _ string) { h.Location = "9-9" }, "uhubctl without arguments"},
		{"no permission", func(_ *Hub, dir string) { touch(t, filepath.Join(dir, "denied")) }, "udev rules"},
		{"a hub that lies", func(_ *Hub, dir string) { touch(t, filepath.Join(dir, "stuck")) }, "still as it was"},
		{"says nothing", func(h *Hub, dir string) { h.Program = "true" }, "did not say"},
	} {
		h, dir := fakeHub(t)
		c.change(&h, dir)
		err := h.On(t.Context())
		var e *hil.Error
		if !errors.As(err, &e) || e.Node != "a" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
	h, _ := fakeHub(t)
	h.Location = "9-9"
	if _, err := h.Check(t.Context()); err == nil {
		t.Error("a hub that is not there was found")
	}
}

func TestPortStates(t *testing.T) {
	text := "Current status for hub 1-1 [0424:9514, USB 2.00, 5 ports, ppps]\n  Port 1: 0503 power highspeed enable connect\n  Port 12: 0000 off\nCurrent status for hub 1-1.4 [x]\n  Port 1: 0000 off\n"
	for _, c := range []struct {
		location string
		port     int
		want     []bool
	}{{"1-1", 1, []bool{true}}, {"1-1", 12, []bool{false}}, {"1-1", 2, nil}, {"1-1.4", 1, []bool{false}}, {"", 1, []bool{true, false}}} {
		if got := portStates(text, c.location, c.port); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// TestRealUhubctlTakesOurFlags asks the real program for its help, where it is installed: no hub is touched.
func TestRealUhubctlTakesOurFlags(t *testing.T) {
	path, err := exec.LookPath("uhubctl")
	if err != nil {
		t.Log("uhubctl is not installed here: its flags were not compared")
		return
	}
	help, _ := exec.CommandContext(t.Context(), path, "--help").CombinedOutput()
	for _, flag := range []string{"--action,   -a", "--ports,    -p", "--location, -l", "--repeat,   -r", "--nodesc,   -N"} {
		if !strings.Contains(string(help), flag) {
			t.Errorf("uhubctl has no %s\n%s", flag, help)
		}
	}
}
