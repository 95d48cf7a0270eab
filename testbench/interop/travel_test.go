//go:build linux

package interop

import (
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// TestCargoTravels has a radio between the gateway that is a courier and the one that has an Internet gateway.
func TestCargoTravels(t *testing.T) {
	t.Parallel()
	a, paths := newAuthority(t), startAir(t, 2)
	var courier, summit *gateway
	v := verbs{
		"start": asked(func(g gateways) (any, error) {
			courier = startGateway(t, node.Config{Name: "courier", Region: "NZ915", Transports: overSerial(t, paths[0]),
				Courier: node.Courier{Listen: "127.0.0.1:0", Waits: quick}})
			summit = startGateway(t, node.Config{Name: "summit", Region: "NZ915", Transports: overSerial(t, paths[1]),
				Uplinks: a.uplinks(t, g.Gateways), Courier: node.Courier{Internet: true, Waits: &node.Waits{Gather: 2 * time.Second, Retry: time.Second, Most: 5 * time.Second}}})
			if _, err := courier.admin.Up(t.Context(), admin.Up{Domain: "valley"}); err != nil {
				return nil, err
			}
			pair(t, courier, summit)
			return map[string]string{"courier": courier.cargo}, nil
		}),
		// The courier knows by an advert over the air that summit reaches the Internet.
		"ready": asked(func(struct{}) (any, error) {
			return nil, until(t.Context(), func() (bool, error) {
				s, err := courier.admin.Status(t.Context())
				return len(s.Peers) == 1 && len(s.Peers[0].Uplinks) > 0, err
			})
		}),
		"cargo": asked(func(struct{}) (any, error) { return courier.holdsCargo(t) }),
	}
	script{name: "travel.mjs", args: []string{a.dir}, env: a.env(), verbs: v, least: 4}.run(t)
}
