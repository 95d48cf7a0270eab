package gateway

import (
	"errors"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

// The parcel comes while the registration is being written, and is on disk after it.
func TestAParcelThatComesWithARegistrationIsCollected(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", text(10))
	delete(s.core.local, bob.id)
	s.lag = time.Second
	deliver := s.ask(func(tok Token) Event { return Deliver{tok, raw} })
	b.settle()
	s.core.local[bob.id] = localEndpoint{}
	s.core.adopt(b.now, bob.id)
	b.must(time.Minute, "the parcel on disk", func() bool { _, ok := s.answers[deliver]; return ok })
	b.must(2*holdBroken, "the parcel for its app", func() bool { return bob.waits() == 1 })
}

// The endpoint is given up and the parcel let go of in two batches: the power goes in between.
func TestAParcelOfAnEndpointThatWasGivenUpTravelsOnAfterACrash(t *testing.T) {
	b, s, alice, bob := single(t)
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Fatal(err)
	}
	delete(s.disk[KindEndpoint], string(bob.id))
	s.boot()
	s.core.HandleTimeout(b.now)
	b.must(time.Minute, "the parcel on its way again", func() bool {
		all := s.core.queue.all()
		return len(all) == 1 && !all[0].Local && !all[0].busy
	})
}

// An app connects while another one's acknowledgement is being written, and that fails.
func TestAParcelWhoseAcknowledgementFailedIsHandedOutAgain(t *testing.T) {
	b, s, alice, bob := single(t)
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Fatal(err)
	}
	s.core.HandleEvent(b.now, Collect{1, []pki.NodeID{bob.id}})
	got := s.mustCall(func(tok Token) Event { return Next{Token: tok, Sub: 1} }).(*Collected)
	s.fail = func(Persist) error { return errors.New("input/output error") }
	s.lag = time.Second
	ack := s.ask(func(tok Token) Event { return Ack{tok, 1, got.Key} })
	s.core.HandleEvent(b.now, Collect{2, []pki.NodeID{bob.id}})
	next := s.ask(func(tok Token) Event { return Next{Token: tok, Sub: 2, Wait: true} })
	b.must(time.Minute, "the acknowledgement to fail", func() bool { return s.answers[ack].Err != nil })
	s.fail = nil
	b.must(2*holdBroken, "the parcel for the second app", func() bool { a, ok := s.answers[next]; return ok && a.Value.(*Collected) != nil })
}

// Another change is on its way when the letter was read from the disk.
func TestALetterThatIsChangedWhileItIsOpenedIsOpenedLater(t *testing.T) {
	b, _, y := fullInbox(t)
	waits := y.core.waitingFor(b.now, y.core.box.id())[0]
	y.core.cfg.Limits.Letters, waits.busy = 3, true
	y.core.openWaiting(b.now)
	b.settle()
	waits.busy = false
	b.must(2*holdBroken, "the letter", func() bool { return len(y.core.Letters()) == 3 })
}
