package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"packhorse/gateway/discovery"
	"packhorse/gateway/inetnode"
	"packhorse/gateway/node"
)

// TestInternetGatewayTable runs the table of cases for Internet gateways against one of Awala's library.
func TestInternetGatewayTable(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	script{name: "internetserver.mjs", args: []string{a.dir, "double"}, env: a.env(), least: 80}.run(t)
}

// TestInternetGateway runs it against ours.
func TestInternetGateway(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := verbs{"start": asked(func(o struct {
		Address string
		Node    int
	}) (any, error) {
		return a.startInternet(t, o.Address, o.Node)
	})}
	script{name: "internetserver.mjs", args: []string{a.dir}, env: a.env(), verbs: v, least: 80}.run(t)
}

// startInternet starts an Internet gateway that knows one other node of the Internet.
func (a *authority) startInternet(t *testing.T, address string, port int) (map[string]string, error) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(a.dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	var role *inetnode.Node
	startGateway(t, node.Config{Name: "cloud",
		Uplinks: node.UplinkConfig{Fixed: []discovery.Fixed{{Name: "node.example.org", PoHTTP: fmt.Sprintf("localhost:%d", port), CA: ca}}},
		Beside: func(s node.Shared) (node.Role, error) {
			role, err = inetnode.Open(inetnode.Config{Address: address, PoWeb: "127.0.0.1:0", CogRPC: "127.0.0.1:0", PoHTTP: "127.0.0.1:0",
				Certificate: filepath.Join(a.dir, "server.crt"), Key: filepath.Join(a.dir, "server.key"), Store: s.Store, Secrets: s.Secrets, Lookup: s.Lookup})
			return role, err
		}})
	ports := map[string]string{}
	for name, key := range map[string]string{"PoWeb": "port", "CogRPC": "cargoPort", "PoHTTP": "pohttpPort"} {
		_, p, err := net.SplitHostPort(role.Addr(name))
		if err != nil {
			return nil, err
		}
		ports[key] = p
	}
	return ports, nil
}
