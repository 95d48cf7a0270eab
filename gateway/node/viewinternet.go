package node

import (
	"context"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
)

// addInternet tells of Internet gateways and of the courier. It asks nobody but the core.
func (n *Node) addInternet(ctx context.Context, out *admin.Status) error {
	role := admin.CourierRole{Listen: n.CourierAddr()}
	return n.look(ctx, func(now time.Time, core *gateway.Core) {
		out.Uplinks = uplinkViews(n.Uplinks(), core.Uplinks(now))
		if role.Listen != "" {
			role.Waiting, role.Bytes = core.Cargo()
			out.Courier = &role
		}
	})
}

// uplinkViews are the Internet gateways of the configuration, then others that know us still.
func uplinkViews(configured []UplinkHealth, registered []gateway.UplinkInfo) []admin.Uplink {
	out := []admin.Uplink{}
	for _, h := range configured {
		out = append(out, admin.Uplink{Address: h.Address, Registered: h.Registered, Live: h.Live})
		if !h.Live {
			out[len(out)-1].Problem, out[len(out)-1].Fix = h.Problem, h.Fix
		}
	}
	for _, r := range registered {
		i := slices.IndexFunc(out, func(u admin.Uplink) bool { return u.Address == r.Address })
		if i < 0 {
			i, out = len(out), append(out, admin.Uplink{Address: r.Address})
		}
		u := &out[i]
		u.Registered, u.Until, u.Waiting, u.Owed = true, r.Until.UTC(), r.Waiting, r.Owed
	}
	return out
}
