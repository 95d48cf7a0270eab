package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestClientReachesEveryMethod(t *testing.T) {
	f := &fake{parcel: Parcel{ID: "7c1e40", State: Saved}, status: Status{Name: "ridge-1"}, queue: []Parcel{{ID: "a"}}}
	c, ctx := dial(t, f), testContext(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := c.Status(ctx)
	must(err)
	if st.Name != "ridge-1" || st.Schema != SchemaStatus {
		t.Errorf("status: got %q of schema %q", st.Name, st.Schema)
	}
	_, err = c.Up(ctx, Up{Region: "EU868", Domain: "ridge"})
	must(err)
	want := Send{To: "clinic", Priority: "bulk", TTL: 14 * 24 * time.Hour, Content: []byte{0, 1, 0xff}}
	p, err := c.Send(ctx, want)
	must(err)
	if p != f.parcel || !reflect.DeepEqual(f.sent, want) {
		t.Errorf("send: got %+v for %+v", p, f.sent)
	}
	_, err = c.Parcel(ctx, "7c/1e")
	must(err)
	q, err := c.Queue(ctx)
	must(err)
	if len(q) != 1 || q[0].ID != "a" {
		t.Errorf("queue: got %+v", q)
	}
	_, err = c.Inbox(ctx)
	must(err)
	l, err := c.Read(ctx, "x")
	must(err)
	if string(l.Content) != "hello" {
		t.Errorf("letter: got %q", l.Content)
	}
	for _, id := range []string{"x", ""} {
		n, err := c.Delete(ctx, id)
		must(err)
		if n != 2 {
			t.Errorf("deleted %d letters, want the 2 of the answer", n)
		}
	}
	o, err := c.OpenPairing(ctx)
	must(err)
	if o.Code != "K7QM-2XTD" {
		t.Errorf("code: got %q", o.Code)
	}
	r, err := c.JoinPairing(ctx, "K7QM-2XTD")
	must(err)
	if r.Domain != "ridge" {
		t.Errorf("domain: got %q", r.Domain)
	}
	_, err = c.ContactCard(ctx)
	must(err)
	text, err := c.ContactExport(ctx, "card")
	must(err)
	if text != "for card" {
		t.Errorf("export: got %q", text)
	}
	must(c.ContactAdd(ctx, "hq", "text"))
	if f.added != [2]string{"hq", "text"} || f.up != (Up{Region: "EU868", Domain: "ridge"}) {
		t.Errorf("got add %v, up %v", f.added, f.up)
	}
	_, err = c.Contacts(ctx)
	must(err)
	m, err := c.Members(ctx)
	must(err)
	if len(m) != 1 || m[0].Name != "ada" || !m[0].Owner {
		t.Errorf("members: got %+v", m)
	}
	must(c.Revoke(ctx, "ben"))
	state, err := c.Courier(ctx)
	must(err)
	sync, err := c.SyncCourier(ctx, "192.168.43.1")
	must(err)
	asked, err := c.RequestCargo(ctx)
	must(err)
	if asked.Exit != "cleo" {
		t.Errorf("request: got %+v", asked)
	}
	if state.Listen != ":21473" || state.Waiting != 2 || sync.Courier != "192.168.43.1" || sync.CargoIn != 2 {
		t.Errorf("courier: got %+v, %+v", state, sync)
	}
	info, err := c.Store(ctx)
	must(err)
	if !info.Running || info.Values != 3 || info.Kinds == nil || info.Buckets == nil {
		t.Errorf("store: got %+v", info)
	}
	wantAsked := "status up send parcel 7c/1e queue inbox read x delete x delete  open join K7QM-2XTD card export add contacts members revoke ben courier sync 192.168.43.1 request store"
	if got := strings.Join(f.asked, " "); got != wantAsked {
		t.Errorf("asked\n got %s\nwant %s", got, wantAsked)
	}
}

func TestErrorsKeepCodeFixAndExit(t *testing.T) {
	f := &fake{}
	c, ctx := dial(t, f), testContext(t)
	for _, tc := range []struct {
		err  error
		code Code
		exit int
	}{
		{&Error{Code: CodeRegion, Message: "no region", Fix: "packhorse up"}, CodeRegion, 7},
		{&Error{Code: CodeQuota, Message: "full"}, CodeQuota, 4},
		{&Error{Code: CodeRefused, Message: "no", Exit: 4}, CodeRefused, 4},
		{&Error{Code: CodeNotFound, Message: "no parcel"}, CodeNotFound, 1},
		{&Error{Code: "later_word", Message: "?"}, "later_word", 1},
		{errors.New("plain"), CodeFailed, 1},
		{context.DeadlineExceeded, CodeNotYet, 5},
	} {
		f.err = tc.err
		_, err := c.Queue(ctx)
		var e *Error
		if !errors.As(err, &e) || e.Code != tc.code || e.Exit != tc.exit || e.Message != tc.err.Error() {
			t.Errorf("%v: got %+v, want code %s and exit %d", tc.err, err, tc.code, tc.exit)
		}
	}
}

func TestOfflineIsSaidWithItsFix(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "none.sock")
	_, err := Dial(gone).Status(testContext(t))
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeOffline || e.Exit != 3 || e.Fix != "packhorse run" || !strings.Contains(e.Message, gone) {
		t.Errorf("got %+v, want an offline error naming %s", err, gone)
	}
}

// get asks over HTTP as any other client would.
func get(t *testing.T, socket, method, path, body string, head http.Header) *http.Response {
	t.Helper()
	h := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	r, err := http.NewRequestWithContext(testContext(t), method, "http://x"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range head {
		r.Header[k] = v
	}
	res, err := h.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestArraysAreNeverNull(t *testing.T) {
	socket := serve(t, &fake{status: Status{Peers: []PeerInfo{{}}}})
	for _, path := range []string{"/v1/status", "/v1/queue", "/v1/inbox", "/v1/contacts", "/v1/domain"} {
		b, err := io.ReadAll(get(t, socket, "GET", path, "", nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "null") || !strings.Contains(string(b), `"schema":"packhorse.`) {
			t.Errorf("%s: got %s, want no null and a schema", path, b)
		}
	}
}

func TestBadRequestsAreRefusedInWords(t *testing.T) {
	socket := serve(t, &fake{})
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		say                      string
	}{
		{"unknown key", "POST", "/v1/up", `{"regoin":"EU868"}`, 400, "regoin"},
		{"not JSON", "POST", "/v1/up", `region`, 400, "invalid character"},
		{"two values", "POST", "/v1/up", `{} {}`, 400, "more than one"},
		{"too large", "POST", "/v1/up", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 400, "larger than 65536"},
		{"no such path", "GET", "/v2/status", "", 404, "/v2/status"},
		{"wrong method", "DELETE", "/v1/queue", "", 404, "DELETE"},
		{"fault in the gateway", "GET", "/v1/parcels/panic", "", 500, "boom"},
	} {
		res := get(t, socket, tc.method, tc.path, tc.body, nil)
		var e ErrorReply
		if err := json.NewDecoder(res.Body).Decode(&e); err != nil || e.Error == nil {
			t.Errorf("%s: no error object (%v)", tc.name, err)
			continue
		}
		if res.StatusCode != tc.status || !strings.Contains(e.Error.Message, tc.say) || e.Error.Fix == "" || e.Error.Exit == 0 {
			t.Errorf("%s: got %d %+v, want %d with %q and a fix", tc.name, res.StatusCode, *e.Error, tc.status, tc.say)
		}
	}
}

func TestEventsStreamAsLinesAndAsSSE(t *testing.T) {
	f := &fake{events: make(chan Event, 2)}
	socket := serve(t, f)
	c := Dial(socket)
	defer c.Close()
	ctx, cancel := context.WithCancel(testContext(t))
	ch, err := c.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f.events <- Event{Type: "parcel", Parcel: &Parcel{ID: "7c1e40", Done: 3}}
	if e := <-ch; e.Type != "parcel" || e.Parcel == nil || e.Parcel.Done != 3 {
		t.Errorf("got %+v, want the parcel's progress", e)
	}
	cancel()
	if _, ok := <-ch; ok {
		t.Error("the stream went on after its context ended")
	}
	f.events = make(chan Event, 1) // the server may not have seen yet that the first stream ended
	res := get(t, socket, "GET", "/v1/events", "", http.Header{"Accept": {"text/event-stream"}})
	f.events <- Event{Type: "log", Text: "a\nb"}
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || line != "event: log\n" {
		t.Errorf("SSE: got %q (%v), want event: log", line, err)
	}
}

func TestStopEndsWaitingRequests(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "s"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, f) }()
	waiting := make(chan error, 1)
	go func() {
		c := Dial(l.Addr().String())
		c.Status(context.Background())
		stop()
		_, err := c.Pairing(context.Background())
		waiting <- err
	}()
	if err := <-waiting; err == nil {
		t.Error("waiting for a pairing ended well though the gateway stopped")
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: got %v, want nil", err)
	}
}

func TestListenGuardsItsSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	l, err := Listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("mode: got %v (%v), want 0660", fi.Mode(), err)
	}
	var e *Error
	if _, err := Listen(path, 0o600); !errors.As(err, &e) || !strings.Contains(e.Message, "already running") {
		t.Errorf("second gateway: got %v, want one that says so", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := Listen(path, 0o600)
	if err != nil {
		t.Fatalf("a dead gateway's socket is in the way: %v", err)
	}
	again.Close()
	if err := os.WriteFile(path, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600); !errors.As(err, &e) {
		t.Errorf("a file in the way: got %v, want an error", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "keep" {
		t.Error("the file in the way was removed")
	}
}
