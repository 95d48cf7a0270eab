package gateway

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
	"packhorse/store"
)

// pairedBench has two gateways that paired by code, and can write to each other.
func pairedBench(t testing.TB) (b *bench, x, y *site) {
	b = newBench(t)
	x, y = b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.join(x, y)
	b.pair(x, y)
	b.must(5*time.Minute, "both to have each other as a contact", func() bool {
		return len(x.core.Contacts()) == 1 && len(y.core.Contacts()) == 1
	})
	return b, x, y
}

func TestPairingByCodeLetsBothWriteToEachOther(t *testing.T) {
	b, x, y := pairedBench(t)
	for _, way := range []struct{ from, to *site }{{x, y}, {y, x}} {
		p := way.from.mustCall(func(t Token) Event {
			return Send{Token: t, To: way.to.name, Type: "text/plain", Filename: "r\u00f6ute.txt", Content: text(500)}
		}).(Parcel)
		b.must(5*time.Minute, "the letter", func() bool { return len(way.to.letters) == 1 })
		l := way.to.mustCall(func(t Token) Event { return ReadLetter{t, way.to.letters[0].ID} }).(Letter)
		if !bytes.Equal(l.Content, text(500)) || l.From != way.from.name || l.Filename != "r\u00f6ute.txt" || l.Type != "text/plain" {
			t.Fatalf("got %d octets from %q as %q %q, want 500 from %q as text/plain r\u00f6ute.txt", len(l.Content), l.From, l.Type, l.Filename, way.from.name)
		}
		b.must(5*time.Minute, "the receipt", func() bool {
			got, err := way.from.core.Parcel(b.now, p.ID)
			return err == nil && got.State == Delivered
		})
	}
	if s := y.core.Snapshot(b.now); s.Domain != "ridge" || s.Owner {
		t.Fatalf("the joiner is in %q, owner %v, want ridge, false", s.Domain, s.Owner)
	}
}

func TestPairingByInviteWorksBesideTheCode(t *testing.T) {
	b := newBench(t)
	x, y := b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.join(x, y)
	offer := x.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	r := y.mustCall(func(t Token) Event { return JoinPairing{t, offer.Invite} }).(PairResult)
	if r != (PairResult{Domain: "ridge", Peer: "ada"}) {
		t.Fatalf("got %+v, want domain ridge, peer ada", r)
	}
}

func refusedWith(t *testing.T, err error, code, word string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, word) || e.Fix == "" {
		t.Fatalf("got error %v, want code %q, a message with %q, and a fix", err, code, word)
	}
}

func TestJoiningNeverReplacesADomain(t *testing.T) {
	b := newBench(t)
	x, y := b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.found(y, "valley")
	offer := x.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	_, err := y.call(func(t Token) Event { return JoinPairing{t, offer.Code} })
	refusedWith(t, err, "refused", "valley")
	_, err = y.call(func(t Token) Event { return Up{Token: t, Owner: ownerOf(b.t, "delta")} })
	refusedWith(t, err, "refused", "valley")
	_, err = y.call(func(t Token) Event { return Up{Token: t, Name: "bert"} })
	refusedWith(t, err, "refused", "ben")
}

func TestOnlyTheOwnerAdmits(t *testing.T) {
	_, _, y := pairedBench(t)
	_, err := y.call(func(t Token) Event { return OpenPairing{t} })
	refusedWith(t, err, "refused", "key is not on this gateway")
}

func TestWithoutDomainNothingIsAccepted(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	for _, request := range []func(Token) Event{
		func(t Token) Event { return OpenPairing{t} },
		func(t Token) Event { return Deliver{t, []byte("Awala")} },
		func(t Token) Event { return Register{t, []byte("x")} },
		func(t Token) Event { return Send{Token: t, To: "ben"} },
	} {
		_, err := s.call(request)
		refusedWith(t, err, "refused", "no domain")
	}
}

func TestPairingEndsAfterTenMinutes(t *testing.T) {
	b := newBench(t)
	x := b.site("ada")
	b.found(x, "ridge")
	x.mustCall(func(t Token) Event { return OpenPairing{t} })
	start := b.now
	_, err := x.call(func(t Token) Event { return AwaitPairing{t} })
	refusedWith(t, err, "not_yet", "ten minutes")
	if d := b.now.Sub(start); d != pairingTime {
		t.Fatalf("pairing ended after %v, want %v", d, pairingTime)
	}
	_, err = x.call(func(t Token) Event { return AwaitPairing{t} })
	refusedWith(t, err, "failed", "no pairing")
}

func TestWrongCodeIsToldToTheJoiner(t *testing.T) {
	b := newBench(t)
	x, y := b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.join(x, y)
	offer := x.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	wrong := strings.Map(func(r rune) rune {
		if r == '7' {
			return '8'
		}
		return '7'
	}, offer.Code[:4]) + offer.Code[5:]
	_, err := y.call(func(t Token) Event { return JoinPairing{t, wrong} })
	refusedWith(t, err, "refused", "wrong")
	if y.core.member != nil {
		t.Fatal("a wrong code made a member")
	}
}

func TestContactsByCardAndExport(t *testing.T) {
	b, x, y := pairedBench(t)
	z := b.site("cleo")
	b.member(x, z)
	z.mustCall(func(t Token) Event { return ContactCard{t} })
	card := z.mustCall(func(t Token) Event { return ContactCard{t} }).(string)
	export := y.mustCall(func(t Token) Event { return ExportContact{t, card} }).(string)
	_, err := x.call(func(t Token) Event { return AddContact{t, "", export} })
	refusedWith(t, err, "refused", "another endpoint")
	if _, err := z.call(func(t Token) Event { return AddContact{t, "", export[:40]} }); err == nil {
		t.Fatal("half a contact was added")
	}
	z.fail = func(Persist) error { return store.ErrFull }
	if _, err := z.call(func(t Token) Event { return AddContact{t, "", export} }); err == nil || len(z.core.Contacts()) != 0 {
		t.Fatalf("a contact that the disk did not take: %v, contacts %v", err, z.core.Contacts())
	}
	z.fail = nil
	z.mustCall(func(t Token) Event { return AddContact{t, "", export} })
	if got := z.core.Contacts(); len(got) != 1 || got[0] != "ben" {
		t.Fatalf("contacts %q, want ben", got)
	}
}

// Who was let in with a code cannot bring others along.
func TestAPairingAdmitsOneGateway(t *testing.T) {
	b := newBench(t)
	x, y, z := b.site("ada"), b.site("ben"), b.site("eve")
	b.found(x, "ridge")
	x.mustCall(func(t Token) Event { return OpenPairing{t} })
	x.core.pairing.stranger = link.PeerID{7}
	var got []link.Reason
	for _, from := range []*site{y, z} {
		spki, err := from.core.box.spki()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := domain.NewJoinRequest(from.core.id, spki, x.core.cfg.Rand)
		if err != nil {
			t.Fatal(err)
		}
		e := link.Received{Peer: link.PeerID{7}, Item: link.Item{Kind: ItemJoinRequest}, Body: packSmall(raw)}
		x.core.takeJoinRequest(b.now, e, func(_ time.Time, r link.Reason) { got = append(got, r) })
	}
	if x.core.IsMember(b.now, z.core.self) || !x.core.IsMember(b.now, y.core.self) || len(got) == 0 || got[0] != link.ReasonPolicy {
		t.Errorf("eve admitted %v, ben %v, answers %v", x.core.IsMember(b.now, z.core.self), x.core.IsMember(b.now, y.core.self), got)
	}
}

// Five wrong codes, and whoever waits at the inviter's screen hears of it: the right code is worth nothing then.
func TestFiveWrongCodesEndThePairing(t *testing.T) {
	b := newBench(t)
	x, y := b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.join(x, y)
	offer := x.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	waiter := x.ask(func(t Token) Event { return AwaitPairing{t} })
	for try := range 5 {
		if a, told := x.answers[waiter]; told || x.core.pairing == nil {
			t.Fatalf("after %d wrong codes the pairing is over: %v", try, a.Err)
		}
		_, err := y.call(func(t Token) Event { return JoinPairing{t, otherCode(offer.Code)} })
		refusedWith(t, err, "refused", "wrong")
	}
	b.must(time.Minute, "the inviter's answer", func() bool { _, told := x.answers[waiter]; return told })
	refusedWith(t, x.answers[waiter].Err, "refused", "wrong")
	_, err := x.call(func(t Token) Event { return AwaitPairing{t} })
	refusedWith(t, err, "failed", "no pairing")
	_, err = y.call(func(t Token) Event { return JoinPairing{t, offer.Code} })
	refusedWith(t, err, "not_yet", "ten minutes")
	if y.core.member != nil || len(x.core.memberIDs()) != 0 {
		t.Fatalf("the right code made a member after five wrong ones: %v, %v", y.core.member, x.core.memberIDs())
	}
}

// otherCode is a code that differs from code in every place.
func otherCode(code string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ':
			return r
		case '7':
			return '8'
		}
		return '7'
	}, code)
}
