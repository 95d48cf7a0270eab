package gateway

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"packhorse/link"
)

func TestPartialRecordOfVersion1IsRead(t *testing.T) {
	old := "01" + "01" + "02" + "09000000000000000000000000000000" + "00000064" + "00000e10" + "0003" + "00000007" +
		"c000000000000000000000000000000000000000000000000000000000000000" + "00000004" + "61626364"
	b, err := hex.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parsePartialRecord(b)
	want := link.Item{Kind: ItemParcel, Priority: link.Bulk, Digest: link.Digest{9}, Size: 100, Lifetime: time.Hour, Cost: 3}
	if err != nil || got.Item != want || got.Block != 7 || got.Have[0] != 0xc0 || !bytes.Equal(got.Symbols, []byte("abcd")) || got.From != (link.PeerID{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The symbols of one neighbour's transfers leave half of the room to others, also over restarts.
func TestPartialTransfersOfOneNeighbourLeaveRoomForOthers(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	s.limits = Limits{PartialBytes: 10_000}
	s.boot()
	save := func(from, digest byte, block int) (kept bool) {
		it := link.Item{Kind: ItemParcel, Digest: link.Digest{digest}, Size: 100_000}
		before := s.core.partials.bytes
		e := link.SavePartial{Item: it, Block: block, Symbols: make([]byte, 900)}
		if from > 0 {
			e.Peer = link.PeerID{from}
		}
		s.core.savePartial(e)
		b.settle()
		return s.core.partials.bytes > before
	}
	n := 0
	for save(1, byte(n/3), n%3) {
		n++
	}
	if n != 4 && n != 5 {
		t.Errorf("got %d blocks of 900 octets of one neighbour, want as many as fit half of 10,000", n)
	}
	if s.boot(); save(1, 99, 0) || save(0, 0, 50) {
		t.Error("after a restart the same neighbour got more, by a new transfer or by one that went on")
	}
	if !save(2, 50, 0) {
		t.Error("another neighbour has no room")
	}
	s.core.dropPartial(link.Digest{0})
	if b.settle(); !save(1, 99, 0) {
		t.Error("no room after a transfer of the neighbour ended")
	}
	for d := range s.core.partials.byDigest {
		s.core.dropPartial(d)
	}
	if b.settle(); s.core.partials.bytes != 0 || len(s.core.partials.peer) != 0 || len(s.disk[KindPartial]) != 0 {
		t.Errorf("got %d octets counted and %d records at the end, want none", s.core.partials.bytes, len(s.disk[KindPartial]))
	}
}

// What the disk did not let go of is still counted, and goes the next time.
func TestPartialTransfersThatWereNotDeletedStayCounted(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", text(10))
	in, err := s.core.inspect(b.now, raw)
	if err != nil {
		t.Fatal(err)
	}
	d := in.rec.Digest
	s.core.savePartial(link.SavePartial{Item: link.Item{Kind: ItemParcel, Digest: d, Size: 100_000}, Symbols: make([]byte, 900)})
	b.settle()
	kept := s.core.partials.bytes
	s.fail = func(Persist) error { return errors.New("input/output error") }
	if _, err := alice.deliver(raw); err == nil {
		t.Fatal("a parcel that is not on disk was taken")
	}
	s.core.dropPartial(d)
	b.settle()
	if got := s.core.partials.bytes; got != kept || len(s.disk[KindPartial]) != 1 {
		t.Errorf("got %d octets counted, want %d; %d records on disk", got, kept, len(s.disk[KindPartial]))
	}
	s.fail = nil
	s.core.dropPartial(d)
	if b.settle(); s.core.partials.bytes != 0 || len(s.disk[KindPartial]) != 0 {
		t.Errorf("got %d octets and %d records at the end, want none", s.core.partials.bytes, len(s.disk[KindPartial]))
	}
}
