package bundle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/flynn/noise"
	"golang.org/x/crypto/chacha20poly1305"

	"packhorse/link"
)

// Digest names an item in the manifest: as link.Digest.
type Digest = link.Digest

// Sealer makes bundles from one gateway of a domain.
type Sealer struct {
	Domain [16]byte
	Key    [32]byte // pre-shared key of the domain
	Self   link.PeerID
	Static [32]byte // our private X25519 key
}

// Recipient is the gateway that a bundle is for.
type Recipient struct {
	ID     link.PeerID
	Static [32]byte // its public X25519 key
}

// Contents is what goes into a bundle.
type Contents struct {
	Items   []Item
	Named   []Digest // of those items that the writer wants to find again, at most MaxItems
	Expires time.Time
}

var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

// Overhead is what a bundle takes besides the sizes of its items, with so many named, at most.
func Overhead(data, named int) int {
	return fixedHead + named*digestSize + tagSize + crcSize + noiseHead + (data/chunkData+1)*(chunkSize-chunkData)
}

// Seal makes the file. rand gives 24 octets and an ephemeral key.
func (s *Sealer) Seal(to Recipient, c Contents, rand io.Reader) ([]byte, error) {
	size := 0
	for _, it := range c.Items {
		size += it.Size()
	}
	if size > MaxData || len(c.Named) > MaxItems || len(c.Items) > MaxItems+maxExtra {
		return nil, fmt.Errorf("bundle: %d items of %d octets are too many for one file", len(c.Items), size)
	}
	head, err := s.head(to.ID, c, size, rand)
	if err != nil {
		return nil, err
	}
	hs, err := s.handshake(head, s.Self, to.ID, noise.Config{Initiator: true, PeerStatic: to.Static[:], Random: rand})
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, Overhead(size, len(c.Named))+size), head...)
	out = append(out, 0, 0, 0, 0)
	out, keys, _, err := hs.WriteMessage(out, nil)
	if err != nil {
		return nil, fmt.Errorf("bundle: seal: %w", err)
	}
	if out, err = sealChunks(out, keys, c.Items, size); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(out[len(head):], checksum(head, out[len(head)+crcSize:]))
	return out, nil
}

// head makes everything up to the checksum.
func (s *Sealer) head(to link.PeerID, c Contents, size int, rand io.Reader) ([]byte, error) {
	short := ShortOf(to)
	m := len(c.Named)*digestSize + tagSize
	chunks := max((size+chunkData-1)/chunkData, 1)
	whole := fixedHead + m + crcSize + noiseHead + size + chunks*(chunkSize-chunkData)
	b := append([]byte(magic), short[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(max(c.Expires.Unix(), 0)))
	b = binary.BigEndian.AppendUint32(b, uint32(whole))
	var nonce [chacha20poly1305.NonceSizeX]byte
	if _, err := io.ReadFull(rand, nonce[:]); err != nil {
		return nil, fmt.Errorf("bundle: no random octets: %w", err)
	}
	hint := hintOf(s.Key, nonce[:], s.Self)
	b = append(append(b, nonce[:]...), hint[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(m))
	var names []byte
	for _, d := range c.Named {
		names = append(names, d[:]...)
	}
	aead, err := s.memory()
	if err != nil {
		return nil, err
	}
	return aead.Seal(b, nonce[:], names, b), nil
}

// hintOf lets members find the writer. Who has not the domain's key sees random octets.
func hintOf(key [32]byte, nonce []byte, from link.PeerID) (h [8]byte) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("packhorse bundle writer"))
	mac.Write(nonce)
	mac.Write(from[:])
	copy(h[:], mac.Sum(nil))
	return h
}

// Writer finds who wrote a bundle among the members of the domain; ok is false when it is none of them.
func (h Header) Writer(key [32]byte, members []link.PeerID) (id link.PeerID, ok bool) {
	want := [8]byte(h.raw[52:60])
	for _, id := range members {
		if hintOf(key, h.raw[28:52], id) == want {
			return id, true
		}
	}
	return id, false
}

// sealChunks writes the items under the keys of the handshake.
func sealChunks(out []byte, keys *noise.CipherState, items []Item, size int) ([]byte, error) {
	data := make([]byte, 0, size)
	for _, it := range items {
		data = it.append(data)
	}
	plain := make([]byte, 0, 1+chunkData)
	for last := false; !last; {
		n := min(len(data), chunkData)
		last = n == len(data)
		plain = append(plain[:0], flagOf(last))
		plain = append(plain, data[:n]...)
		data = data[n:]
		var err error
		if out, err = keys.Encrypt(out, nil, plain); err != nil {
			return nil, fmt.Errorf("bundle: seal: %w", err)
		}
	}
	return out, nil
}

func flagOf(last bool) byte {
	if last {
		return 1
	}
	return 0
}

// handshake begins Noise K between two gateways.
func (s *Sealer) handshake(head []byte, from, to link.PeerID, cfg noise.Config) (*noise.HandshakeState, error) {
	public, err := noise.DH25519.GenerateKeypair(newFixed(s.Static))
	if err != nil {
		return nil, fmt.Errorf("bundle: keys: %w", err)
	}
	cfg.CipherSuite, cfg.Pattern, cfg.StaticKeypair = suite, noise.HandshakeK, public
	p := append([]byte("packhorse bundle 1"), s.Domain[:]...)
	cfg.Prologue = append(append(append(p, from[:]...), to[:]...), head...)
	hs, err := noise.NewHandshakeState(cfg)
	if err != nil {
		return nil, fmt.Errorf("bundle: keys: %w", err)
	}
	return hs, nil
}

// fixed is a reader of one private key: the Noise library takes keys from a random source.
type fixed struct{ rest []byte }

func newFixed(key [32]byte) *fixed { return &fixed{key[:]} }

func (f *fixed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// Open verifies and opens a whole file that is for us, by a member of the domain. Bodies refer to a new slice. Errors:
// ErrDamaged, ErrSealed.
func (s *Sealer) Open(b []byte, from Recipient) ([]Item, error) {
	h, err := Check(b)
	if err != nil {
		return nil, err
	}
	hs, err := s.handshake(h.raw, from.ID, s.Self, noise.Config{PeerStatic: from.Static[:]})
	if err != nil {
		return nil, err
	}
	rest := b[len(h.raw)+crcSize:]
	_, keys, _, err := hs.ReadMessage(nil, rest[:noiseHead])
	if err != nil {
		return nil, ErrSealed
	}
	data, err := openChunks(keys, rest[noiseHead:])
	if err != nil {
		return nil, err
	}
	return parseItems(data)
}

// openChunks opens all chunks; the stream ends with the one that says so, and nothing behind it.
func openChunks(keys *noise.CipherState, b []byte) ([]byte, error) {
	data := make([]byte, 0, len(b))
	for {
		n := min(len(b), chunkSize)
		plain, err := keys.Decrypt(nil, nil, b[:n])
		if err != nil {
			return nil, ErrSealed
		}
		b = b[n:]
		if len(plain) == 0 || plain[0] > 1 || (plain[0] == 1) != (len(b) == 0) {
			return nil, ErrDamaged
		}
		last := plain[0] == 1
		data = append(data, plain[1:]...)
		if last {
			return data, nil
		}
	}
}
