package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// verbs are what a script can ask of the test that runs it: `ask NAME JSON` on its standard output is answered by
// one line of JSON on its standard input.
type verbs map[string]func(args json.RawMessage) (any, error)

// script is a table of cases in JavaScript.
type script struct {
	name  string
	args  []string
	env   []string // beside the process's own
	verbs verbs
	least int // cases that it must have
}

// run makes a test of each case.
func (s script) run(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		t.Fatal("Awala's JavaScript libraries are not installed: run testbench/interop/run.sh")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{s.name}, s.args...)...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), s.env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran := s.follow(t, in, out)
	if err := cmd.Wait(); err != nil || ran < s.least {
		t.Errorf("%s ended with %v after %d cases, want at least %d and no error", s.name, err, ran, s.least)
	}
}

// follow reads a script's lines until it ends and counts the cases.
func (s script) follow(t *testing.T, in io.Writer, out io.Reader) (ran int) {
	t.Helper()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if question, ok := strings.CutPrefix(line, "ask "); ok {
			s.answer(t, in, question)
			continue
		}
		ran++
		name, failure, _ := strings.Cut(strings.TrimPrefix(line, "not "), ": ")
		t.Run(strings.TrimPrefix(name, "ok "), func(t *testing.T) {
			if strings.HasPrefix(line, "not ") {
				t.Error(failure)
			}
		})
	}
	return ran
}

func (s script) answer(t *testing.T, in io.Writer, question string) {
	t.Helper()
	name, args, _ := strings.Cut(question, " ")
	var reply struct {
		Error  string `json:"error,omitempty"`
		Answer any    `json:"answer"`
	}
	verb, ok := s.verbs[name]
	err := fmt.Errorf("nobody answers %q", name)
	if ok {
		reply.Answer, err = verb(json.RawMessage(args))
	}
	if err != nil {
		reply.Error = err.Error()
	}
	if err := json.NewEncoder(in).Encode(reply); err != nil {
		t.Errorf("answer to %s: %v", question, err)
	}
}
