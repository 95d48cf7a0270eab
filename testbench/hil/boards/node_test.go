//go:build linux

package boards

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

const statusLine = `{"schema":"packhorse.status/1","name":"hut","version":"v1.2","uptime_s":7,"radios":[{"name":"lora0","ok":true,"frames_out":%d,"frames_in":%d}]}` + "\n"

// open opens a bench of these nodes.
func open(t *testing.T, nodes ...benchfile.Node) *Rig {
	t.Helper()
	r, err := Open(&benchfile.File{Path: "bench.toml", Bench: benchfile.Bench{Name: "attic", Region: "EU868"}, Node: nodes}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestCommandsGoOverSSH(t *testing.T) {
	s := serve(t, func(command string, stdin io.Reader, out, errs io.Writer) int {
		io.WriteString(errs, "hint\n")
		b, _ := io.ReadAll(stdin)
		fmt.Fprintf(out, "%s <%s>\n", command, b)
		return 3
	})
	for system, want := range map[string]string{benchfile.Appliance: `send hut 'two words'`, benchfile.Deb: `sudo -n packhorse send hut 'two words'`} {
		n := open(t, s.about(system)).Nodes()[0].(hil.Feeder)
		r, err := n.RunWith(t.Context(), []byte("in"), "send", "hut", "two words")
		if err != nil || r.Exit != 3 || r.Output != want+" <in>\nhint\n" {
			t.Errorf("%s: got %+v, %v", system, r, err)
		}
	}
}

func TestABrokenConnectionIsMadeAgain(t *testing.T) {
	s := serve(t, func(_ string, _ io.Reader, out, _ io.Writer) int { io.WriteString(out, "ok"); return 0 })
	n := open(t, s.about(benchfile.Deb)).Nodes()[0]
	for range 3 {
		if r, err := n.Run(t.Context(), "status"); err != nil || r.Output != "ok" {
			t.Fatalf("got %+v, %v", r, err)
		}
		s.cut()
	}
}

func TestAnotherHostKeyIsNotBelieved(t *testing.T) {
	s := serve(t, func(string, io.Reader, io.Writer, io.Writer) int { return 0 })
	about := s.about(benchfile.Deb)
	other, _ := key(t, 'x')
	about.SSH.HostKey = other.PublicKey().Type() + " " + strings.Fields(string(marshal(other)))[1]
	_, err := open(t, about).Nodes()[0].Run(t.Context(), "status")
	var e *hil.Error
	if !errors.As(err, &e) || e.Node != "a" || !strings.Contains(err.Error(), "host key") || !strings.Contains(e.Look, "ssh pi@127.0.0.1") {
		t.Errorf("got %v", err)
	}
	if len(s.commands()) != 0 {
		t.Error("a command was given to a stranger")
	}
}

func TestAHangingCommandEndsWithItsContext(t *testing.T) {
	begun, stop := make(chan struct{}), make(chan struct{})
	s := serve(t, func(string, io.Reader, io.Writer, io.Writer) int { close(begun); <-stop; return 0 })
	t.Cleanup(func() { close(stop) })
	ctx, cancel := context.WithCancel(t.Context())
	n := open(t, s.about(benchfile.Deb)).Nodes()[0]
	done := make(chan error)
	go func() { _, err := n.Run(ctx, "status"); done <- err }()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStartedCommandsAreReadLineByLine(t *testing.T) {
	more := make(chan struct{})
	s := serve(t, func(_ string, _ io.Reader, out, _ io.Writer) int {
		io.WriteString(out, "code\n")
		<-more
		io.WriteString(out, "joined\n")
		return 5
	})
	r, err := open(t, s.about(benchfile.Appliance)).Nodes()[0].(hil.Starter).Start(t.Context(), "pair", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := r.Line(t.Context()); err != nil || line != "code" {
		t.Errorf("got %q, %v", line, err)
	}
	close(more)
	if got, err := r.Wait(t.Context()); err != nil || got.Output != "joined\n" || got.Exit != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAStartedCommandIsGivenUp(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(string, io.Reader, io.Writer, io.Writer) int { <-stop; return 0 })
	t.Cleanup(func() { close(stop) })
	r, err := open(t, s.about(benchfile.Appliance)).Nodes()[0].(hil.Starter).Start(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// debian is a directory of programs that do what those of a Debian do, as far as deployment asks.
func debian(t *testing.T) (dir string, handle func(string, io.Reader, io.Writer, io.Writer) int) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"sudo":       "[ \"$1\" = -n ] || exit 9; shift; exec \"$@\"",
		"packhorse":  "echo old",
		"dpkg":       "[ \"$1 $2\" = '--install --force-confold' ] || exit 9; [ -e \"$ROOT/broken\" ] && { echo 'dpkg: error' >&2; exit 1; }; cp \"$ROOT/unpacked\" \"$ROOT/packhorse\"; chmod 755 \"$ROOT/packhorse\"",
		"systemctl":  "echo \"$*\" >> \"$ROOT/restarts\"",
		"journalctl": "echo the journal",
		"dmesg":      "echo the kernel",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(command string, stdin io.Reader, out, errs io.Writer) int {
		c := exec.Command("sh", "-c", command)
		c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ROOT="+dir, "TMPDIR="+dir)
		c.Stdin, c.Stdout, c.Stderr = stdin, out, errs
		_ = c.Run()
		return c.ProcessState.ExitCode()
	}
}

func TestABinaryIsDeployedByItsHash(t *testing.T) {
	dir, handle := debian(t)
	s := serve(t, handle)
	n := open(t, s.about(benchfile.Deb)).Nodes()[0]
	path := filepath.Join(t.TempDir(), "packhorse")
	fresh := []byte("#!/bin/sh\necho new\n")
	if err := os.WriteFile(path, fresh, 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := hil.Describe(path)
	if err != nil || a.Kind != hil.Binary || a.SHA256 != sum(fresh) {
		t.Fatalf("%+v, %v", a, err)
	}
	for range 2 {
		if err := n.Deploy(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "packhorse")); !bytes.Equal(got, fresh) {
		t.Errorf("installed is %q", got)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "restarts")); string(got) != "restart packhorse\n" {
		t.Errorf("restarts: %q, want one: what runs already is not deployed", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp.*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if id := n.Identity(); id.Facts["binary_sha256"] != a.SHA256 || id.Facts["kernel"] == "" {
		t.Errorf("identity %+v", id)
	}
	if err := n.Collect(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "kernel.txt")); string(b) != "the kernel\n" {
		t.Errorf("kernel messages: %q", b)
	}
}

func TestAFileThatArrivesDamagedIsNotUsed(t *testing.T) {
	dir, handle := debian(t)
	n := open(t, serve(t, handle).about(benchfile.Deb)).Nodes()[0]
	path := filepath.Join(t.TempDir(), "packhorse")
	if err := os.WriteFile(path, []byte("new"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := n.Deploy(t.Context(), hil.Artifact{Kind: hil.Binary, Path: path, SHA256: sum([]byte("other"))})
	if err == nil || !strings.Contains(err.Error(), "arrived with the hash") {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "packhorse")); !strings.Contains(string(b), "old") {
		t.Errorf("installed is %q", b)
	}
}

func TestWhatANodeCannotTakeIsUnable(t *testing.T) {
	s := serve(t, func(string, io.Reader, io.Writer, io.Writer) int { return 0 })
	for system, kinds := range map[string][]string{benchfile.Deb: {hil.Update, hil.Image, hil.Config}, benchfile.Appliance: {hil.Package, hil.Binary, hil.Image}} {
		for _, k := range kinds {
			var u *hil.Unable
			if err := open(t, s.about(system)).Nodes()[0].Deploy(t.Context(), hil.Artifact{Kind: k}); !errors.As(err, &u) {
				t.Errorf("%s takes a %s: %v", system, k, err)
			}
		}
	}
}

func TestFramesAreCountedOverRestarts(t *testing.T) {
	out, in := 0, 0
	s := serve(t, func(_ string, _ io.Reader, w, _ io.Writer) int { fmt.Fprintf(w, statusLine, out, in); return 0 })
	air := open(t, s.about(benchfile.Appliance)).Air()
	for _, c := range []struct{ out, in, sent, got int }{{5, 3, 5, 3}, {7, 3, 7, 3}, {1, 0, 8, 3}, {4, 2, 11, 5}} {
		out, in = c.out, c.in
		if sent, got, err := air.Frames(t.Context(), "a"); err != nil || int(sent) != c.sent || int(got) != c.got {
			t.Errorf("%+v: got %d, %d, %v", c, sent, got, err)
		}
	}
	if _, _, err := air.Frames(t.Context(), "z"); err == nil {
		t.Error("a node that is not there has frames")
	}
}

func TestReadyWaitsUntilTheGatewayAnswers(t *testing.T) {
	asked := 0
	s := serve(t, func(command string, _ io.Reader, w, _ io.Writer) int {
		if strings.HasPrefix(command, "cat /proc/uptime") {
			fmt.Fprintln(w, "7.50 12.25")
			return 0
		}
		if asked++; asked < 3 {
			return 3
		}
		fmt.Fprintf(w, statusLine, 0, 0)
		return 0
	})
	b, err := open(t, s.about(benchfile.Deb)).Nodes()[0].(hil.Readier).Ready(t.Context())
	if want := (hil.Banner{Name: "hut", Version: "v1.2", Uptime: 7500 * time.Millisecond}); err != nil || b != want || asked != 3 {
		t.Errorf("got %+v, %v after %d", b, err, asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, s.about(benchfile.Deb)).Nodes()[0].(hil.Readier).Ready(ctx); err == nil {
		t.Error("ready although the time is over")
	}
}
