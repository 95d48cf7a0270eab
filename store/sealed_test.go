package store

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

func testCipher(t testing.TB, seed byte) cipher.AEAD {
	t.Helper()
	c, err := chacha20poly1305.NewX(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSealedStoreHoldsWhatAClearOneHolds(t *testing.T) {
	o := small
	o.Cipher = testCipher(t, 1)
	r := rand.New(rand.NewPCG(3, 3))
	dir, m := t.TempDir(), model{}
	s := open(t, dir, o)
	for step := range 600 {
		ops := randomBatch(r)
		apply(t, s, ops...)
		m.apply(ops)
		if step%97 == 0 {
			s.Abandon()
			s = open(t, dir, o)
			m.check(t, s)
		}
	}
	m.check(t, s)
}

func TestSealedStoreTellsNothingOfKeysAndValues(t *testing.T) {
	o := small
	o.Cipher = testCipher(t, 1)
	dir := t.TempDir()
	s := open(t, dir, o)
	apply(t, s, Op{Kind: 7, Key: "the name of a friend", Value: []byte("meet me at the old mill")})
	apply(t, s, Op{Kind: 7, Key: "the name of a friend", Delete: true})
	file := s.buckets[0].path()
	s.Close()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"friend", "mill"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestWrongOrMissingKeyIsToldAndChangesNothing(t *testing.T) {
	sealed, clear := t.TempDir(), t.TempDir()
	o := small
	o.Cipher = testCipher(t, 1)
	for dir, o := range map[string]Options{sealed: o, clear: small} {
		s := open(t, dir, o)
		apply(t, s, Op{Key: "k", Value: []byte("v")})
		s.Close()
	}
	for _, c := range []struct {
		name string
		dir  string
		key  cipher.AEAD
		want error
	}{
		{"another key", sealed, testCipher(t, 2), ErrWrongKey},
		{"no key", sealed, nil, ErrSealed},
		{"a key for a clear store", clear, testCipher(t, 1), ErrNotSealed},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, _ := os.ReadDir(c.dir)
			o := small
			o.Cipher = c.key
			if _, err := Open(c.dir, o); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if after, _ := os.ReadDir(c.dir); len(after) != len(before) {
				t.Errorf("files: got %v, want %v", after, before)
			}
		})
	}
	model{nameOf(0, []byte("k")): []byte("v")}.check(t, open(t, sealed, o))
}

func TestSealedRecordCountsInItsPlaceOnly(t *testing.T) {
	c := codec{salt: 5, seal: testCipher(t, 1)}
	b := c.append(nil, &record{typ: typePut, seq: 9, kind: 1, key: []byte("k"), payload: []byte("v")})
	if r, reason := c.parse(b, 9); reason != "" || string(r.key) != "k" || string(r.payload) != "v" {
		t.Fatalf("got %+v, %q", r, reason)
	}
	b[9]++ // another sequence, with a checksum that fits
	moved := codec{salt: 5}.checksummed(b)
	if _, reason := c.parse(moved, 10); reason != reasonKey {
		t.Errorf("under another sequence: got %q, want %q", reason, reasonKey)
	}
}

// checksummed gives a doctored record a checksum that fits.
func (c codec) checksummed(b []byte) []byte {
	body := b[:len(b)-recordTrailer]
	sum := checksum(c.salt, body)
	return append(bytes.Clone(body), byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

func TestLargestSealedRecordIsNotTakenForDamage(t *testing.T) {
	c := codec{salt: 5, seal: testCipher(t, 1)}
	b := c.append(nil, &record{typ: typeChunk, seq: 9, key: make([]byte, MaxKey), payload: make([]byte, maxPayload)})
	if _, reason := c.parse(b, 9); reason != "" || len(b) != maxRecord {
		t.Errorf("got %d octets, %q; want %d and no reason", len(b), reason, maxRecord)
	}
	if got, want := len(b), c.overhead()+MaxKey+maxPayload; got != want {
		t.Errorf("overhead: got a record of %d octets, want %d", got, want)
	}
}
