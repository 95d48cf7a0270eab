package link

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/link/wire"
)

// A script of octets for two honest neighbours and a member that holds valid keys and lies. Whatever it says, the
// honest ones keep their tables bounded and their word, and once the liar is silent all goes on between them.

// tape is a script; past its end it reads zeros.
type tape struct{ b []byte }

func (t *tape) octet() int {
	if len(t.b) == 0 {
		return 0
	}
	v := t.b[0]
	t.b = t.b[1:]
	return int(v)
}

func (t *tape) word() int { return t.octet()<<8 | t.octet() }

func (t *tape) take(n int) []byte {
	v := t.b[:min(n, len(t.b))]
	t.b = t.b[len(v):]
	return v
}

// stage is the world of a script.
type stage struct {
	*trial
	*tape
	a, b  *keeper
	liar  *node
	air   *medium
	seen  [][]byte // frames that were on the air
	held  []byte   // one that is kept back
	fates []int    // of the next frames
	said  []Digest // that the liar may name
	bogus uint16   // the liar's next stream
	keys  uint8    // group keys of its own so far
}

// What may happen to a frame of the script's air.
const (
	passes = iota
	isLost
	isDoubled
	isDamaged
	isHeldBack
	numFates
)

func newStage(t testing.TB, script []byte, trace bool) *stage {
	s := &stage{trial: &trial{world: newWorld(judge{t}, 1)}, tape: &tape{script}}
	s.trial.log = func(why string) { t.Errorf("%s\nscript %x", why, script) }
	s.trace = trace
	ch := s.radio(0)
	if s.octet()%2 == 0 {
		ch.withRates(2, 4)
	}
	s.air = s.medium(ch, 0)
	for _, name := range []string{"a", "b"} {
		s.all = append(s.all, newKeeper(s.node(name, ch), s.fault))
	}
	s.a, s.b = s.all[0], s.all[1]
	s.liar = s.node("x", ch)
	for _, k := range s.all {
		k.liars = map[PeerID]bool{s.liar.id: true}
	}
	s.acquaintAll()
	s.watch = func(n *node) {
		if n != s.liar {
			witnessed(n.core, s.fault)
		}
	}
	s.onFrame = s.frame
	return s
}

// frame meets its fate.
func (s *stage) frame(from *station, b []byte) []byte {
	if len(s.seen) < 512 {
		s.seen = append(s.seen, bytes.Clone(b))
	}
	if len(s.fates) == 0 {
		return b
	}
	fate := s.fates[0]
	s.fates = s.fates[1:]
	switch fate {
	case isLost:
		return nil
	case isDoubled:
		s.everyone(b)
	case isDamaged:
		b = bytes.Clone(b)
		b[s.octet()%len(b)] ^= byte(1 + s.octet()%255)
	case isHeldBack:
		b, s.held = s.held, bytes.Clone(b)
	}
	return b
}

// everyone hears a frame now.
func (s *stage) everyone(b []byte) {
	for _, n := range s.nodes {
		s.hears(n, b)
	}
}

func (s *stage) hears(n *node, b []byte) {
	n.core.HandleFrame(s.now, 1, bytes.Clone(b), Meta{SNRdB: 3, HasSignal: true})
	n.drain()
}

// play is the whole script; it answers how much of its patience was needed.
func (s *stage) play() (used float64) {
	defer func() {
		if why, ok := recover().(stopped); ok {
			s.fault("%s", why.why)
		}
	}()
	s.run(20*time.Second, never)
	for i := 0; i < 120 && len(s.tape.b) > 0; i++ {
		s.step()
		s.bounds()
	}
	s.fates, s.held = nil, nil
	s.liar.event(PortDown{1})
	s.mendHonest()
	start, patience := s.now, s.trial.patience()
	if !s.run(patience, s.honest) {
		s.fault("no rest %v after the liar fell silent: %s", s.now.Sub(start), s.transfers())
	}
	took := s.now.Sub(start)
	s.run(2*prevLinger, never)
	s.bounds()
	for _, k := range s.all {
		if p := k.n.core.port(1); !p.home() || k.n.stations[0].rate != 0 {
			s.fault("%s believes that it is on setting %d, and is on %d", k.n.name, p.rate, k.n.stations[0].rate)
		}
	}
	return took.Seconds() / patience.Seconds()
}

// honest reports whether what the honest ones want of each other has ended.
func (s *stage) honest() bool {
	for _, k := range s.all {
		for _, w := range k.wants {
			if w.state != ended && w.to.n != s.liar {
				return false
			}
		}
	}
	return true
}

func (s *stage) mendHonest() {
	for _, k := range s.all {
		if st := k.n.stations[0]; k.n.core.port(1) == nil {
			st.frame = nil
			k.n.up(st)
		}
		k.n.event(PortBudget{Port: 1})
		k.n.event(PortClear{1, s.now})
	}
}

// bounds checks both honest cores. Neither may come to doubt the other.
func (s *stage) bounds() {
	for _, k := range s.all {
		for _, p := range k.n.core.peers {
			if p.id != s.liar.id && (p.doubt.failed > 0 || p.doubt.times > 0) {
				s.fault("%s doubts %v, which is honest: %+v", k.n.name, p.id, p.doubt)
			}
		}
		if err := accounts(k.n.core); err != nil {
			s.fault("%s: %v", k.n.name, err)
		}
		sizes(k.n.core, func(path string, n int) {
			if n > mostOf {
				s.fault("%s: %d of %s", k.n.name, n, path)
			}
		})
	}
}

// step does what the next octet says.
func (s *stage) step() {
	op := s.octet()
	k, o := s.a, s.b
	if op&0x80 != 0 {
		k, o = o, k
	}
	if s.trace {
		fmt.Printf("%8.3f script %d for %s\n", s.now.Sub(epoch).Seconds(), op&0x1f, k.n.name)
	}
	switch op & 0x1f {
	case 0, 1, 2:
		s.run(time.Duration(1+s.octet())*20*time.Millisecond, never)
	case 3, 4:
		w := k.want(o, s.some(s.word()%6000+1), Priority(s.octet()%3), op&0x40 != 0)
		s.name(w.item.Digest)
	case 5:
		for range 1 + s.octet()%8 {
			s.fates = append(s.fates, s.octet()%numFates)
		}
	case 6:
		if len(s.seen) > 0 {
			s.hears(k.n, s.seen[s.word()%len(s.seen)])
		}
	case 7:
		s.hears(k.n, s.take(s.octet()))
	case 8, 9:
		s.lie(k, s.take(s.octet()))
	case 10, 11, 12:
		s.lie(k, wire.AppendMessage(nil, s.message()))
	case 13, 14:
		s.symbols(k)
	case 15:
		s.offerAndSend(k)
	case 16:
		s.now = s.now.Add(time.Duration(s.octet()*s.octet()) * time.Second)
	case 17:
		k.n.event(PortDown{1})
	case 18:
		k.n.stations[0].frame = nil // what waited in the modem is gone, and its setting with it
		k.n.up(k.n.stations[0])
	case 19:
		k.restart()
	case 20:
		s.liar.restart()
	case 21:
		s.wearOut(k)
	case 22:
		if len(k.wants) > 0 {
			k.withdraw(k.wants[s.octet()%len(k.wants)])
		}
	case 23:
		k.n.event(PortClear{1, s.now.Add(time.Duration(s.octet()) * time.Second)})
	case 24:
		k.liarsWant(s)
	case 25:
		s.alive(k)
	case 26:
		k.n.event(Suspect{Peer: s.liar.id, Digest: s.digest()})
	case 27:
		k.n.core.HandleTimeout(s.now)
		k.n.drain()
	case 28:
		k.n.event(PortBudget{Port: 1, Left: time.Duration(s.octet()) * time.Second, PerHour: 36 * time.Second})
	case 29:
		s.castLie(k, o)
	case 30:
		s.announce(k)
	case 31:
		s.moveLie(k)
	}
}

// liarsWant is something for the liar, that it may lie about.
func (k *keeper) liarsWant(s *stage) {
	body := s.some(s.word()%4000 + 1)
	it := Item{Digest: DigestOf(1, body), Kind: 1, Size: len(body), Lifetime: time.Hour}
	if k.find(s.liar.id, it.Digest) != nil {
		return
	}
	s.name(it.Digest)
	k.n.bodies[it.Digest] = body
	w := &want{item: it, to: &keeper{n: s.liar}}
	k.wants = append(k.wants, w)
	k.submit(w)
	k.n.drain()
}

// some octets, the same for the same length.
func (s *stage) some(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 5))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (s *stage) name(d Digest) {
	if len(s.said) < 64 {
		s.said = append(s.said, d)
	}
}

// digest is one that the liar heard of, or none that is any body's.
func (s *stage) digest() Digest {
	i := s.octet()
	if i < len(s.said) {
		return s.said[i]
	}
	return Digest{byte(i)}
}

// session is the liar's with an honest node, or nil.
func (s *stage) session(k *keeper) *session {
	if p := s.liar.core.peer(k.n.id); p != nil && len(p.paths) > 0 {
		return p.paths[0].current
	}
	return nil
}

// lie seals messages as the liar would.
func (s *stage) lie(k *keeper, messages []byte) {
	x := s.session(k)
	if x == nil {
		return
	}
	f := wire.AppendControl(nil, wire.Control{To: x.remote, Counter: uint16(x.counter)})
	n := len(f)
	f = append(f, messages[:min(len(messages), 254-wire.ControlOverhead)]...)
	f = x.sendControl.seal(f[:n], wire.ControlNonce(x.counter), f[n:], f[:n], wire.TagSize)
	x.counter++
	s.hears(k.n, f)
}

// stream is one that the liar opened, one that an honest node sends on, or any.
func (s *stage) stream() uint16 {
	i := s.octet()
	if i < 64 {
		return s.bogus - uint16(i%8)
	}
	if i < 192 {
		for _, k := range s.all {
			if p := k.n.core.peer(s.liar.id); p != nil && len(p.paths) > 0 && p.paths[0].current != nil {
				return p.paths[0].current.nextStream - 1 - uint16(i%4)
			}
		}
	}
	return uint16(s.word())
}

// message is any that parses.
func (s *stage) message() *wire.Message {
	m := &wire.Message{Kind: wire.Kind(s.octet() % 14), Flags: wire.Flag(s.octet() & 0xf0), Stream: s.stream(), Digest: s.digest(),
		ItemKind: uint8(s.octet() % 3), Priority: uint8(s.octet() % 4), Size: uint32(s.word() % 9000), Lifetime: uint32(s.octet()), Code: uint8(s.octet() % 24)}
	if s.octet() == 0 {
		m.Size = 1 << 27
	}
	m.Upto = uint16(s.octet() % 5)
	for b := range m.Upto {
		if n := s.octet() % 70; n > 0 {
			m.Needs = append(m.Needs, wire.BlockNeed{Block: b, N: uint8(min(n, 64))})
		}
	}
	m.Body = s.take(s.octet() % 200)
	return m
}

// symbols are anybody's, of any block.
func (s *stage) symbols(k *keeper) {
	h := wire.Data{Poll: s.octet()%2 == 0, Block: uint16(s.octet() % 4), Stream: s.stream(), First: uint8(s.octet())}
	s.seal(k, h, s.octet()%5, []int{61, 60, 50, 1}[s.octet()%4])
}

func (s *stage) seal(k *keeper, h wire.Data, count, sym int) {
	x := s.session(k)
	if x == nil || count == 0 {
		return
	}
	f := wire.AppendData(nil, h)
	n := len(f)
	f = append(f, s.some(count*sym)...)
	f[n] ^= byte(s.octet())
	f = x.sendData.seal(f[:n], h.Nonce(len(f)-n), f[n:], f[:n], h.TagSize())
	s.hears(k.n, f)
}

// offerAndSend is a whole transfer of the liar, true or false, of a body that is its own or another's.
func (s *stage) offerAndSend(k *keeper) {
	size := s.word()%3000 + 1
	if all := append(s.a.wants[:len(s.a.wants):len(s.a.wants)], s.b.wants...); len(all) > 0 && s.octet()%2 == 0 {
		size = all[s.octet()%len(all)].item.Size // the honest ones' bodies come from some, too
	}
	body := s.some(size)
	d := DigestOf(1, body)
	if s.octet()%2 == 0 {
		body[size/2] ^= 1
	}
	s.bogus++
	m := &wire.Message{Kind: wire.KindOffer, Flags: wire.FlagFollows, Stream: s.bogus, Digest: d, ItemKind: 1, Size: uint32(size), Lifetime: 60}
	s.lie(k, wire.AppendMessage(nil, m))
	s.run(time.Second, never)
	lay := layoutOf(size)
	for b := range lay.blocks {
		for i := 0; i < lay.data(b); i += quad {
			x := s.session(k)
			if x == nil || s.octet()%8 == 7 {
				return
			}
			n := min(quad, lay.data(b)-i)
			h := wire.Data{Block: uint16(b), Stream: s.bogus, First: uint8(i)}
			f := wire.AppendData(nil, h)
			from := (lay.start(b) + i) * lay.sym
			part := make([]byte, n*lay.sym)
			copy(part, body[min(from, size):])
			f = append(f, part...)
			f = x.sendData.seal(f[:wire.DataHeader], h.Nonce(len(part)), f[wire.DataHeader:], f[:wire.DataHeader], h.TagSize())
			s.hears(k.n, f)
		}
	}
}

// alive is a sign of life for any burst.
func (s *stage) alive(k *keeper) {
	x := s.session(k)
	if x == nil {
		return
	}
	f := wire.AppendAliveHeader(nil, uint8(s.octet()))
	h := wire.Data{Check: true, Block: uint16(s.octet() % 3), Stream: s.stream(), First: uint8(s.octet())}
	s.hears(k.n, x.sendData.seal(f, wire.Alive{Heard: f[1]}.Nonce(h.AliveNonce(244)), nil, f, wire.ShortTag))
}

// script draws one by seed.
func script(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, 40+r.IntN(500))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestTrialsWithALiar plays scripts drawn by seed.
func TestTrialsWithALiar(t *testing.T) {
	if *oneSeed != 0 {
		t.Logf("used %.2f of the patience", newStage(t, script(*oneSeed), true).play())
		return
	}
	each(t, fewer(*trials/4), func(t *testing.T, seed uint64) float64 {
		s := newStage(t, script(seed), false)
		if used := s.play(); !s.failed {
			return used
		}
		t.Errorf("seed %d: go test ./link -run=TestTrialsWithALiar -v -seed=%d", seed, seed)
		return 0
	})
}

// FuzzLiar lets the fuzzer write the script.
func FuzzLiar(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(script(1000 + seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) { newStage(t, script[:min(len(script), 2000)], false).play() })
}
