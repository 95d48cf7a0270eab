package poweb

import (
	"context"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/internal/web"
)

// Limits of the server.
const (
	// MaxParcel bounds the octets of a posted parcel: the largest RAMF message (RS-001).
	MaxParcel = 9 << 20

	maxSmallBody = 16 << 10
	maxBodies    = 4  // large bodies in memory at once; others wait
	maxSockets   = 64 // collections at once; others are turned away
	maxDesks     = 16 // registrations and deauthorisations at once; others wait
	maxHeader    = 32 << 10

	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
)

// Content types, compared without parameters.
const (
	typeDigest        = "text/plain"
	typeAuthorization = "application/vnd.awala.node-registration.authorization"
	typeRequest       = "application/vnd.awala.node-registration.request"
	typeRegistration  = "application/vnd.awala.node-registration.registration"
	typeParcel        = "application/vnd.awala.parcel"
	typeParams        = "application/vnd.etsi.tsl.der"
)

// server is one binding to a backend. Everything but the gates is immutable.
type server struct {
	backend        Backend
	internet       bool // serves private gateways, not apps of this machine
	nodes          int  // that may share a collection
	handshakeLimit int64
	bodies         *web.Gate
	sockets        *web.Gate
	desks          *web.Gate // for what costs us signatures before we know who asks
}

// route is what one path does.
type route struct {
	method  string
	handler func(http.ResponseWriter, *http.Request) error
}

// NewServer is an HTTP server with the limits that this binding needs; Shutdown also ends
// its collections. The caller gives it a listener, which should be on the loopback interface.
func NewServer(b Backend) *http.Server { return newServer(NewHandler(b)) }

func newServer(h http.Handler) *http.Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: h, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	s.RegisterOnShutdown(cancel)
	return s
}

// NewHandler serves /v1. It refuses requests with an Origin header: they come from web
// pages, which have no business here.
func NewHandler(b Backend) http.Handler {
	s := &server{backend: b, nodes: maxNodes, handshakeLimit: maxHandshake,
		bodies: web.NewGate(maxBodies, math.MaxInt), sockets: web.NewGate(maxSockets, math.MaxInt), desks: web.NewGate(maxDesks, math.MaxInt)}
	return s.handler(s.routes())
}

// routes are those that gateways of both sorts have.
func (s *server) routes() map[string]route {
	routes := map[string]route{
		"/v1/pre-registrations": {http.MethodPost, s.preRegister},
		"/v1/nodes":             {http.MethodPost, s.register},
		"/v1/parcels":           {http.MethodPost, s.deliver},
		"/v1/parcel-collection": {http.MethodGet, s.collect},
	}
	if _, ok := s.backend.(Deauthoriser); ok {
		routes[pathPDDs] = route{http.MethodPost, s.deauthorise}
	}
	return routes
}

func (s *server) handler(routes map[string]route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt, ok := routes[r.URL.Path]
		if !ok {
			web.AnswerError(w, web.Fail(http.StatusNotFound, "there is nothing here"))
			return
		}
		web.AnswerError(w, s.serve(rt, w, r))
	})
}

// atDesk does what strangers may ask for, of one address only so much at once: all others wait behind it.
func (s *server) atDesk(r *http.Request, f func() error) error {
	leave, err := s.desks.Enter(r, true)
	if err != nil {
		return err
	}
	defer leave()
	return f()
}

// foreign tells a request of a web page where none may come.
func (s *server) foreign(r *http.Request) bool {
	return !s.internet && len(r.Header.Values("Origin")) > 0
}

func (s *server) serve(rt route, w http.ResponseWriter, r *http.Request) error {
	upgrade := rt.method == http.MethodGet && headerHas(r.Header, "Upgrade", "websocket")
	switch {
	case s.foreign(r) && !upgrade: // a WebSocket is told by a close code
		return web.Fail(http.StatusBadRequest, "requests of web pages are refused")
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", rt.method)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method != rt.method:
		w.Header().Set("Allow", rt.method)
		return web.Fail(http.StatusMethodNotAllowed, "use "+rt.method)
	}
	return rt.handler(w, r)
}

func headerHas(h http.Header, name, value string) bool {
	return slices.ContainsFunc(h.Values(name), func(v string) bool { return strings.EqualFold(v, value) })
}
