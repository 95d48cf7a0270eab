package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// stick is what somebody carries from gateway to gateway.
type stick map[string][]byte

func (k stick) put(raw []byte) {
	sum := sha256.Sum256(raw)
	k[hex.EncodeToString(sum[:8])] = raw
}

func (k stick) files() (out []StickFile) {
	for _, name := range sortedKeys(k) {
		b := k[name]
		out = append(out, StickFile{name, int64(len(b)), b[:min(len(b), bundle.MaxHead)]})
	}
	return out
}

// export writes all that fits into room, and tells what was written.
func (s *site) export(k stick, room int64) (made []StickMade, left StickLeft) {
	s.b.t.Helper()
	s.token++
	sub := uint64(s.token)
	v := s.mustCall(func(t Token) Event { return OpenStick{t, sub, k.files()} }).(StickVerdict)
	for _, name := range v.Over {
		delete(k, name)
	}
	for {
		m := s.mustCall(func(t Token) Event { return NextFile{t, sub, room, link.Bulk} }).(*StickMade)
		if len(m.Raw) == 0 {
			s.core.HandleEvent(s.b.now, CloseStick{sub})
			return made, m.Left
		}
		room -= int64(len(m.Raw))
		k.put(m.Raw)
		made = append(made, *m)
	}
}

// takeStick takes all that is for a gateway off a stick, and leaves its acknowledgements.
func (s *site) takeStick(k stick) (all []StickTaken) {
	s.b.t.Helper()
	for _, name := range sortedKeys(k) {
		v := s.mustCall(func(t Token) Event { return TakeBundle{t, bytes.Clone(k[name])} }).(StickTaken)
		all = append(all, v)
		if len(v.Ack) > 0 {
			k.put(v.Ack)
		}
		if v.Fate == StickDone {
			delete(k, name)
		}
	}
	return all
}

const room = 1 << 30

// villages are two gateways of one domain that no radio joins.
func villages(t testing.TB) (b *bench, x, y *site, alice, bob *app) {
	b = newBench(t)
	x, y = b.site("ada"), b.site("ben")
	b.found(x, "ridge")
	b.member(x, y)
	return b, x, y, x.app("alice"), y.app("bob")
}

func (a *app) mustDeliver(raw []byte) {
	a.s.b.t.Helper()
	if _, err := a.deliver(raw); err != nil {
		a.s.b.t.Fatal(err)
	}
}

func TestTwoVillagesWithAStickAlone(t *testing.T) {
	_, x, y, alice, bob := villages(t)
	there, back := alice.parcel(bob, "p1", noise(3000)), bob.parcel(alice, "p2", text(100))
	alice.mustDeliver(there)
	bob.mustDeliver(back)
	k := stick{}
	made, _ := x.export(k, room)
	if len(made) != 1 || made[0].To != "ben" || made[0].Parcels != 1 || len(k) != 1 {
		t.Fatalf("ada wrote %d files, %+v; want one with a parcel for ben", len(made), made)
	}
	if got := x.state(there); got != Saved {
		t.Fatalf("after the export the parcel is %v, want saved", got)
	}
	y.takeStick(k)
	if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], there) {
		t.Fatalf("bob got %d parcels, want the one sent, bit for bit", len(got))
	}
	if made, _ = y.export(k, room); len(made) != 1 || made[0].Parcels != 1 && made[0].Notes != 1 {
		t.Fatalf("ben wrote %+v, want one file with his parcel and the receipt", made)
	}
	x.takeStick(k)
	if got := x.state(there); got != Delivered {
		t.Fatalf("the parcel is %v at its origin, want delivered", got)
	}
	if got := alice.collect(); len(got) != 1 || !bytes.Equal(got[0], back) {
		t.Fatalf("alice got %d parcels, want the one sent", len(got))
	}
	x.export(k, room)
	y.takeStick(k)
	if got := y.state(back); got != Delivered {
		t.Fatalf("the answer is %v at its origin, want delivered", got)
	}
	x.takeStick(k)
	if x.export(k, room); len(k)+x.bodies()+y.bodies()+len(x.disk[KindNote])+len(y.disk[KindNote]) != 0 {
		t.Fatalf("left: %d files, bodies %d and %d, notes %d and %d; want none", len(k), x.bodies(), y.bodies(), len(x.disk[KindNote]), len(y.disk[KindNote]))
	}
}

// The acknowledgement alone makes it carried: the body stays until the receipt.
func TestCustodyByStick(t *testing.T) {
	b, x, y, alice, bob := villages(t)
	raw := alice.parcel(bob, "p1", text(100))
	alice.mustDeliver(raw)
	k := stick{}
	x.export(k, room)
	old := k.files()[0].Name
	copied := bytes.Clone(k[old])
	y.takeStick(k)
	if k[old] != nil || len(k) != 1 {
		t.Fatalf("the stick holds %d files, want the acknowledgement alone", len(k))
	}
	var ack []byte
	for _, v := range k {
		ack = v
	}
	k[old] = copied
	if y.takeStick(k); len(k) != 1 || !bytes.Equal(k[sortedKeys(k)[0]], ack) {
		t.Fatalf("the same bundle again makes another acknowledgement: %d files", len(k))
	}
	x.takeStick(k)
	p := x.core.Parcels(b.now, false)
	if len(p) != 1 || p[0].State != Carried || p[0].By != "ben" || x.bodies() != 1 {
		t.Fatalf("got %+v and %d bodies, want one carried by ben, its body kept", p, x.bodies())
	}
	k[old] = copied
	if x.export(k, room); len(k) != 0 {
		t.Fatalf("%d files on the stick, want none: its content is acknowledged", len(k))
	}
}

// A second export writes nothing that is there, and what came meanwhile.
func TestExportGoesOnWhereItEnded(t *testing.T) {
	_, x, _, alice, bob := villages(t)
	for i := range 3 {
		alice.mustDeliver(alice.parcel(bob, fmt.Sprint("p", i), noise(1000+i)))
	}
	k := stick{}
	if made, _ := x.export(k, room); len(made) != 1 || made[0].Parcels != 3 {
		t.Fatalf("got %+v, want three parcels in one file", made)
	}
	if made, _ := x.export(k, room); len(made) != 0 {
		t.Fatalf("the second export wrote %+v, want nothing", made)
	}
	alice.mustDeliver(alice.parcel(bob, "p9", noise(900)))
	if made, _ := x.export(k, room); len(made) != 1 || made[0].Parcels != 1 {
		t.Fatalf("the third export wrote %+v, want the new parcel", made)
	}
	for name := range k {
		k[name] = k[name][:len(k[name])-1] // the unplugged stick cut them
	}
	if made, _ := x.export(k, room); len(made) != 1 || made[0].Parcels != 4 || len(k) != 1 {
		t.Fatalf("with damaged files it wrote %+v, %d files there, want all four anew", made, len(k))
	}
}

func TestCapacityTakesTheUrgentFirst(t *testing.T) {
	b, x, y := pairedBench(t)
	x.pipes[0].set(false)
	for _, p := range []link.Priority{link.Bulk, link.Message, link.Emergency, link.Bulk, link.Message} {
		x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Priority: p, Content: noise(20_000 + int(p))} })
	}
	k := stick{}
	made, left := x.export(k, 100_000)
	var got []link.Priority
	for _, m := range made {
		got = append(got, m.Priority)
	}
	if !slices.Equal(got, []link.Priority{link.Emergency, link.Message, link.Bulk}) || left.Parcels != 1 {
		t.Fatalf("wrote %v and left %d, want emergency, messages, one bulk, and one left", got, left.Parcels)
	}
	size := 0
	for _, raw := range k {
		size += len(raw)
	}
	if size > 100_000 {
		t.Fatalf("%d octets on the stick, want at most 100,000", size)
	}
	y.takeStick(k)
	b.must(time.Minute, "four letters", func() bool { return len(y.letters) == 4 })
	if y.letters[0].Size != 20_000 && len(y.letters) != 4 {
		t.Fatalf("letters %+v", y.letters)
	}
}

// What came by radio before, and what comes by radio after, is delivered once.
func TestStickAndRadioDeliverOnce(t *testing.T) {
	for _, radioFirst := range []bool{true, false} {
		b, x, y, alice, bob := villages(t)
		raw := alice.parcel(bob, "p1", noise(500))
		alice.mustDeliver(raw)
		k := stick{}
		x.export(k, room)
		if radioFirst {
			b.join(x, y)
			b.must(time.Minute, "the parcel by radio", func() bool { return bob.waits() == 1 })
			if got := y.takeStick(k); got[0].Known != 1 || got[0].Parcels != 0 {
				t.Fatalf("got %+v, want one parcel that was known", got)
			}
		} else {
			y.takeStick(k)
			b.join(x, y)
		}
		b.must(time.Minute, "custody at the origin", func() bool { return x.state(raw) == Carried })
		x.takeStick(k)
		got := bob.collect()
		b.must(time.Minute, "the receipt", func() bool { return x.state(raw) == Delivered })
		if got = append(got, bob.collect()...); len(got) != 1 {
			t.Errorf("radio first %v: bob got %d parcels, want 1", radioFirst, len(got))
		}
	}
}

func TestExpiredFilesLeaveTheStick(t *testing.T) {
	b, x, y, alice, bob := villages(t)
	alice.mustDeliver(alice.parcel(bob, "p1", text(100)))
	k := stick{}
	x.export(k, room)
	b.run(11*day, func() bool { return false })
	if y.export(k, room); len(k) != 0 {
		t.Fatalf("%d files on the stick, want none: what was in it is over", len(k))
	}
}

// Whoever finds a stick, or writes on one, takes nothing and changes nothing.
func TestForeignAndForgedBundles(t *testing.T) {
	b, x, y, alice, bob := villages(t)
	z := b.site("cleo")
	b.member(x, z)
	alice.mustDeliver(alice.parcel(bob, "p1", text(100)))
	k := stick{}
	x.export(k, room)
	if got := z.takeStick(k); got[0].Fate != StickOthers || len(k) != 1 {
		t.Fatalf("cleo's fate for ben's file %v, %d files; want others, 1", got[0].Fate, len(k))
	}
	raw := k[sortedKeys(k)[0]]
	for name, change := range map[string]func([]byte) []byte{
		"cut":  func(b []byte) []byte { return b[:len(b)-20] },
		"flip": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		v := y.mustCall(func(t Token) Event { return TakeBundle{t, change(bytes.Clone(raw))} }).(StickTaken)
		if v.Fate != StickDamaged || len(v.Ack) != 0 {
			t.Errorf("%s: got %+v, want damaged", name, v)
		}
	}
	eve := &bundle.Sealer{Domain: x.core.member.Domain.ID, Key: [32]byte{1}, Self: x.core.self, Static: [32]byte{2}}
	forged, err := eve.Seal(bundle.Recipient{ID: y.core.self, Static: y.core.member.Record.Static}, bundle.Contents{Expires: b.now.Add(day)}, seeded(1, "eve"))
	if err != nil {
		t.Fatal(err)
	}
	if v := y.mustCall(func(t Token) Event { return TakeBundle{t, forged} }).(StickTaken); v.Fate != StickStrange {
		t.Errorf("a stranger's file: got %+v, want strange", v)
	}
}

// A full disk takes what it can; the file stays, and brings the rest another time.
func TestWhatIsNotTakenStaysOnTheStick(t *testing.T) {
	_, x, y, alice, bob := villages(t)
	raw := alice.parcel(bob, "p1", text(100))
	alice.mustDeliver(raw)
	k := stick{}
	x.export(k, room)
	y.fail = func(Persist) error { return errNoDomain }
	if got := y.takeStick(k); got[0].Fate != StickLater || len(got[0].Ack) != 0 || len(k) != 1 {
		t.Fatalf("got %+v, %d files; want later, no acknowledgement, the file kept", got[0], len(k))
	}
	y.fail = nil
	if got := y.takeStick(k); got[0].Fate != StickDone || got[0].Parcels != 1 || bob.waits() != 1 {
		t.Fatalf("got %+v, %d wait; want it taken", got[0], bob.waits())
	}
}

// An acknowledgement that is older than what happened since changes nothing, nor does that of somebody else.
func TestOldOrForeignCustodyTakesNothingAway(t *testing.T) {
	b, x, y, alice, bob := villages(t)
	z := b.site("cleo")
	b.member(x, z)
	raw := alice.parcel(bob, "p1", text(100))
	alice.mustDeliver(raw)
	d := x.core.queue.bySum[sumOf(raw)].Digest
	for _, c := range []struct {
		by    *site
		hands uint16
		want  State
	}{{z, 1, Saved}, {y, 0, Saved}, {y, 1, Carried}} {
		got := link.ReasonUnknown
		x.core.takeCustody(b.now, c.by.core.self, custodyWord{d, c.hands}.append(nil), func(_ time.Time, r link.Reason) { got = r })
		b.settle()
		if got != link.ReasonNone || x.state(raw) != c.want {
			t.Errorf("custody of %s at %d hands: reason %v, state %v, want %v", c.by.name, c.hands, got, x.state(raw), c.want)
		}
	}
}

// Cargo and CCAs go as they are, once for a stick, until they went their way or expired.
func TestCargoAndCCAsGoOntoSticksAsTheyAre(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	b.found(s, "ridge")
	g := b.stranger("phone")
	cargo := g.write(ramf.Cargo, g.cert.ID, frankfurt, "c1", noise(2000))
	cca := g.write(ramf.CCA, g.cert.ID, frankfurt, "c2", noise(100))
	for _, raw := range [][]byte{cargo, cca} {
		if err := s.bring(raw, ""); err != nil {
			t.Fatal(err)
		}
	}
	k := stick{}
	made, _ := s.export(k, room)
	var got [][]byte
	for _, m := range made {
		if m.To != frankfurt || m.Parcels != 0 {
			t.Errorf("got %+v, want it for %s", m, frankfurt)
		}
		got = append(got, m.Raw)
	}
	slices.SortFunc(got, func(a, b []byte) int { return len(b) - len(a) })
	if len(got) != 2 || !bytes.Equal(got[0], cargo) || !bytes.Equal(got[1], cca) {
		t.Fatalf("%d files, want cargo and CCA, bit for bit", len(got))
	}
	files := func() (out []StickFile) {
		for _, raw := range [][]byte{cargo, cca} {
			typ, _, _ := ramf.Peek(raw)
			out = append(out, StickFile{CargoName(typ, sumOf(raw)), int64(len(raw)), raw[:min(len(raw), StickHead)]})
		}
		return out
	}
	again := func(what string, over, left int) {
		t.Helper()
		s.token++
		sub := uint64(s.token)
		v := s.mustCall(func(t Token) Event { return OpenStick{t, sub, files()} }).(StickVerdict)
		n := len(s.core.sticks[sub].todo)
		s.core.HandleEvent(b.now, CloseStick{sub})
		if len(v.Over) != over || n != left {
			t.Errorf("%s: %d files are over and %d to be written, want %d and %d", what, len(v.Over), n, over, left)
		}
	}
	again("with both on the stick", 0, 0)
	s.sendUp(UpCargo)
	again("once they went up", 2, 0)
	b.run(200*day, func() bool { return false })
	again("when they have expired", 2, 0)
}

// A list of acknowledgements longer than any bundle is none, also from a member.
func TestTooManyAcknowledgementsAreMalformed(t *testing.T) {
	_, s, _, _ := single(t)
	for n, want := range []link.Reason{link.ReasonNone, link.ReasonMalformed} {
		got := link.ReasonBusy
		s.core.takeCustody(s.b.now, link.PeerID{1}, make([]byte, (512+n)*custodySize), func(_ time.Time, r link.Reason) { got = r })
		if got != want {
			t.Errorf("%d acknowledgements: reason %v, want %v", 512+n, got, want)
		}
	}
}
