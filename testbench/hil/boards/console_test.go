//go:build linux

package boards

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"packhorse/board"
	"packhorse/board/sim"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

// appliance is the far end of a serial console: a board that starts when it gets power, and takes commands.
func appliance(t *testing.T) (about benchfile.Node, start func()) {
	t.Helper()
	master, path, err := sim.OpenPty()
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0) // without a host, reading would fail
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close(); master.Close() })
	say := func(text string) { _, _ = io.WriteString(master, strings.ReplaceAll(text, "\n", "\r\n")) }
	go func() {
		for s := bufio.NewScanner(master); s.Scan(); {
			line := strings.TrimSpace(s.Text())
			say(line + "\n")
			switch line {
			case "":
			case "status --json":
				say(fmt.Sprintf(statusLine, 4, 2) + "[exit 0]\n")
			case "log":
				say("what the gateway said\n[exit 0]\n")
			default:
				say("did " + line + "\n[exit 4]\n")
			}
			say(hil.Prompt)
		}
	}()
	about = benchfile.Node{Name: "a", System: benchfile.Appliance, Console: &benchfile.Console{Port: path, Baud: 115200}}
	return about, func() { say("Uncompressing...\n\x00packhorse: ready hut v9 slot B uptime 4.1 s\n" + hil.Prompt) }
}

func TestASerialConsoleTakesCommands(t *testing.T) {
	about, start := appliance(t)
	dir := t.TempDir()
	r, err := Open(&benchfile.File{Node: []benchfile.Node{about}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Nodes()[0]
	if _, ok := n.(hil.Feeder); ok {
		t.Error("a console takes no files")
	}
	start()
	if b, err := n.Console().Ready(t.Context()); err != nil || b.Name != "hut" || b.Slot != "B" {
		t.Errorf("banner %+v, %v", b, err)
	}
	if got, err := n.Run(t.Context(), "send", "hut", "it's"); err != nil || got.Exit != 4 || got.Output != `did send hut 'it'\''s'`+"\n" {
		t.Errorf("got %+v, %v", got, err)
	}
	if sent, got, err := r.Air().Frames(t.Context(), "a"); err != nil || sent != 4 || got != 2 {
		t.Errorf("frames %d %d %v", sent, got, err)
	}
	if err := n.Collect(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "log.txt")); string(b) != "what the gateway said\n" {
		t.Errorf("log %q", b)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "collected", "a", "console.log")); !strings.Contains(string(b), "packhorse: ready hut v9") {
		t.Errorf("console log %q", b)
	}
}

func TestAPortThatIsNotThereIsNamed(t *testing.T) {
	about, _ := appliance(t)
	about.Console.Port = "/dev/no-such-console"
	_, err := Open(&benchfile.File{Node: []benchfile.Node{about}}, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "node a: open its console") || !strings.Contains(err.Error(), "/dev/no-such-console") {
		t.Errorf("got %v", err)
	}
}

func TestCheckSaysWhatCanBeReached(t *testing.T) {
	console, _ := appliance(t)
	s := serve(t, func(_ string, _ io.Reader, w, _ io.Writer) int { fmt.Fprintf(w, statusLine, 0, 0); return 0 })
	remote := s.about(benchfile.Deb)
	remote.Name = "b"
	gone := s.about(benchfile.Deb)
	gone.Name, gone.SSH.Address = "c", "127.0.0.1:1"
	gone.Power = benchfile.Power{Kind: benchfile.Relay, Line: "no-such-chip:1"}
	f := &benchfile.File{Bench: benchfile.Bench{Name: "attic", MaxPowerDBm: 14}, Node: []benchfile.Node{console, remote, gone},
		Attenuation: []benchfile.Attenuation{{Between: [2]string{"a.x", "b.x"}, FixedDB: 60}, {Between: [2]string{"a.x", "c.x"}, FixedDB: 6}}}
	var got []string
	for _, x := range Check(t.Context(), f, t.TempDir()) {
		got = append(got, x.Level.String()+" "+x.Subject)
		if x.Level != board.OK && x.Fix == "" && x.Subject != "c power" {
			t.Errorf("%+v says not what to do", x)
		}
	}
	want := []string{"warn a power", "ok a console", "ok a gateway", "warn b power", "ok b ssh", "ok b gateway", "fail c power", "fail c ssh", "warn c gateway", "ok a.x - b.x", "fail a.x - c.x"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAttenuatorsAreSetByTheirCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "set")
	at := benchfile.Attenuation{Between: [2]string{"a.x", "b.x"}, FixedDB: 60, StepDB: []float64{0, 63}, Command: []string{"sh", "-c", "echo {db} > " + file}}
	air := newAir(&benchfile.File{Attenuation: []benchfile.Attenuation{at}}, nil)
	if err := air.Attenuate(t.Context(), "b", "a", 100.5); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "40.5\n" {
		t.Errorf("set to %q", b)
	}
	at.Command = nil
	byHand := newAir(&benchfile.File{Attenuation: []benchfile.Attenuation{at}}, nil)
	for _, err := range []error{air.Attenuate(t.Context(), "a", "b", 59), air.Attenuate(t.Context(), "a", "b", 124), air.Attenuate(t.Context(), "a", "c", 100),
		byHand.Attenuate(t.Context(), "a", "b", 100), air.Cut(t.Context(), "a", "b", true), air.Loss(t.Context(), 0.1)} {
		var u *hil.Unable
		if !errors.As(err, &u) || u.Why == "" {
			t.Errorf("got %v, want Unable with a reason", err)
		}
	}
}
