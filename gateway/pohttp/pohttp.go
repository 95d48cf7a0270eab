// Package pohttp is Awala's binding between Internet nodes (RS-007): parcels posted over HTTPS to the host of the
// recipient's domain.
//
//	POST /   parcel -> 202
//
// 400 is no parcel, 403 one that will never be taken: both, and every other 4xx, end it. 5xx keeps it for another
// attempt.
package pohttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/ramf"
)

const (
	typeParcel = "application/vnd.awala.parcel"

	defaultBodies = 32
	bodiesOfOne   = 8 // from one address
	maxHeader     = 32 << 10

	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
)

// Backend takes what comes. Safe for concurrent use.
type Backend interface {
	// Deliver takes a parcel; durable when it returns nil. A *ramf.Error refuses it for good, a *web.StatusError
	// chooses the status, anything else is 500.
	Deliver(ctx context.Context, parcel []byte) error
}

// NewServer is an HTTP server with the limits that this binding needs. The caller gives it a TLS listener.
func NewServer(b Backend) *http.Server {
	return &http.Server{Handler: NewHandler(b), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout}
}

// NewHandler serves the path / alone.
func NewHandler(b Backend) http.Handler {
	h := &handler{b, web.NewGate(defaultBodies, bodiesOfOne)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.AnswerError(w, h.serve(w, r)) })
}

type handler struct {
	backend Backend
	bodies  *web.Gate // of at most 9 MiB each; others wait
}

const allowed = "GET, HEAD, POST"

func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/" {
		return web.Fail(http.StatusNotFound, "there is nothing here")
	}
	switch r.Method {
	case http.MethodPost:
		return h.deliver(w, r)
	case http.MethodGet, http.MethodHead:
		web.Answer(w, http.StatusOK, "text/plain", []byte("Success! This is Awala's PoHTTP: post parcels here.\n"))
		return nil
	case http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Allow", allowed)
	return web.Fail(http.StatusMethodNotAllowed, "use POST")
}

func (h *handler) deliver(w http.ResponseWriter, r *http.Request) error {
	if err := web.CheckType(r, typeParcel); err != nil {
		return err
	}
	leave, err := h.bodies.Enter(r, true)
	if err != nil {
		return err
	}
	defer leave()
	parcel, err := web.ReadBody(w, r, ramf.MaxMessage)
	if err != nil {
		return err
	}
	if err := h.backend.Deliver(r.Context(), parcel); err != nil {
		return refusal(err)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// refusal chooses the status of a refused parcel.
func refusal(err error) error {
	var e *ramf.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Refusal {
	case ramf.Malformed, ramf.WrongType:
		return web.Fail(http.StatusBadRequest, e.Detail)
	case ramf.TooBig:
		return web.Fail(http.StatusRequestEntityTooLarge, e.Detail)
	}
	return web.Fail(http.StatusForbidden, e.Detail)
}
