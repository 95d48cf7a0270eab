package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/store"
	"packhorse/store/queue"
)

// What bulk has filled takes an emergency all the same, and a message too; who sent the bulk sees why it waits.
func TestAnEmergencyIsTakenWhereBulkHasFilledItsShare(t *testing.T) {
	b, x, y := pairedBench(t)
	y.limits = Limits{Parcels: 40} // half of them, 20, from one neighbour, and of these 15 bulk
	y.boot()
	alice, bob := x.app("alice"), y.app("bob")
	b.run(time.Minute, func() bool { return false })
	for i := range 17 {
		if _, err := alice.deliver(alice.parcel(bob, fmt.Sprint("bulk ", i), noise(largeBody+i))); err != nil {
			t.Fatal(err)
		}
	}
	b.run(10*time.Minute, func() bool { return false })
	if got := bob.waits(); got != 15 {
		t.Fatalf("got %d bulk parcels taken, want 15", got)
	}
	waits := 0
	for _, p := range x.core.Parcels(b.now, false) {
		if p.State == Saved && p.Why == whyQuota {
			waits++
		}
	}
	if waits != 2 {
		t.Errorf("got %d parcels that wait for room at the neighbour, want 2", waits)
	}
	told := 0
	for _, e := range x.events {
		if n, ok := e.(Notice); ok && n.Text == "ben: custody refused: full; what it has no room for is offered again later" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("got %d lines in the log of the first refusal, want 1", told)
	}
	for i, p := range []link.Priority{link.Emergency, link.Message} {
		x.mustCall(func(t Token) Event {
			return Send{Token: t, To: "ben", Type: "text/plain", Priority: p, Content: text(10)}
		})
		b.must(time.Minute, fmt.Sprint("a letter of priority ", p), func() bool { return len(y.core.Letters()) == i+1 })
	}
}

func TestAFullQuotaIsNamed(t *testing.T) {
	_, s, alice, bob := single(t)
	s.limits = Limits{SenderBytes: 1000}
	s.boot()
	_, err := alice.deliver(alice.parcel(bob, "p1", text(10)))
	refusedWith(t, err, "quota", "of 1000 octets for one sender ("+string(alice.id)+"), 0 are used")
	for _, c := range []struct {
		full queue.Full
		want string
		fix  string
	}{
		{queue.Full{Limit: 5, Used: 4}, "of 5 octets for all, 4 are used", "queue"},
		{queue.Full{Scope: queue.ScopeOwn, Items: true, Priority: queue.Bulk, Limit: 5, Used: 5}, "of 5 parcels for our own apps for bulk, 5 are used", "wait until some expire, or raise store.max_parcels: packhorse queue; what is more urgent still goes"},
		{queue.Full{Scope: queue.ScopePeer, Name: string(s.core.self[:])}, "of 0 octets for one neighbour (" + s.core.peerName(s.core.self) + ")", "queue"},
	} {
		err := s.core.quotaError(&c.full)
		var e *Error
		if refusedWith(t, err, "quota", c.want); !errors.As(err, &e) || !strings.Contains(e.Fix, c.fix) {
			t.Errorf("got fix %q, want one with %q", e.Fix, c.fix)
		}
	}
}

func TestManyParcelsExpireInBatches(t *testing.T) {
	s, _ := loaded(t, 600, 20)
	largest, refused := 0, 0
	s.fail = func(p Persist) error {
		n := 0
		for _, op := range p.Ops {
			if op.Kind == KindParcel {
				n++
			}
		}
		if largest = max(largest, n); n > 0 && refused < 1 {
			refused++
			return fmt.Errorf("disk: %w", store.ErrFull)
		}
		return nil
	}
	s.b.now = s.b.now.Add(11 * day)
	s.b.must(2*time.Minute, "the end of all", func() bool { return s.core.queue.Len() == 0 })
	if largest != 256 || refused != 1 {
		t.Errorf("got %d in the largest batch and %d refused, want 256 and 1", largest, refused)
	}
	if n := len(s.disk[KindParcel]) + len(s.core.queue.byID) + len(s.core.queue.byDigest) + len(s.core.queue.bySum); n != 0 {
		t.Errorf("got %d left, want none", n)
	}
}

// More is turned away than is noted: the neighbour must not be offered the rest again and again.
func TestANeighbourThatTurnsAllAwayIsLeftAlone(t *testing.T) {
	s, _ := loaded(t, 10, 20)
	c := s.core
	gw := c.neighbours()[0].id
	if _, ok := c.usable(gw, avoidNobody, link.PeerID{}); !ok {
		t.Fatal("the neighbour is not usable to begin with")
	}
	for i := range maxHolds {
		c.peers[gw].holdBack(link.Digest{byte(i), byte(i >> 8), 1}, s.b.now.Add(time.Minute))
	}
	if _, ok := c.usable(gw, avoidNobody, link.PeerID{}); ok {
		t.Error("with all that is noted turned away the neighbour is still asked")
	}
	s.b.now = s.b.now.Add(time.Minute)
	c.HandleTimeout(s.b.now)
	if _, ok := c.usable(gw, avoidNobody, link.PeerID{}); !ok {
		t.Error("a minute later the neighbour is not asked again")
	}
}

// By then the neighbour would be left alone for half an hour.
func TestANeighbourThatStartsAgainIsAskedForRoomAgain(t *testing.T) {
	b, x, y := pairedBench(t)
	y.limits = Limits{Parcels: 4}
	y.boot()
	for i := range 4 {
		x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(10 + i)} })
	}
	b.run(40*time.Minute, func() bool { return false })
	if n := len(y.core.Letters()); n != 2 {
		t.Fatalf("got %d letters, want the 2 that there is room for", n)
	}
	y.limits = Limits{}
	y.boot()
	b.must(5*time.Minute, "the rest", func() bool { return len(y.core.Letters()) == 4 })
}
