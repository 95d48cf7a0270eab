package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// A word that cannot be given keeps nobody waiting for the port: that a stream is not known is not said of one that was offered
// meanwhile, and nothing of a body that is being stored.
func TestOnlyWhatCanBeSaidIsOwed(t *testing.T) {
	for name, c := range map[string]struct {
		then func(b *node, s, of *session)
		want int
	}{
		"not known":       {func(*node, *session, *session) {}, 1},
		"offered by then": {func(b *node, s, _ *session) { b.hears(say(s, offerOf(1000))) }, 0},
		"whole by then":   {func(b *node, s, _ *session) { b.hears(say(s, pushOf([]byte("whole")))) }, 0},
		"being stored": {func(b *node, s, of *session) {
			b.hears(say(s, offerOf(len("whole"))))
			st := of.in[owedStream]
			b.core.accept(st)
			b.core.received(st.body, st, []byte("whole"))
		}, 0},
	} {
		w, a, b, _ := pair(t, 1, 0)
		w.run(time.Minute, met(a, b))
		w.run(20*time.Second, never)
		s, of := a.core.peers[0].paths[0].current, b.core.peers[0].paths[0].current
		b.hears(say(s, wire.Message{Kind: wire.KindPoll, Stream: owedStream}))
		c.then(b, s, of)
		if len(of.owed) != c.want {
			t.Errorf("%s: words owed on %v, want %d", name, of.owed, c.want)
		}
	}
}

const owedStream = 7

func offerOf(size int) wire.Message {
	return wire.Message{Kind: wire.KindOffer, Stream: owedStream, Digest: Digest{1}, Size: uint32(size), Lifetime: 5}
}

func pushOf(body []byte) wire.Message {
	return wire.Message{Kind: wire.KindPush, Stream: owedStream, Body: body, Lifetime: 5}
}
