package link

import (
	"encoding/binary"
	"testing"
	"time"

	"packhorse/link/wire"
)

// A port that is bound to one gateway takes no word of another there.
func TestABoundPortIsForItsPeerAlone(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.datagram(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x")
	a.up(a.stations[0])
	w.acquaintAll()
	if !w.run(time.Minute, met(a, b)) {
		t.Fatal("the bound gateway is not met")
	}
	x.event(PortUp{Port: 1, Medium: Datagram, MTU: 1200, Airtime: ch.airtime, Peer: a.id})
	opening := x.core.peer(a.id).paths[0].opening.frame
	stranger := wire.AppendBeacon(nil, wire.Beacon{Short: [8]byte{1, 2, 3}, Boot: 1, Seq: 1})
	for name, f := range map[string][]byte{
		"beacon":             x.core.appendBeacon(nil, false),
		"stranger's beacon":  a.core.domain.append(stranger, 0),
		"opening":            opening,
		"unasked-for record": a.core.domain.append(wire.AppendRecord(nil, []byte("record of x")), 0),
	} {
		before := a.core.Stats().Dropped[DropForeign]
		a.core.HandleFrame(w.now, 1, f, Meta{})
		a.drain()
		if a.core.Stats().Dropped[DropForeign] != before+1 {
			t.Errorf("%s: not dropped as foreign: %s", name, dropped(a.core.Stats()))
		}
	}
	w.run(5*time.Second, never)
	if p := a.core.peer(x.id); len(p.paths) > 0 || len(a.records) > 0 {
		t.Errorf("%d paths to the other gateway, %d records", len(p.paths), len(a.records))
	}
}

// Whom we do not know yet is asked for on its own port, and its record taken.
func TestABoundPortMeetsAStranger(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.datagram(0)
	a, b := w.node("a", ch), w.node("b", ch)
	b.core.domain.Record = []byte("record of b")
	a.up(a.stations[0])
	if !w.run(time.Minute, func() bool { return len(a.records) > 0 }) {
		t.Error("the record of the bound gateway is not heard")
	}
}

// crowd gives the core so many neighbours with sessions on its first port, without the air.
func crowd(c *Core, n int) []*session {
	var all []*session
	for i := range n {
		p := &peer{}
		binary.BigEndian.PutUint32(p.id[:], uint32(i+1))
		pa := c.path(c.addPeer(p), c.ports[0])
		key := [32]byte{byte(i), byte(i >> 8), 1}
		seal, _ := newSealer(key[:])
		pa.current = &session{path: pa, index: uint16(i), recvData: seal, in: map[uint16]*inStream{}, out: map[uint16]*outgoing{}}
		c.sessions[uint16(i)] = pa.current
		all = append(all, pa.current)
	}
	return all
}

// Junk that looks like data must not have every session's keys tried; who is tried first changes.
func TestADataFrameIsTriedUnderFewKeys(t *testing.T) {
	w := newWorld(t, 1)
	a := w.node("a", w.radio(0))
	a.core.now = w.now
	all := crowd(a.core, 200)
	const frames = 400
	for i := range frames {
		f := wire.AppendData(nil, wire.Data{Stream: uint16(i)})
		a.core.HandleFrame(w.now, 1, append(f, make([]byte, 200)...), Meta{})
	}
	if got := a.core.Stats().Trials; got > frames*maxTrials {
		t.Errorf("%d frames of junk tried under %d keys, want %d at most", frames, got, frames*maxTrials)
	}
	last := all[len(all)-1]
	h := wire.Data{Stream: 9}
	send := func() {
		f := wire.AppendData(nil, h)
		f = last.recvData.seal(f, h.Nonce(61), make([]byte, 61), f[:wire.DataHeader], wire.ShortTag)
		a.core.HandleFrame(w.now, 1, f, Meta{})
	}
	for range 200 {
		send()
	}
	if len(last.early) == 0 {
		t.Error("data ahead of its offer is never opened for a neighbour far down the list")
	}
	early := len(last.early)
	last.in[9] = &inStream{sess: last, stream: 9, state: inCustody}
	before := a.core.Stats().Dropped[DropNotOurs]
	send()
	if a.core.Stats().Dropped[DropNotOurs] != before || len(last.early) != early {
		t.Error("data of a known stream is not opened at once")
	}
}

// Beacons of strangers, recorded and repeated, must not keep our beacons frequent.
func TestRepeatedStrangersDoNotHurryBeacons(t *testing.T) {
	for strangers, times := range map[int]int{1: 1, 3: 1, 30: 3} {
		w := newWorld(t, 1)
		ch := w.radio(0)
		a := w.node("a", ch)
		w.run(time.Hour, never)
		quiet := beacons(w, a, func() { w.run(time.Hour, never) })
		loud := beacons(w, a, func() {
			for i := range 1800 {
				b := wire.Beacon{Short: [8]byte{1, byte(i % strangers)}, Boot: 5, Seq: uint16(i)}
				a.core.HandleFrame(w.now, 1, a.core.domain.append(wire.AppendBeacon(nil, b), 0), Meta{})
				w.run(2*time.Second, never)
			}
		})
		if want := times*quiet + quiet/2; loud > want {
			t.Errorf("%d strangers: %d beacons in an hour, %d without, want %d at most", strangers, loud, quiet, want)
		}
	}
}

func beacons(w *world, a *node, f func()) (n int) {
	w.onFrame = func(_ *station, b []byte) []byte {
		if wire.TypeOf(b) == wire.TypeBeacon {
			n++
		}
		return b
	}
	f()
	w.onFrame = nil
	return n
}
