package gateway

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store/queue"
)

var when = time.Date(2026, 11, 21, 9, 12, 0, 0, time.UTC)

func filledParcel() parcelRecord {
	return parcelRecord{Type: ramf.Parcel, State: Carried, Origin: true, Held: true, Unverified: true, Priority: link.Bulk, Arrival: 7,
		Digest: link.Digest{1}, Sum: [32]byte{2}, Size: 3000, BodySize: 2000, From: link.PeerID{3}, By: link.PeerID{4}, Hands: 300, Turns: 3,
		Since: when, Expires: when.Add(day), Sender: "0aa", Recipient: "0bb", Gateway: "0cc", ID: "p1", Why: "no"}
}

// Each record comes back as it was written; cut anywhere, or with something behind it, it is refused.
func TestRecordsRoundTripAndRefuseTheRest(t *testing.T) {
	parcel, cargo := filledParcel(), filledParcel()
	cargo.Type, cargo.Address, cargo.To, cargo.Back = ramf.Cargo, "relay.example.com", link.PeerID{10}, link.PeerID{11}
	letter := letterRecord{Key: "0123456789abcdef", Sender: "0aa", Type: "text/plain", Filename: "a.txt", Size: 9, Written: when, Arrived: when, New: true}
	partial := partialRecord{Item: link.Item{Digest: link.Digest{9}, Kind: ItemParcel, Priority: link.Emergency, Size: 100, Lifetime: time.Hour, Cost: 3}, From: link.PeerID{8},
		Block: 2, Have: [32]byte{0xf0}, Symbols: []byte("symbols")}
	member := memberRecord{Raw: []byte("record"), Expect: "0dd"}
	yes := admission{Membership: []byte("m"), Record: []byte("r"), Contact: []byte("c")}
	no := admission{Refusal: "not the owner"}
	wait := draftRecord{State: draftSealed, Priority: link.Bulk, To: link.PeerID{5}, Sum: [32]byte{6}, Created: when, Expires: when.Add(day), Size: 8, Type: "text/plain"}
	memberOp := member.put(link.PeerID{})
	for _, c := range []struct {
		name string
		raw  []byte
		want any
		read func([]byte) (any, error)
	}{
		{"parcel", parcel.append(nil), parcel, func(b []byte) (any, error) { return parseParcelRecord(b) }},
		{"cargo", cargo.append(nil), cargo, func(b []byte) (any, error) { return parseParcelRecord(b) }},
		{"letter", letter.append(nil), letter, func(b []byte) (any, error) { return parseLetterRecord(letter.Key, b) }},
		{"partial", partial.append(nil), partial, func(b []byte) (any, error) { return parsePartialRecord(b) }},
		{"draft", wait.append(nil), wait, func(b []byte) (any, error) { return parseDraftRecord(b) }},
		{"member", memberOp.Value, member, func(b []byte) (any, error) { return parseMemberRecord(b) }},
		{"admission", yes.append(nil), yes, func(b []byte) (any, error) { return parseAdmission(b) }},
		{"refusal", no.append(nil), no, func(b []byte) (any, error) { return parseAdmission(b) }},
	} {
		got, err := c.read(c.raw)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v; want %+v", c.name, got, err, c.want)
		}
		for n := range c.raw {
			if _, err := c.read(c.raw[:n]); err == nil {
				t.Errorf("%s: %d of %d octets were taken", c.name, n, len(c.raw))
			}
		}
		if _, err := c.read(append(c.raw[:len(c.raw):len(c.raw)], 0)); err == nil {
			t.Errorf("%s: one octet too many was taken", c.name)
		}
	}
}

func TestParcelKeysTellFieldsApart(t *testing.T) {
	as := func(typ ramf.Type, from, to pki.NodeID, id string) queue.ID {
		return (&parcelRecord{Type: typ, Sender: from, Recipient: to, ID: id}).id()
	}
	id := func(from, to pki.NodeID, id string) queue.ID { return as(ramf.Parcel, from, to, id) }
	if id("0a", "0b", "c") == id("0a", "0bc", "") || id("0a", "0b", "c") == id("0b", "0a", "c") {
		t.Fatal("two parcels share a key")
	}
	if as(ramf.Cargo, "0a", "0b", "c") == id("0a", "0b", "c") || as(ramf.Cargo, "0a", "0b", "c") == as(ramf.CCA, "0a", "0b", "c") {
		t.Fatal("messages of two types share a key")
	}
}

func TestFilenamesTravelInTheType(t *testing.T) {
	for _, c := range []struct{ typ, name string }{
		{"text/plain", ""}, {"image/jpeg", "photo.jpg"}, {"text/plain", "r\u00f6ute \u5730\u56f3.txt"}, {"text/plain", `a"b\c.txt`},
	} {
		if typ, name := splitFilename(withFilename(c.typ, c.name)); typ != c.typ || name != c.name {
			t.Errorf("%q %q came back as %q %q", c.typ, c.name, typ, name)
		}
	}
	if typ, name := splitFilename("\x00;;="); name != "" || typ != "\x00;;=" {
		t.Errorf("a hostile type became %q %q", typ, name)
	}
}

func TestTextsForPeopleAreCheckedWhole(t *testing.T) {
	text := endpoint.CardText.Encode("ada", []byte("key"))
	name, v, err := decodeText(endpoint.CardText, " "+text[:20]+"\n"+text[20:]+"\n", maxSPKI)
	if err != nil || name != "ada" || string(v) != "key" {
		t.Fatalf("got %q %q %v, want ada, key", name, v, err)
	}
	for n := range text {
		if _, _, err := decodeText(endpoint.CardText, text[:n], maxSPKI); err == nil {
			t.Errorf("%d of %d characters were taken", n, len(text))
		}
	}
	if _, _, err := decodeText(endpoint.ContactText, text, maxSPKI); err == nil || !strings.Contains(err.Error(), "not a contact") {
		t.Errorf("a card as a contact: %v", err)
	}
}

// The limits on what neighbours make us keep hold, each when its table is full.
func TestTablesAreBounded(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	c.known(a.core.self)
	l := &c.core.cfg.Limits
	advert := a.core.adverts.bySubject[nodeSubject(a.core.self)]
	l.Gateways = c.core.adverts.nodes
	if r, _ := c.receive(a.core.self, ItemNodeAdvert, advert.body); r != link.ReasonFull {
		t.Errorf("node advert beyond the limit: reason %d, want full", r)
	}
	engine := a.core.adverts.bySubject[engineSubject(a.core.box.id())]
	l.Endpoints = len(c.core.adverts.bySubject) - c.core.adverts.nodes
	if r, _ := c.receive(a.core.self, ItemEngineAdvert, engine.body); r != link.ReasonFull {
		t.Errorf("engine advert beyond the limit: reason %d, want full", r)
	}
	l.Notes = 0
	if v, r := c.core.judgeNote(a.core.self, link.Item{Kind: ItemReceipt}); v != link.Refuse || r != link.ReasonFull {
		t.Errorf("receipt beyond the limit: %d %d, want refuse, full", v, r)
	}
	l.PartialBytes = 100
	c.core.savePartial(link.SavePartial{Item: link.Item{Kind: ItemParcel}, Symbols: make([]byte, 200)})
	if c.core.partials.bytes != 0 {
		t.Errorf("%d octets of symbols are kept beyond the limit", c.core.partials.bytes)
	}
	p := c.core.peers[a.core.self]
	for i := range maxHolds + 10 {
		p.holdBack(link.Digest{byte(i), byte(i >> 8)}, when)
	}
	if len(p.hold) != maxHolds {
		t.Errorf("%d items are held back, want at most %d", len(p.hold), maxHolds)
	}
	l.Subs = 1
	c.core.HandleEvent(b.now, Collect{Sub: 1})
	c.core.HandleEvent(b.now, Collect{Sub: 2})
	if len(c.core.subs) != 1 {
		t.Errorf("%d subscriptions, want at most 1", len(c.core.subs))
	}
}
