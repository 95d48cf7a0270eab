package poweb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	maxBodies    = 4  // large bodies in memory at once; others wait
	maxSockets   = 32 // collections at once; others are turned away
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

type server struct {
	backend Backend
	bodies  chan struct{}
	sockets chan struct{}
}

// route is what one path does.
type route struct {
	method  string
	handler func(http.ResponseWriter, *http.Request) error
}

// NewServer is an HTTP server with the limits that this binding needs; Shutdown also ends
// its collections. The caller gives it a listener, which should be on the loopback interface.
func NewServer(b Backend) *http.Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: NewHandler(b), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	s.RegisterOnShutdown(cancel)
	return s
}

// NewHandler serves /v1. It refuses requests with an Origin header: they come from web
// pages, which have no business here.
func NewHandler(b Backend) http.Handler {
	s := &server{backend: b, bodies: make(chan struct{}, maxBodies), sockets: make(chan struct{}, maxSockets)}
	routes := map[string]route{
		"/v1/pre-registrations": {http.MethodPost, s.preRegister},
		"/v1/nodes":             {http.MethodPost, s.register},
		"/v1/parcels":           {http.MethodPost, s.deliver},
		"/v1/parcel-collection": {http.MethodGet, s.collect},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt, ok := routes[r.URL.Path]
		if !ok {
			answerError(w, &StatusError{http.StatusNotFound, "there is nothing here"})
			return
		}
		answerError(w, rt.serve(w, r))
	})
}

func (rt route) serve(w http.ResponseWriter, r *http.Request) error {
	upgrade := rt.method == http.MethodGet && headerHas(r.Header, "Upgrade", "websocket")
	switch {
	case len(r.Header.Values("Origin")) > 0 && !upgrade: // a WebSocket is told by a close code
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
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	buf := bytes.NewBuffer(make([]byte, 0, max(0, r.ContentLength)+bytes.MinRead))
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
