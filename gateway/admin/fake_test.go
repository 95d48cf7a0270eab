package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// fake is a Backend that answers what a test put into it and notes what it was asked.
type fake struct {
	mu     sync.Mutex
	asked  []string
	err    error
	late   error // after the first octets of a backup
	status Status
	parcel Parcel
	queue  []Parcel
	sent   Send
	up     Up

	restart []string
	added   [2]string
	events  chan Event
	StickBackend
}

func (f *fake) note(s string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, s)
	return f.err
}

// fail makes what is asked from here on fail, at once or late.
func (f *fake) fail(err, late error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.late = err, late
}

func (f *fake) Status(context.Context) (Status, error) { return f.status, f.note("status") }
func (f *fake) Up(_ context.Context, u Up) (Status, error) {
	f.up = u
	return f.status, f.note("up")
}
func (f *fake) Reload(context.Context) (Reloaded, error) {
	return Reloaded{Restart: f.restart}, f.note("reload")
}
func (f *fake) Send(_ context.Context, s Send) (Parcel, error) {
	f.sent = s
	return f.parcel, f.note("send")
}
func (f *fake) Parcel(_ context.Context, id string) (Parcel, error) {
	if id == "panic" {
		panic("boom")
	}
	return f.parcel, f.note("parcel " + id)
}
func (f *fake) Queue(context.Context) ([]Parcel, error) { return f.queue, f.note("queue") }
func (f *fake) Inbox(context.Context) ([]Letter, error) { return nil, f.note("inbox") }
func (f *fake) Read(_ context.Context, id string) (Letter, error) {
	return Letter{ID: id, Content: []byte("hello")}, f.note("read " + id)
}
func (f *fake) Delete(_ context.Context, id string) (int, error) { return 2, f.note("delete " + id) }
func (f *fake) OpenPairing(context.Context) (PairOffer, error) {
	return PairOffer{Code: "K7QM-2XTD", Invite: "packhorse:1:x"}, f.note("open")
}
func (f *fake) JoinPairing(_ context.Context, c string) (PairResult, error) {
	return PairResult{Domain: "ridge", Peer: "a"}, f.note("join " + c)
}
func (f *fake) Pairing(ctx context.Context) (PairResult, error) {
	f.note("pairing")
	<-ctx.Done()
	return PairResult{}, ctx.Err()
}
func (f *fake) ContactCard(context.Context) (string, error) { return "card", f.note("card") }
func (f *fake) ContactExport(_ context.Context, c string) (string, error) {
	return "for " + c, f.note("export")
}
func (f *fake) ContactAdd(_ context.Context, name, text string) error {
	f.added = [2]string{name, text}
	return f.note("add")
}
func (f *fake) Contacts(context.Context) ([]string, error) { return nil, f.note("contacts") }
func (f *fake) Members(context.Context) ([]Member, error) {
	return []Member{{Name: "ada", Owner: true}}, f.note("members")
}
func (f *fake) Courier(context.Context) (CourierState, error) {
	return CourierState{Listen: ":21473", Waiting: 2}, f.note("courier")
}
func (f *fake) SyncCourier(_ context.Context, to string) (CourierSync, error) {
	return CourierSync{Courier: to, CargoIn: 2}, f.note("sync " + to)
}
func (f *fake) RequestCargo(context.Context) (CargoRequest, error) {
	return CargoRequest{ID: "7c1e", Exit: "cleo"}, f.note("request")
}
func (f *fake) Store(context.Context) (StoreInfo, error) {
	return StoreInfo{Running: true, Values: 3}, f.note("store")
}
func (f *fake) Backup(_ context.Context, w io.Writer) error {
	if err := f.note("backup"); err != nil {
		return err
	}
	_, err := io.WriteString(w, "stream")
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(err, f.late)
}
func (f *fake) Revoke(_ context.Context, name string) error { return f.note("revoke " + name) }
func (f *fake) Events(context.Context) (<-chan Event, error) {
	return f.events, f.note("events")
}

// serve runs a server over a unix socket until the test ends, and answers its path.
func serve(t *testing.T, b Backend) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "packhorse.sock")
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, b)
	return path
}

func serveOn(t *testing.T, l net.Listener, b Backend) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, b) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve ended with %v, want nil", err)
		}
	})
}

func dial(t *testing.T, b Backend) Client {
	t.Helper()
	c := Dial(serve(t, b))
	t.Cleanup(func() { c.Close() })
	return c
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
