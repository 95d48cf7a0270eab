package gateway

import (
	"bytes"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
	"packhorse/link"
)

// A record of a note that can be read is written again as it was.
func FuzzParseNote(f *testing.F) {
	b := newBench(f)
	s := b.site("ada")
	b.found(s, "ridge")
	d := s.core.member.Domain.ID
	r := domain.NewReceipt(domain.Receipt{Parcel: [32]byte{1}, Time: b.now, Verdict: domain.Delivered}, s.core.id, d)
	w, err := domain.NewDispatch(domain.Dispatch{Topic: 1, To: link.PeerID{2}, Sequence: 3, Body: []byte("x")}, s.core.id, d)
	if err != nil {
		f.Fatal(err)
	}
	for kind, body := range map[uint8][]byte{ItemReceipt: r.Raw, ItemDispatch: w.Raw, ItemContact: []byte("card")} {
		n, err := s.core.newNote(kind, body, link.PeerID{3}, link.PeerID{2}, b.now.Add(time.Hour))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(n.put().Value)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := s.core.parseNote(raw)
		if err != nil {
			return
		}
		again, err := s.core.parseNote(n.put().Value)
		if err != nil || again.digest != n.digest || again.to != n.to || !bytes.Equal(again.body, n.body) {
			t.Fatalf("written again the note reads %+v, %v; want %+v", again, err, n)
		}
	})
}

func FuzzMemberRecord(f *testing.F) {
	m := memberRecord{Raw: []byte("record"), Expect: "0ab"}
	f.Add(m.put(link.PeerID{1}).Value)
	f.Add([]byte{memberVersion, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMemberRecord(raw)
		if err != nil {
			return
		}
		if got := m.put(link.PeerID{}).Value; !bytes.Equal(got, raw) {
			t.Fatalf("written again: %x, want %x", got, raw)
		}
	})
}

func FuzzDecodeText(f *testing.F) {
	f.Add(endpoint.CardText.Encode("ada", []byte("key")))
	f.Add(endpoint.ContactText.Encode("", nil))
	f.Add(string(endpoint.CardText) + "AQAAAAD_____")
	f.Fuzz(func(t *testing.T, text string) {
		for prefix, most := range map[endpoint.Text]int{endpoint.CardText: maxSPKI, endpoint.ContactText: maxContactBody} {
			name, v, err := decodeText(prefix, text, most)
			if err != nil {
				continue
			}
			if len(name) > 64 || len(v) > most {
				t.Fatalf("name of %d octets, value of %d", len(name), len(v))
			}
			again, w, err := decodeText(prefix, prefix.Encode(name, v), most)
			if err != nil || again != name || !bytes.Equal(w, v) {
				t.Fatalf("written again: %q %x %v, want %q %x", again, w, err, name, v)
			}
		}
	})
}

// What travels sealed and can be read is packed again to something that says the same.
func FuzzParseSealed(f *testing.F) {
	m, err := ramf.Parse(ramftest.Load(f).CCA)
	if err != nil {
		f.Fatal(err)
	}
	body, err := sealed{to: link.PeerID{1}, back: link.PeerID{2}, m: m}.pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parseSealed(body)
		if err != nil {
			return
		}
		again, err := s.pack()
		if err != nil {
			t.Fatal(err)
		}
		if o, err := parseSealed(again); err != nil || o.to != s.to || o.back != s.back || !bytes.Equal(o.m.Raw, s.m.Raw) {
			t.Fatalf("packed again it reads %+v, %v; want %+v", o, err, s)
		}
	})
}

// A record of a parcel that can be read is written again as it was, but for its version.
func FuzzParseParcelRecord(f *testing.F) {
	p := filledParcel()
	f.Add(p.append(nil))
	p.Type, p.Internet, p.Address, p.To, p.Back = ramf.CCA, true, frankfurt, link.PeerID{1}, link.PeerID{2}
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseParcelRecord(raw)
		if err == nil && raw[0] == parcelVersion && !bytes.Equal(r.append(nil), raw) {
			t.Fatalf("%x is written again as %x", raw, r.append(nil))
		}
	})
}
