package cogrpc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func TestCollectionFromACourier(t *testing.T) {
	big := strings.Repeat("x", MaxCargo)
	b := newBackend("one", big, "three")
	var got record
	n, err := client(t, serve(t, b, Options{Role: Courier})).Collect(t.Context(), []byte("cca"), got.octets)
	if n != 3 || err != nil {
		t.Errorf("got %d, %v, want 3", n, err)
	}
	got.want(t, "stored", "one", big, "three")
	b.wantAcked(t, "one", big, "three")
	if b.ccas[0] != "cca" {
		t.Errorf("CCA: got %q", b.ccas)
	}
}

func TestCollectionFromAnInternetGateway(t *testing.T) {
	b := newBackend("one", "two")
	var got record
	n, err := client(t, serve(t, b, Options{Role: InternetGateway})).Collect(t.Context(), []byte("cca"), got.octets)
	if n != 2 || err != nil {
		t.Errorf("got %d, %v, want 2", n, err)
	}
	got.want(t, "stored", "one", "two")
	b.wantAcked(t)
}

func TestMoreThanAWindowIsCollected(t *testing.T) {
	var many []string
	for i := range 3 * window {
		many = append(many, fmt.Sprint("cargo ", i))
	}
	b := newBackend(many...)
	var got record
	if _, err := client(t, serve(t, b, Options{Role: Courier})).Collect(t.Context(), []byte("cca"), got.octets); err != nil {
		t.Error(err)
	}
	got.want(t, "stored", many...)
	b.wantAcked(t, many...)
}

func TestRefusedCCA(t *testing.T) {
	for _, tc := range []struct {
		refusal Refusal
		code    codes.Code
	}{{Invalid, codes.Unauthenticated}, {Foreign, codes.InvalidArgument}, {Spent, codes.PermissionDenied}} {
		b := newBackend("one")
		b.collect = &Error{tc.refusal, "no"}
		_, err := client(t, serve(t, b, Options{Role: InternetGateway})).Collect(t.Context(), []byte("cca"), nil)
		wantRefusal(t, err, tc.refusal)
		n, err := client(t, serve(t, b, Options{Role: Courier})).Collect(t.Context(), []byte("cca"), nil)
		if n != 0 || err != nil {
			t.Errorf("courier, refusal %d: got %d, %v, want an empty end", tc.refusal, n, err)
		}
	}
	b := newBackend("one")
	b.collect = &Error{Full, "no room for your CCA"}
	_, err := client(t, serve(t, b, Options{Role: Courier})).Collect(t.Context(), []byte("cca"), nil)
	wantCode(t, err, codes.ResourceExhausted)
}

func TestAuthorization(t *testing.T) {
	good := base64.StdEncoding.EncodeToString([]byte("cca"))
	for _, tc := range []struct {
		name   string
		values []string
		ok     bool
	}{
		{"as shipped", []string{"Relaynet-CCA " + good}, true},
		{"as specified", []string{"Awala-CCA " + good}, true},
		{"none", nil, false},
		{"two", []string{"Relaynet-CCA " + good, "Relaynet-CCA " + good}, false},
		{"other scheme", []string{"Bearer " + good}, false},
		{"no scheme", []string{good}, false},
		{"not base64", []string{"Relaynet-CCA !!!"}, false},
		{"empty", []string{"Relaynet-CCA "}, false},
	} {
		for _, role := range []Role{Courier, InternetGateway} {
			b := newBackend("one")
			c := client(t, serve(t, b, Options{Role: role}))
			ctx := t.Context()
			for _, v := range tc.values {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", v)
			}
			s := raw(t, c, ctx, &collectStream)
			var m message
			err := s.RecvMsg(&m)
			switch {
			case tc.ok && (err != nil || string(m.cargo) != "one"):
				t.Errorf("%s: got %q, %v, want cargo", tc.name, m.cargo, err)
			case !tc.ok && role == Courier && err.Error() != "EOF":
				t.Errorf("%s: got %v, want an empty end", tc.name, err)
			case !tc.ok && role == InternetGateway:
				wantCode(t, err, codes.Unauthenticated)
			}
		}
	}
}

func TestHeadersAreBounded(t *testing.T) {
	b := newBackend()
	c := client(t, serve(t, b, Options{Role: Courier}))
	if _, err := c.Collect(t.Context(), make([]byte, 4000), nil); err != nil {
		t.Errorf("a CCA of 4,000 octets: %v", err)
	}
	if _, err := c.Collect(t.Context(), make([]byte, 4600), nil); err == nil {
		t.Error("a CCA of 4,600 octets: got no error, want the cap on headers")
	}
	if len(b.ccas) != 1 {
		t.Errorf("collections: got %d, want 1", len(b.ccas))
	}
}

// authorized opens a collection that the test plays the client of.
func authorized(t *testing.T, b *fakeBackend, o Options) (grpc.ClientStream, context.CancelFunc) {
	o.Role = Courier
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return raw(t, client(t, serve(t, b, o)), metadata.AppendToOutgoingContext(ctx, "authorization", "Relaynet-CCA Y2Nh"), &collectStream), cancel
}

func receive(t *testing.T, s grpc.ClientStream) message {
	t.Helper()
	var m message
	if err := s.RecvMsg(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCollectorThatDropsOneAcknowledgement(t *testing.T) {
	b := newBackend("one", "two")
	s, _ := authorized(t, b, Options{})
	receive(t, s)
	s.SendMsg(&message{id: receive(t, s).id})
	s.CloseSend()
	if err := s.RecvMsg(new(message)); err.Error() != "EOF" {
		t.Errorf("got %v, want the end", err)
	}
	b.wantAcked(t, "two")
}

func TestCollectorThatNeverAcknowledges(t *testing.T) {
	b := newBackend("one")
	s, _ := authorized(t, b, Options{Patience: shortly})
	var err error
	for err == nil {
		err = s.RecvMsg(new(message))
	}
	wantCode(t, err, codes.DeadlineExceeded)
	b.wantAcked(t)
}

func TestCollectorThatRepeatsAndInvents(t *testing.T) {
	b := newBackend("one", "two")
	s, _ := authorized(t, b, Options{})
	first, second := receive(t, s), receive(t, s)
	for _, id := range []string{"", "one", "../one", first.id, first.id, strings.Repeat("i", maxID), second.id} {
		s.SendMsg(&message{id: id})
	}
	if err := s.RecvMsg(new(message)); err.Error() != "EOF" {
		t.Errorf("got %v, want the end", err)
	}
	b.wantAcked(t, "one", "two")
}

func TestCollectorThatSendsGarbage(t *testing.T) {
	b := newBackend("one")
	s, _ := authorized(t, b, Options{})
	receive(t, s)
	s.SendMsg(&message{id: "\xff"})
	if err := s.RecvMsg(new(message)); err == nil {
		t.Error("got more, want the end")
	}
	b.wantAcked(t)
}

// What was acknowledged before a client hangs up is gone, the rest comes again.
func TestCollectorThatHangsUp(t *testing.T) {
	b := newBackend("one", "two")
	s, cancel := authorized(t, b, Options{})
	s.SendMsg(&message{id: receive(t, s).id})
	<-b.changed
	cancel()
	var again record
	if _, err := client(t, serve(t, b, Options{Role: Courier})).Collect(t.Context(), []byte("cca"), again.octets); err != nil {
		t.Error(err)
	}
	again.want(t, "collected again", "two")
}

func TestCollectionEndsWhenItsOwnerFails(t *testing.T) {
	b, broken := newBackend("one", "two"), errors.New("disk")
	c := client(t, serve(t, b, Options{Role: Courier}))
	n, err := c.Collect(t.Context(), []byte("cca"), func([]byte) error { return broken })
	if n != 0 || !errors.Is(err, broken) {
		t.Errorf("got %d, %v, want %v", n, err, broken)
	}
	b.wantAcked(t)
}

// collectFrom is a client of a server that plays what the test says.
func collectFrom(t *testing.T, play func(grpc.ServerStream) error) *Client {
	return client(t, stranger(t, nil, play))
}

func TestServersThatMisbehaveInACollection(t *testing.T) {
	cargo := func(id string) *message { return &message{id, []byte("one")} }
	for _, tc := range []struct {
		name string
		play func(grpc.ServerStream) error
		want int
		ok   bool
	}{
		{"ends without hearing the acknowledgement", func(s grpc.ServerStream) error { return s.SendMsg(cargo("id")) }, 1, true},
		{"sends twice under one id", func(s grpc.ServerStream) error { return errors.Join(s.SendMsg(cargo("id")), s.SendMsg(cargo("id"))) }, 2, true},
		{"sends no id", func(s grpc.ServerStream) error { return s.SendMsg(cargo("")) }, 1, true},
		{"breaks off", func(s grpc.ServerStream) error { return errors.Join(s.SendMsg(cargo("id")), errBusy) }, 1, false},
		{"sends garbage", func(s grpc.ServerStream) error { return s.SendMsg(&message{id: "\xff"}) }, 0, false},
	} {
		c := collectFrom(t, tc.play)
		n, err := c.Collect(t.Context(), []byte("cca"), func([]byte) error { return nil })
		if n != tc.want || (err == nil) != tc.ok {
			t.Errorf("%s: got %d, %v, want %d, ok %v", tc.name, n, err, tc.want, tc.ok)
		}
	}
}

func TestSilentServerOfACollection(t *testing.T) {
	c := collectFrom(t, func(s grpc.ServerStream) error { <-s.Context().Done(); return nil })
	c.patience = shortly
	if n, err := c.Collect(t.Context(), []byte("cca"), nil); n != 0 || !errors.Is(err, ErrStalled) {
		t.Errorf("got %d, %v, want ErrStalled", n, err)
	}
}
