package gateway

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store"
)

// trio has an owner, ada, who admitted ben and cleo. The two hear only ada.
func trio(t testing.TB) (b *bench, x, y, z *site) {
	b, x, y = pairedBench(t)
	z = b.site("cleo")
	b.join(x, z)
	b.pair(x, z)
	b.must(5*time.Minute, "contacts", func() bool { return len(x.core.Contacts()) == 2 && len(z.core.Contacts()) == 1 })
	return b, x, y, z
}

// knowing waits until a site can name another gateway of its domain.
func (b *bench) knowing(s *site, names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.must(5*time.Minute, s.name+" to hear of "+name, func() bool {
			id, _ := s.core.memberCalled(name, "")
			return id != link.PeerID{}
		})
	}
}

func (s *site) write(to string, content []byte) Parcel {
	s.b.t.Helper()
	return s.mustCall(func(t Token) Event { return Send{Token: t, To: to, Type: "text/plain", Content: content} }).(Parcel)
}

func (s *site) stateOf(id string) State {
	p, err := s.core.Parcel(s.b.now, id)
	if err != nil {
		return 0
	}
	return p.State
}

func TestMembersWriteToEachOtherWithoutHavingPaired(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	p := y.write("cleo", text(700))
	if p.State != Saved || p.Why != "contact" || p.To != "cleo" || p.Size != 700 {
		t.Fatalf("send answers %+v, want it saved, to cleo, waiting for a contact", p)
	}
	if q := y.core.Parcels(b.now, false); len(q) != 1 || q[0].ID != p.ID {
		t.Fatalf("the queue shows %+v, want the letter as %s", q, p.ID)
	}
	b.must(5*time.Minute, "the letter", func() bool { return len(z.letters) == 1 })
	l := z.mustCall(func(t Token) Event { return ReadLetter{t, z.letters[0].ID} }).(Letter)
	if !bytes.Equal(l.Content, text(700)) || l.From != "ben" {
		t.Fatalf("got %d octets from %q, want the 700 from ben", len(l.Content), l.From)
	}
	b.must(5*time.Minute, "the receipt, under the id that send told", func() bool { return y.stateOf(p.ID) == Delivered })
	for _, s := range b.sites {
		if n := len(s.disk[KindDraftBody]); n != 0 {
			t.Errorf("%s keeps %d contents of drafts, want none", s.name, n)
		}
	}
	b.must(5*time.Minute, "dispatches to be gone", func() bool { return len(x.disk[KindNote])+len(y.disk[KindNote])+len(z.disk[KindNote]) == 0 })

	// The next letter needs no question, and the answer the other way asks for itself.
	if p := y.write("cleo", text(10)); p.Why == "contact" {
		t.Errorf("the second letter waits for a contact that is there")
	}
	z.write("ben", text(20))
	b.must(5*time.Minute, "both", func() bool { return len(z.letters) == 2 && len(y.letters) == 1 })
	if got := y.letters[0].From; got != "cleo" {
		t.Errorf("the answer is from %q, want cleo", got)
	}
}

func TestALetterWaitsForAContactAcrossTimeAndRestarts(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	x.pipes[1].set(false) // cleo is away
	p := y.write("cleo", text(300))
	for range 3 {
		b.run(6*time.Hour, func() bool { return false })
		y.boot()
		x.boot()
	}
	if got := y.core.Parcels(b.now, false); len(got) != 1 || got[0].Why != whyContact || got[0].ID != p.ID {
		t.Fatalf("after restarts the queue shows %+v, want the letter %s waiting for a contact", got, p.ID)
	}
	x.pipes[1].set(true)
	b.must(2*day, "the letter", func() bool { return len(z.letters) == 1 })
	b.must(time.Hour, "the receipt", func() bool { return y.stateOf(p.ID) == Delivered })
}

func TestALetterWhoseContactNeverComesExpires(t *testing.T) {
	b, x, y, _ := trio(t)
	b.knowing(y, "cleo")
	x.pipes[1].set(false)
	p := y.mustCall(func(t Token) Event { return Send{Token: t, To: "cleo", TTL: 2 * day, Content: text(300)} }).(Parcel)
	b.run(3*day, func() bool { return false })
	if got := y.stateOf(p.ID); got != Expired {
		t.Fatalf("the letter is %v, want expired", got)
	}
	if n := len(y.disk[KindDraftBody]); n != 0 {
		t.Errorf("%d contents are kept, want none", n)
	}
	b.run(2*memory, func() bool { return false })
	if n := len(y.disk[KindDraft]) + len(y.core.drafts.byKey); n != 0 || y.core.drafts.bytes != 0 {
		t.Errorf("%d drafts and %d octets are remembered for ever, want none", n, y.core.drafts.bytes)
	}
}

func TestCrashAtAnyBatchOfAnIntroduction(t *testing.T) {
	road := func(t *testing.T, n int, applied bool) int {
		b, _, y, z := trio(t)
		b.knowing(y, "cleo")
		b.run(time.Minute, func() bool { return false })
		count := 0
		b.crash = func(s *site, p Persist, after bool) bool {
			if after != applied {
				return false
			}
			count++
			return count == n
		}
		for range 5 {
			boots := y.boots
			tok := y.ask(func(t Token) Event { return Send{Token: t, To: "cleo", Content: text(300)} })
			b.run(time.Minute, func() bool { _, ok := y.answers[tok]; return ok || y.boots > boots })
			if len(y.core.Parcels(b.now, true)) > 0 {
				break
			}
		}
		b.must(2*day, "delivery", func() bool {
			p := y.core.Parcels(b.now, true)
			return len(p) == 1 && p[0].State == Delivered
		})
		if got := len(z.core.Letters()); got != 1 {
			t.Fatalf("%d letters in the inbox, want 1", got)
		}
		if n := len(y.disk[KindDraftBody]); n != 0 {
			t.Fatalf("%d contents of drafts are left, want none", n)
		}
		return count
	}
	batches := road(t, 0, false)
	if batches < 8 {
		t.Fatalf("only %d batches: the test misses its subject", batches)
	}
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { road(t, n, applied) })
		}
	}
}

// forge makes a dispatch as any holder of the keys could.
func (s *site) forge(topic domain.Topic, to *site, seq uint64, body []byte) domain.Dispatch {
	s.b.t.Helper()
	d, err := domain.NewDispatch(domain.Dispatch{Topic: topic, To: to.core.self, Sequence: seq, Body: body}, s.id, to.core.member.Domain.ID)
	if err != nil {
		s.b.t.Fatal(err)
	}
	return d
}

// handed gives a core a whole item as its link would, and answers what the link was told.
func (s *site) handed(from *site, kind uint8, body []byte) (reason link.Reason) {
	s.b.t.Helper()
	told := false
	e := link.Received{Peer: from.core.self, Item: link.Item{Digest: digestOf(kind, body), Kind: kind, Size: len(body)}, Body: body}
	reply := func(_ time.Time, r link.Reason) { reason, told = r, true }
	switch kind {
	case ItemDispatch:
		s.core.takeDispatch(s.b.now, e, reply)
	default:
		s.core.takeAdvert(s.b.now, e, reply)
	}
	s.b.run(time.Second, func() bool { return told })
	if !told {
		s.b.t.Fatal("no reply")
	}
	return reason
}

func TestHostileDispatches(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	b.knowing(z, "ben")
	b.run(time.Minute, func() bool { return false })
	stranger := b.site("mallory")
	spki := func(s *site) []byte {
		v, err := s.core.box.spki()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	sessions := func() int { return len(z.core.box.ep.Sessions) }
	before := sessions()
	check := func(what string, got, want link.Reason, given int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: the link is told %v, want %v", what, got, want)
		}
		if got := sessions() - before; got != given {
			t.Errorf("%s: %d authorisations were given, want %d", what, got, given)
		}
	}
	good := y.forge(domain.TopicAskContact, z, 1<<40, spki(y)).Raw

	bad := bytes.Clone(good)
	bad[100] ^= 1
	check("a changed octet", z.handed(x, ItemDispatch, bad), link.ReasonMalformed, 0)
	check("a stranger's", z.handed(x, ItemDispatch, stranger.forge(domain.TopicAskContact, z, 1<<40, spki(stranger)).Raw), link.ReasonBusy, 0)
	check("for another's endpoint", z.handed(x, ItemDispatch, x.forge(domain.TopicAskContact, z, 1<<40, spki(y)).Raw), link.ReasonNone, 0)
	check("for an endpoint nobody has", z.handed(x, ItemDispatch, y.forge(domain.TopicAskContact, z, 1<<39, spki(stranger)).Raw), link.ReasonBusy, 0)
	check("no key at all", z.handed(x, ItemDispatch, y.forge(domain.TopicAskContact, z, 1<<39, []byte("x")).Raw), link.ReasonNone, 0)
	check("a contact nobody asked for", z.handed(x, ItemDispatch, y.forge(domain.TopicContact, z, 1, spki(y)).Raw), link.ReasonNone, 0)
	check("an unknown topic", z.handed(x, ItemDispatch, y.forge(99, z, 1, nil).Raw), link.ReasonNone, 0)
	z.core.HandleEvent(b.now, Clock{pki.ClockNeighbour})
	check("without a clock", z.handed(x, ItemDispatch, good), link.ReasonBusy, 0)
	z.core.HandleEvent(b.now, Clock{pki.ClockNTP})
	check("a good one", z.handed(x, ItemDispatch, good), link.ReasonNone, 1)
	check("the same again", z.handed(x, ItemDispatch, good), link.ReasonNone, 1)
	check("a later one at once", z.handed(x, ItemDispatch, y.forge(domain.TopicAskContact, z, 1<<41, spki(y)).Raw), link.ReasonNone, 1)
	b.run(time.Hour, func() bool { return false })
	check("the same later", z.handed(x, ItemDispatch, good), link.ReasonNone, 1)
	z.boot()
	check("the same after a restart", z.handed(x, ItemDispatch, good), link.ReasonNone, 1)
	check("a later one later", z.handed(x, ItemDispatch, y.forge(domain.TopicAskContact, z, 1<<42, spki(y)).Raw), link.ReasonNone, 2)
	b.run(time.Hour, func() bool { return false })
	if got := y.core.Contacts(); len(got) != 1 {
		t.Errorf("ben has the contacts %v, want only the owner: he never asked for the answers he got", got)
	}
}

func TestOneMemberCannotFillTheMailOfOthers(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(x, "cleo", "ben")
	x.pipes[1].set(false)
	var r link.Reason
	for i := range uint64(maxTransit + 1) {
		r = x.handed(y, ItemDispatch, y.forge(99, z, i+1, nil).Raw)
	}
	if r != link.ReasonFull || len(x.disk[KindNote]) != maxTransit {
		t.Fatalf("the last of %d is answered %v with %d kept, want full with %d", maxTransit+1, r, len(x.disk[KindNote]), maxTransit)
	}
}

func TestNamesThatSendCannotResolve(t *testing.T) {
	b, _, y, _ := trio(t)
	b.knowing(y, "cleo")
	_, err := y.call(func(t Token) Event { return Send{Token: t, To: "dora", Content: text(1)} })
	refusedWith(t, err, "not_found", "dora")
	_, err = y.call(func(t Token) Event { return Send{Token: t, To: "ben", Content: text(1)} })
	refusedWith(t, err, "not_found", "ben")
}

// The same question over two ways at once: nobody may forget it before its effect is on disk.
func TestDispatchIsNotAcceptedTwiceBeforeItIsOnDisk(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	b.run(time.Minute, func() bool { return false })
	var told []link.Reason
	spki, err := y.core.box.spki()
	if err != nil {
		t.Fatal(err)
	}
	body := y.forge(domain.TopicAskContact, z, 1<<40, spki).Raw
	e := link.Received{Peer: x.core.self, Item: link.Item{Digest: digestOf(ItemDispatch, body), Kind: ItemDispatch, Size: len(body)}, Body: body}
	for range 2 {
		z.core.takeDispatch(b.now, e, func(_ time.Time, r link.Reason) { told = append(told, r) })
	}
	if len(told) != 1 || told[0] != link.ReasonBusy {
		t.Fatalf("before anything is on disk the links are told %v, want busy to the second", told)
	}
	z.fail = func(Persist) error { return store.ErrFull }
	b.settle()
	if len(told) != 2 || told[1] != link.ReasonFull {
		t.Fatalf("on a full disk the links are told %v, want full to the first", told)
	}
	z.fail = nil
	if r := z.handed(x, ItemDispatch, body); r != link.ReasonNone {
		t.Fatalf("once there is room: %v, want none", r)
	}
}
