package bundle

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/link"
)

// gateway is one side.
type gateway struct {
	Sealer
	public [32]byte
}

func newGateway(name string) gateway {
	g := gateway{Sealer: Sealer{Domain: [16]byte{7}, Key: [32]byte{9}, Self: link.PeerID(sha256.Sum256([]byte(name))), Static: sha256.Sum256([]byte("static " + name))}}
	k, err := ecdh.X25519().NewPrivateKey(g.Static[:])
	if err != nil {
		panic(err) // never: every 32 octets are a key
	}
	copy(g.public[:], k.PublicKey().Bytes())
	return g
}

func (g gateway) at() Recipient { return Recipient{ID: g.Self, Static: g.public} }

func seeded(n uint64) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}) }

var until = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func contents(sizes ...int) (c Contents) {
	c.Expires = until
	for i, n := range sizes {
		body := make([]byte, n)
		seeded(uint64(n)).Read(body)
		c.Items = append(c.Items, Item{Kind: 1, Priority: uint8(i % 3), Hands: uint16(i + 1), Body: body})
		c.Named = append(c.Named, Digest{byte(i), 1})
	}
	return c
}

func TestBundleRoundTripAtEverySizeThatMatters(t *testing.T) {
	a, b := newGateway("ada"), newGateway("ben")
	for _, sizes := range [][]int{{}, {0}, {1}, {chunkData - itemHead}, {chunkData - itemHead + 1}, {2*chunkData - itemHead}, {5, 70_000, 0, 9}, {8_322_038 + 1024}} {
		in := contents(sizes...)
		raw, err := a.Seal(b.at(), in, seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, it := range in.Items {
			size += it.Size()
		}
		if over := len(raw) - size; over > Overhead(size, len(in.Named)) || len(raw) > MaxSize {
			t.Errorf("%v: %d octets on top, Overhead says at most %d", sizes, over, Overhead(size, len(in.Named)))
		}
		h, err := ParseHeader(raw[:min(len(raw), MaxHead)])
		if err != nil || h.To != ShortOf(b.Self) || !h.Expires.Equal(until) || h.Size != len(raw) {
			t.Fatalf("%v: header %+v, %v", sizes, h, err)
		}
		if who, ok := h.Writer(b.Key, []link.PeerID{b.Self, a.Self}); !ok || who != a.Self {
			t.Errorf("%v: the writer is not found", sizes)
		}
		if named, ours := a.Named(h); !ours || !slices.Equal(named, in.Named) {
			t.Errorf("%v: the writer reads %d names, %v; want %d", sizes, len(named), ours, len(in.Named))
		}
		if _, ours := b.Named(h); ours {
			t.Errorf("%v: the recipient reads the writer's notes", sizes)
		}
		got, err := b.Open(raw, a.at())
		if err != nil || !slices.EqualFunc(got, in.Items, func(x, y Item) bool {
			return x.Kind == y.Kind && x.Priority == y.Priority && x.Hands == y.Hands && bytes.Equal(x.Body, y.Body)
		}) {
			t.Errorf("%v: got %d items, %v; want %d", sizes, len(got), err, len(in.Items))
		}
	}
}

// Who changes, cuts or lengthens a file, and mends its checksum, is found out by the recipient.
func TestBundleIsAuthenticAndWhole(t *testing.T) {
	a, b := newGateway("ada"), newGateway("ben")
	raw, err := a.Seal(b.at(), contents(5, chunkData, 40), seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	mend := func(x []byte) []byte {
		h, err := ParseHeader(x)
		if err != nil {
			return x
		}
		n := len(h.raw)
		x = slices.Clone(x)
		x[24], x[25], x[26], x[27] = byte(len(x)>>24), byte(len(x)>>16), byte(len(x)>>8), byte(len(x))
		if len(x) >= n+crcSize {
			sum := checksum(x[:n], x[n+crcSize:])
			x[n], x[n+1], x[n+2], x[n+3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		}
		return x
	}
	for at := 0; at < len(raw); at += 1 + at/40 {
		flipped := slices.Clone(raw)
		flipped[at] ^= 4
		if _, err := b.Open(flipped, a.at()); err == nil {
			t.Fatalf("octet %d changed, and it opens", at)
		}
		if _, err := b.Open(mend(flipped), a.at()); err == nil && !bytes.Equal(mend(flipped), raw) {
			t.Fatalf("octet %d changed and the checksum mended, and it opens", at)
		}
		if _, err := b.Open(mend(raw[:at]), a.at()); err == nil {
			t.Fatalf("cut at %d and mended, and it opens", at)
		}
	}
	first := len(raw) - (1 + 5 + 8 + 40 + 8 + 8 + tagSize) // the last chunk
	for name, x := range map[string][]byte{"without its last chunk": raw[:first], "with octets behind": append(slices.Clone(raw), 0), "twice": append(slices.Clone(raw), raw...)} {
		if _, err := b.Open(mend(x), a.at()); err == nil {
			t.Errorf("%s it opens", name)
		}
	}
}

func TestBundleIsForOneGatewayOfOneDomainByOne(t *testing.T) {
	a, b, c := newGateway("ada"), newGateway("ben"), newGateway("cleo")
	raw, err := a.Seal(b.at(), contents(5), seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	other := b
	other.Domain[3]++
	for name, open := range map[string]func() ([]Item, error){
		"another gateway": func() ([]Item, error) { return c.Open(raw, a.at()) },
		"another writer":  func() ([]Item, error) { return b.Open(raw, c.at()) },
		"another name":    func() ([]Item, error) { return b.Open(raw, Recipient{c.Self, a.public}) },
		"another domain":  func() ([]Item, error) { return other.Open(raw, a.at()) },
	} {
		if _, err := open(); err != ErrSealed {
			t.Errorf("%s: got %v, want %v", name, err, ErrSealed)
		}
	}
	h, _ := ParseHeader(raw)
	if who, ok := h.Writer([32]byte{8}, []link.PeerID{a.Self, b.Self}); ok {
		t.Errorf("without the domain's key the writer is seen: %x", who[:4])
	}
}

// Two files of one writer for one gateway have nothing in common but recipient, expiry and size.
func TestBundlesOfOneWriterLookUnrelated(t *testing.T) {
	a, b := newGateway("ada"), newGateway("ben")
	x, _ := a.Seal(b.at(), contents(5), seeded(1))
	y, _ := a.Seal(b.at(), contents(5), seeded(2))
	for at := 28; at+4 <= len(x); at++ {
		if at < 60 || at > 62 {
			if bytes.Equal(x[at:at+4], y[at:at+4]) {
				t.Fatalf("octets %d to %d are the same", at, at+4)
			}
		}
	}
}

func TestSealRefusesWhatDoesNotFit(t *testing.T) {
	a, b := newGateway("ada"), newGateway("ben")
	for name, in := range map[string]Contents{"octets": contents(MaxData), "names": contents(make([]int, MaxItems+1)...)} {
		if _, err := a.Seal(b.at(), in, seeded(1)); err == nil {
			t.Errorf("too many %s were sealed", name)
		}
	}
	if _, err := a.Seal(b.at(), contents(1), bytes.NewReader(make([]byte, 30))); err == nil {
		t.Error("sealed without enough random octets")
	}
}

func FuzzBundle(f *testing.F) {
	a, b := newGateway("ada"), newGateway("ben")
	for _, sizes := range [][]int{{}, {5}, {chunkData, 3}} {
		raw, err := a.Seal(b.at(), contents(sizes...), seeded(1))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, err := ParseHeader(raw); err == nil {
			h.Writer(b.Key, []link.PeerID{a.Self})
			a.Named(h)
		}
		if items, err := b.Open(raw, a.at()); err == nil {
			for _, it := range items {
				_ = it.Size()
			}
		}
		parseItems(raw)
	})
}
