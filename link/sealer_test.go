package link

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"packhorse/link/wire"
)

func sealers(t testing.TB) (*sealer, *sealer) {
	key := bytes.Repeat([]byte{7}, 32)
	a, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newSealer(key)
	return a, b
}

func TestShortTagsAreTheBeginningOfTheFullTag(t *testing.T) {
	a, b := sealers(t)
	aead, _ := chacha20poly1305.New(bytes.Repeat([]byte{7}, 32))
	plain, head := bytes.Repeat([]byte{1, 2, 3}, 80), []byte("head")
	nonce := wire.Data{Block: 3, Stream: 4, First: 5}.Nonce(len(plain))
	want := aead.Seal(nil, nonce[:], plain, head)
	for _, tag := range []int{wire.ShortTag, wire.TagSize} {
		got := a.seal(nil, nonce, plain, head, tag)
		if !bytes.Equal(got, want[:len(plain)+tag]) {
			t.Errorf("tag %d: got %x, want %x", tag, got, want[:len(plain)+tag])
		}
		if opened, ok := b.open(nonce, got, head, tag); !ok || !bytes.Equal(opened, plain) {
			t.Errorf("tag %d: does not open", tag)
		}
	}
}

func TestEveryChangedOctetIsNoticed(t *testing.T) {
	a, b := sealers(t)
	plain, head := bytes.Repeat([]byte{9}, 61), []byte{1, 2, 3, 4, 5}
	nonce := wire.Data{Stream: 4}.Nonce(len(plain))
	for _, tag := range []int{wire.ShortTag, wire.TagSize} {
		sealed := a.seal(nil, nonce, plain, head, tag)
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, ok := b.open(nonce, bad, head, tag); ok {
				t.Errorf("tag %d: octet %d changed and opened", tag, i)
			}
		}
		for n := range sealed {
			if _, ok := b.open(nonce, sealed[:n], head, tag); ok {
				t.Errorf("tag %d: cut to %d octets and opened", tag, n)
			}
		}
		if _, ok := b.open(nonce, sealed, []byte{1, 2, 3, 4, 6}, tag); ok {
			t.Errorf("tag %d: another header opened", tag)
		}
	}
}
