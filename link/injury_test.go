package link

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/link/wire"
)

// specimens are frames of every type that were on some air, and who heard them.
type specimens struct {
	victim *node
	frames map[string][]byte
}

// kindOf names a frame's type, and its variant where the low nibble says one.
func kindOf(b []byte) string {
	names := map[wire.Type]string{wire.TypeCast: "cast", wire.TypeBeacon: "beacon", wire.TypeQuery: "query", wire.TypeRecord: "record",
		wire.TypeHandshake1: "handshake 1", wire.TypeHandshake2: "handshake 2", wire.TypeControl: "control", wire.TypeData: "data", wire.TypeDataPoll: "data poll",
		wire.TypeDataFull: "data full", wire.TypeDataFullPoll: "data full poll", wire.TypeDataCheck: "data check",
		wire.TypePAKE1: "PAKE 1", wire.TypePAKE2: "PAKE 2", wire.TypePairing1: "pairing 1", wire.TypePairing2: "pairing 2"}
	if wire.IsAlive(b) {
		return "alive"
	}
	return names[wire.TypeOf(b)]
}

// collect keeps the last frame of each kind that anybody but the victim sent.
func (s *specimens) collect(w *world) {
	s.frames = map[string][]byte{}
	w.onFrame = func(from *station, b []byte) []byte {
		if from.node != s.victim {
			s.frames[kindOf(b)] = bytes.Clone(b)
		}
		return b
	}
}

// onRadio is a member that heard its neighbour meet it, ask who it is, and send.
func onRadio(t testing.TB) *specimens {
	w := newWorld(t, 1)
	w.domain.Record = []byte("our membership record, as long as it takes")
	ch := w.radio(0)
	a, b := w.node("a", ch), w.node("b", ch)
	s := &specimens{victim: b}
	s.collect(w)
	w.acquaint(a)
	w.run(10*time.Second, never)
	w.acquaint(b)
	w.run(2*time.Minute, met(a, b))
	a.restart()
	w.run(10*time.Minute, func() bool { return s.frames["handshake 1"] != nil && s.frames["handshake 2"] != nil && a.peers[b.id] })
	a.core.enqueue(a.core.ports[0], a.core.domain.append(wire.AppendQuery(nil, [8]byte{9}), 0))
	ds := []Digest{a.send(b, 20_000, Message), b.send(a, 20_000, Message)}
	w.run(10*time.Minute, func() bool { return a.custody[ds[0]] > 0 && b.custody[ds[1]] > 0 })
	w.run(10*time.Minute, never)
	s.frames["control, unheard"] = say(a.core.peers[0].paths[0].current, wire.Message{Kind: wire.KindPoll, Stream: 99})
	s.frames["data poll"] = dataOf(a, wire.Data{Poll: true, Stream: 77})
	return s
}

// dataOf is a data frame under the session with b, of a stream that was not offered.
func dataOf(a *node, h wire.Data) []byte {
	s := a.core.peers[0].paths[0].current
	f := wire.AppendData(nil, h)
	tag := h.TagSize()
	return s.sendData.seal(f, h.Nonce(61), make([]byte, 61), f[:wire.DataHeader], tag)
}

// onDatagram is the same over DTLS, where data has whole tags.
func onDatagram(t testing.TB) *specimens {
	w := newWorld(t, 2)
	ch := w.datagram(0)
	a, b := w.node("a", ch), w.node("b", ch)
	s := &specimens{victim: b}
	s.collect(w)
	w.acquaintAll()
	w.run(2*time.Minute, met(a, b))
	d := a.send(b, 20_000, Message)
	w.run(time.Minute, delivered(a, b, d))
	w.run(time.Minute, never)
	return &specimens{b, map[string][]byte{"data full": dataOf(a, wire.Data{Full: true, Stream: 77}), "data full poll": dataOf(a, wire.Data{Full: true, Poll: true, Stream: 77})}}
}

// onCast is a member of a group.
func onCast(t *testing.T) *specimens {
	x := newCircle(t, 1, 2)
	s := &specimens{victim: x.others[0]}
	s.collect(x.world)
	d := x.sendAll(8000, x.others...)
	x.run(time.Hour, func() bool { return !x.from.waits(d) })
	x.run(10*time.Minute, never)
	return &specimens{s.victim, map[string][]byte{"cast": s.frames["cast"]}}
}

// onPairing is a gateway that stopped pairing.
func onPairing(t testing.TB) *specimens {
	w, a, b, until := opened(t, lossy(0))
	all := map[string][]byte{}
	w.onFrame = func(_ *station, f []byte) []byte {
		if k := kindOf(f); strings.HasPrefix(k, "PAKE") || strings.HasPrefix(k, "pairing") {
			all[k] = bytes.Clone(f)
		}
		return f
	}
	b.event(JoinPairing{Code: "ABCDEFGH", Until: until})
	w.run(5*time.Minute, paired(a, b))
	a.event(ClosePairing{})
	w.run(10*time.Minute, never)
	return &specimens{a, all}
}

// stranger is a gateway of another domain that hears the same air.
func foreigner(t testing.TB, medium func(*world) *channel) *node {
	w := newWorld(t, 9)
	w.domain.Key[31]++
	n := w.node("x", medium(w))
	n.event(AddMember{Member{ID: PeerID{1}, Static: [32]byte{9}}})
	return n
}

// injuries are what is done to a frame.
var injuries = []struct {
	name string
	do   func([]byte) []byte
}{
	{"half", func(b []byte) []byte { return b[:len(b)/2] }},
	{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
	{"longer", func(b []byte) []byte { return append(bytes.Clone(b), 7) }},
	{"oversized", func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, maxFrame)...) }},
	{"damaged", func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b }},
	{"again", func(b []byte) []byte { return b }},
}

// suffered is what a core counts for one frame, and whether its tables grew.
func (n *node) suffered(b []byte) string {
	before, size := n.core.Stats().Dropped, n.core.tables()
	n.core.HandleFrame(n.w.now, 1, b, Meta{})
	n.drain()
	for len(n.core.ports[0].raw) > 0 {
		n.core.ports[0].raw = n.core.ports[0].raw[1:]
	}
	var all []string
	for _, d := range Drops() {
		for range n.core.Stats().Dropped[d] - before[d] {
			all = append(all, d.String())
		}
	}
	after := n.core.tables()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] > size[name] && name != "early runs" {
			all = append(all, fmt.Sprintf("%s grew", name))
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}

// Each kind of frame, injured in each way, is dropped for one reason.
func TestInjuredFramesAreCountedByReason(t *testing.T) {
	var lines []string
	seen := map[string]bool{}
	for _, s := range []*specimens{onRadio(t), onDatagram(t), onCast(t), onPairing(t)} {
		for _, kind := range slices.Sorted(maps.Keys(s.frames)) {
			if seen[kind] {
				continue
			}
			seen[kind] = true
			line := fmt.Sprintf("%-17s", kind)
			for _, in := range injuries {
				line += fmt.Sprintf(" %s: %s;", in.name, s.victim.suffered(in.do(s.frames[kind])))
			}
			medium := lossy(0)
			if strings.HasPrefix(kind, "data full") {
				medium = wired(0)
			}
			lines = append(lines, line+" elsewhere: "+foreigner(t, medium).suffered(s.frames[kind]))
		}
	}
	if got := strings.Join(lines, "\n"); got != strings.TrimSpace(injured) {
		t.Errorf("counted:\n%s\nwant:\n%s", got, strings.TrimSpace(injured))
	}
}

const injured = `
alive             half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: not ours; again: not ours; elsewhere: not ours
beacon            half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: foreign; again: stale beacon; elsewhere: foreign
control           half: malformed; cut: replayed; longer: replayed; oversized: oversized; damaged: replayed; again: replayed; elsewhere: no session
control, unheard  half: malformed; cut: forged; longer: forged; oversized: oversized; damaged: forged; again: words owed grew; elsewhere: no session
data              half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: duplicate symbols; elsewhere: not ours
data check        half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: duplicate symbols, words owed grew; elsewhere: not ours
data poll         half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: unknown stream, words owed grew; elsewhere: not ours
handshake 1       half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: bad handshake; again: on trial grew, sessions grew; elsewhere: foreign
handshake 2       half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: bad handshake; again: bad handshake; elsewhere: bad handshake
query             half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: foreign; again: -; elsewhere: foreign
record            half: foreign; cut: foreign; longer: foreign; oversized: oversized; damaged: foreign; again: -; elsewhere: foreign
data full         half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: unknown stream; elsewhere: not ours
data full poll    half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: unknown stream, words owed grew; elsewhere: not ours
cast              half: not ours; cut: not ours; longer: not ours; oversized: oversized; damaged: not ours; again: duplicate symbols; elsewhere: not ours
PAKE 1            half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: no pairing; again: no pairing; elsewhere: no pairing
PAKE 2            half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: no pairing; again: no pairing; elsewhere: no pairing
pairing 1         half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: no pairing; again: no pairing; elsewhere: no pairing
pairing 2         half: malformed; cut: malformed; longer: malformed; oversized: oversized; damaged: no pairing; again: no pairing; elsewhere: no pairing
`

// tables are the sizes of all that others can make grow.
func (c *Core) tables() map[string]int {
	t := map[string]int{"peers": len(c.peers), "sessions": len(c.sessions), "openings": len(c.openings), "bodies": len(c.order), "octets of bodies": c.memory,
		"guests": len(c.pairing.invite.runs), "joins": len(c.pairing.join.runs), "events": len(c.events)}
	for _, p := range c.ports {
		t["frames queued"] = max(t["frames queued"], len(p.raw))
		t["paths"] += len(p.paths)
		for _, pa := range p.paths {
			t["on trial"] = max(t["on trial"], len(pa.tentative))
			for _, s := range [...]*session{pa.current, pa.previous} {
				if s == nil {
					continue
				}
				t["streams"] = max(t["streams"], len(s.in))
				t["words owed"] = max(t["words owed"], len(s.owed)+len(s.cancels))
				t["early runs"] = max(t["early runs"], len(s.early)+len(s.groups.early))
				t["groups"] = max(t["groups"], len(s.groups.streams))
			}
		}
	}
	return t
}

// A million frames, injured, repeated and made up, leave every table as it was.
func TestAFloodGrowsNoTable(t *testing.T) {
	frames := fewer(seeds(350_000))
	for _, s := range []*specimens{onRadio(t), onCast(t), onPairing(t)} {
		rng := rand.New(rand.NewPCG(1, 2))
		kinds := slices.Sorted(maps.Keys(s.frames))
		before := s.victim.core.tables()
		dropped := sum(s.victim.core.Stats())
		for range frames {
			b := bytes.Clone(s.frames[kinds[rng.IntN(len(kinds))]])
			switch rng.IntN(4) {
			case 0:
				b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
			case 1:
				b = b[:rng.IntN(len(b))]
			case 2:
				for i := 1; i < len(b); i++ {
					b[i] = byte(rng.Uint32())
				}
			}
			s.victim.w.now = s.victim.w.now.Add(time.Millisecond)
			s.victim.core.HandleFrame(s.victim.w.now, 1, b, Meta{})
			s.victim.drain()
		}
		if got := sum(s.victim.core.Stats()) - dropped; got < frames*9/10 {
			t.Errorf("%d frames of %d counted as dropped", got, frames)
		}
		limits := map[string]int{"frames queued": maxRaw, "on trial": maxTentative, "words owed": 4, "early runs": 2 * maxEarly, "sessions": before["sessions"] + maxTentative, "openings": 1, "guests": maxGuests}
		for name, now := range s.victim.core.tables() {
			if most := max(before[name], limits[name]); now > most {
				t.Errorf("%s: %d after the flood, %d before, want %d at most", name, now, before[name], most)
			}
		}
	}
}

func sum(s Stats) (n uint64) {
	for _, d := range s.Dropped {
		n += d
	}
	return n
}
