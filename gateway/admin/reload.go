package admin

import (
	"context"
	"net/http"
)

// Reloaded is what became of the configuration that was read again.
type Reloaded struct {
	// Restart names the changed keys that only a new start takes up; never null.
	Restart []string `json:"restart"`
}

// ReloadedReply answers POST /v1/reload.
type ReloadedReply struct {
	Head
	Reloaded
}

// SchemaReloaded is the schema of ReloadedReply.
const SchemaReloaded = "packhorse.reloaded/1"

func (s *server) reload(r *http.Request) (any, error) {
	v, err := s.b.Reload(r.Context())
	v.Restart = list(v.Restart)
	return ReloadedReply{s.head(SchemaReloaded), v}, err
}

// Reload has the gateway read its configuration again.
func (c *client) Reload(ctx context.Context) (Reloaded, error) {
	var v ReloadedReply
	err := c.call(ctx, "POST", "/v1/reload", nil, &v)
	return v.Reloaded, err
}
