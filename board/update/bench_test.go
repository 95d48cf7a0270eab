package update

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"aead.dev/minisign"

	"packhorse/board/card"
)

// octets are a deterministic source of randomness for keys.
type octets struct{ r *rand.ChaCha8 }

func seeded(n byte) octets { return octets{rand.NewChaCha8([32]byte{n})} }

func (o octets) Read(p []byte) (int, error) { return o.r.Read(p) }

// signer is a key pair of a test.
type signer struct {
	pub  minisign.PublicKey
	priv minisign.PrivateKey
}

func newSigner(t testing.TB, n byte) signer {
	t.Helper()
	// crypto/ed25519 may read an octet more or less (GenerateKey is not repeatable); the tests need any key.
	pub, priv, err := minisign.GenerateKey(seeded(n))
	if err != nil {
		t.Fatal(err)
	}
	return signer{pub, priv}
}

func (s signer) keys() Keys { return Keys{s.pub} }

// running is what runs, and next what is to come.
var (
	running = card.Release{Version: "0.4.1", Build: "aaaaaaaa", Board: card.BoardPi, Created: "2026-11-01T00:00:00Z"}
	next    = card.Release{Version: "0.5.0", Build: "bbbbbbbb", Board: card.BoardPi, Created: "2026-11-22T00:00:00Z"}
)

// slotOf is a small slot: a chunk and a half with noise, words, holes and two sectors of zeros at its end.
func slotOf(n byte) []byte {
	b := make([]byte, chunkSize+chunkSize/2)
	r := seeded(n)
	io.ReadFull(r, b[:40<<10])
	copy(b[chunkSize-5:], bytes.Repeat([]byte("a slot "), 30<<10))
	io.ReadFull(r, b[len(b)-5*card.SectorSize:][:3*card.SectorSize])
	return b
}

func updateOf(t testing.TB, r card.Release, slot []byte, s signer) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Write(&out, r, bytes.NewReader(slot), SignWith(s.priv)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read is the whole way of a file but the card.
func read(file []byte, k Keys) (Manifest, []byte, error) {
	f, err := Open(bytes.NewReader(file), k)
	if err != nil {
		return Manifest{}, nil, err
	}
	var out bytes.Buffer
	err = f.CopyTo(&out)
	return f.Manifest, out.Bytes(), err
}
