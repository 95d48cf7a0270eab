package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// Frames of any content to both sides of a pairing, in any state of it, between the true ones.
func FuzzPairing(f *testing.F) {
	w, a, b, until := opened(f, lossy(0))
	frames := record(w)
	b.event(JoinPairing{Code: "ABCDEFGH", Until: until})
	w.run(time.Minute, paired(a, b))
	secret := []byte("sixteen octets!!")
	w, a, b = strangers(f, 2, lossy(0))
	more := record(w)
	a.event(OpenPairing{Secret: secret, Until: until})
	b.event(JoinPairing{Secret: secret, Static: a.public, Until: until})
	w.run(time.Minute, paired(a, b))
	for i, fr := range append(*frames, *more...) {
		f.Add(append([]byte{byte(i), byte(len(fr))}, fr...), uint8(i))
	}
	f.Add(append([]byte{1, wire.RejectSize}, wire.AppendReject(nil, wire.Reject{})...), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, seed uint8) {
		w, a, b := strangers(t, uint64(seed), lossy(0.1))
		until := w.now.Add(5 * time.Minute)
		a.event(OpenPairing{Code: "ABCDEFGH", Until: until})
		a.event(OpenPairing{Secret: secret, Until: until})
		join := JoinPairing{Code: "ABCDEFGH", Until: until}
		if seed%2 == 1 {
			join = JoinPairing{Secret: secret, Static: a.public, Until: until}
		}
		b.event(join)
		for steps := 0; len(in) >= 2 && steps < 32; steps++ {
			n := min(int(in[1]), len(in)-2)
			to, part := w.nodes[in[0]&1], append([]byte(nil), in[2:2+n]...)
			if in[0]&2 != 0 && n >= 5 { // of the attempt under way
				for _, r := range b.core.pairing.join.runs {
					copy(part[1:], r.tag[:])
				}
			}
			in = in[2+n:]
			to.core.HandleFrame(w.now, 1, part, Meta{})
			to.drain()
			w.run(time.Duration(seed)*10*time.Millisecond, never)
		}
		for _, n := range w.nodes {
			if len(n.core.pairing.invite.runs) > maxGuests || len(n.core.peers) > maxGuests+1 {
				t.Errorf("%s: %d attempts, %d strangers", n.name, len(n.core.pairing.invite.runs), len(n.core.peers))
			}
			for _, r := range n.core.pairing.join.runs {
				if len(r.tried) > maxAnswers {
					t.Errorf("%s: %d answers kept", n.name, len(r.tried))
				}
			}
		}
		w.run(10*time.Minute, never)
		if c := b.core; len(c.pairing.join.runs) > 0 || !c.pairing.join.until.IsZero() {
			t.Error("the joiner looks on after its deadline")
		}
	})
}

// What the disk gives back may be anything; the transfer it belongs to goes on all the same.
func FuzzResume(f *testing.F) {
	f.Add(uint32(5000), int16(0), []byte{0xff, 1}, make([]byte, 600))
	f.Add(uint32(1), int16(0), []byte{1}, []byte{7})
	f.Add(uint32(9000), int16(2), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0xff}, make([]byte, 8*61))
	f.Add(uint32(maxBody+1), int16(-1), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, size uint32, block int16, have, symbols []byte) {
		w, a, b, _ := pair(t, 1, 0)
		w.run(time.Minute, met(a, b))
		body := make([]byte, 9000)
		e := Resume{Item: Item{Digest: DigestOf(1, body), Kind: 1, Size: int(size)}, Block: int(block), Symbols: symbols}
		copy(e.Have[:], have)
		b.event(e)
		e.Item.Size = len(body)
		b.event(e)
		if b.core.memory > DefaultMaxReassembly {
			t.Errorf("%d octets held", b.core.memory)
		}
		d := a.sendBody(b.id, body, Message)
		if !w.run(time.Hour, delivered(a, b, d)) {
			t.Errorf("not delivered: refused %v, %+v", a.refused, a.core.Transfers())
		}
	})
}

// Ports come and go at any moment of anything: nothing stays behind in any table, and what was sent arrives once.
func TestPortsComeAndGo(t *testing.T) {
	for seed := range seeds(6) {
		w := newWorld(t, seed)
		air, dg := w.radio(0.05), w.datagram(0.05)
		a, b := w.node("a", air, dg), w.node("b", air, dg)
		a.up(a.stations[1])
		w.acquaintAll()
		a.event(OpenPairing{Code: "ABCDEFGH", Until: w.now.Add(10 * time.Minute)})
		b.event(JoinPairing{Code: "ABCDEFGX", Until: w.now.Add(10 * time.Minute)})
		sent := mixed(w)
		for range 200 {
			n := w.nodes[w.rng.IntN(2)]
			s := n.stations[w.rng.IntN(2)]
			if s.frame = nil; w.rng.IntN(2) == 0 {
				n.event(PortDown{s.port})
			} else {
				n.up(s)
			}
			w.run(time.Duration(w.rng.IntN(4000))*time.Millisecond, never)
		}
		for _, n := range w.nodes {
			for _, s := range n.stations {
				s.frame = nil
				n.up(s)
			}
		}
		if !w.run(3*time.Hour, all(sent)) {
			t.Fatalf("seed %d: not all was delivered: %+v\n%+v", seed, a.core.Transfers(), b.core.Transfers())
		}
		w.run(20*time.Minute, never)
		check(t, w, "ports", sent)
		for _, n := range w.nodes {
			n.event(PortDown{1})
			n.event(PortDown{2})
			if c := n.core; len(c.ports)+len(c.sessions)+len(c.openings) > 0 || len(c.peers) != 1 || len(c.peers[0].paths) > 0 {
				t.Errorf("seed %d, %s: %d ports, %d sessions, %d openings, %d peers are left", seed, n.name, len(c.ports), len(c.sessions), len(c.openings), len(c.peers))
			}
		}
	}
}
