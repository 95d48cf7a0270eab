package node

import (
	"context"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
)

// Courier tells what this gateway carries for others, and whether there is a courier on its network.
func (a adminAPI) Courier(ctx context.Context) (admin.CourierState, error) {
	c := a.n.courier
	c.mu.Lock()
	out := c.last
	c.mu.Unlock()
	out.Listen = a.n.CourierAddr()
	err := a.n.look(ctx, func(_ time.Time, core *gateway.Core) { out.Waiting, out.Bytes = core.Cargo() })
	if at, missing := c.find(ctx); missing == nil {
		out.Found = at.String()
	}
	return out, err
}

// SyncCourier visits a courier: the one at an IP address, with or without port, or the one on this network.
func (a adminAPI) SyncCourier(ctx context.Context, to string) (admin.CourierSync, error) {
	return a.n.courier.sync(ctx, to)
}
