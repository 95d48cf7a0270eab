package session

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

var ringNow = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// disk applies records as a store does.
type disk map[string][]byte

func (d disk) apply(records []Record) {
	for _, r := range records {
		if r.Delete {
			delete(d, r.Key)
		} else {
			d[r.Key] = r.Value
		}
	}
}

func (d disk) records() (out []Record) {
	for _, k := range slices.Sorted(maps.Keys(d)) {
		out = append(out, Record{Key: k, Value: d[k]})
	}
	return out
}

// two nodes that know each other's first key.
func pair(t *testing.T) (a, b *Ring, ad, bd disk) {
	t.Helper()
	a, b, ad, bd = NewRing("0a", 8), NewRing("0b", 8), disk{}, disk{}
	first := newKey(t, 1)
	bd.apply(b.Keep(first, "0a", ringNow, pki.ClockGPS))
	ad.apply(a.Replace("0b", first.Public(), time.Time{}))
	return a, b, ad, bd
}

func seal(t *testing.T, r *Ring, d disk, to pki.NodeID, text string, seed byte) []byte {
	t.Helper()
	payload, records, err := r.Seal([]byte(text), to, ringNow, pki.ClockGPS, random(seed))
	if err != nil {
		t.Fatal(err)
	}
	d.apply(records)
	return payload
}

func open(t *testing.T, r *Ring, d disk, payload []byte, from pki.NodeID, made time.Time, want string) {
	t.Helper()
	plain, records, err := r.Open(payload, from, made)
	if err != nil || string(plain) != want {
		t.Fatalf("%q, %v; want %q", plain, err, want)
	}
	d.apply(records)
}

// Three messages arrive in another order, with a restart after each: the answer goes to the key of the one made last.
func TestRingOutOfOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		a, b, ad, bd := pair(t)
		var sent [][]byte
		for i := range 3 {
			sent = append(sent, seal(t, a, ad, "0b", fmt.Sprint("message ", i), byte(10+i)))
		}
		for _, i := range order {
			open(t, b, bd, sent[i], "0a", ringNow.Add(time.Duration(i)*time.Hour), fmt.Sprint("message ", i))
			b = NewRing("0b", 8)
			if skipped := b.Load(bd.records()); len(skipped) > 0 {
				t.Fatal(skipped)
			}
		}
		latest, err := readEnvelope(sent[2])
		if err != nil {
			t.Fatal(err)
		}
		if k, ok := b.Peer("0a"); !ok || !bytes.Equal(k.ID, latest.originator.ID) {
			t.Errorf("order %v: key %x, want that of the last message, %x", order, k.ID, latest.originator.ID)
		}
		answer := seal(t, b, bd, "0a", "answer", 20)
		a = NewRing("0a", 8)
		a.Load(ad.records())
		open(t, a, ad, answer, "0b", ringNow, "answer")
	}
}

func TestRingBindsKeys(t *testing.T) {
	a, b, ad, bd := pair(t)
	payload := seal(t, a, ad, "0b", "hello", 3)
	if _, _, err := b.Open(payload, "0c", ringNow); !errors.Is(err, ErrNoKey) {
		t.Errorf("from another than the key is bound to: %v, want %v", err, ErrNoKey)
	}
	if _, _, err := a.Open(payload, "0b", ringNow); !errors.Is(err, ErrNoKey) {
		t.Errorf("own payload: %v, want %v", err, ErrNoKey)
	}
	if _, _, err := b.Open(nil, "0a", ringNow); err == nil || errors.Is(err, ErrNoKey) {
		t.Errorf("nothing: %v", err)
	}
	open(t, b, bd, payload, "0a", ringNow, "hello")
	unbound := newKey(t, 4)
	bd.apply(b.Keep(unbound, "", ringNow, pki.ClockGPS))
	for i, from := range []pki.NodeID{"0c", "0d"} {
		c := NewRing(from, 8)
		c.Replace("0b", unbound.Public(), time.Time{})
		open(t, b, bd, seal(t, c, disk{}, "0b", "hi", byte(5+i)), from, ringNow, "hi")
	}
	if _, _, err := a.Seal(nil, "0c", ringNow, pki.ClockGPS, random(1)); err == nil {
		t.Error("sealed for somebody whose key nobody knows")
	}
	bd.apply(b.Forget("0a"))
	if _, ok := b.Peer("0a"); ok || len(bd) != 3 {
		t.Errorf("forgotten, but %d records are left, want 3", len(bd))
	}
}

// A registration replaces whatever came before, and every message after it counts.
func TestRingReplace(t *testing.T) {
	r := NewRing("0a", 8)
	old, fresh, later := newKey(t, 1).Public(), newKey(t, 2).Public(), newKey(t, 3).Public()
	r.Learn("0b", old, ringNow.AddDate(1, 0, 0))
	if r.Learn("0b", fresh, ringNow) != nil {
		t.Error("an earlier message replaced the key")
	}
	r.Replace("0b", fresh, time.Time{})
	if k, _ := r.Peer("0b"); !bytes.Equal(k.ID, fresh.ID) {
		t.Error("the registration's key was not taken")
	}
	if r.Learn("0b", later, ringNow.AddDate(-1, 0, 0)) == nil {
		t.Error("a message after the registration was not taken")
	}
}

// One peer that writes much does not cost the others theirs.
func TestRingIsBounded(t *testing.T) {
	r, d := NewRing("0a", 8), disk{}
	keep := func(peer pki.NodeID, seed byte) string {
		k := newKey(t, seed)
		d.apply(r.Keep(k, peer, ringNow, pki.ClockGPS))
		return hex.EncodeToString(k.ID)
	}
	quiet, unbound := keep("0b", 1), keep("", 2)
	for i := range 20 {
		keep("0c", byte(10+i))
	}
	if len(d) != 8 || d["key/"+quiet] == nil || d["key/"+unbound] == nil {
		t.Errorf("%d records, want 8 and those of the quiet peers among them", len(d))
	}
	for i := range 12 {
		keep(pki.NodeID(fmt.Sprintf("0d%d", i)), byte(40+i))
	}
	if len(d) != 8 || d["key/"+quiet] != nil {
		t.Errorf("%d records of 14 peers, want 8 and the oldest gone", len(d))
	}
	for i := range 12 {
		d.apply(r.Replace(pki.NodeID(fmt.Sprintf("0e%02d", i)), newKey(t, byte(60+i)).Public(), ringNow))
	}
	if len(r.peers) != 8 || len(d) != 16 || d["peer/0e03"] != nil || d["peer/0e04"] == nil {
		t.Errorf("%d peers, %d records; want 8, 16 and the first four gone", len(r.peers), len(d))
	}
}

func TestRingExpires(t *testing.T) {
	r, d := NewRing("0a", 8), disk{}
	d.apply(r.Keep(newKey(t, 1), "0b", ringNow, pki.ClockNTP))
	d.apply(r.Keep(newKey(t, 2), "0b", ringNow.Add(time.Hour), pki.ClockNTP))
	d.apply(r.Keep(newKey(t, 3), "0b", time.Unix(0, 0), pki.ClockNeighbour)) // its date is not believed
	d.apply(r.Keep(newKey(t, 4), "", ringNow, pki.ClockNTP))
	r = NewRing("0a", 8)
	r.Load(d.records())
	for _, tt := range []struct {
		at   time.Time
		q    pki.Quality
		left int
	}{
		{ringNow.AddDate(9, 0, 0), pki.ClockNone, 4},
		{ringNow.AddDate(9, 0, 0), pki.ClockNeighbour, 4},
		{ringNow.Add(MaxAge), pki.ClockNTP, 4},
		{ringNow.Add(MaxAge + time.Second), pki.ClockNTP, 3},
		{ringNow.AddDate(9, 0, 0), pki.ClockGPS, 2},
	} {
		if d.apply(r.Expire(tt.at, tt.q)); len(d) != tt.left || r.count != tt.left {
			t.Errorf("%v, clock %d: %d records, %d keys, want %d", tt.at, tt.q, len(d), r.count, tt.left)
		}
	}
}

func TestRingLoadSkips(t *testing.T) {
	a, _, d, _ := pair(t)
	seal(t, a, d, "0b", "hello", 3)
	good := d.records()
	if len(good) != 2 || !strings.HasPrefix(good[0].Key, "key/") || !strings.HasPrefix(good[1].Key, "peer/") {
		t.Fatalf("got %+v", good)
	}
	slices.Reverse(good)
	if skipped := NewRing("0a", 8).Load(good); len(skipped) > 0 {
		t.Errorf("the other way round: %v", skipped)
	}
	for _, r := range good {
		for n := range r.Value {
			if skipped := NewRing("0a", 8).Load([]Record{{Key: r.Key, Value: r.Value[:n]}}); len(skipped) != 1 || skipped[0].Key != r.Key {
				t.Fatalf("%s: read %d of %d octets", r.Key, n, len(r.Value))
			}
		}
		newer := bytes.Replace(r.Value, []byte{2, 1, 1}, []byte{2, 1, 2}, 1)
		if skipped := NewRing("0a", 8).Load([]Record{{Key: r.Key, Value: newer}}); len(skipped) != 1 || !strings.Contains(skipped[0].Err.Error(), "newer version") {
			t.Errorf("%s of a newer version: %v", r.Key, skipped)
		}
		if skipped := NewRing("0c", 8).Load([]Record{r}); len(skipped) != 1 || !strings.Contains(skipped[0].Err.Error(), "belongs to") {
			t.Errorf("%s of another node: %v", r.Key, skipped)
		}
	}
	moved := []Record{{Key: "key/0102", Value: good[1].Value}, {Key: "key/", Value: good[1].Value}, good[0], {Key: "other", Value: []byte{1}}}
	r := NewRing("0a", 8)
	if skipped := r.Load(moved); len(skipped) != 2 || r.count != 0 || len(r.peers) != 1 {
		t.Errorf("skipped %v, %d keys and %d peers are left; want 2, 0, 1", skipped, r.count, len(r.peers))
	}
}
