package admin

import (
	"context"
	"net/http"
	"time"
)

// Member is a gateway of the domain.
type Member struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"`      // hex Ed25519
	Owner   bool      `json:"owner"`   // holds the domain's keys
	Self    bool      `json:"self"`    // the gateway that answers
	Revoked bool      `json:"revoked"` // taken out
	Until   time.Time `json:"until"`   // end of its membership record, which renews itself
}

// MembersReply answers GET /v1/domain.
type MembersReply struct {
	Head
	Members []Member `json:"members"`
}

// SchemaMembers is the schema of MembersReply.
const SchemaMembers = "packhorse.members/1"

type revokeRequest struct {
	Name string `json:"name"`
}

func (s *server) members(r *http.Request) (any, error) {
	m, err := s.b.Members(r.Context())
	return MembersReply{s.head(SchemaMembers), list(m)}, err
}

func (s *server) revoke(r *http.Request) (any, error) {
	var q revokeRequest
	if err := decode(r, maxBody, &q); err != nil {
		return nil, err
	}
	return DoneReply{s.head(SchemaDone)}, s.b.Revoke(r.Context(), q.Name)
}

func (c *client) Members(ctx context.Context) ([]Member, error) {
	var l MembersReply
	err := c.call(ctx, "GET", "/v1/domain", nil, &l)
	return l.Members, err
}

func (c *client) Revoke(ctx context.Context, name string) error {
	return c.call(ctx, "POST", "/v1/domain/revoke", revokeRequest{name}, &DoneReply{})
}
