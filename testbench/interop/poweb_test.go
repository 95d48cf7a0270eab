package interop

import (
	"testing"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// startAlone starts a gateway with a domain of its own.
func startAlone(t *testing.T, name string) *gateway {
	t.Helper()
	g := startGateway(t, node.Config{Name: name})
	if _, err := g.admin.Up(t.Context(), admin.Up{Domain: name + "land"}); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPoWebOfAPrivateGateway is what apps get wrong, by mistake or on purpose.
func TestPoWebOfAPrivateGateway(t *testing.T) {
	t.Parallel()
	ridge, other := startAlone(t, "ridge"), startAlone(t, "other")
	script{name: "poweb.mjs", args: []string{ridge.port, other.port}, least: 120}.run(t)
}
