package gateway

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// zeros is n octets in hex.
func zeros(n int) string { return strings.Repeat("00", n) }

// The octets are written out: what a card holds must be read by all later versions of the program.
func TestParcelRecordOfVersion2IsRead(t *testing.T) {
	old := "02" + "02" + "15" + "02" + "0000000000000007" + "01" + zeros(15) + "02" + zeros(31) + "00000bb8" + "000007d0" + "03" + zeros(31) + "04" + zeros(31) +
		"012c" + "03" + "000000006b01ecc0" + "000000006b033e40" + "00000003" + "306161" + "00000003" + "306262" + "00000003" + "306363" + "00000002" + "7031" + "00000002" + "6e6f"
	b, err := hex.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	want := filledParcel()
	want.Since, want.Expires = time.Unix(0x6b01ecc0, 0).UTC(), time.Unix(0x6b033e40, 0).UTC()
	if got, err := parseParcelRecord(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParcelRecordOfVersion3IsRead(t *testing.T) {
	old := "03" + "01" + "6c" + "02" + "43" + "0000000000000007" + "01" + zeros(15) + "02" + zeros(31) + "00000bb8" + "000007d0" + "03" + zeros(31) + "04" + zeros(31) +
		"012c" + "03" + "000000006b01ecc0" + "000000006b033e40" + "00000003" + "306161" + "00000003" + "306262" + "00000003" + "306363" + "00000002" + "7031" + "00000002" + "6e6f" +
		"00000005" + "612e6f7267" + "05" + zeros(31) + "06" + zeros(31)
	b, err := hex.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	want := filledParcel()
	want.Type, want.State, want.Origin, want.Unverified, want.Internet = ramf.Cargo, Saved, false, false, true
	want.Since, want.Expires = time.Unix(0x6b01ecc0, 0).UTC(), time.Unix(0x6b033e40, 0).UTC()
	want.Address, want.To, want.Back = "a.org", link.PeerID{5}, link.PeerID{6}
	if got, err := parseParcelRecord(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestNoteRecordOfVersion2IsRead(t *testing.T) {
	_, s, _, _ := single(t)
	old := "02" + "0" + string("0123456789abcdef"[ItemContact]) + "0102" + "03" + zeros(31) + "04" + zeros(31) + "000000006b01ecc0" + "00000004" + "61626364"
	b, err := hex.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.core.parseNote(b)
	if err != nil || n.kind != ItemContact || n.hands != 0x102 || n.from != (link.PeerID{3}) || n.to != (link.PeerID{4}) || string(n.body) != "abcd" ||
		!n.expires.Equal(time.Unix(0x6b01ecc0, 0)) {
		t.Errorf("got %+v, %v", n, err)
	}
}

// A card that a newer version wrote is run by this one for a month, and taken back.
func TestRecordsOfANewerVersionStayOnDisk(t *testing.T) {
	b, s, alice, bob := single(t)
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Fatal(err)
	}
	newer := []byte{99, 1, 2, 3}
	for key := range s.disk[KindParcel] {
		s.disk[KindParcel][key] = newer
	}
	for _, op := range []Record{{KindNote, "aa", newer}, {KindLetter, "bb", newer}, {KindPartial, "cc/0", newer}, {KindDraft, "dddddddddddd", newer}, {KindMember, "ee", newer}} {
		s.apply(Persist{Ops: []store.Op{{Kind: op.Kind, Key: op.Key, Value: op.Value}}})
	}
	s.boot()
	for range 60 {
		b.now = b.now.Add(12 * time.Hour)
		s.core.HandleTimeout(b.now)
		b.settle()
	}
	for kind, n := range map[store.Kind]int{KindParcel: 1, KindBody: 1, KindNote: 1, KindLetter: 1, KindPartial: 1, KindDraft: 1, KindMember: 1} {
		if got := len(s.disk[kind]); got < n {
			t.Errorf("kind %d: got %d records, want %d", kind, got, n)
		}
		for key, value := range s.disk[kind] {
			if kind != KindBody && kind != KindMember && !bytes.Equal(value, newer) {
				t.Errorf("kind %d, %s: got %x, want it as it was", kind, key, value)
			}
		}
	}
}
