package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/store"
)

// cable is one end of a lossless wire between two nodes.
type cable struct {
	out, in chan []byte
	starts  *int // how often it was run
	picks   bool // asks what waits before it takes it
	fail    error
}

func newCable() (*cable, *cable) {
	x, y := make(chan []byte, 64), make(chan []byte, 64)
	return &cable{out: x, in: y, starts: new(int)}, &cable{out: y, in: x, starts: new(int), picks: true}
}

// inRegion makes the cable a radio: it is left out before a region is set.
func (c *cable) inRegion(i Info) ([]port.Transport, error) {
	if i.Region == "" {
		return nil, nil
	}
	return []port.Transport{c}, nil
}

func (c *cable) Name() string { return "cable0" }

func (c *cable) Run(ctx context.Context, h port.Host) error {
	*c.starts++
	if c.fail != nil {
		return c.fail
	}
	p := h.Open(link.PortUp{Medium: link.Serial, MTU: 1200, Airtime: func(n int) time.Duration { return time.Duration(n) * 10 * time.Microsecond }})
	defer p.Close()
	h.Health(port.Health{OK: true})
	go c.listen(ctx, p)
	for {
		b, err := c.next(ctx, p)
		if err != nil {
			return nil
		}
		p.Clear(time.Now())
		select {
		case c.out <- b:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *cable) next(ctx context.Context, p port.Handle) (b []byte, err error) {
	if !c.picks {
		return p.Next(ctx)
	}
	for err == nil && b == nil {
		if _, err = p.(port.Picker).Await(ctx); err == nil {
			b, err = p.(port.Picker).Take(ctx)
		}
	}
	return b, err
}

func (c *cable) listen(ctx context.Context, p port.Handle) {
	for {
		select {
		case b := <-c.in:
			p.Frame(b, link.Meta{})
		case <-ctx.Done():
			return
		}
	}
}

// running is a node under test.
type running struct {
	adminAPI
	stop func()
}

// start opens and runs a node on a directory.
func start(t *testing.T, cfg Config, c *cable) running {
	t.Helper()
	cfg.Store = store.Options{Reserve: -1}
	if c != nil {
		cfg.Transports = c.inRegion
	}
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return running{adminAPI{n}, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s stops: %v", cfg.Name, err)
		}
	}}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func code(err error) admin.Code {
	if err == nil {
		return ""
	}
	return admin.AsError(err).Code
}

func TestTwoNodesPairWriteAndRestart(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		x, y := newCable()
		a := start(t, Config{StateDir: dirs[0], Name: "ada"}, x)
		b := start(t, Config{StateDir: dirs[1], Name: "ben"}, y)
		synctest.Wait()
		if *x.starts+*y.starts != 0 {
			t.Fatal("a transport runs before a region is set")
		}
		s := must[admin.Status](t)(a.Up(ctx, admin.Up{Region: "NZ915", Domain: "ridge"}))
		if s.Region != "NZ915" || s.Domain != "ridge" {
			t.Fatalf("status after up: region %q, domain %q", s.Region, s.Domain)
		}
		must[admin.Status](t)(b.Up(ctx, admin.Up{Region: "NZ915"}))
		offer := must[admin.PairOffer](t)(a.OpenPairing(ctx))
		got := must[admin.PairResult](t)(b.JoinPairing(ctx, offer.Code))
		if got != (admin.PairResult{Domain: "ridge", Peer: "ada"}) {
			t.Fatalf("paired as %+v, want ridge, ada", got)
		}
		if got := must[admin.PairResult](t)(a.Pairing(ctx)); got.Peer != "ben" {
			t.Fatalf("the inviter paired with %q, want ben", got.Peer)
		}
		events := must[<-chan admin.Event](t)(b.Events(ctx))
		text := bytes.Repeat([]byte("mules at dawn. "), 400)
		p := must[admin.Parcel](t)(a.Send(ctx, admin.Send{To: "ben", Type: "text/plain", Content: text}))
		if p.State != admin.Saved || p.To != "ben" {
			t.Fatalf("sent %+v, want saved, to ben", p)
		}
		for e := range events {
			if e.Type == "letter" {
				break
			}
		}
		inbox := must[[]admin.Letter](t)(b.Inbox(ctx))
		if len(inbox) != 1 || !inbox[0].New || inbox[0].From != "ada" {
			t.Fatalf("inbox %+v, want one new letter from ada", inbox)
		}
		l := must[admin.Letter](t)(b.Read(ctx, inbox[0].ID))
		if !bytes.Equal(l.Content, text) {
			t.Fatalf("read %d octets, want %d", len(l.Content), len(text))
		}
		time.Sleep(time.Minute)
		if p = must[admin.Parcel](t)(a.Parcel(ctx, p.ID)); p.State != admin.Delivered {
			t.Fatalf("the parcel is %s, want delivered", p.State)
		}
		a.stop()
		b.stop()

		b = start(t, Config{StateDir: dirs[1]}, y)
		synctest.Wait()
		if s := must[admin.Status](t)(b.Status(ctx)); s.Name != "ben" || s.Domain != "ridge" || s.Region != "NZ915" {
			t.Fatalf("after a restart: name %q, domain %q, region %q", s.Name, s.Domain, s.Region)
		}
		if *y.starts != 2 {
			t.Fatalf("transports ran %d times over two lives, want 2", *y.starts)
		}
		if inbox := must[[]admin.Letter](t)(b.Inbox(ctx)); len(inbox) != 1 || inbox[0].New {
			t.Fatalf("after a restart the inbox is %+v, want one letter, read", inbox)
		}
		b.stop()
	})
}

func TestBadRequestsGetTheirExitCodes(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		a := start(t, Config{StateDir: dir, Name: "ada", Region: "NZ915"}, nil)
		defer a.stop()
		up := func(u admin.Up) error { _, err := a.Up(ctx, u); return err }
		send := func(s admin.Send) error { _, err := a.Send(ctx, s); return err }
		check := func(what string, err error, want admin.Code) {
			t.Helper()
			if got := code(err); got != want {
				t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
			}
			if want != "" && admin.AsError(err).Fix == "" {
				t.Errorf("%s: the error %q says nothing to do", what, err)
			}
		}
		check("unknown region", up(admin.Up{Region: "MOON"}), admin.CodeUsage)
		check("region set by configuration", up(admin.Up{Region: "EU868"}), admin.CodeUsage)
		check("bad domain name", up(admin.Up{Domain: "a b"}), admin.CodeUsage)
		check("send without domain", send(admin.Send{To: "ben"}), admin.CodeRefused)
		check("found", up(admin.Up{Domain: "ridge"}), "")
		check("found again", up(admin.Up{Domain: "ridge"}), "")
		check("another domain", up(admin.Up{Domain: "valley"}), admin.CodeRefused)
		check("send to nobody", send(admin.Send{To: "ben"}), admin.CodeNotFound)
		check("unknown priority", send(admin.Send{To: "ben", Priority: "now"}), admin.CodeUsage)
		_, err := a.JoinPairing(ctx, "K7QM2XTD")
		check("join while in a domain", err, admin.CodeRefused)
		_, err = a.Read(ctx, "abc")
		check("no such letter", err, admin.CodeNotFound)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		must[admin.PairOffer](t)(a.OpenPairing(ctx))
		if _, err := a.Pairing(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for nobody: got %v, want the deadline", err)
		}
	})
}

func TestTransportThatCannotRunIsAProblemInStatus(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newCable()
		c.fail = errors.New("no such device /dev/ttyUSB0")
		a := start(t, Config{StateDir: dir, Name: "ada", Region: "NZ915"}, c)
		defer a.stop()
		synctest.Wait()
		s := must[admin.Status](t)(a.Status(t.Context()))
		for _, p := range s.Problems {
			if p.Level == "fail" && strings.Contains(p.What, "ttyUSB0") && p.Fix != "" {
				return
			}
		}
		t.Fatalf("problems %+v do not name the device", s.Problems)
	})
}

func TestTransportStateIsDurable(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		h := &host{n: a.n, name: "lora0"}
		if b, err := h.LoadState("lora0"); b != nil || err != nil {
			t.Fatalf("before anything was saved: %q, %v; want nothing", b, err)
		}
		if err := h.SaveState("lora0", []byte("ledger")); err != nil {
			t.Fatal(err)
		}
		a.stop()
		a = start(t, Config{StateDir: dir}, nil)
		defer a.stop()
		if b, err := (&host{n: a.n, name: "lora0"}).LoadState("lora0"); err != nil || string(b) != "ledger" {
			t.Fatalf("after a restart: %q, %v; want ledger", b, err)
		}
	})
}

func TestOwnerKeyWithoutMembershipIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "ridge"}))
		a.stop()
		if err := os.Remove(filepath.Join(dir, gateway.SecretMembership)); err != nil {
			t.Fatal(err)
		}
		a = start(t, Config{StateDir: dir}, nil)
		defer a.stop()
		if s := must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "valley"})); s.Domain != "valley" {
			t.Fatalf("domain %q, want the new one", s.Domain)
		}
	})
}

// An `up` that a power cut stopped half way leaves keys behind. Joining another domain later must not make them
// keep the gateway from starting.
func TestOwnerKeyOfAnotherDomainIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		stale := must[*domain.Owner](t)(domain.NewOwner("valley", time.Now(), rand.Reader))
		a := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "ridge"}))
		a.stop()
		if err := os.WriteFile(filepath.Join(dir, gateway.SecretOwner), stale.Marshal(), 0o600); err != nil {
			t.Fatal(err)
		}
		a = start(t, Config{StateDir: dir}, nil)
		defer a.stop()
		if s := must[admin.Status](t)(a.Status(t.Context())); s.Domain != "ridge" {
			t.Fatalf("domain %q, want ridge", s.Domain)
		}
		if _, err := a.OpenPairing(t.Context()); code(err) != admin.CodeRefused {
			t.Fatalf("pairing without the domain's key: got %v, want refused", err)
		}
	})
}

func TestClockQualityIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var q atomic.Int32
		a := start(t, Config{StateDir: dir, Name: "ada", Clock: func() pki.Quality { return pki.Quality(q.Load()) }}, nil)
		defer a.stop()
		if _, err := a.Up(t.Context(), admin.Up{Domain: "ridge"}); code(err) != admin.CodeNotYet {
			t.Fatalf("a domain without a clock: got %v, want not_yet", err)
		}
		synctest.Wait()
		q.Store(int32(pki.ClockGPS))
		time.Sleep(2 * clockPeriod)
		if s := must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "ridge"})); s.Clock != "gps" || s.Domain != "ridge" {
			t.Fatalf("clock %q, domain %q; want gps, ridge", s.Clock, s.Domain)
		}
	})
}

func TestSlowReaderOfEventsIsDropped(t *testing.T) {
	var h hub
	ch, err := h.subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range eventBacklog + 1 {
		h.send(admin.Event{Type: "log"})
	}
	n := 0
	for range ch {
		n++
	}
	if n != eventBacklog {
		t.Fatalf("got %d events before the end, want %d", n, eventBacklog)
	}
}

func TestPoWebOpenToTheNetworkIsRefused(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:13276"} {
		if l, err := listenLoopback(addr); err == nil {
			l.Close()
			t.Errorf("PoWeb listens on %s", addr)
		}
	}
}

func TestWhatIsToBeKnownOfAWorkingTransportIsInStatus(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := start(t, Config{StateDir: dir, Name: "ada", Region: "NZ915"}, nil)
		defer a.stop()
		synctest.Wait() // it starts with no transports
		(&host{n: a.n, name: "lora0"}).Health(port.Health{OK: true, Note: "cannot be asked", NoteFix: "wire it"})
		want := admin.Problem{Level: "warn", What: "lora0: cannot be asked", Fix: "wire it"}
		if s := must[admin.Status](t)(a.Status(t.Context())); !slices.Contains(s.Problems, want) {
			t.Errorf("got %+v, want %+v among them", s.Problems, want)
		}
	})
}
