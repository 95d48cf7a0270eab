package pohttp

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/discovery"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/ramf"
)

// box is a Backend.
type box struct {
	err error
	got [][]byte
}

func (b *box) Deliver(_ context.Context, p []byte) error {
	if b.err == nil {
		b.got = append(b.got, p)
	}
	return b.err
}

func TestStatusCodes(t *testing.T) {
	b := &box{}
	h := NewHandler(b)
	for _, tt := range []struct {
		name, method, path, kind string
		size                     int
		err                      error
		want                     int
	}{
		{"parcel", "POST", "/", typeParcel, 5, nil, 202},
		{"no RAMF", "POST", "/", typeParcel, 5, &ramf.Error{Refusal: ramf.Malformed}, 400},
		{"cargo", "POST", "/", typeParcel, 5, &ramf.Error{Refusal: ramf.WrongType}, 400},
		{"invalid", "POST", "/", typeParcel, 5, fmt.Errorf("oh: %w", &ramf.Error{Refusal: ramf.Expired}), 403},
		{"over the limits", "POST", "/", typeParcel, 5, &ramf.Error{Refusal: ramf.TooBig}, 413},
		{"too big", "POST", "/", typeParcel, ramf.MaxMessage + 1, nil, 413},
		{"another type", "POST", "/", "application/octet-stream", 5, nil, 415},
		{"no type", "POST", "/", "", 5, nil, 415},
		{"full", "POST", "/", typeParcel, 5, web.Fail(507, "full"), 507},
		{"disk fails", "POST", "/", typeParcel, 5, errors.New("disk on fire"), 500},
		{"look", "GET", "/", "", 0, nil, 200},
		{"glance", "HEAD", "/", "", 0, nil, 200},
		{"ask", "OPTIONS", "/", "", 0, nil, 204},
		{"delete", "DELETE", "/", "", 0, nil, 405},
		{"elsewhere", "POST", "/v1/parcels", typeParcel, 5, nil, 404},
	} {
		b.err = tt.err
		r := httptest.NewRequest(tt.method, tt.path, bytes.NewReader(make([]byte, tt.size)))
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: got %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
		if allow := w.Header().Get("Allow"); (allow == allowed) != (tt.want == 405 || tt.want == 204) {
			t.Errorf("%s: got Allow %q", tt.name, allow)
		}
	}
	if len(b.got) != 1 {
		t.Errorf("took %d parcels, want 1", len(b.got))
	}
}

// host is a TLS host of a test, with its certificate.
func host(t *testing.T, h http.HandlerFunc) (s *httptest.Server, ca []byte) {
	t.Helper()
	s = httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// clientOf reaches far.example at a TLS host and near.example at a plain one.
func clientOf(t *testing.T, far, near http.HandlerFunc) *Client {
	t.Helper()
	s, ca := host(t, far)
	p := httptest.NewServer(near)
	t.Cleanup(p.Close)
	r, err := discovery.New(discovery.Options{Fixed: []discovery.Fixed{
		{Name: "far.example", PoHTTP: s.Listener.Addr().String(), CA: ca},
		{Name: "near.example", PoHTTP: p.Listener.Addr().String(), Plain: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(r, 0)
	t.Cleanup(c.Close)
	return c
}

func TestDelivery(t *testing.T) {
	b := &box{}
	h := NewHandler(b).ServeHTTP
	c := clientOf(t, h, h)
	for _, to := range []string{"far.example", "near.example"} {
		if err := c.Deliver(t.Context(), to, []byte("to "+to)); err != nil {
			t.Error(err)
		}
	}
	if len(b.got) != 2 || string(b.got[0]) != "to far.example" {
		t.Errorf("got %q", b.got)
	}
}

func TestAnswersOfHosts(t *testing.T) {
	for status, refused := range map[int]bool{400: true, 403: true, 404: true, 415: true, 408: false, 429: false, 500: false, 503: false, 302: false} {
		c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/more")
			w.WriteHeader(status)
		}, nil)
		var e *Error
		if err := c.Deliver(t.Context(), "far.example", nil); !errors.As(err, &e) || e.Status != status || e.Refused() != refused {
			t.Errorf("%d: got %v, refused %t, want %t", status, err, errors.As(err, &e) && e.Refused(), refused)
		}
	}
}

func TestRedirects(t *testing.T) {
	hops := 0
	h := func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) != "parcel" || r.Method != "POST" || r.Header.Get("Content-Type") != typeParcel {
			t.Errorf("%s: got %s %q", r.URL, r.Method, b)
		}
		if r.URL.Path == "/" && hops == 0 {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		hops--
		http.Redirect(w, r, "/", []int{307, 308}[hops%2])
	}
	c := clientOf(t, h, h)
	for n, ok := range map[int]bool{1: true, 3: true, 4: false} {
		for _, to := range []string{"far.example", "near.example"} {
			hops = n
			if err := c.Deliver(t.Context(), to, []byte("parcel")); (err == nil) != ok {
				t.Errorf("%d redirects of %s: got %v", n, to, err)
			}
		}
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	for _, to := range []string{elsewhere.URL, "http://far.example/", "ftp://far.example", "", "https://%zz"} {
		h := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
		c := clientOf(t, h, h)
		for _, name := range []string{"far.example", "near.example"} {
			var e *Error
			if err := c.Deliver(t.Context(), name, nil); !errors.As(err, &e) || e.Refused() {
				t.Errorf("to %q: got %v, want an error that keeps the parcel", to, err)
			}
		}
	}
}

// finder answers what a test wants.
type finder struct {
	targets []discovery.Target
	err     error
}

func (f finder) Lookup(context.Context, discovery.Service, string) ([]discovery.Target, error) {
	return f.targets, f.err
}

func TestHostsThatAreNotThere(t *testing.T) {
	up, ca := host(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	r, err := discovery.New(discovery.Options{Fixed: []discovery.Fixed{{Name: "a.b", PoHTTP: up.Listener.Addr().String(), CA: ca}}})
	if err != nil {
		t.Fatal(err)
	}
	live, err := r.Lookup(t.Context(), discovery.PoHTTP, "a.b")
	if err != nil {
		t.Fatal(err)
	}
	down := httptest.NewServer(nil)
	down.Close()
	dead := discovery.Target{Address: down.Listener.Addr().String(), Name: "127.0.0.1"}
	if err := NewClient(finder{targets: append([]discovery.Target{dead}, live...)}, 0).Deliver(t.Context(), "a.b", nil); err != nil {
		t.Errorf("with a second host: %v", err)
	}
	for name, f := range map[string]finder{
		"many down":   {targets: append([]discovery.Target{dead, dead, dead}, live...)},
		"down":        {targets: []discovery.Target{dead}},
		"not its own": {targets: []discovery.Target{{Address: up.Listener.Addr().String(), Name: "127.0.0.1"}}},
		"not signed":  {err: &discovery.Error{Kind: discovery.NotSigned}},
	} {
		var e *Error
		if err := NewClient(f, 0).Deliver(t.Context(), "a.b", nil); !errors.As(err, &e) || e.Refused() || e.Status != 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
	var e *Error
	if err := NewClient(finder{err: &discovery.Error{Kind: discovery.BadAddress}}, 0).Deliver(t.Context(), "a", nil); !errors.As(err, &e) || !e.Refused() {
		t.Errorf("no address: got %v, want refused", err)
	}
	// Without an SRV record the name is the host: here one whose name cannot be resolved.
	err = NewClient(finder{err: &discovery.Error{Kind: discovery.NoSuchAddress}}, 0).Deliver(t.Context(), "invalid host", nil)
	if err == nil || !strings.Contains(err.Error(), "invalid host") {
		t.Errorf("no record: got %v", err)
	}
}

func TestDeliveryEnds(t *testing.T) {
	stuck := func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }
	c := clientOf(t, stuck, stuck)
	c.timeout = time.Millisecond
	var e *Error
	if err := c.Deliver(t.Context(), "near.example", nil); !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Deliver(ctx, "far.example", nil); err != context.Canceled {
		t.Errorf("got %v, want the caller's own", err)
	}
}
