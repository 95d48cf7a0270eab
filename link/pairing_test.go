package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/cpace"
	"packhorse/link/wire"
)

// strangers is two nodes without a domain.
func strangers(t testing.TB, seed uint64, ch func(*world) *channel) (*world, *node, *node) {
	w := newWorld(t, seed)
	w.domain = Domain{}
	c := ch(w)
	return w, w.node("inviter", c), w.node("joiner", c)
}

func lossy(loss float64) func(*world) *channel {
	return func(w *world) *channel { return w.radio(loss) }
}

func wired(loss float64) func(*world) *channel {
	return func(w *world) *channel { return w.datagram(loss) }
}

func paired(a, b *node) func() bool {
	return func() bool { return len(a.strange) > 0 && len(b.strange) > 0 }
}

// exchange sends a request and its reply between the strangers, as admission does.
func exchange(t *testing.T, w *world, a, b *node) {
	t.Helper()
	req := b.sendBody(b.strange[0], make([]byte, 700), Message)
	if !w.run(10*time.Minute, delivered(b, a, req)) {
		t.Fatalf("the request was not delivered")
	}
	rep := a.sendBody(a.strange[0], make([]byte, 2500), Message)
	if !w.run(10*time.Minute, delivered(a, b, rep)) {
		t.Fatalf("the reply was not delivered")
	}
	a.event(ClosePairing{})
	b.event(ClosePairing{})
	w.run(time.Minute, func() bool { return len(a.downs) > 0 && len(b.downs) > 0 })
	if len(a.downs) != 1 || len(b.downs) != 1 || !a.downs[0].Last {
		t.Errorf("after ClosePairing: downs %+v and %+v, want one each", a.downs, b.downs)
	}
}

func TestPairingByCode(t *testing.T) {
	for name, ch := range map[string]func(*world) *channel{"radio": lossy(0), "lossy radio": lossy(0.3), "datagram": wired(0)} {
		for seed := range uint64(5) {
			w, a, b := strangers(t, seed, ch)
			until := w.now.Add(10 * time.Minute)
			a.event(OpenPairing{Code: "ABCD-EFGH", Until: until})
			w.run(3*time.Second, never)
			b.event(JoinPairing{Code: "abcdefgh", Until: until})
			if !w.run(5*time.Minute, paired(a, b)) {
				t.Fatalf("%s: not paired", name)
			}
			if !a.ups[0].Pairing || a.ups[0].Peer == b.id {
				t.Errorf("%s: got %+v, want a stranger of a random name", name, a.ups[0])
			}
			exchange(t, w, a, b)
		}
	}
}

func TestPairingByInvite(t *testing.T) {
	secret := []byte("sixteen octets!!")
	for name, ch := range map[string]func(*world) *channel{"radio": lossy(0), "lossy radio": lossy(0.3), "datagram": wired(0.2)} {
		for seed := range uint64(5) {
			w, a, b := strangers(t, seed, ch)
			until := w.now.Add(10 * time.Minute)
			b.event(JoinPairing{Secret: secret, Static: a.public, Until: until})
			w.run(20*time.Second, never)
			a.event(OpenPairing{Secret: secret, Until: until})
			if !w.run(5*time.Minute, paired(a, b)) {
				t.Fatalf("%s: not paired", name)
			}
			exchange(t, w, a, b)
		}
	}
}

func TestWrongCodesClosePairing(t *testing.T) {
	w, a, b := strangers(t, 1, lossy(0))
	until := w.now.Add(time.Hour)
	a.event(OpenPairing{Code: "ABCDEFGH", Until: until})
	for try := range wrongCodes {
		b.event(JoinPairing{Code: "ABCDEFGX", Until: until})
		if !w.run(time.Minute, func() bool { return len(b.failed) == try+1 }) {
			t.Fatalf("try %d: the joiner was not told", try)
		}
		if got, want := b.failed[try].Left, wrongCodes-1-try; got != want || a.failed[try].Left != want {
			t.Errorf("try %d: left %d and %d, want %d", try, got, a.failed[try].Left, want)
		}
	}
	b.event(JoinPairing{Code: "ABCDEFGH", Until: until})
	if w.run(3*time.Minute, paired(a, b)) {
		t.Errorf("the right code still pairs after %d wrong ones", wrongCodes)
	}
}

func TestWrongInviteDoesNotPair(t *testing.T) {
	w, a, b := strangers(t, 1, lossy(0))
	until := w.now.Add(time.Hour)
	a.event(OpenPairing{Secret: []byte("sixteen octets!!"), Until: until})
	b.event(JoinPairing{Secret: []byte("another secret!!"), Static: a.public, Until: until})
	if !w.run(3*time.Minute, func() bool { return len(b.failed) > 0 }) {
		t.Errorf("the joiner was not told")
	}
	if len(a.strange)+len(b.strange) > 0 {
		t.Errorf("a wrong secret pairs")
	}
	w.run(5*time.Minute, never)
	if n := len(a.core.Peers()); n != 0 {
		t.Errorf("the inviter still holds %d strangers", n)
	}
}

func TestPairingEndsAtItsDeadline(t *testing.T) {
	w, a, b := strangers(t, 1, lossy(0))
	a.event(OpenPairing{Code: "ABCDEFGH", Until: w.now.Add(time.Minute)})
	w.run(61*time.Second, never)
	b.event(JoinPairing{Code: "ABCDEFGH", Until: w.now.Add(time.Minute)})
	if w.run(5*time.Minute, paired(a, b)) {
		t.Errorf("paired after the deadline")
	}
	if at, ok := b.core.PollTimeout(); ok {
		t.Errorf("a timer is left at %v", at.Sub(epoch))
	}
}

// A member invites while its own neighbours stay connected.
func TestPairingBesideADomain(t *testing.T) {
	w, a, b, ch := pair(t, 3, 0)
	j := w.node("joiner")
	j.boot(Domain{})
	j.join(ch)
	w.run(time.Minute, met(a, b))
	until := w.now.Add(10 * time.Minute)
	a.event(OpenPairing{Code: "ABCDEFGH", Until: until})
	j.event(JoinPairing{Code: "ABCDEFGH", Until: until})
	if !w.run(2*time.Minute, paired(a, j)) {
		t.Fatalf("not paired")
	}
	exchange(t, w, a, j)
	d := a.send(b, 3000, Message)
	if !w.run(10*time.Minute, delivered(a, b, d)) {
		t.Errorf("the member was forgotten")
	}
}

// Busy air holds the inviter's answer up. However long that takes, the same attempt gets the same
// share: the joiner may have heard the first when the second is made.
func TestOneShareForAnAttempt(t *testing.T) {
	c, now := inviter1(t), epoch
	ask := pake1(t, 1)
	c.HandleFrame(now, 1, ask, Meta{})
	c.HandleEvent(now, PortClear{Port: 1, At: now.Add(time.Minute)})
	var answers [][]byte
	for range 6 {
		now = now.Add(40 * time.Second)
		c.HandleTimeout(now)
		c.HandleFrame(now, 1, ask, Meta{})
		for {
			b, ok := c.PollTransmit(now, 1, nil)
			if !ok {
				break
			}
			if wire.TypeOf(b) == wire.TypePAKE2 {
				answers = append(answers, b)
			}
		}
	}
	if len(answers) != 6 {
		t.Errorf("got %d answers to 7 questions, the first two together; want 6", len(answers))
	}
	for i, b := range answers {
		if !bytes.Equal(b, answers[0]) {
			t.Errorf("answer %d has another share than the first", i)
		}
	}
}

// Attempts that nobody went on with make room for others, once they are old.
func TestOldAttemptsMakeRoom(t *testing.T) {
	c, now := inviter1(t), epoch
	answered := func(n byte) bool {
		c.HandleFrame(now, 1, pake1(t, n), Meta{})
		_, ok := c.PollTransmit(now, 1, nil)
		return ok
	}
	for n := range byte(maxGuests) {
		if !answered(n) {
			t.Fatalf("attempt %d was not answered", n)
		}
	}
	if answered(maxGuests) {
		t.Errorf("attempt %d was answered beside %d young ones", maxGuests, maxGuests)
	}
	now = now.Add(time.Minute)
	c.HandleTimeout(now)
	if !answered(maxGuests) {
		t.Errorf("attempt %d was not answered when the others were a minute old", maxGuests)
	}
}

// inviter1 is a core with one radio and an open pairing.
func inviter1(t *testing.T) *Core {
	t.Helper()
	c, err := New(Config{Self: PeerID{1}, Static: [32]byte{1}, Rand: newSeeded(1, "inviter")})
	if err != nil {
		t.Fatal(err)
	}
	c.HandleEvent(epoch, PortUp{Port: 1, Medium: Radio, MTU: 254, Airtime: sf7, Access: 60 * time.Millisecond})
	c.HandleEvent(epoch, OpenPairing{Code: "ABCDEFGH", Until: epoch.Add(10 * time.Minute)})
	return c
}

// pake1 is the first frame of a joiner who knows the code.
func pake1(t *testing.T, n byte) []byte {
	t.Helper()
	f := wire.PAKE{Type: wire.TypePAKE1, Tag: [wire.SessionTagSize]byte{n}}
	st, err := cpace.New(cpace.Initiator, []byte("ABCDEFGH"), f.Tag[:], append([]byte(protocol+" pairing"), byte(Radio)), newSeeded(uint64(n), "joiner"))
	if err != nil {
		t.Fatal(err)
	}
	f.Message = st.Message()
	return wire.AppendPAKE(nil, f)
}
