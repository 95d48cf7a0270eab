// Package web is the page that the box shows to browsers of whoever is near: what it is, how it is, and how to join its
// Wi-Fi network. Anybody may look, so nothing on it is private: no letters, names or ids of others, or details of what is
// wrong. Everything comes from the box itself.
package web

import (
	"context"
	_ "embed" // style and script
	"net"
	"net/http"
	"strings"
	"time"

	"packhorse/gateway/admin"
	shared "packhorse/gateway/internal/web"
)

// Level is how the box is, in one word.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warn    Level = "warn"
	Fail    Level = "fail"
	Unready Level = "setup" // it is not set up yet
)

// Facts is what everybody may know.
type Facts struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Level      Level  `json:"level"`
	Verdict    string `json:"verdict"` // one sentence or two
	UptimeS    int64  `json:"uptime_s"`
	Neighbours int    `json:"neighbours"` // gateways that it hears
	Waiting    int    `json:"parcels_waiting"`
	Region     string `json:"region,omitempty"`
	Radios     int    `json:"radios"`
	Internet   bool   `json:"internet"` // reached over an Internet gateway now

	Clock   string `json:"-"`
	PoWeb   string `json:"-"` // address for apps on this machine; empty: none
	Courier string `json:"-"` // address for couriers; empty: none
	WiFi    *WiFi  `json:"-"` // nil: its network is off
}

// Reply answers GET /v1/page.
type Reply struct {
	admin.Head
	Facts
}

// Schema is that of Reply.
const Schema = "packhorse.page/1"

// Source tells the facts. It is asked from many goroutines, at most once a second in all.
type Source interface {
	Facts(ctx context.Context) (Facts, error)
}

// Bounds of the server.
const (
	places     = 64 // connections
	share      = 8  // of them of one address
	grace      = time.Second
	maxHeaders = 8 << 10
)

// Serve shows the page on l until ctx ends, and closes l.
func Serve(ctx context.Context, l net.Listener, s Source) error {
	srv := &http.Server{Handler: NewHandler(s), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: maxHeaders}
	return shared.Serve(ctx, srv, &shared.Listener{Listener: l, Gate: shared.NewGate(places, share)}, grace)
}

type server struct{ facts *cache }

// NewHandler serves the page.
func NewHandler(s Source) http.Handler { return newHandler(s, time.Now) }

func newHandler(s Source, now func() time.Time) http.Handler {
	h := server{&cache{from: s, now: now}}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", h.page)
	mux.HandleFunc("/page.css", file("text/css; charset=utf-8", style))
	mux.HandleFunc("/page.js", file("text/javascript; charset=utf-8", script))
	mux.HandleFunc("/v1/page", h.reply)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		plain(w, http.StatusNotFound, "There is no such page here. The box is at /.")
	})
	return guard(mux)
}

var (
	//go:embed page.css
	style []byte
	//go:embed page.js
	script []byte
)

// guard is for every request: what the method, the name and the browser may be told.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			plain(w, http.StatusMethodNotAllowed, "This page can only be looked at.")
		case strings.HasPrefix(r.URL.Path, "/v1/") && !ours(r):
			plain(w, http.StatusMisdirectedRequest, "This box has another name.")
		case probe(r.URL.Path) || !ours(r):
			h.Set("Location", home(r))
			plain(w, http.StatusFound, "The box is at "+home(r))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	shared.Answer(w, status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

func file(kind string, b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { shared.Answer(w, http.StatusOK, kind, b) }
}
