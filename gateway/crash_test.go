package gateway

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

// patient is an app that does what a real one does when its gateway dies: it posts again, and collects again.
type patient struct {
	*app
	handed, acked int
	late          int // handed out after an acknowledgement was answered
}

// post delivers until it was accepted.
func (p *patient) post(raw []byte) {
	b := p.s.b
	for range 10 {
		boots := p.s.boots
		t := p.s.ask(func(t Token) Event { return Deliver{t, raw} })
		b.run(time.Minute, func() bool { _, ok := p.s.answers[t]; return ok || p.s.boots > boots })
		if a, ok := p.s.answers[t]; ok && a.Err == nil {
			return
		}
	}
	b.trouble("the parcel was never accepted")
}

// take collects until one parcel is acknowledged.
func (p *patient) take(want []byte) {
	b := p.s.b
	for range 20 {
		sub := uint64(b.steps + p.s.boots*1_000_000 + p.handed + 1)
		boots := p.s.boots
		answer := func(request func(Token) Event) (Answer, bool) {
			t := p.s.ask(request)
			b.run(10*time.Minute, func() bool { _, ok := p.s.answers[t]; return ok || p.s.boots > boots })
			a, ok := p.s.answers[t]
			return a, ok
		}
		p.s.core.HandleEvent(b.now, Collect{sub, []pki.NodeID{p.id}})
		a, ok := answer(func(t Token) Event { return Next{Token: t, Sub: sub, Wait: true} })
		c, _ := a.Value.(*Collected)
		if !ok || c == nil {
			continue
		}
		p.handed++
		if p.acked > 0 {
			p.late++
		}
		if !bytes.Equal(c.Parcel, want) {
			b.trouble("another parcel was handed out than was sent")
		}
		if a, ok := answer(func(t Token) Event { return Ack{t, sub, c.Key} }); ok && a.Err == nil {
			p.acked++
			return
		}
		// Nobody answered: it may be durable or not. If it is, it must not come again.
		if p.s.state(want) == Delivered {
			p.acked++
			return
		}
	}
	b.must(0, "acknowledgement of the parcel", func() bool { return false })
}

// roadWithCrash sends one parcel over two hops while the n-th batch kills its gateway, before or after it
// is on disk. It returns how many batches there were.
func roadWithCrash(t *testing.T, n int, applied bool) int {
	b, x, y, z := line(t)
	alice, bob := &patient{app: x.app("alice")}, &patient{app: z.app("bob")}
	b.run(time.Minute, func() bool { return false })
	count := 0
	b.crash = func(s *site, p Persist, after bool) bool {
		if after != applied {
			return false
		}
		count++
		return count == n
	}
	raw := alice.parcel(bob.app, "p1", noise(9000))
	alice.post(raw)
	bob.take(raw)
	b.must(time.Hour, "the receipt at the origin", func() bool { return x.state(raw) == Delivered })
	b.must(time.Hour, "nothing left on any disk", func() bool {
		left := 0
		for _, s := range b.sites {
			left += s.bodies() + len(s.disk[KindNote]) + len(s.disk[KindPartial])
		}
		return left == 0
	})
	if bob.late > 0 || bob.acked != 1 {
		t.Fatalf("handed out %d times, %d of them after the acknowledgement; acknowledged %d times, want once", bob.handed, bob.late, bob.acked)
	}
	for _, s := range []*site{y, z} {
		if s.state(raw) != Delivered {
			t.Errorf("%s remembers the parcel as %v, want delivered", s.name, s.state(raw))
		}
	}
	return count
}

func TestCrashAtAnyBatchDeliversOnce(t *testing.T) {
	batches := roadWithCrash(t, 0, false)
	if batches < 6 {
		t.Fatalf("only %d batches: the test misses its subject", batches)
	}
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { roadWithCrash(t, n, applied) })
		}
	}
}

// lettersWithCrash pairs and writes a letter while the n-th batch kills its gateway.
func TestCrashAtAnyBatchOfALetterDeliversOnce(t *testing.T) {
	road := func(t *testing.T, n int, applied bool) int {
		b, x, y := pairedBench(t)
		b.run(time.Minute, func() bool { return false })
		count := 0
		b.crash = func(s *site, p Persist, after bool) bool {
			if after != applied {
				return false
			}
			count++
			return count == n
		}
		sent := false
		for i := 0; !sent; i++ {
			boots := x.boots
			tok := x.ask(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(300)} })
			b.run(time.Minute, func() bool { _, ok := x.answers[tok]; return ok || x.boots > boots })
			sent = x.answers[tok].Err == nil && x.boots == boots || len(x.core.Parcels(b.now, true)) > 0
		}
		b.must(time.Hour, "delivery", func() bool {
			p := x.core.Parcels(b.now, true)
			return len(p) == 1 && p[0].State == Delivered
		})
		if got := len(y.core.Letters()); got != 1 {
			t.Fatalf("%d letters in the inbox, want 1", got)
		}
		b.crash = nil
		l := y.mustCall(func(t Token) Event { return ReadLetter{t, y.core.Letters()[0].ID} }).(Letter)
		if !bytes.Equal(l.Content, text(300)) {
			t.Fatalf("the letter has %d octets, want the 300 written", len(l.Content))
		}
		return count
	}
	batches := road(t, 0, false)
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { road(t, n, applied) })
		}
	}
}

// A gateway that dies at any batch of a pairing can pair again, or is a member already.
func TestCrashAtAnyBatchOfPairing(t *testing.T) {
	road := func(t *testing.T, n int, applied bool) int {
		b := newBench(t)
		x, y := b.site("ada"), b.site("ben")
		b.found(x, "ridge")
		b.join(x, y)
		b.run(time.Second, func() bool { return false })
		count := 0
		b.crash = func(s *site, p Persist, after bool) bool {
			if after != applied {
				return false
			}
			count++
			return count == n
		}
		for range 3 {
			if y.core.member != nil {
				break
			}
			x.core.HandleEvent(b.now, ClosePairing{})
			y.core.HandleEvent(b.now, ClosePairing{})
			boots := x.boots + y.boots
			tok := x.ask(func(t Token) Event { return OpenPairing{t} })
			b.settle()
			offer, _ := x.answers[tok].Value.(PairOffer)
			tok = y.ask(func(t Token) Event { return JoinPairing{t, offer.Code} })
			b.run(15*time.Minute, func() bool {
				_, ok := y.answers[tok]
				return ok || x.boots+y.boots > boots && y.core.member != nil
			})
		}
		b.must(time.Hour, "both to have each other as a contact", func() bool {
			return len(x.core.Contacts()) == 1 && len(y.core.Contacts()) == 1
		})
		return count
	}
	batches := road(t, 0, false)
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { road(t, n, applied) })
		}
	}
}

// Membership is a file beside the log: a gateway that dies between the two is no half member.
func TestCrashBetweenSecretsAndLogLeavesNoHalfMember(t *testing.T) {
	b := newBench(t)
	x, y := b.site("ada"), b.site("ben")
	died := map[*site]bool{}
	b.half = func(s *site, _ Persist) bool {
		first := !died[s]
		died[s] = true
		return first
	}
	for x.core.member == nil {
		x.ask(func(t Token) Event { return Up{Token: t, Owner: ownerOf(b.t, "ridge")} })
		b.settle()
	}
	b.join(x, y)
	for range 3 {
		if y.core.member != nil {
			break
		}
		x.core.HandleEvent(b.now, ClosePairing{})
		boots := y.boots
		tok := x.ask(func(t Token) Event { return OpenPairing{t} })
		b.settle()
		offer, _ := x.answers[tok].Value.(PairOffer)
		tok = y.ask(func(t Token) Event { return JoinPairing{t, offer.Code} })
		b.run(15*time.Minute, func() bool { _, ok := y.answers[tok]; return ok || y.boots > boots })
	}
	if _, err := x.call(func(t Token) Event { return OpenPairing{t} }); err != nil || !died[x] || !died[y] {
		t.Fatalf("died: %v, %v; the owner's pairing: %v", died[x], died[y], err)
	}
	b.must(time.Hour, "both to have each other as a contact", func() bool {
		return len(x.core.Contacts()) == 1 && len(y.core.Contacts()) == 1
	})
	for _, s := range []*site{x, y} {
		card := s.mustCall(func(t Token) Event { return ContactCard{t} }).(string)
		if _, err := s.call(func(t Token) Event { return ExportContact{t, card} }); err != nil {
			t.Errorf("%s cannot authorise anybody: %v", s.name, err)
		}
	}
}
