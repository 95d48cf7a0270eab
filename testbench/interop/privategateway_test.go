package interop

import (
	"slices"
	"strings"
	"testing"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// TestPrivateGatewayOfAwalaServers has our gateway use Internet gateways and a courier of Awala's library.
func TestPrivateGatewayOfAwalaServers(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var ridge *gateway
	v := verbs{
		"start": asked(func(g gateways) (any, error) {
			ridge = startGateway(t, node.Config{Name: "ridge", Uplinks: a.uplinks(t, g.Gateways), Courier: node.Courier{Waits: quick}})
			_, err := ridge.admin.Up(t.Context(), admin.Up{Domain: "valley"})
			return map[string]string{"port": ridge.port}, err
		}),
		// It has noticed that no Internet gateway is there any more.
		"offline": asked(func(struct{}) (any, error) {
			return nil, until(t.Context(), func() (bool, error) {
				s, err := ridge.admin.Status(t.Context())
				gone := func(p admin.Problem) bool { return strings.HasPrefix(p.What, "Internet gateway two.") }
				return slices.ContainsFunc(s.Problems, gone), err
			})
		}),
		"sync": asked(func(where struct{ To string }) (any, error) {
			return ridge.admin.SyncCourier(t.Context(), where.To)
		}),
	}
	script{name: "gateway.mjs", args: []string{a.dir}, env: a.env(), verbs: v, least: 16}.run(t)
}
