//go:build linux

package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"packhorse/gateway/admin"
)

// Node is a gateway in a process of its own.
type Node struct {
	Name   string
	Dir    string // its state, configuration and log
	Socket string
	PoWeb  string // empty: none
	Client admin.Client

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

const (
	// startLimit is how long a gateway may take to answer: it makes its keys first.
	startLimit = 2 * time.Minute
	// stopLimit is how long it may take to end before it is killed.
	stopLimit = 10 * time.Second
)

// config writes the node's packhorse.toml.
func (n *Node) config(port string) error {
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("name = %q\nstate_dir = %q\nsocket = %q\ntrust_clock = true\n\n[poweb]\nlisten = %q\n\n[[radio]]\nname = \"lora0\"\nport = %q\n",
		n.Name, n.Dir, n.Socket, n.PoWeb, port)
	return os.WriteFile(n.file(), []byte(text), 0o600)
}

func (n *Node) file() string { return filepath.Join(n.Dir, "packhorse.toml") }

// Log is where the process writes what it says.
func (n *Node) Log() string { return filepath.Join(n.Dir, "log.txt") }

// start runs the gateway in a process group of its own, so that Ctrl-C reaches only us,
// and under a death signal, so that it never outlives us.
func (n *Node) start(binary string) error {
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	n.cmd = exec.Command(binary, "run", "--config", n.file())
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.Env = cleanEnv(os.Environ())
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start gateway %s: %w", n.Name, err)
	}
	n.done = make(chan struct{})
	go func() { n.cmd.Wait(); close(n.done) }()
	n.Client = admin.Dial(n.Socket)
	return nil
}

// Kill ends the process at once, as a power cut does, and waits for it.
func (n *Node) Kill() {
	n.cmd.Process.Kill()
	<-n.done
	n.Client.Close()
	n.cmd = nil
}

// cleanEnv drops what would steer a child elsewhere.
func cleanEnv(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "PACKHORSE_") {
			out = append(out, e)
		}
	}
	return out
}

// ready waits until the gateway answers.
func (n *Node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for t := time.NewTicker(50 * time.Millisecond); ; {
		if _, err := n.Client.Status(ctx); err == nil {
			t.Stop()
			return nil
		}
		select {
		case <-n.done:
			return fmt.Errorf("gateway %s ended by itself: %s", n.Name, n.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("gateway %s does not answer: %s", n.Name, n.lastWords())
		case <-t.C:
		}
	}
}

// lastWords are the last lines of the log.
func (n *Node) lastWords() string {
	b, _ := os.ReadFile(n.Log())
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// stop asks the process to end, and kills it when it does not.
func (n *Node) stop() {
	if n.cmd == nil {
		return
	}
	n.Client.Close()
	n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.done:
	case <-time.After(stopLimit):
		n.cmd.Process.Kill()
		<-n.done
	}
	n.cmd = nil
}
