package poweb

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"packhorse/gateway/ramf/ramftest"
)

func TestFrameOctets(t *testing.T) {
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"challenge":      {appendChallenge(nil, []byte{1, 2}), "3004" + "80020102"},
		"response":       {appendResponse(nil, [][]byte{{1}, {2, 3}}), "3009" + "a007" + "040101" + "04020203"},
		"empty response": {appendResponse(nil, nil), "3002" + "a000"},
		"delivery":       {appendDelivery(nil, "ab", []byte{7}), "3007" + "80026162" + "810107"},
	} {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestFramesRoundTripAndRefuseEveryCut(t *testing.T) {
	parcel := bytes.Repeat([]byte("parcel"), 100)
	for name, tt := range map[string]struct {
		b     []byte
		parse func([]byte) error
	}{
		"challenge": {appendChallenge(nil, []byte("nonce")), func(b []byte) error { _, err := parseChallenge(b); return err }},
		"response":  {appendResponse(nil, [][]byte{[]byte("one"), []byte("two")}), func(b []byte) error { _, err := parseResponse(b); return err }},
		"delivery":  {appendDelivery(nil, "id", parcel), func(b []byte) error { _, _, err := parseDelivery(b); return err }},
	} {
		if err := tt.parse(tt.b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range tt.b {
			if tt.parse(tt.b[:n]) == nil {
				t.Errorf("%s cut at %d: got no error", name, n)
			}
		}
		if tt.parse(append(bytes.Clone(tt.b), 0)) == nil {
			t.Errorf("%s with an octet too many: got no error", name)
		}
	}
	id, got, err := parseDelivery(appendDelivery(nil, "id", parcel))
	if err != nil || id != "id" || !bytes.Equal(got, parcel) {
		t.Errorf("delivery: got %q, %d octets, %v", id, len(got), err)
	}
	if _, _, err := parseDelivery(appendDelivery(nil, strings.Repeat("i", maxDeliveryID+1), nil)); err == nil {
		t.Error("long delivery id: got no error")
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(appendChallenge(nil, []byte("nonce")))
	f.Add(appendResponse(nil, [][]byte{[]byte("one"), []byte("two")}))
	f.Add(appendDelivery(nil, "id", []byte("parcel")))
	js := ramftest.Load(f)
	f.Add(appendResponse(nil, [][]byte{js.Collection, js.Delivery}))
	f.Add(appendDelivery(nil, "8d1f5a52-3c1e-4f5a-9a6a-0d8e3c2b1a00", js.Parcel))
	f.Fuzz(func(t *testing.T, b []byte) {
		if nonce, err := parseChallenge(b); err == nil {
			if again, err := parseChallenge(appendChallenge(nil, nonce)); err != nil || !bytes.Equal(again, nonce) {
				t.Errorf("challenge: got %x, %v, want %x", again, err, nonce)
			}
		}
		if sigs, err := parseResponse(b); err == nil && len(sigs) > maxNodes {
			t.Errorf("got %d signatures", len(sigs))
		}
		if id, parcel, err := parseDelivery(b); err == nil {
			id2, parcel2, err := parseDelivery(appendDelivery(nil, id, parcel))
			if err != nil || id2 != id || !bytes.Equal(parcel2, parcel) {
				t.Errorf("delivery: got %q %x, %v, want %q %x", id2, parcel2, err, id, parcel)
			}
		}
	})
}
