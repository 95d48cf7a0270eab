// Package interop runs Awala's own JavaScript library against our gateways.
//
// The library is installed by `npm ci` in this directory, which run.sh and `make test` do
// when it is missing.
package interop

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// gateway is a real one, with its state on disk and its API on a socket.
type gateway struct {
	admin admin.Client
	port  string // of PoWeb
}

func startGateway(t *testing.T, cfg node.Config) *gateway {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	l, err := admin.Listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cfg.StateDir, cfg.PoWeb, cfg.Admin = t.TempDir(), "127.0.0.1:0", l
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("gateway %s ended with %v", cfg.Name, err)
		}
	})
	_, port, err := net.SplitHostPort(n.PoWebAddr())
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{admin: admin.Dial(socket), port: port}
}

// endpoints runs the script and makes a test of each of its lines.
func endpoints(t *testing.T, args ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		t.Fatal("Awala's JavaScript library is not installed: run testbench/interop/run.sh")
	}
	cmd := exec.Command("node", append([]string{"endpoints.mjs"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for lines := bufio.NewScanner(out); lines.Scan(); ran++ {
		name, failure, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "not "), ": ")
		t.Run(strings.TrimPrefix(name, "ok "), func(t *testing.T) {
			if strings.HasPrefix(lines.Text(), "not ") {
				t.Error(failure)
			}
		})
	}
	if err := cmd.Wait(); err != nil || ran < 20 {
		t.Errorf("the endpoints ended with %v after %d cases, want at least 20 and no error", err, ran)
	}
}

func TestEndpointsOfOneGateway(t *testing.T) {
	g := startGateway(t, node.Config{Name: "ridge"})
	if _, err := g.admin.Up(t.Context(), admin.Up{Domain: "valley"}); err != nil {
		t.Fatal(err)
	}
	endpoints(t, g.port, g.port, "30", "3000000", "20")
}
