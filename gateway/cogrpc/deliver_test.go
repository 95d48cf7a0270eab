package cogrpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func wantRefusal(t *testing.T, err error, want Refusal) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Refusal != want {
		t.Errorf("got error %v, want refusal %d", err, want)
	}
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func TestDeliveryIsAcknowledgedOneByOne(t *testing.T) {
	for _, role := range []Role{Courier, InternetGateway} {
		b := newBackend()
		var acked record
		big := strings.Repeat("x", MaxCargo)
		err := client(t, serve(t, b, Options{Role: role})).Deliver(t.Context(), cargos("one", big, "", "three"), acked.add)
		if err != nil {
			t.Fatal(err)
		}
		acked.want(t, "acked", "one", big, "", "three")
		b.wantTaken(t, "one", big, "", "three")
	}
}

func TestNothingToDeliver(t *testing.T) {
	if err := client(t, serve(t, newBackend(), Options{Role: Courier})).Deliver(t.Context(), cargos(), nil); err != nil {
		t.Error(err)
	}
}

func TestCourierEndsTheCallAtWhatItRefuses(t *testing.T) {
	for _, refusal := range []Refusal{Full, Invalid} {
		b := newBackend()
		b.refuse["two"] = &Error{refusal, "no"}
		var acked record
		err := client(t, serve(t, b, Options{Role: Courier})).Deliver(t.Context(), cargos("one", "two", "three"), acked.add)
		wantRefusal(t, err, refusal)
		acked.want(t, "acked", "one")
		b.wantTaken(t, "one")
	}
}

func TestInternetGatewayAcknowledgesWhatItRefuses(t *testing.T) {
	b := newBackend()
	b.refuse["two"] = &Error{Invalid, "no"}
	var acked record
	c := client(t, serve(t, b, Options{Role: InternetGateway}))
	if err := c.Deliver(t.Context(), cargos("one", "two", "three"), acked.add); err != nil {
		t.Error(err)
	}
	acked.want(t, "acked", "one", "two", "three")
	b.wantTaken(t, "one", "three")
	b.refuse["four"] = &Error{Full, "no"}
	wantRefusal(t, c.Deliver(t.Context(), cargos("four"), acked.add), Full)
}

func TestFailureOfTheStoreIsNoAcknowledgement(t *testing.T) {
	b := newBackend()
	b.refuse["two"] = errors.New("/var/lib/secret is broken")
	var acked record
	err := client(t, serve(t, b, Options{Role: InternetGateway})).Deliver(t.Context(), cargos("one", "two"), acked.add)
	wantCode(t, err, codes.Internal)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("got %q, want no path in it", err)
	}
	acked.want(t, "acked", "one")
}

// The JavaScript client waits for acknowledgements and cancels instead of half-closing.
func TestCancellationAfterAcknowledgements(t *testing.T) {
	b := newBackend()
	c := client(t, serve(t, b, Options{Role: Courier}))
	ctx, cancel := context.WithCancel(t.Context())
	s := raw(t, c, ctx, &deliverStream)
	for i := range 3 {
		if err := s.SendMsg(&message{fmt.Sprint("id ", i), []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		var m message
		if err := s.RecvMsg(&m); err != nil || m.id != fmt.Sprint("id ", i) {
			t.Fatalf("acknowledgement: got %q, %v, want %q", m.id, err, fmt.Sprint("id ", i))
		}
	}
	cancel()
	b.wantTaken(t, "\x00", "\x01", "\x02")
	if err := c.Deliver(t.Context(), cargos("more"), (&record{}).add); err != nil {
		t.Errorf("after a cancelled call: %v", err)
	}
}

func TestHostileIDsAreGivenBack(t *testing.T) {
	c := client(t, serve(t, newBackend(), Options{Role: Courier}))
	s := raw(t, c, t.Context(), &deliverStream)
	for _, id := range []string{"", "../../etc/passwd", "same", "same", "\x00\n\u202e", strings.Repeat("i", maxID)} {
		var m message
		if err := errors.Join(s.SendMsg(&message{id, []byte("cargo")}), s.RecvMsg(&m)); err != nil || m.id != id {
			t.Errorf("id %.20q: got %.20q, %v, want the same back", id, m.id, err)
		}
	}
	s.SendMsg(&message{id: strings.Repeat("i", maxID+1)})
	if err := s.RecvMsg(&message{}); err == nil {
		t.Error("a long id: got an acknowledgement, want the end")
	}
}

func TestTooMuchCargoEndsTheCall(t *testing.T) {
	b := newBackend()
	c := client(t, serve(t, b, Options{Role: Courier}))
	wantRefusal(t, c.Deliver(t.Context(), cargos(strings.Repeat("x", maxMessage)), (&record{}).add), Full)
	b.wantTaken(t)
}

// acksOf is a server that answers each cargo with what the test says.
func acksOf(t *testing.T, answer func(id string) []string) *Client {
	return client(t, stranger(t, func(s grpc.ServerStream) error {
		for {
			var m message
			if err := s.RecvMsg(&m); err != nil {
				return nil
			}
			for _, id := range answer(m.id) {
				if err := s.SendMsg(&message{id: id}); err != nil {
					return err
				}
			}
		}
	}, nil))
}

func TestDuplicatedAndUnknownAcknowledgements(t *testing.T) {
	c := acksOf(t, func(id string) []string { return []string{"unknown", id, id, ""} })
	var acked record
	if err := c.Deliver(t.Context(), cargos("one", "two"), acked.add); err != nil {
		t.Error(err)
	}
	acked.want(t, "acked", "one", "two")
}

func TestLateAcknowledgementsOutOfOrder(t *testing.T) {
	var ids []string
	c := acksOf(t, func(id string) []string {
		if ids = append(ids, id); len(ids) < 3 {
			return nil
		}
		return []string{ids[2], ids[0], ids[1]}
	})
	var acked record
	if err := c.Deliver(t.Context(), cargos("one", "two", "three"), acked.add); err != nil {
		t.Error(err)
	}
	acked.want(t, "acked", "three", "one", "two")
}

func TestDroppedAcknowledgementStallsAndIsTold(t *testing.T) {
	n := 0
	c := acksOf(t, func(id string) []string {
		if n++; n == 2 {
			return nil
		}
		return []string{id}
	})
	c.patience = shortly
	var acked record
	if err := c.Deliver(t.Context(), cargos("one", "two", "three"), acked.add); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v, want ErrStalled", err)
	}
	if slices.Contains(acked, "two") {
		t.Errorf("acked: got %q, want two not among them", acked)
	}
}

func TestServerThatEndsWithoutAcknowledging(t *testing.T) {
	c := client(t, stranger(t, func(s grpc.ServerStream) error {
		s.RecvMsg(new(message))
		return nil
	}, nil))
	if err := c.Deliver(t.Context(), cargos("one", "two"), (&record{}).add); err == nil {
		t.Error("got no error, want that two are not acknowledged")
	}
}

// A server that neither ends nor answers the half-close does not hold up a delivery that is complete.
func TestServerThatDoesNotEnd(t *testing.T) {
	c := client(t, stranger(t, func(s grpc.ServerStream) error {
		var m message
		s.RecvMsg(&m)
		s.SendMsg(&message{id: m.id})
		<-s.Context().Done()
		return nil
	}, nil))
	c.farewell = shortly
	if err := c.Deliver(t.Context(), cargos("one"), (&record{}).add); err != nil {
		t.Error(err)
	}
}

func TestGarbageInsteadOfAcknowledgements(t *testing.T) {
	c := client(t, stranger(t, func(s grpc.ServerStream) error {
		s.RecvMsg(new(message))
		return s.SendMsg(&message{id: strings.Repeat("\xff", 8)})
	}, nil))
	if err := c.Deliver(t.Context(), cargos("one"), (&record{}).add); err == nil {
		t.Error("got no error, want one")
	}
}

func TestDeliveryEndsWhenItsOwnerFails(t *testing.T) {
	c, broken := client(t, serve(t, newBackend(), Options{Role: Courier})), errors.New("disk")
	err := c.Deliver(t.Context(), func(yield func(Cargo, error) bool) { yield(Cargo{}, broken) }, nil)
	if !errors.Is(err, broken) {
		t.Errorf("no more cargo: got %v, want %v", err, broken)
	}
	if err := c.Deliver(t.Context(), cargos("one"), func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("acknowledgement: got %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = c.Deliver(ctx, func(yield func(Cargo, error) bool) {
		cancel()
		for yield(Cargo{}, nil) { // until the call notices
		}
	}, (&record{}).add)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

// A client that opens a call and says nothing gives its place back.
func TestSilentDelivererIsDropped(t *testing.T) {
	b := newBackend()
	c := client(t, serve(t, b, Options{Role: Courier, Calls: 1, Patience: shortly}))
	for range 2 {
		wantCode(t, raw(t, c, t.Context(), &deliverStream).RecvMsg(new(message)), codes.DeadlineExceeded)
	}
	b.wantTaken(t)
}
