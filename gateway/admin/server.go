package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"packhorse/gateway/internal/web"
)

// Bounds of the server.
const (
	// MaxContent is the largest Send.Content taken: the octets of the largest parcel.
	MaxContent = 9_437_184
	// maxSend bounds the body of a send: MaxContent in base64 and the other fields.
	maxSend = MaxContent/3*4 + 64<<10
	// maxBody bounds every other body; the longest is a contact's text.
	maxBody = 64 << 10
	// maxSends is how many sends are read into memory at once.
	maxSends = 4
	// stopGrace is how long running answers may take once the gateway stops.
	stopGrace = 2 * time.Second
)

// Serve answers requests on l until ctx ends, then closes l. The socket's permissions
// are its only guard: never give it a TCP listener. b is called from many goroutines.
func Serve(ctx context.Context, l net.Listener, b Backend) error {
	s := &http.Server{
		Handler:           NewHandler(b),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withAsker,
	}
	if err := web.Serve(ctx, s, l, stopGrace); err != nil {
		return fmt.Errorf("admin: serve: %w", err)
	}
	return nil
}

// server answers requests from a Backend.
type server struct {
	b     Backend
	sends chan struct{} // one token for each send being read
}

// NewHandler serves /v1 from b.
func NewHandler(b Backend) http.Handler {
	s := &server{b: b, sends: make(chan struct{}, maxSends)}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, answer(r.do))
	}
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/backup", s.backup)
	mux.HandleFunc("POST /v1/courier/export", s.courierExport)
	mux.HandleFunc("/", answer(func(r *http.Request) (any, error) {
		return nil, &Error{Code: CodeNotFound, Message: "no such path or method: " + r.Method + " " + r.URL.Path,
			Fix: "GET /v1/status is a good start"}
	}))
	return mux
}

// act is one request's work: what to answer, or why not.
type act func(r *http.Request) (any, error)

type route struct {
	pattern string
	do      act
}

func (s *server) routes() []route {
	return []route{
		{"GET /v1/status", s.status},
		{"POST /v1/up", s.up},
		{"POST /v1/reload", s.reload},
		{"POST /v1/send", s.send},
		{"GET /v1/parcels/{id}", s.parcel},
		{"GET /v1/queue", s.queue},
		{"GET /v1/inbox", s.inbox},
		{"POST /v1/inbox/{id}", s.read},
		{"DELETE /v1/inbox/{id}", s.deleteLetter},
		{"DELETE /v1/inbox", s.deleteLetter},
		{"POST /v1/pairing", s.openPairing},
		{"GET /v1/pairing", s.pairing},
		{"POST /v1/pairing/join", s.joinPairing},
		{"GET /v1/contacts", s.contacts},
		{"POST /v1/contacts", s.addContact},
		{"GET /v1/contacts/card", s.card},
		{"GET /v1/store", s.store},
		{"GET /v1/domain", s.members},
		{"POST /v1/domain/revoke", s.revoke},
		{"POST /v1/contacts/export", s.exportContact},
		{"GET /v1/courier", s.courier},
		{"POST /v1/courier/sync", s.syncCourier},
		{"POST /v1/courier/request", s.requestCargo},
		{"POST /v1/courier/import", s.courierImport},
	}
}

// answer writes what do answers as JSON. A panic below it becomes an error answer.
func answer(do act) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := guarded(do, r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, v)
	}
}

func guarded(do act, r *http.Request) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, &Error{Code: CodeFailed, Message: fmt.Sprintf("the gateway met a fault of its own: %v", p),
				Fix: "report it with the version that `packhorse version` prints"}
		}
	}()
	return do(r)
}

func writeError(w http.ResponseWriter, err error) {
	e := AsError(err)
	if errors.Is(err, context.DeadlineExceeded) && e.Code == CodeFailed {
		e.Code, e.Exit = CodeNotYet, CodeNotYet.Exit()
	}
	writeJSON(w, e.status(), ErrorReply{e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		http.Error(w, `{"error":{"code":"failed","message":"the answer cannot be encoded","exit":1}}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// decode reads one JSON object of at most limit octets. Unknown keys are mistakes.
func decode(r *http.Request, limit int64, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("more than one JSON value")
	}
	if err == nil {
		return nil
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return &Error{Code: CodeUsage, Message: fmt.Sprintf("the request is larger than %d octets", big.Limit), Fix: "send less at once"}
	}
	return &Error{Code: CodeUsage, Message: "the request is not what this path takes: " + err.Error(), Fix: "see docs/CLI.md"}
}
