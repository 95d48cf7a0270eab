package interop

import (
	"testing"
	"time"

	core "packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// quick are the pauses of a courier that nobody needs to wait for.
var quick = &node.Waits{Retry: 100 * time.Millisecond, Most: time.Second}

// holdsCargo waits until cargo waits at a courier for who comes for it.
func (g *gateway) holdsCargo(t *testing.T) (any, error) {
	return nil, until(t.Context(), func() (bool, error) {
		s, err := g.admin.Courier(t.Context())
		return s.Waiting > 0, err
	})
}

// TestOurCourierForAwalaClients has private gateways of Awala's library bring and fetch cargo.
func TestOurCourierForAwalaClients(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var courier *gateway
	v := verbs{
		"start": asked(func(g gateways) (any, error) {
			role := node.Courier{Listen: "127.0.0.1:0", Internet: true, Waits: quick}
			courier = startGateway(t, node.Config{Name: "courier", Courier: role, Uplinks: node.UplinkConfig{Fixed: a.uplinks(t, g.Gateways).Fixed}})
			full := startGateway(t, node.Config{Name: "full", Limits: core.Limits{Bytes: 16 << 10}, Courier: node.Courier{Listen: "127.0.0.1:0"}})
			for _, g := range []*gateway{courier, full} {
				if _, err := g.admin.Up(t.Context(), admin.Up{Domain: "valley"}); err != nil {
					return nil, err
				}
			}
			return map[string]string{"courier": courier.cargo, "full": full.cargo}, nil
		}),
		"cargo": asked(func(struct{}) (any, error) { return courier.holdsCargo(t) }),
	}
	script{name: "courierserver.mjs", args: []string{a.dir}, env: a.env(), verbs: v, least: 40}.run(t)
}
