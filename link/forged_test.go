package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/cpace"
	"packhorse/link/wire"
)

// forgedShare is an answer of somebody who does not know the code; each n makes another.
func forgedShare(t testing.TB, tag [wire.SessionTagSize]byte, n int) []byte {
	st, err := cpace.New(cpace.Responder, []byte("GUESSED"), tag[:], append([]byte(protocol+" pairing"), byte(Radio)), newSeeded(uint64(n), "forger"))
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendPAKE(nil, wire.PAKE{Type: wire.TypePAKE2, Tag: tag, Message: st.Message()})
}

// Somebody answers before the inviter does, and rejects: whoever knows the code pairs all the same.
func TestForgedAnswersDoNotKeepOutWhoKnowsTheCode(t *testing.T) {
	for forged := range maxAnswers {
		for name, ch := range map[string]func(*world) *channel{"radio": lossy(0), "lossy radio": lossy(0.2)} {
			w, a, b, until := opened(t, ch)
			w.onFrame = func(from *station, f []byte) []byte {
				if p, err := wire.ParsePAKE(f); err == nil && p.Type == wire.TypePAKE1 {
					for i := range forged {
						b.core.HandleFrame(w.now, 1, forgedShare(t, p.Tag, i), Meta{})
					}
				}
				if p, err := wire.ParsePairing(f); err == nil && from.node == b {
					b.core.HandleFrame(w.now, 1, wire.AppendReject(nil, wire.Reject{Tag: p.Tag, Left: 0}), Meta{})
					junk := wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing2, Tag: p.Tag, Noise: bytes.Repeat([]byte{7}, wire.NoiseNN)})
					b.core.HandleFrame(w.now, 1, junk, Meta{})
					a.core.HandleFrame(w.now, 1, wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing1, Tag: p.Tag, Noise: junk[7:]}), Meta{})
				}
				return f
			}
			b.event(JoinPairing{Code: "ABCDEFGH", Until: until})
			if !w.run(5*time.Minute, paired(a, b)) {
				t.Errorf("%s, %d forged answers: not paired; the joiner was told %v, the inviter %v", name, forged, b.failed, a.failed)
			}
		}
	}
}

// opened is two strangers of whom one invites by code.
func opened(t testing.TB, ch func(*world) *channel) (w *world, a, b *node, until time.Time) {
	w, a, b = strangers(t, 1, ch)
	until = w.now.Add(20 * time.Minute)
	a.event(OpenPairing{Code: "ABCDEFGH", Until: until})
	return w, a, b, until
}

// Each answer is a guess of the code: after so many that lead to nothing the joiner stops.
func TestTheJoinerStopsAfterFruitlessAnswers(t *testing.T) {
	w, _, b := strangers(t, 1, lossy(0))
	given := 0
	w.onFrame = func(from *station, f []byte) []byte {
		if p, err := wire.ParsePAKE(f); err == nil && from.node == b {
			b.core.HandleFrame(w.now, 1, forgedShare(t, p.Tag, given), Meta{})
			given++
		}
		return f
	}
	b.event(JoinPairing{Code: "ABCDEFGH", Until: w.now.Add(time.Hour)})
	if !w.run(20*time.Minute, func() bool { return len(b.failed) > 0 }) || given < maxAnswers || given > maxAnswers+1 {
		t.Errorf("told %v after %d answers, want %d", b.failed, given, maxAnswers)
	}
}

// With an invite neither forged proofs nor rejects end the search while the inviter is there.
func TestForgedProofsDoNotKeepOutWhoHasTheInvite(t *testing.T) {
	w, a, b := strangers(t, 1, lossy(0.2))
	secret := []byte("sixteen octets!!")
	until := w.now.Add(10 * time.Minute)
	w.onFrame = func(from *station, f []byte) []byte {
		if p, err := wire.ParsePairing(f); err == nil && from.node == b {
			for i := range byte(10) {
				b.core.HandleFrame(w.now, 1, wire.AppendReject(nil, wire.Reject{Tag: p.Tag, Left: i}), Meta{})
				b.core.HandleFrame(w.now, 1, wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing2, Tag: p.Tag, Noise: bytes.Repeat([]byte{i + 1}, wire.NoiseNN)}), Meta{})
			}
		}
		return f
	}
	b.event(JoinPairing{Secret: secret, Static: a.public, Until: until})
	w.run(20*time.Second, never)
	a.event(OpenPairing{Secret: secret, Until: until})
	if !w.run(5*time.Minute, paired(a, b)) {
		t.Errorf("not paired; the joiner was told %v", b.failed)
	}
}

// Whoever knows no more than our public key cannot push a guest out who is about to confirm.
func TestOpeningsWithoutTheSecretPushNobodyOut(t *testing.T) {
	for _, code := range []bool{false, true} {
		w, a, b, until := opened(t, lossy(0))
		secret := []byte("sixteen octets!!")
		a.event(OpenPairing{Secret: secret, Until: until})
		join, n := JoinPairing{Secret: secret, Static: a.public, Until: until}, byte(0)
		if code {
			join = JoinPairing{Code: "ABCDEFGH", Until: until}
		}
		flood := func() {
			x := w.t
			for range 3 * maxGuests {
				c, err := New(Config{Self: PeerID{n}, Static: [32]byte{n + 1}, Rand: newSeeded(uint64(n), "flood")})
				if err != nil {
					x.Fatal(err)
				}
				n++
				c.HandleEvent(w.now, PortUp{Port: 1, Medium: Radio, MTU: 254, Airtime: sf7})
				c.HandleEvent(w.now, JoinPairing{Secret: []byte("another secret!!"), Static: a.public, Until: until})
				f, _ := c.PollTransmit(w.now, 1, nil)
				a.core.pairing.invite.rate = newBucket(8, time.Second)
				a.core.HandleFrame(w.now, 1, f, Meta{})
				a.core.ports[0].raw = a.core.ports[0].raw[:min(1, len(a.core.ports[0].raw))]
			}
		}
		w.onFrame = func(from *station, f []byte) []byte {
			if p, err := wire.ParsePairing(f); err == nil && p.Type == wire.TypePairing2 {
				flood()
			}
			return f
		}
		b.event(join)
		if !w.run(5*time.Minute, paired(a, b)) {
			t.Errorf("with the code %v: not paired; the joiner was told %v", code, b.failed)
		}
		if n == 0 || len(a.strange) > 1 {
			t.Errorf("with the code %v: %d openings forged, %d strangers let in", code, n, len(a.strange))
		}
	}
}

// Opening pairing again while it is open gives nobody more guesses.
func TestOpeningAgainKeepsTheTriesLeft(t *testing.T) {
	w, a, b, until := opened(t, lossy(0))
	for try := range wrongCodes {
		a.event(OpenPairing{Code: "ABCDEFGH", Until: until})
		a.event(OpenPairing{Secret: []byte("sixteen octets!!"), Until: until})
		b.event(JoinPairing{Code: "ABCDEFGX", Until: until})
		if !w.run(time.Minute, func() bool { return len(b.failed) == try+1 && len(a.failed) == try+1 }) {
			t.Fatalf("try %d: told %v and %v", try, a.failed, b.failed)
		}
		if got, want := a.failed[try].Left, wrongCodes-1-try; got != want {
			t.Fatalf("try %d: %d left, want %d", try, got, want)
		}
	}
	b.event(JoinPairing{Code: "ABCDEFGH", Until: until})
	if w.run(3*time.Minute, paired(a, b)) {
		t.Error("the right code still pairs")
	}
}
