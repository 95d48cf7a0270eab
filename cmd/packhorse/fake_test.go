package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"packhorse/gateway/admin"
)

// fake is a gateway that answers what a test put into it.
type fake struct {
	admin.Backend // the methods a test does not name are not called
	status        admin.Status
	up            admin.Up
	restart       []string // answers of Reload
	reloads       int
	reloadErr     error
	sent          admin.Send
	steps         []admin.Parcel // answers of Parcel, the last one for ever
	queue         []admin.Parcel
	letters       []admin.Letter
	joined        string
	card          string
	deleted       string
	asked         func()        // called by Parcel and Status
	happens       []admin.Event // answers of Events, which then ends; nil: one about the parcel after another
	stored        admin.StoreInfo
	request       admin.CargoRequest
	cut           bool // a backup breaks off
	err           error
}

func (f *fake) Store(context.Context) (admin.StoreInfo, error) { return f.stored, f.err }

func (f *fake) ClockQuality() string                             { return "gps" }
func (f *fake) ContactAdd(context.Context, string, string) error { return f.err }

func (f *fake) Status(context.Context) (admin.Status, error) {
	f.look()
	return f.status, f.err
}
func (f *fake) look() {
	if f.asked != nil {
		f.asked()
	}
}
func (f *fake) Up(_ context.Context, u admin.Up) (admin.Status, error) {
	f.up = u
	return f.status, f.err
}
func (f *fake) Reload(context.Context) (admin.Reloaded, error) {
	f.reloads++
	return admin.Reloaded{Restart: f.restart}, f.reloadErr
}
func (f *fake) Send(_ context.Context, s admin.Send) (admin.Parcel, error) {
	f.sent = s
	return admin.Parcel{ID: "7c1e4000a1b2", To: s.To, Priority: s.Priority, SizeBytes: len(s.Content), State: admin.Saved, AirtimeS: 14, Since: time.Now(), Expires: time.Now().Add(s.TTL)}, f.err
}
func (f *fake) Parcel(context.Context, string) (admin.Parcel, error) {
	f.look()
	p := f.steps[0]
	if len(f.steps) > 1 {
		f.steps = f.steps[1:]
	}
	return p, nil
}
func (f *fake) Queue(context.Context) ([]admin.Parcel, error) { return f.queue, f.err }
func (f *fake) Inbox(context.Context) ([]admin.Letter, error) { return f.letters, f.err }
func (f *fake) Contacts(context.Context) ([]string, error)    { return []string{"clinic"}, f.err }
func (f *fake) ContactCard(context.Context) (string, error)   { return "packhorse-card:x", f.err }
func (f *fake) Delete(_ context.Context, id string) (int, error) {
	f.deleted = id
	return 1, f.err
}
func (f *fake) Read(context.Context, string) (admin.Letter, error) { return f.letters[0], f.err }
func (f *fake) ContactExport(_ context.Context, c string) (string, error) {
	f.card = c
	return "packhorse-contact:y", f.err
}
func (f *fake) OpenPairing(context.Context) (admin.PairOffer, error) {
	return admin.PairOffer{Code: "K7QM-2XTD", Invite: "packhorse:1:AAAA", Until: time.Now().Add(10 * time.Minute)}, f.err
}
func (f *fake) Pairing(context.Context) (admin.PairResult, error) {
	return admin.PairResult{Domain: "ridge", Peer: "ridge-2"}, nil
}
func (f *fake) JoinPairing(_ context.Context, c string) (admin.PairResult, error) {
	f.joined = c
	return admin.PairResult{Domain: "ridge", Peer: "ridge-1"}, f.err
}

func (f *fake) Members(context.Context) ([]admin.Member, error) {
	return []admin.Member{{Name: "ridge-1", ID: strings.Repeat("aa", 32), Owner: true, Self: true}, {Name: "ridge-2", ID: strings.Repeat("bb", 32), Revoked: true}}, f.err
}
func (f *fake) Revoke(_ context.Context, name string) error {
	f.card = name
	return f.err
}

func (f *fake) Courier(context.Context) (admin.CourierState, error) {
	at := time.Date(2026, 11, 21, 14, 31, 7, 0, time.UTC)
	return admin.CourierState{Listen: ":21473", Found: "192.168.43.1:21473", Waiting: 2, Bytes: 4000, Internet: at, Synced: at, Problem: "no"}, f.err
}
func (f *fake) SyncCourier(_ context.Context, to string) (admin.CourierSync, error) {
	return admin.CourierSync{Courier: to + ":21473", CargoIn: 1, ParcelsIn: 3, AcksIn: 2, CargoOut: 1, ParcelsOut: 4, RelayedIn: 1, Refused: 1}, f.err
}

func (f *fake) RequestCargo(context.Context) (admin.CargoRequest, error) {
	return f.request, f.err
}

// Events sends one event about the parcel after another as fast as they are taken, so
// that a waiting command looks again at once.
func (f *fake) Events(ctx context.Context) (<-chan admin.Event, error) {
	ch := make(chan admin.Event)
	go func() {
		defer close(ch)
		for _, e := range f.happens {
			select {
			case ch <- e:
			case <-ctx.Done():
			}
		}
		for f.happens == nil {
			select {
			case ch <- admin.Event{Type: "parcel", Parcel: &admin.Parcel{ID: "7c1e4000a1b2"}}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch, nil
}

// bench is a command line beside a gateway.
type bench struct {
	t        *testing.T
	dir      string
	env      map[string]string
	in       string
	sleep    func(context.Context, time.Duration) error
	look     []radioChoice
	box      *ownBox
	root     bool
	sockets  map[string][]net.Listener
	sysroot  string
	typed    []string // passphrases, one for each question; nil: nobody is there
	out, err string
}

// newBench serves b, if any, on the socket that the commands find.
func newBench(t *testing.T, b admin.Backend) *bench {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "p.sock")
	if b != nil {
		l, err := admin.Listen(socket, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); admin.Serve(ctx, l, b) }()
		t.Cleanup(func() { stop(); <-done })
	}
	return &bench{t: t, dir: dir, env: map[string]string{"HOME": dir, "PACKHORSE_SOCKET": socket,
		"PACKHORSE_CONFIG": ""}}
}

// run executes a command and answers its exit code; out and err hold what it printed.
func (b *bench) run(args ...string) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return b.runIn(ctx, args...)
}

func (b *bench) runIn(ctx context.Context, args ...string) int {
	return b.runTo(ctx, &watcher{}, args...)
}

// runTo is runIn with stdout going to out.
func (b *bench) runTo(ctx context.Context, out *watcher, args ...string) int {
	var errs watcher // who runs a gateway has several writers
	a := &app{in: strings.NewReader(b.in), out: out, err: &errs, getenv: func(k string) string { return b.env[k] }, host: "box"}
	a.box = b.box
	a.sockets = func() (map[string][]net.Listener, error) { return b.sockets, nil }
	a.root, a.sysroot = b.root, b.sysroot
	a.sleep, a.look = b.sleep, func() []radioChoice { return b.look }
	if b.typed != nil {
		a.ask = func(_ context.Context, prompt string) ([]byte, error) {
			io.WriteString(&errs, prompt)
			p := b.typed[0]
			b.typed = b.typed[1:]
			return []byte(p), nil
		}
	}
	code := a.run(ctx, args)
	b.out, b.err = out.String(), errs.String()
	return code
}

// want runs a command and checks its exit code and what it says.
func (b *bench) want(code int, says []string, args ...string) {
	b.t.Helper()
	got := b.run(args...)
	if got != code {
		b.t.Errorf("%v: got exit %d, want %d\nstdout: %s\nstderr: %s", args, got, code, b.out, b.err)
	}
	for _, s := range says {
		if !strings.Contains(b.out+b.err, s) {
			b.t.Errorf("%v: nothing says %q\nstdout: %s\nstderr: %s", args, s, b.out, b.err)
		}
	}
}

// watcher is a buffer that calls then once it holds a text.
type watcher struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	has  string
	then func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(p)
	if w.then != nil && strings.Contains(w.buf.String(), w.has) {
		w.then()
	}
	return n, err
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
