package poweb

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/registration"
)

const (
	internetSockets   = 1024
	internetBodies    = 32
	internetShare     = 16      // collections from one address
	internetUploads   = 8       // parcels from one address
	internetDesks     = 2       // registrations and deauthorisations from one address
	internetHandshake = 6 << 10 // octets, as in Awala's Internet gateway
	pathParams        = "/connection-params.der"
)

// InternetBackend is an Internet gateway behind the server; who registers and collects are private gateways.
type InternetBackend interface {
	Backend
	// ConnectionParams makes the NodeConnectionParams octets.
	ConnectionParams(ctx context.Context) ([]byte, error)
}

// InternetOptions bound what a server on the open Internet does at once. 0 is the default.
type InternetOptions struct {
	Sockets  int // collections; 1024
	Bodies   int // parcels being received, of at most 9 MiB; 32. Others wait
	PerOwner int // collections of one IPv4 address or IPv6 /64; 16. Several gateways may share one
}

// NewInternetServer is like NewServer for an Internet gateway: one node a collection, requests of web pages are as
// good as any, foreign authorizations are 403, and GET /connection-params.der. The caller gives it a TLS
// listener.
func NewInternetServer(b InternetBackend, o InternetOptions) *http.Server {
	return newServer(newInternetHandler(b, o))
}

// newInternetHandler is what NewInternetServer serves.
func newInternetHandler(b InternetBackend, o InternetOptions) http.Handler {
	s := &server{backend: b, internet: true, nodes: 1, handshakeLimit: internetHandshake,
		sockets: web.NewGate(cmp.Or(o.Sockets, internetSockets), cmp.Or(o.PerOwner, internetShare)),
		bodies:  web.NewGate(cmp.Or(o.Bodies, internetBodies), internetUploads), desks: web.NewGate(maxDesks, internetDesks)}
	routes := s.routes()
	routes[pathParams] = route{http.MethodGet, s.params}
	return s.handler(routes)
}

func (s *server) params(w http.ResponseWriter, r *http.Request) error {
	b, err := s.backend.(InternetBackend).ConnectionParams(r.Context())
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, typeParams, b)
	return nil
}

// registrationError chooses the status of what is wrong with a request.
func (s *server) registrationError(err error) error {
	var e *registration.Error
	switch {
	case !errors.As(err, &e):
		return err
	case s.internet && e.Reason == registration.OtherKey:
		return web.Fail(http.StatusForbidden, e.Detail)
	}
	return web.Fail(http.StatusBadRequest, e.Detail)
}
