package gateway

import (
	"errors"
	"testing"
	"time"

	"packhorse/link"
)

// handed brings a parcel of a's into the hands of a neighbour, and tells a's entry of it.
func handed(t *testing.T) (b *bench, a *site, x *entry, other link.PeerID) {
	b = newBench(t)
	a = b.site("ada")
	c := b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	other = link.PeerID{2}
	a.known(other)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.settle()
	return b, a, a.core.queue.bySum[sumOf(raw)], other
}

// A neighbour that hands a parcel back while we still hold it, because its word that it took it was lost, may
// forget it only when our higher number is on disk: else our next offer would look like the old one to it.
func TestHandingBackIsDurableBeforeItIsSaid(t *testing.T) {
	b, a, x, other := handed(t)
	x.next, a.core.peers[other].sub[x.Digest] = other, true
	it := link.Item{Digest: x.Digest, Kind: ItemParcel, Size: x.BodySize, Lifetime: time.Hour, Cost: 2}
	var said []link.Reason
	say := func(_ time.Time, r link.Reason) { said = append(said, r) }
	a.fail = func(Persist) error { return errors.New("broken") }
	if !a.core.raise(b.now, it, say) || len(said) != 0 {
		t.Fatalf("before the disk answered %v was said, want nothing", said)
	}
	a.core.settle(b.now)
	if a.core.peers[other].sub[x.Digest] {
		t.Errorf("what was submitted in fewer hands was not withdrawn at once")
	}
	a.core.custody(b.now, link.Custody{Peer: other, Digest: x.Digest})
	b.settle()
	if len(said) != 1 || said[0] != link.ReasonBusy || x.Hands != 0 || x.State != Saved {
		t.Fatalf("a broken disk: said %v, hands %d, %v; want busy, 0, saved", said, x.Hands, x.State)
	}
	a.fail = nil
	a.core.raise(b.now, it, say)
	b.settle()
	r, err := parseParcelRecord(a.disk[KindParcel][x.key()])
	if len(said) != 2 || said[1] != link.ReasonNone || err != nil || r.Hands != 2 || r.Turns != 0 {
		t.Fatalf("said %v, on disk %d hands, %d turns, %v; want none, 2, 0", said, r.Hands, r.Turns, err)
	}
	if a.core.raise(b.now, it, say) {
		t.Errorf("the same number raises again")
	}
}

// What was passed on and comes back is taken again with its body, each time after a longer rest.
func TestComingBackAgainAndAgainTakesEverLonger(t *testing.T) {
	b, a, x, other := handed(t)
	body := a.disk[KindBody][digestKey(x.Digest)]
	a.core.change(x, func(r *parcelRecord) { r.Origin, r.State, r.Held, r.By, r.Since = false, Carried, false, other, b.now }, nil, ignoreResult)
	b.settle()
	begin, hands := b.now, uint16(0)
	for turn := range 10 {
		if hands += 2; turn > 0 {
			if _, r := a.core.judgeOffer(b.now, other, link.Item{Digest: x.Digest, Kind: ItemParcel, Size: x.BodySize, Lifetime: time.Hour, Cost: hands}); r != link.ReasonLoop {
				t.Fatalf("turn %d: at once %v was said, want loop", turn, r)
			}
			b.now = b.now.Add(turnRest(uint8(turn)))
		}
		e := link.Received{Peer: other, Body: body, MaxCost: hands,
			Item: link.Item{Kind: ItemParcel, Digest: x.Digest, Size: len(body), Lifetime: time.Hour, Cost: hands}}
		var said []link.Reason
		a.core.takeParcel(b.now, e, func(_ time.Time, r link.Reason) { said = append(said, r) })
		b.settle()
		if len(said) != 1 || said[0] != link.ReasonNone || x.State != Saved || !x.Held || x.Hands != hands || a.bodies() != 1 {
			t.Fatalf("turn %d: said %v, %v, held %v, %d hands, %d bodies; want none, saved, true, %d, 1", turn, said, x.State, x.Held, x.Hands, a.bodies(), hands)
		}
		a.core.carried(b.now, x, other)
		b.settle()
		if a.bodies() != 0 {
			t.Fatalf("turn %d: the body was kept after custody", turn)
		}
	}
	if d := b.now.Sub(begin); d < 500*time.Minute {
		t.Errorf("ten turns took %v, want over 500 minutes", d)
	}
}

func TestNotesRestOnlyWhenTheyWander(t *testing.T) {
	b, a, _, other := handed(t)
	to := link.PeerID{9}
	a.known(to)
	n, err := a.core.newNote(ItemContact, []byte("a contact"), other, to, b.now.Add(60*day))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hands uint16
		rest  time.Duration
	}{{1, 0}, {freeHands - 1, 0}, {freeHands, time.Minute}, {freeHands + 3, 8 * time.Minute}, {maxHands, maxRest}} {
		a.core.custody(b.now, link.Custody{Peer: to, Digest: n.digest})
		b.settle()
		n.hands, n.since = c.hands, b.now
		a.core.keepNote(n)
		a.core.settle(b.now)
		if got, want := a.core.peers[to].sub[n.digest], c.rest == 0; got != want {
			t.Errorf("%d hands: submitted %v, want %v", c.hands, got, want)
		}
		if c.rest == 0 {
			continue
		}
		if at := a.core.nextRest(); !at.Equal(b.now.Add(c.rest)) {
			t.Errorf("%d hands: rests until %v, want %v", c.hands, at.Sub(b.now), c.rest)
		}
		b.now = b.now.Add(c.rest)
		a.core.HandleTimeout(b.now)
		if !a.core.peers[to].sub[n.digest] {
			t.Errorf("%d hands: not submitted after its rest", c.hands)
		}
	}
}

const maxRest = time.Minute << maxTurns

// Where a neighbour was lost, two gateways would hand a thing to and fro until the next adverts show the way.
func TestNothingGoesBackAtOnce(t *testing.T) {
	b, a, _, other := handed(t)
	n, err := a.core.newNote(ItemContact, []byte("a contact"), other, other, b.now.Add(60*day))
	if err != nil {
		t.Fatal(err)
	}
	n.since = b.now
	a.core.keepNote(n)
	a.core.settle(b.now)
	if a.core.peers[other].sub[n.digest] {
		t.Error("a note was handed back as soon as it came")
	}
	b.now = b.now.Add(returnRest)
	a.core.HandleTimeout(b.now)
	if !a.core.peers[other].sub[n.digest] {
		t.Error("a note with no other way was not handed back after its rest")
	}
}
