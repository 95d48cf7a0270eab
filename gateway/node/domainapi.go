package node

import (
	"context"
	"encoding/hex"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
)

// Members lists the gateways of the domain.
func (a adminAPI) Members(ctx context.Context) ([]admin.Member, error) {
	var list []gateway.Member
	err := a.n.look(ctx, func(now time.Time, c *gateway.Core) { list = c.Members(now) })
	out := make([]admin.Member, 0, len(list))
	for _, m := range list {
		out = append(out, admin.Member{Name: m.Name, ID: hex.EncodeToString(m.ID[:]), Owner: m.Owner, Self: m.Self,
			Revoked: m.Revoked, Until: m.Until.UTC()})
	}
	return out, err
}

// Revoke takes a gateway out of the domain.
func (a adminAPI) Revoke(ctx context.Context, name string) error {
	_, err := askFor[any](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.Revoke{Token: t, Name: name} })
	return err
}
