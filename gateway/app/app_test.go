package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

// bubble runs a test in virtual time with a pair.
func bubble(t *testing.T, test func(t *testing.T, p *pair)) {
	for _, name := range []string{"gateway", "alice", "bob"} {
		pkitest.Key(t, name)
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Terms{})
		defer p.close()
		test(t, p)
	})
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func expectReason(t *testing.T, what string, err error, want Reason) {
	t.Helper()
	var e *Error
	if ReasonOf(err) != want || !errors.As(err, &e) || e.Fix == "" || e.Message == "" {
		t.Errorf("%s: got %q, %v; want %q with a fix", what, ReasonOf(err), err, want)
	}
}

func TestLettersAndAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		c, err := p.bob.Authorise(p.alice.Card(), Terms{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.alice.AddContact("bob", c); err != nil {
			t.Fatal(err)
		}
		for range 3 { // each answer is sealed to a key that came with the letter before
			send(t, p.bob, text("ping"))
			err := p.alice.Fetch(t.Context(), func(ctx context.Context, l Letter) error {
				if l.From != "bob" || l.Sender != p.bob.ID() || l.Type != "text/plain" {
					t.Errorf("got %+v", l)
				}
				_, err := p.alice.Send(ctx, "bob", text("pong"))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "answers", texts(fetch(t, p.bob)), "pong")
		}
		expect(t, "what is left", texts(fetch(t, p.alice)))
		if _, err := p.bob.Send(t.Context(), "nobody", text("x")); true {
			expectReason(t, "to nobody", err, NotContact)
		}
		_, err = p.bob.Send(t.Context(), "alice", Message{Content: []byte("x")})
		expectReason(t, "without a type", err, Usage)
	})
}

// Power may go at any moment: what is on disk after each durable step is opened again, and goes on.
func TestCrashPointsOfASender(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		var copies []string
		p.bob.committed = func() { copies = append(copies, copyOf(t, p.bobDir)) }
		send(t, p.bob, Message{ID: "reading 1", Type: "text/plain", Content: []byte("once")})
		p.bob.committed = nil
		if len(copies) != 2 {
			t.Fatalf("a letter took %d durable steps, want 2: before it leaves, and after", len(copies))
		}
		for i, dir := range copies {
			e := openAs(t, dir, "bob", Options{Dial: p.g.dial})
			if n := len(e.Waiting()); n != 1-i {
				t.Errorf("step %d: %d letters wait, want %d", i, n, 1-i)
			}
			send(t, e, Message{ID: "reading 1", Type: "text/plain", Content: []byte("once")})
			e.Close()
		}
		if p.g.posts != 2 {
			t.Errorf("the gateway got it %d times, want 2: only what did not know that it left sends again", p.g.posts)
		}
		expect(t, "handed out", texts(fetch(t, p.alice)), "once")
	})
}

func TestCrashPointsOfAReceiver(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		send(t, p.bob, text("once"))
		var copies []string
		p.alice.committed = func() { copies = append(copies, copyOf(t, p.aliceDir)) }
		expect(t, "handed out", texts(fetch(t, p.alice)), "once")
		p.alice.committed = nil
		if len(copies) != 2 {
			t.Fatalf("a letter took %d durable steps, want 2: before it is handed out, and after", len(copies))
		}
		for i, want := range [][]string{{"once+"}, nil} {
			p.g.again()
			e := openAs(t, copies[i], "alice", Options{Dial: p.g.dial})
			expect(t, "after a crash", texts(fetch(t, e)), want...)
			expect(t, "and then", texts(fetch(t, e)))
			e.Close()
		}
	})
}

func TestDuplicatesAreHandedOutOnce(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		send(t, p.bob, text("once"))
		p.g.set(func() { p.g.put(p.alice.ID(), p.g.queue[0].parcel); p.g.put(p.alice.ID(), []byte("garbage")) })
		expect(t, "handed out", texts(fetch(t, p.alice)), "once")
		p.g.again()
		expect(t, "again", texts(fetch(t, p.alice)))
		for i, x := range p.g.queue {
			if x.acks != 2 {
				t.Errorf("item %d: acknowledged %d times, want 2", i, x.acks)
			}
		}
		time.Sleep(usualTTL + time.Hour)
		p.g.again()
		expect(t, "long after it expired", texts(fetch(t, p.alice)))
		if len(p.alice.seen) != 0 {
			t.Errorf("%d letters are remembered after they expired", len(p.alice.seen))
		}
	})
}

func TestAHandlerThatFailsGetsItAgain(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		send(t, p.bob, text("one"))
		send(t, p.bob, text("two"))
		broken := errors.New("broken")
		if err := p.alice.Fetch(t.Context(), func(context.Context, Letter) error { return broken }); !errors.Is(err, broken) {
			t.Fatalf("got %v, want the handler's error", err)
		}
		expect(t, "then", texts(fetch(t, p.alice)), "one+", "two")
	})
}

func TestReceiveOutlivesTheGateway(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		ctx, stop := context.WithCancel(t.Context())
		in := make(chan string)
		done := make(chan error)
		go func() {
			done <- p.alice.Receive(ctx, func(_ context.Context, l Letter) error { in <- string(l.Content); return nil })
		}()
		send(t, p.bob, text("before"))
		if got := <-in; got != "before" {
			t.Errorf("got %q", got)
		}
		p.g.off()
		s, err := p.bob.Send(t.Context(), "alice", text("meanwhile"))
		if err != nil || s.Posted {
			t.Fatalf("got %+v, %v; want that it waits", s, err)
		}
		expectReason(t, "why it waits", s.Why, Unreachable)
		time.Sleep(time.Hour)
		p.g.on(false)
		if err := p.bob.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-in; got != "meanwhile" {
			t.Errorf("got %q", got)
		}
		expectReason(t, "two at once", p.alice.Fetch(t.Context(), nil), Busy)
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if !strings.Contains(p.aliceSays.text(), "no gateway answers at "+DefaultGateway) {
			t.Errorf("nothing was reported: %s", p.aliceSays.text())
		}
	})
}

// Whoever receives also sends what waited, without being asked.
func TestReceiveSendsWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		p.g.set(func() {
			p.g.err = &poweb.StatusError{Status: http.StatusServiceUnavailable, Message: "the disk is full"}
		})
		s, err := p.bob.Send(t.Context(), "alice", text("late"))
		if err != nil || s.Posted {
			t.Fatalf("got %+v, %v; want that it waits", s, err)
		}
		expectReason(t, "why", s.Why, NotYet)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.bob.Receive(ctx, func(context.Context, Letter) error { return nil }) }()
		p.g.set(func() { p.g.err = nil })
		time.Sleep(tendEvery / 2)
		stop()
		<-done
		expect(t, "waits", p.bob.Waiting())
		expect(t, "arrived", texts(fetch(t, p.alice)), "late")
	})
}

func TestRefusedLettersLeaveTheLine(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		p.g.set(func() {
			p.g.err = &poweb.StatusError{Status: http.StatusUnprocessableEntity, Message: "above the rate limit"}
		})
		_, err := p.bob.Send(t.Context(), "alice", Message{ID: "r1", Type: "text/plain"})
		expectReason(t, "refused", err, Refused)
		p.g.set(func() { p.g.err = nil })
		_, err = p.bob.Send(t.Context(), "alice", Message{ID: "r1", Type: "text/plain"})
		expectReason(t, "the same again", err, Refused)
		e := openAs(t, copyOf(t, p.bobDir), "bob", Options{Dial: p.g.dial})
		_, again := e.Send(t.Context(), "alice", Message{ID: "r1", Type: "text/plain"})
		expectReason(t, "and when it was opened again", again, Refused)
		if !strings.HasPrefix(again.Error(), "app: the gateway refuses it: above the rate limit: ") || e.Close() != nil {
			t.Errorf("got %v", again)
		}
		send(t, p.bob, text("next"))
		expect(t, "waits", p.bob.Waiting())
		expect(t, "arrived", texts(fetch(t, p.alice)), "next")
		if !strings.Contains(p.bobSays.text(), "above the rate limit") {
			t.Errorf("nothing says why: %s", p.bobSays.text())
		}
	})
}

func TestRegistrationsAreRenewed(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		before, _ := p.alice.Registration()
		time.Sleep(150 * 24 * time.Hour)
		fetch(t, p.alice)
		after, _ := p.alice.Registration()
		if !after.Until.After(before.Until) || after.Gateway != before.Gateway {
			t.Errorf("before its end: got %+v after %+v", after, before)
		}
		time.Sleep(400 * 24 * time.Hour)
		fetch(t, p.alice)
		late, _ := p.alice.Registration()
		if !late.Until.After(time.Now()) {
			t.Errorf("after its end: got %+v", late)
		}
		_, err := p.bob.Send(t.Context(), "alice", text("x"))
		expectReason(t, "by an authorisation that ended", err, NotContact)
		p.introduce(t, Terms{})
		p.g.set(func() { p.g.anchors = []*pki.Certificate{pkitest.Issue(t, "bob", nil, "", true, 2)} })
		send(t, p.bob, text("the gateway forgot us"))
		expect(t, "arrived", texts(fetch(t, p.alice)), "the gateway forgot us")
	})
}

func TestAnotherGatewayGetsNothing(t *testing.T) {
	pkitest.Key(t, "other gateway")
	bubble(t, func(t *testing.T, p *pair) {
		p.g.off()
		g := newGateway(t, "other gateway")
		g.on(false)
		p.g.set(func() { p.g.conns = g.conns })
		s, err := p.bob.Send(t.Context(), "alice", text("secret"))
		if err != nil || s.Posted {
			t.Fatalf("got %+v, %v; want that it waits", s, err)
		}
		expectReason(t, "why", s.Why, Unregistered)
		if !strings.Contains(s.Why.Error(), "another gateway") || g.posts != 0 {
			t.Errorf("got %v, %d posts", s.Why, g.posts)
		}
		r, err := p.bob.Register(t.Context(), "")
		if err != nil || r.Gateway != g.cert.ID {
			t.Errorf("registering with it: got %+v, %v", r, err)
		}
		p.g.off = g.off
	})
}

func TestDeauthorise(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		send(t, p.bob, text("before"))
		if n := len(p.alice.Permissions()); n != 1 {
			t.Errorf("%d permissions, want 1", n)
		}
		known, err := p.alice.Deauthorise(t.Context(), p.bob.ID())
		if err != nil || !known || len(p.g.pdds) != 1 {
			t.Fatalf("got %v, %v, %d PDDs", known, err, len(p.g.pdds))
		}
		expect(t, "what was on its way", texts(fetch(t, p.alice)))
		if len(p.alice.Permissions()) != 0 || !strings.Contains(p.aliceSays.text(), "may no longer write") {
			t.Errorf("got %v; said %s", p.alice.Permissions(), p.aliceSays.text())
		}
		_, err = p.alice.Deauthorise(t.Context(), p.bob.ID())
		expectReason(t, "twice", err, NotContact)
		p.introduce(t, Terms{})
		send(t, p.bob, text("allowed anew"))
		expect(t, "after another authorisation", texts(fetch(t, p.alice)), "allowed anew")
		p.g.off()
		p.g.on(true)
		known, err = p.alice.Deauthorise(t.Context(), p.bob.ID())
		expectReason(t, "at a gateway that knows none", err, Refused)
		if known {
			t.Error("the gateway knows of it")
		}
		send(t, p.bob, text("never"))
		expect(t, "here it is enforced", texts(fetch(t, p.alice)))
	})
}

// More authorisations than one PDD can name are all taken back.
func TestDeauthoriseMany(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		for n := range 2*atOnce + 1 {
			r := &permitRecord{V: recordVersion, Serial: strconv.FormatInt(int64(n+1), 16), ID: p.bob.ID(), Until: time.Now().Add(time.Hour)}
			p.alice.permits[r.Serial] = r
		}
		known, err := p.alice.Deauthorise(t.Context(), p.bob.ID())
		if err != nil || !known || len(p.g.pdds) != 3 || len(p.alice.Permissions()) != 0 {
			t.Errorf("got %v, %v, %d PDDs, %d permissions left", known, err, len(p.g.pdds), len(p.alice.Permissions()))
		}
	})
}

func TestLimitsAreInTheAuthorisation(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		want := pki.RateLimit{Limit: 3, Period: time.Hour}
		p.introduce(t, Terms{Limit: &want, Until: time.Now().Add(48 * time.Hour)})
		got := p.bob.Contacts()
		if len(got) != 1 || got[0].Limit == nil || *got[0].Limit != want || got[0].Until.After(time.Now().Add(49*time.Hour)) || got[0].Internet {
			t.Errorf("got %+v", got)
		}
		_, err := p.alice.Authorise(p.bob.Card(), Terms{Limit: &pki.RateLimit{}})
		expectReason(t, "no limit at all", err, Usage)
	})
}

func TestEndpointsOnTheInternet(t *testing.T) {
	bubble(t, func(t *testing.T, p *pair) {
		k, err := session.NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		spki := p.bob.Card() // any key will do
		if err := p.alice.AddContact("server", Contact(registration.EncodeConnectionParams("example.org", spki, k.Public()))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(120 * 24 * time.Hour) // the certificate that it came with ends soon
		if s, err := p.alice.Send(t.Context(), "server", text("hello")); err != nil || !s.Posted {
			t.Fatalf("got %+v, %v", s, err)
		}
		m, err := ramf.Parse(p.g.queue[0].parcel)
		if err != nil || m.InternetAddress != "example.org" || m.Sender.Issuer != p.alice.ID() {
			t.Fatalf("got %+v, %v", m, err)
		}
		plain, _, err := session.Open(m.Payload, k)
		if err != nil || !strings.Contains(string(plain), "hello") {
			t.Errorf("got %q, %v", plain, err)
		}
	})
}

func TestADirectoryIsOneEndpoints(t *testing.T) {
	dir := t.TempDir()
	e := openAs(t, dir, "alice", Options{})
	id := e.ID()
	_, err := Open(dir, Options{})
	expectReason(t, "a second one", err, Busy)
	_, err = e.Authorise(e.Card(), Terms{})
	expectReason(t, "unregistered", err, Unregistered)
	expectReason(t, "unregistered", e.Fetch(t.Context(), nil), Unregistered)
	expectReason(t, "unregistered", e.Receive(t.Context(), nil), Unregistered)
	_, err = e.Register(t.Context(), "http://example.org")
	expectReason(t, "in the clear", err, Usage)
	e.Close()
	if e = openAs(t, dir, "bob", Options{}); e.ID() != id {
		t.Error("it has another id after it was opened again")
	}
	e.Close()
	path := filepath.Join(dir, secretKey)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v; want mode 0600", fi, err)
	}
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	expectReason(t, "a damaged key", err, Disk)
}

func TestTextsAndOctets(t *testing.T) {
	e := openAs(t, t.TempDir(), "alice", Options{})
	defer e.Close()
	c := e.Card()
	for _, b := range [][]byte{c, []byte(c.String()), []byte("  " + c.String()[:40] + "\r\n" + c.String()[40:] + "\n")} {
		if got, err := ParseCard(b); err != nil || got.ID() != e.ID() {
			t.Errorf("got %v, %v", got, err)
		}
	}
	for _, s := range []string{"", "x", "packhorse-card:", "packhorse-card:!", c.String()[:50], Contact(c).String(), "\x30\x00"} {
		_, err := ParseCard([]byte(s))
		expectReason(t, s, err, Usage)
	}
	_, err := ParseContact([]byte(c.String()))
	expectReason(t, "a card", err, Usage)
	if got, err := ParseContact([]byte(Contact("anything").String())); err != nil || string(got) != "anything" {
		t.Errorf("got %q, %v", got, err)
	}
	expectReason(t, "garbage", e.AddContact("x", Contact("0anything")), Usage)
}
