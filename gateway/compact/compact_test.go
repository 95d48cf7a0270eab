package compact

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"packhorse/gateway/ramf/ramftest"
)

// realParcels are what Awala's JavaScript library made.
func realParcels(t testing.TB) map[string][]byte {
	t.Helper()
	f := ramftest.Load(t)
	return map[string][]byte{"parcel": f.Parcel, "SHA-512": f.ParcelHashed["SHA-512"], "padded serial": f.PaddedParcel, "cargo": f.Cargo, "CCA": f.CCA}
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func roundTrip(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	body, err := Pack(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	back, err := Unpack(body)
	if err != nil || !bytes.Equal(back, b) {
		t.Fatalf("%s: %d octets came back as %d, %v", name, len(b), len(back), err)
	}
	return body
}

func TestParcelsAreRebuiltBitForBit(t *testing.T) {
	for name, b := range realParcels(t) {
		body := roundTrip(t, name, b)
		if body[0] != formKeyed {
			t.Errorf("%s: got form %d, want %d", name, body[0], formKeyed)
		}
		t.Logf("%s: %d octets; plain DEFLATE %d, form 1 %d, packed %d", name, len(b), plainDeflate(t, b), len(deflate(formDeflated, b)), len(body))
	}
}

func plainDeflate(t testing.TB, b []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return out.Len()
}

// The gain is a promise to airtime budgets: a change that loses it must be seen.
func TestGainOnARealParcel(t *testing.T) {
	b := realParcels(t)["parcel"]
	body := roundTrip(t, "parcel", b)
	if max := 2450; len(body) > max {
		t.Errorf("%d octets packed to %d, want at most %d", len(b), len(body), max)
	}
}

func TestWhatDoesNotShrinkGoesAsItIs(t *testing.T) {
	for _, n := range []int{0, 1, 300, smallParcel + 1} {
		b := noise(n)
		if body := roundTrip(t, "noise", b); len(body) != n+1 || body[0] != formPlain {
			t.Errorf("%d octets of noise: got %d, form %d; want %d, form 0", n, len(body), body[0], n+1)
		}
	}
}

// Every octet of a parcel may be anything: what is altered must come back altered.
func TestAlteredParcelsAreRebuiltToo(t *testing.T) {
	parcel := realParcels(t)["parcel"]
	for n := 0; n < len(parcel); n += 97 {
		b := bytes.Clone(parcel)
		b[n] ^= 0x20
		roundTrip(t, "altered", b)
	}
	for n := 0; n < len(parcel); n += 113 {
		roundTrip(t, "cut", parcel[:n])
	}
	twice := append(bytes.Clone(parcel), parcel...)
	roundTrip(t, "twice", twice)
	roundTrip(t, "large", append(noise(200_000), parcel...))
}

// A hash inside of a key must stay there, or the key could not be hashed when the parcel is rebuilt.
func TestHashesInsideKeysStay(t *testing.T) {
	key := func(inside []byte) []byte {
		k := append([]byte("\x30\x82\x01\x22"+rsaKey), noise(294-4-len(rsaKey))...)
		copy(k[100:], inside)
		return k
	}
	second := key([]byte("another"))
	hash := sha256.Sum256(second)
	first := key(hash[:])
	parcel := append(append(append(first, second...), write(hash[:], writtenBMP)...), write(hash[:], writtenASCII)...)
	if body := roundTrip(t, "a hash inside a key", parcel); body[0] != formKeyed {
		t.Errorf("got form %d, want %d", body[0], formKeyed)
	}
}

func TestSizesAreBounded(t *testing.T) {
	if _, err := Unpack(make([]byte, MaxSize+2)); !errors.Is(err, ErrBody) {
		t.Errorf("a plain body above the limit: got %v", err)
	}
	if _, err := Pack(make([]byte, MaxSize+1)); err == nil {
		t.Error("a parcel above the limit: got no error")
	}
	bomb := deflate(formDeflated, make([]byte, MaxSize+1))
	if _, err := Unpack(bomb); !errors.Is(err, ErrBody) || len(bomb) > 100_000 {
		t.Errorf("a body of %d octets that expands beyond the limit: got %v", len(bomb), err)
	}
	// 256 places of a name in UTF-16 on top of literals just below the limit
	keyed := append([]byte{1, 0}, noise(32)...)
	keyed = append(keyed, 0x80, 2)
	for range maxPlaces {
		keyed = append(keyed, 0, writtenBMP)
	}
	keyed = append(keyed, make([]byte, MaxSize-1000)...)
	if _, err := Unpack(deflate(formKeyed, keyed)); !errors.Is(err, ErrBody) {
		t.Errorf("a keyed body that expands beyond the limit: got %v", err)
	}
}

func TestBadBodiesAreRefused(t *testing.T) {
	body := roundTrip(t, "parcel", realParcels(t)["parcel"])
	bad := map[string][]byte{
		"empty": nil, "form 3": {3, 1, 2}, "form 255": {255},
		"octets after the end": append(bytes.Clone(body), 0),
		"no places":            deflate(formKeyed, nil),
		"17 hashes":            deflate(formKeyed, []byte{17}),
		"a key beyond the end": deflate(formKeyed, []byte{1, 9, 0}),
		"a hash of none":       deflate(formKeyed, []byte{0, 1, 0, 0, 7}),
		"an unknown writing":   deflate(formKeyed, append(append([]byte{1, 0}, noise(32)...), 1, 0, 3)),
		"a place too far":      deflate(formKeyed, append(append([]byte{1, 0}, noise(32)...), 1, 5, 0, 'x')),
	}
	for n := 1; n < len(body); n += 41 {
		bad["cut"] = body[:n]
		if _, err := Unpack(body[:n]); !errors.Is(err, ErrBody) {
			t.Errorf("cut at %d: got %v, want ErrBody", n, err)
		}
	}
	for name, b := range bad {
		if _, err := Unpack(b); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v, want ErrBody", name, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, b := range realParcels(f) {
		body, err := Pack(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte{formPlain, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Unpack(body)
		if err == nil && len(b) > MaxSize {
			t.Fatalf("got %d octets", len(b))
		}
	})
}

func FuzzPutKeys(f *testing.F) {
	for _, b := range realParcels(f) {
		if keyed, ok := takeKeys(b); ok {
			f.Add(keyed)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { putKeys(b) })
}

func FuzzPack(f *testing.F) {
	for _, b := range realParcels(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, "fuzz", b) })
}

func BenchmarkPackParcel(b *testing.B) {
	parcel := realParcels(b)["parcel"]
	for b.Loop() {
		Pack(parcel)
	}
}

func BenchmarkPackMegabyte(b *testing.B) {
	parcel := append(noise(1<<20), realParcels(b)["parcel"]...)
	b.SetBytes(int64(len(parcel)))
	for b.Loop() {
		Pack(parcel)
	}
}
