package session

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/ramf/ramftest"
)

func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func newKey(t testing.TB, seed byte) PrivateKey {
	t.Helper()
	k, err := NewKey(random(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealOpen(t *testing.T) {
	to := newKey(t, 1)
	for _, n := range []int{0, 1, 15, 16, 17, 1000} {
		plain := bytes.Repeat([]byte{0xa5}, n)
		payload, fresh, err := Seal(plain, to.Public(), random(2))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := RecipientKeyID(payload); err != nil || !bytes.Equal(id, to.ID) {
			t.Errorf("%d octets: recipient key id %x, %v; want %x", n, id, err, to.ID)
		}
		got, peer, err := Open(payload, to)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d octets: got %d, %v", n, len(got), err)
			continue
		}
		if !bytes.Equal(peer.ID, fresh.ID) || !peer.Key.Equal(fresh.Key.PublicKey()) {
			t.Errorf("%d octets: peer's key is not the fresh one", n)
		}
		for cut := range payload {
			if _, _, err := Open(payload[:cut], to); err == nil {
				t.Fatalf("opened %d of %d octets", cut, len(payload))
			}
		}
	}
	if _, _, err := Seal(make([]byte, MaxPlaintext+1), to.Public(), random(2)); err == nil {
		t.Error("sealed more than the limit")
	}
}

// The empty message in the smallest profile: what a parcel costs for being sealed.
func TestOverhead(t *testing.T) {
	payload, _, err := Seal(nil, newKey(t, 1).Public(), random(2))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(payload), 296; got != want {
		t.Errorf("sealing nothing takes %d octets, want %d", got, want)
	}
}

func TestOpensJavaScript(t *testing.T) {
	f := ramftest.Load(t)
	key := PrivateKey{ID: f.SessionKeyID, Key: f.Session(t)}
	for size, s := range f.Sealed {
		plain, peer, err := Open(s.EnvelopedData, key)
		ours, _, sealErr := Seal(f.Plaintext, key.Public(), random(2))
		if saved := len(f.Sealed["128"].EnvelopedData) - len(ours); sealErr != nil || saved != 62 {
			t.Errorf("ours takes %d octets less, %v; want 62", saved, sealErr)
		}
		if err != nil || !bytes.Equal(plain, f.Plaintext) || !bytes.Equal(peer.ID, s.OriginatorKeyID) {
			t.Errorf("AES-%s: %q from key %x, %v", size, plain, peer.ID, err)
		}
	}
}

// Every algorithm that is read, sealed with it by hand.
func TestProfiles(t *testing.T) {
	to, from := newKey(t, 1), newKey(t, 2)
	z, err := from.Key.ECDH(to.Key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for kdf, hash := range map[string]crypto.Hash{"\x01": crypto.SHA256, "\x02": crypto.SHA384, "\x03": crypto.SHA512} {
		for wrap, wrapSize := range map[string]int{oidWrap128: 16, oidWrap192: 24, oidWrap256: 32} {
			for cbc, size := range map[string]int{oidCBC128: 16, oidCBC192: 24, oidCBC256: 32} {
				for i, ukm := range [][]byte{nil, {}, make([]byte, 64), {}} {
					p := profile{hash: hash, wrapOID: wrap, wrapKeySize: wrapSize}
					cek, iv := bytes.Repeat([]byte{7}, size), make([]byte, 16)
					wrapped, err := wrapKey(p.deriveKEK(z, ukm, ukm != nil), cek)
					if err != nil {
						t.Fatal(err)
					}
					if i == 3 {
						ukm = nil // derived as if it were empty, and left out
					}
					payload := variant{kdf: oidStdDH + kdf, wrap: p.wrapOID, cbc: cbc, ukm: ukm, from: from.Public(),
						to: to.ID, wrapped: wrapped, iv: iv, ciphertext: encryptCBC(cek, iv, []byte("hello"))}.encode()
					if got, _, err := Open(payload, to); err != nil || string(got) != "hello" {
						t.Errorf("hash %v wrap %d content %d ukm %d: %q, %v", hash, wrapSize, size, len(ukm), got, err)
					}
				}
			}
		}
	}
}

// variant writes any profile, with indefinite lengths as far as they may go.
type variant struct {
	kdf, wrap, cbc  string
	ukm             []byte
	from            PublicKey
	to, wrapped, iv []byte
	ciphertext      []byte
}

func loose(id byte, parts ...ber.Pieces) ber.Pieces {
	p := ber.Pieces{{id, 0x80}}
	for _, part := range parts {
		p = append(p, part...)
	}
	return append(p, []byte{0, 0})
}

func (v variant) encode() []byte {
	oid := func(s string) ber.Pieces { return ber.Bytes(6, []byte(s)) }
	var ukm ber.Pieces
	if v.ukm != nil {
		ukm = loose(0xa1, ber.Bytes(4, v.ukm))
	}
	agreement := loose(0xa1, ber.Bytes(2, []byte{3}), loose(0xa0, loose(0xa1, encodePoint(v.from.Key)...)), ukm,
		loose(0x30, oid(v.kdf), loose(0x30, oid(v.wrap))),
		loose(0x30, loose(0x30, loose(0xa0, ber.Bytes(4, v.to)), ber.Bytes(4, v.wrapped))))
	content := loose(0x30, oid(oidData), loose(0x30, oid(v.cbc), ber.Bytes(4, v.iv)),
		loose(0xa0, ber.Bytes(4, v.ciphertext[:3]), ber.Bytes(4, v.ciphertext[3:])))
	return cms.EncodeContentInfo(oidEnveloped, loose(0x30, ber.Bytes(2, []byte{2}), loose(0x31, agreement), content,
		loose(0xa1, loose(0x30, oid(oidOriginator), loose(0x31, ber.Bytes(4, v.from.ID)))))).Join()
}

// Whoever changes octets learns only that it does not open.
func TestOneErrorForAll(t *testing.T) {
	to := newKey(t, 1)
	payload, _, err := Seal(make([]byte, 64), to.Public(), random(2))
	if err != nil {
		t.Fatal(err)
	}
	e, err := parseEnvelope(payload)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string][]byte{"wrapped key": e.wrapped, "last block": e.ciphertext[64:], "block before": e.ciphertext[48:64]} {
		at := bytes.Index(payload, part)
		for i := range part {
			changed := bytes.Clone(payload)
			changed[at+i] ^= 0x80
			if _, _, err := Open(changed, to); err != nil && err != ErrDecrypt {
				t.Errorf("%s: %v, want %v", name, err, ErrDecrypt)
			} else if err == nil && name != "block before" {
				t.Errorf("%s: opened", name)
			}
		}
	}
	other := newKey(t, 3)
	if _, _, err := Open(payload, PrivateKey{ID: to.ID, Key: other.Key}); err != ErrDecrypt {
		t.Errorf("other key of the same id: %v, want %v", err, ErrDecrypt)
	}
	if _, _, err := Open(payload, other); err == nil || errors.Is(err, ErrDecrypt) {
		t.Errorf("other key: %v, want one that names both ids", err)
	}
}

func TestPadding(t *testing.T) {
	key, iv := make([]byte, 16), make([]byte, 16)
	for _, tt := range []struct {
		name string
		tail []byte
		ok   bool
	}{
		{"one octet", []byte{9, 9, 1}, true},
		{"three octets", []byte{3, 3, 3}, true},
		{"zero", []byte{9, 9, 0}, false},
		{"uneven", []byte{4, 3, 3, 4}, false},
		{"more than a block", []byte{17}, false},
	} {
		block := append(make([]byte, 16-len(tt.tail)), tt.tail...)
		ciphertext := encryptCBC(key, iv, block)[:16]
		if _, ok := decryptCBC(key, iv, ciphertext); ok != tt.ok {
			t.Errorf("%s: ok %v, want %v", tt.name, ok, tt.ok)
		}
	}
	for _, n := range []int{0, 1, 15, 17} {
		if _, ok := decryptCBC(key, iv, make([]byte, n)); ok {
			t.Errorf("decrypted %d octets", n)
		}
	}
}

// Vectors of RFC 3394 section 4.
func TestKeyWrapVectors(t *testing.T) {
	const kek, key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
	for _, tt := range []struct {
		kek, key int // octets
		want     string
	}{
		{16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
		{32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
		{24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},
		{32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},
		{32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
	} {
		k, plain := unhex(t, kek)[:tt.kek], unhex(t, key)[:tt.key]
		got, err := wrapKey(k, plain)
		if err != nil || hex.EncodeToString(got) != tt.want {
			t.Errorf("%d under %d octets: %x, %v; want %s", tt.key, tt.kek, got, err, tt.want)
			continue
		}
		if back, ok := unwrapKey(k, got); !ok || !bytes.Equal(back, plain) {
			t.Errorf("%d under %d octets: unwrapped %x, %v", tt.key, tt.kek, back, ok)
		}
		got[3] ^= 1
		if _, ok := unwrapKey(k, got); ok {
			t.Errorf("%d under %d octets: unwrapped a changed key", tt.key, tt.kek)
		}
	}
}

// Vectors of NIST CAVP for SP 800-135, ANSI X9.63-2001 with SHA-256.
func TestKeyDerivationVectors(t *testing.T) {
	for _, tt := range []struct{ z, info, want string }{
		{"96c05619d56c328ab95fe84b18264b08725b85e33fd34f08", "", "443024c3dae66b95e6f5670601558f71"},
		{"96f600b73ad6ac5629577eced51743dd2c24c21b1ac83ee4", "", "b6295162a7804f5667ba9070f82fa522"},
		{"22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d", "75eef81aa3041e33b80971203d2c0c52",
			"c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485" +
				"500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21"},
	} {
		got := deriveX963(crypto.SHA256, unhex(t, tt.z), unhex(t, tt.info), len(tt.want)/2)
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("Z %s: %x, want %s", tt.z, got, tt.want)
		}
	}
}

func TestPublicKeyRoundTrip(t *testing.T) {
	k := newKey(t, 1).Public().Key
	spki := EncodePublicKey(k)
	if got, err := ParsePublicKey(spki); err != nil || !got.Equal(k) {
		t.Errorf("round trip: %v", err)
	}
	for n := range spki {
		if _, err := ParsePublicKey(spki[:n]); err == nil {
			t.Fatalf("accepted %d of %d octets", n, len(spki))
		}
	}
	spki[len(spki)-1] ^= 1
	if _, err := ParsePublicKey(spki); err == nil {
		t.Error("accepted a point that is not on the curve")
	}
}

func FuzzOpen(f *testing.F) {
	js := ramftest.Load(f)
	jsKey := PrivateKey{ID: js.SessionKeyID, Key: js.Session(f)}
	to := newKey(f, 1)
	payload, _, err := Seal([]byte("hello"), to.Public(), random(2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add(js.Sealed["256"].EnvelopedData)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, key := range []PrivateKey{to, jsKey} {
			_, peer, err := Open(b, key)
			if err == nil && (len(peer.ID) == 0 || peer.Key.Curve() != ecdh.P256()) {
				t.Fatal("opened without a key of the peer")
			}
		}
	})
}
