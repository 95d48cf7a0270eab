// Package interop runs Awala's own JavaScript libraries against our gateways, as clients and as servers.
//
// They are installed by `npm ci` in this directory, which run.sh and `make test` do
// when they are missing.
package interop

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// gateway is a real one, with its state on disk and its API on a socket.
type gateway struct {
	admin admin.Client
	port  string // of PoWeb
	cargo string // where it takes cargo as a courier
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
	return &gateway{admin: admin.Dial(socket), port: port, cargo: n.CourierAddr()}
}

// endpoints has two apps talk through the gateways at two ports.
func endpoints(t *testing.T, args ...string) {
	t.Helper()
	script{name: "endpoints.mjs", args: args, least: 20}.run(t)
}

func TestEndpointsOfOneGateway(t *testing.T) {
	t.Parallel()
	g := startGateway(t, node.Config{Name: "ridge"})
	if _, err := g.admin.Up(t.Context(), admin.Up{Domain: "valley"}); err != nil {
		t.Fatal(err)
	}
	endpoints(t, g.port, g.port, "30", "3000000", "20")
}
