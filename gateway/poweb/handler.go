package poweb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of the server.
const (
	// MaxParcel bounds the octets of a posted parcel: the largest RAMF message (RS-001).
	MaxParcel = 9 << 20

	maxSmallBody = 16 << 10
	maxBodies    = 4         // large bodies in memory at once; others wait
	maxSockets   = 64        // collections at once; others are turned away
	maxAhead     = 256 << 10 // octets of a body that are believed before they come
	maxHeader    = 32 << 10

	readHeaderTimeout = 10 * time.Second
	bodyTimeout       = time.Minute
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
	bodies         *gate
	sockets        *gate
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
	s := &server{backend: b, nodes: MaxNodes, handshakeLimit: MaxHandshake,
		bodies: newGate(maxBodies, math.MaxInt), sockets: newGate(maxSockets, math.MaxInt)}
	return s.handler(s.routes())
}

// routes are those that every gateway has.
func (s *server) routes() map[string]route {
	return map[string]route{
		"/v1/pre-registrations": {http.MethodPost, s.preRegister},
		"/v1/nodes":             {http.MethodPost, s.register},
		"/v1/parcels":           {http.MethodPost, s.deliver},
		"/v1/parcel-collection": {http.MethodGet, s.collect},
	}
}

func (s *server) handler(routes map[string]route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt, ok := routes[r.URL.Path]
		if !ok {
			answerError(w, &StatusError{http.StatusNotFound, "there is nothing here"})
			return
		}
		answerError(w, s.serve(rt, w, r))
	})
}

// foreign tells a request of a web page where none may come.
func (s *server) foreign(r *http.Request) bool {
	return !s.internet && len(r.Header.Values("Origin")) > 0
}

func (s *server) serve(rt route, w http.ResponseWriter, r *http.Request) error {
	upgrade := rt.method == http.MethodGet && headerHas(r.Header, "Upgrade", "websocket")
	switch {
	case s.foreign(r) && !upgrade: // a WebSocket is told by a close code
		return &StatusError{http.StatusBadRequest, "requests of web pages are refused"}
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", rt.method)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method != rt.method:
		w.Header().Set("Allow", rt.method)
		return &StatusError{http.StatusMethodNotAllowed, "use " + rt.method}
	}
	return rt.handler(w, r)
}

func headerHas(h http.Header, name, value string) bool {
	return slices.ContainsFunc(h.Values(name), func(v string) bool { return strings.EqualFold(v, value) })
}

// answerError writes an error as JSON; nil writes nothing.
func answerError(w http.ResponseWriter, err error) {
	if err == nil {
		return
	}
	status := http.StatusInternalServerError
	var s *StatusError
	if errors.As(err, &s) {
		status = s.Status
	}
	body, _ := json.Marshal(map[string]string{"message": err.Error()}) // a map of strings always encodes
	answer(w, status, "application/json", body)
}

func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// readBody reads a body of at most limit octets.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooBig(limit)
	}
	// Without a deadline a client that stalls would keep its place for ever. Recorders in
	// tests have none to set.
	slow := time.Duration(max(0, r.ContentLength)) * time.Second / slowest
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout + slow))
	buf := bytes.NewBuffer(make([]byte, 0, min(max(0, r.ContentLength), maxAhead)+bytes.MinRead))
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return nil, tooBig(limit)
	}
	if err != nil {
		return nil, &StatusError{http.StatusBadRequest, "the body broke off: " + err.Error()}
	}
	return buf.Bytes(), nil
}

func checkType(r *http.Request, want string) error {
	got, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(got), want) {
		return &StatusError{http.StatusUnsupportedMediaType, fmt.Sprintf("content type is %q, use %s", got, want)}
	}
	return nil
}

func tooBig(limit int64) error {
	return &StatusError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d octets", limit)}
}
