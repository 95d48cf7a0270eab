package link

import (
	"encoding/binary"
	"time"

	"packhorse/link/wire"
)

// What the liar can forge besides the words of its own sessions, because it is a member: symbols under a group key that it
// holds, beacons and turns in anybody's name, settings that it does not go to.

// castLie has to do with groups.
func (s *stage) castLie(k, o *keeper) {
	switch s.octet() % 4 {
	case 0:
		s.invite(k)
	case 1:
		s.castSymbols(k, s.ownGroup(), uint16(s.octet()%4), s.size())
	case 2:
		s.poison(o, k)
	case 3:
		s.both(k, o)
		for range s.octet() % 6 {
			s.run(time.Duration(s.octet())*10*time.Millisecond, never)
			s.poison(k, o)
		}
	}
}

// size is one that symbols may have.
func (s *stage) size() int { return []int{61, 60, 50, 1}[s.octet()%4] }

// poison forges symbols of an honest one's groups for another, if the liar is a member and the other has one.
func (s *stage) poison(from, to *keeper) {
	p := from.n.core.port(1)
	if p == nil || p.group == nil {
		return
	}
	group, size := uint16(s.octet()%4), s.size()
	if i := s.octet(); len(p.casts) > 0 && i < 240 {
		g := p.casts[i%len(p.casts)]
		group, size = g.stream, g.lay.sym
	}
	s.castSymbols(to, p.group.secret, group, size)
}

// both sends one body to the other honest one and to the liar, as one group.
func (s *stage) both(k, o *keeper) {
	body := s.some(s.word()%6000 + 1)
	d := DigestOf(1, body)
	if k.find(s.liar.id, d) != nil || k.find(o.n.id, d) != nil {
		return
	}
	s.name(d)
	k.n.bodies[d] = body
	pri := Priority(s.octet() % 3)
	for _, to := range []*keeper{o, {n: s.liar}} {
		w := &want{item: Item{Digest: d, Kind: 1, Priority: pri, Size: len(body), Lifetime: time.Hour, Cost: 5}, to: to}
		k.wants = append(k.wants, w)
		k.submit(w)
	}
	k.n.drain()
}

// invite tells of a group for one of the liar's streams.
func (s *stage) invite(k *keeper) {
	m := &wire.Message{Kind: wire.KindCast, Stream: s.stream(), Cast: wire.Membership{Group: uint16(s.octet() % 4), Place: uint8(s.octet())}}
	if s.octet()%2 == 0 {
		m.Flags, m.Cast.Key = wire.FlagKey, s.secret()
	}
	s.lie(k, wire.AppendMessage(nil, m))
}

// secret is one of a few, so that the liar changes its key now and then.
func (s *stage) secret() (key [wire.CastKeySize]byte) {
	if s.octet()%4 == 0 {
		s.keys++
	}
	key[0] = s.keys
	return key
}

// ownGroup is the liar's last key.
func (s *stage) ownGroup() [wire.CastKeySize]byte { return [wire.CastKeySize]byte{s.keys} }

// castSymbols are false symbols under a group's key, which ask sometimes.
func (s *stage) castSymbols(k *keeper, secret [wire.CastKeySize]byte, group uint16, size int) {
	key, err := newGroupKey(secret)
	if err != nil {
		s.fault("%v", err)
		return
	}
	h := wire.Cast{Poll: s.octet()%3 == 0, Block: uint16(s.octet() % 4), Stream: group, First: uint8(s.octet() % 64)}
	f := wire.AppendCast(nil, h)
	symbols := s.some((1 + s.octet()%4) * size)
	symbols[0] ^= byte(s.octet())
	f = key.seal.seal(f, h.Nonce(len(symbols)), symbols, f, wire.ShortTag)
	s.hears(k.n, f)
}

// anyone is a gateway of the stage.
func (s *stage) anyone() *node { return s.nodes[s.octet()%len(s.nodes)] }

// announce is a beacon or a turn in anybody's name, or a word that an emergency waits.
func (s *stage) announce(k *keeper) {
	switch s.octet() % 3 {
	case 0:
		s.falseBeacon(k)
	case 1:
		s.falseClear(k)
	case 2:
		s.lie(k, wire.AppendMessage(nil, &wire.Message{Kind: wire.KindUrgent}))
	}
}

func (s *stage) falseBeacon(k *keeper) {
	who := s.anyone()
	f := wire.Beacon{Short: shortID(who.id), Boot: s.bootOf(who), Seq: uint16(s.word()), Urgent: s.octet()%2 == 0, Clock: uint8(s.octet() % 8)}
	s.hears(k.n, k.n.core.domain.append(wire.AppendBeacon(nil, f), 0))
}

// bootOf is that of its present life, or another.
func (s *stage) bootOf(n *node) uint32 {
	if i := s.octet(); i > 127 {
		return uint32(i)
	}
	return n.core.boot
}

func (s *stage) falseClear(k *keeper) {
	who := s.anyone()
	short := shortID(who.id)
	f := wire.Clear{To: uint16(s.octet()), From: [2]byte(short[:2]), Count: uint16(s.word()), Duration: uint16(s.word())}
	if x := s.session(k); x != nil && s.octet()%2 == 0 {
		f.To = x.remote
	}
	b := wire.AppendClear(nil, f)
	mac := k.n.core.domain.clearMAC(b, s.bootOf(who))
	s.hears(k.n, append(b, mac[:]...))
}

// moveLie proposes a setting, agrees to one or goes back, and does nothing of it.
func (s *stage) moveLie(k *keeper) {
	m := &wire.Message{Kind: wire.KindMove}
	m.Number, m.Span, m.SNRdB = uint8(s.octet()%4), uint8(s.octet()), int8(s.octet())
	switch s.octet() % 3 {
	case 0:
		binary.BigEndian.PutUint16(m.Setting[:], uint16(1+s.octet()%3)<<8)
	case 1:
		m.Kind, m.Code = wire.KindMoved, uint8(max(0, s.octet()%8-3))
	case 2:
		m.Flags = wire.FlagBack
	}
	s.lie(k, wire.AppendMessage(nil, m))
}
