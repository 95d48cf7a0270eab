package domain

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

func TestRosterKnowsWhoWasShown(t *testing.T) {
	f := setup(t)
	r := NewRoster(f.owner.Info())
	if err := r.Check(f.alice.ID(), testNow, trusted); !errors.Is(err, ErrUnknown) {
		t.Errorf("before: got %v, want ErrUnknown", err)
	}
	for i, want := range []bool{true, false} {
		rec, changed, err := r.Add(f.aliceM.Record.Raw, testNow, trusted)
		if err != nil || changed != want || rec.ID != f.alice.ID() {
			t.Errorf("add %d: got %v, %t, %v; want changed %t", i, rec.Name, changed, err, want)
		}
	}
	if got, ok := r.ByShort(ShortOf(f.alice.ID())); !ok || got.Name != "alice" {
		t.Errorf("by short id: got %v, %t", got.Name, ok)
	}
	if err := r.Check(f.alice.ID(), testNow, trusted); err != nil {
		t.Errorf("got %v, want a member", err)
	}
}

func TestRosterJudgesDatesByClockQuality(t *testing.T) {
	f := setup(t)
	r := NewRoster(f.owner.Info())
	if _, _, err := r.Add(f.aliceM.Record.Raw, testNow, trusted); err != nil {
		t.Fatal(err)
	}
	late, early := testNow.Add(31*24*time.Hour), testNow.Add(-2*time.Hour)
	for _, c := range []struct {
		now  time.Time
		q    pki.Quality
		want error
	}{
		{testNow, pki.ClockNeighbour, nil}, {late, pki.ClockRTC, ErrDates}, {late, pki.ClockNeighbour, ErrDates},
		{early, pki.ClockNTP, ErrDates}, {late, pki.ClockNone, nil}, {time.Unix(0, 0), pki.ClockNone, nil},
	} {
		if err := r.Check(f.alice.ID(), c.now, c.q); !errors.Is(err, c.want) {
			t.Errorf("%v with clock %d: got %v, want %v", c.now, c.q, err, c.want)
		}
	}
	if gone := r.Forget(late, pki.ClockNeighbour); gone != nil {
		t.Errorf("a neighbour's clock made us forget %v", gone)
	}
	if gone := r.Forget(late, pki.ClockGPS); len(gone) != 1 || len(r.Members()) != 0 {
		t.Errorf("a good clock: forgot %v, kept %d", gone, len(r.Members()))
	}
}

func TestRevocation(t *testing.T) {
	f := setup(t)
	r := NewRoster(f.owner.Info())
	for _, m := range []*Membership{f.aliceM, f.bobM} {
		if _, _, err := r.Add(m.Record.Raw, testNow, trusted); err != nil {
			t.Fatal(err)
		}
	}
	key := f.owner.Key
	a, err := f.owner.Revoke(testNow, f.alice.ID(), f.bob.ID())
	if err != nil || f.owner.Key != key || a.Epoch != 2 || a.Owner != f.alice.ID() {
		t.Fatalf("revoke: %v, epoch %d, owner %x, key changed %t", err, a.Epoch, a.Owner, f.owner.Key != key)
	}
	heard, err := ParseDomainAdvert(a.Raw, f.owner.Info())
	if err != nil {
		t.Fatal(err)
	}
	left, newer := r.HandleAdvert(heard)
	if !newer || len(left) != 1 || left[0] != f.bob.ID() {
		t.Errorf("got left %v, newer %t", left, newer)
	}
	if _, newer := r.HandleAdvert(heard); newer {
		t.Error("the same advert again is newer")
	}
	if _, _, err := r.Add(f.bobM.Record.Raw, testNow, pki.ClockNone); !errors.Is(err, ErrRevoked) {
		t.Errorf("his record again: got %v, want ErrRevoked", err)
	}
	if err := r.Check(f.alice.ID(), testNow, trusted); err != nil {
		t.Errorf("alice, who stays: got %v", err)
	}
	if !r.Revokes(f.bobM.Record) || r.Revokes(f.aliceM.Record) {
		t.Error("the roster does not tell whom it revokes")
	}
	again, err := admit(f.owner, f.bob, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := r.Add(again.Record.Raw, testNow, trusted); err != nil || !changed {
		t.Errorf("admitted anew: got %t, %v", changed, err)
	}
	if again.Domain.Epoch != f.aliceM.Domain.Epoch {
		t.Error("whom the domain admits now speaks under another key than those before")
	}
}

func TestAnotherOwnerOfTheSameEpochReplacesTheEarlier(t *testing.T) {
	f := setup(t)
	r := NewRoster(f.owner.Info())
	r.HandleAdvert(f.owner.Advert(testNow, f.alice.ID()))
	if _, newer := r.HandleAdvert(f.owner.Advert(testNow.Add(time.Hour), f.bob.ID())); !newer || r.Advert().Owner != f.bob.ID() {
		t.Errorf("the keys moved: newer %t, owner %x; want %x", newer, r.Advert().Owner, f.bob.ID())
	}
	if _, newer := r.HandleAdvert(f.owner.Advert(testNow, f.alice.ID())); newer {
		t.Error("the earlier word came back")
	}
}

func TestDomainAdvertRefusesDamageAndForgery(t *testing.T) {
	f := setup(t)
	a, err := f.owner.Revoke(testNow, f.alice.ID(), link.PeerID{9}, link.PeerID{3}, link.PeerID{5}, link.PeerID{3})
	if err != nil || len(a.Revoked) != 3 {
		t.Fatalf("got %v, %v", a.Revoked, err)
	}
	parse := func(b []byte) error { _, err := ParseDomainAdvert(b, f.owner.Info()); return err }
	refusesEveryCut(t, a.Raw, parse)
	refusesEveryChange(t, a.Raw, 1, parse)
	forged := appendSigned(a.Raw[:len(a.Raw)-64:len(a.Raw)-64], f.alice.Sign, forRevoked, f.owner.Info().ID)
	if err := parse(forged); !errors.Is(err, ErrSignature) {
		t.Errorf("signed by a member: got %v, want ErrSignature", err)
	}
}

func TestOlderWordNeverReplacesNewer(t *testing.T) {
	f := setup(t)
	older := f.owner.Advert(testNow, f.alice.ID())
	newer, err := f.owner.Revoke(testNow, f.alice.ID(), f.bob.ID())
	if err != nil {
		t.Fatal(err)
	}
	r := NewRoster(f.aliceM.Domain)
	r.HandleAdvert(newer)
	if _, took := r.HandleAdvert(older); took || r.Advert().Epoch != 2 {
		t.Errorf("advert: took the older one %t, epoch %d; want epoch 2", took, r.Advert().Epoch)
	}
	early, err := admit(f.owner, f.alice, testNow.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		raw     []byte
		changed bool
	}{{f.aliceM.Record.Raw, true}, {early.Record.Raw, true}, {f.aliceM.Record.Raw, false}} {
		if rec, changed, err := r.Add(want.raw, testNow, trusted); err != nil || changed != want.changed {
			t.Errorf("record %d, epoch %d: got changed %t, %v; want %t", i, rec.Epoch, changed, err, want.changed)
		}
	}
	if rec, _ := r.Get(f.alice.ID()); rec.Epoch != 2 {
		t.Errorf("got the record of epoch %d, want the one of the later epoch though it began earlier", rec.Epoch)
	}
}

func TestRevocationsHaveOneOrder(t *testing.T) {
	f := setup(t)
	low, high := Revocation{Gateway: [16]byte{1}, Epoch: 1}, Revocation{Gateway: [16]byte{2}, Epoch: 1}
	for name, list := range map[string][]Revocation{"falling": {high, low}, "twice": {low, low}} {
		f.owner.Revoked = list
		if _, err := ParseDomainAdvert(f.owner.Advert(testNow, f.alice.ID()).Raw, f.owner.Info()); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestRosterIsBounded(t *testing.T) {
	f := setup(t)
	r := NewRoster(f.owner.Info())
	for n := range MaxMembers + 3 {
		id := link.PeerID{byte(n), byte(n >> 8), 1}
		r.insert(Record{ID: id, NotAfter: testNow.Add(time.Duration(n) * time.Second)})
	}
	_, first := r.Get(link.PeerID{0, 0, 1})
	_, last := r.Get(link.PeerID{2, 16, 1})
	if got := len(r.Members()); got != MaxMembers || first || !last || len(r.byShort) != MaxMembers {
		t.Errorf("got %d members, %d short ids, first kept %t, last kept %t", got, len(r.byShort), first, last)
	}
}

func FuzzParseDomainAdvert(f *testing.F) {
	x := setup(f)
	d := x.owner.Info()
	f.Add(x.owner.Advert(testNow, x.alice.ID()).Raw)
	a, err := x.owner.Revoke(testNow, x.alice.ID(), link.PeerID{9}, link.PeerID{3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseDomainAdvert(b, d); err == nil && !bytes.Equal(a.Raw, b) {
			t.Fatal("accepted octets that differ from Raw")
		}
	})
}
