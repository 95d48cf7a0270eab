package stream

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

const most = 600

// feed returns copies of the frames found.
func feed(d *Decoder, octets []byte) (frames [][]byte) {
	for _, b := range octets {
		if p, ok := d.Feed(b); ok {
			frames = append(frames, bytes.Clone(p))
		}
	}
	return frames
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(4) == 0 {
			b[i] = Delimiter
		}
	}
	return b
}

func TestTheOctetsOfAFrame(t *testing.T) {
	for payload, want := range map[string]string{
		"":       "2b 2e 00000000 2b",             // code 5; the checksum of nothing is 0
		"68692b": "2b 28 6869 2e 5e bd 0a c9 2b",  // "hi+": the '+' is left out between two blocks
		"2b2b2b": "2b 2a 2a 2a 2e 1e 0b 13 3c 2b", // an escape sequence is three empty blocks
	} {
		p, _ := hex.DecodeString(payload)
		w, _ := hex.DecodeString(string(bytes.ReplaceAll([]byte(want), []byte(" "), nil)))
		if got := Append(nil, p); !bytes.Equal(got, w) {
			t.Errorf("%s: got % x, want % x", payload, got, w)
		}
	}
}

func TestEveryLengthComesBackWithinItsOverhead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range most + 1 {
		plain := bytes.Repeat([]byte{0}, n) // nothing to leave out: the longest there is
		for _, p := range [][]byte{plain, bytes.Repeat([]byte{Delimiter}, n), random(r, n)} {
			f := Append(nil, p)
			if got := feed(NewDecoder(n), f); len(got) != 1 || !bytes.Equal(got[0], p) {
				t.Fatalf("%d octets: got %x, want %x", n, got, p)
			}
			if len(f) > n+Overhead(n) {
				t.Fatalf("%d octets: framed in %d, want at most %d", n, len(f), n+Overhead(n))
			}
		}
	}
	if Overhead(250) != 7 || Overhead(251) != 8 {
		t.Errorf("overhead %d and %d, want 7 up to 250 octets and then 8", Overhead(250), Overhead(251))
	}
}

// A run of three would be an escape sequence of some modem, wherever the host stops for a second.
func TestNoThreePlusesEverMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var all []byte
	for range 2000 {
		all = Append(all, random(r, r.IntN(300)))
	}
	all = Append(Append(Append(all, nil), nil), []byte("+++"))
	if at := bytes.Index(all, []byte("+++")); at >= 0 {
		t.Errorf("at %d: % x", at, all[at-8:at+8])
	}
}

func TestAfterDamageTheNextFrameIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		hurt, next := random(r, 1+r.IntN(300)), random(r, r.IntN(300))
		a, b := Append(nil, hurt), Append(nil, next)
		a = harm(r, a)
		got := feed(NewDecoder(300), append(a, b...))
		if n := len(got); n == 0 || !bytes.Equal(got[n-1], next) {
			t.Fatalf("after % x the next frame is not found", a)
		}
		for _, f := range got[:len(got)-1] {
			if !bytes.Equal(f, hurt) {
				t.Fatalf("made up a frame %x out of %x", f, a)
			}
		}
	}
}

// harm damages, loses or adds octets, as transparent radios do.
func harm(r *rand.Rand, b []byte) []byte {
	at := r.IntN(len(b))
	switch r.IntN(4) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
	case 1:
		b = append(b[:at], b[min(len(b), at+1+r.IntN(40)):]...)
	case 2:
		b = b[at:]
	default:
		b = append(b[:at], append(random(r, 400), b[at:]...)...)
	}
	return b
}

func TestJoinedFramesThatLostBothDelimitersAreNotOne(t *testing.T) {
	a, b := Append(nil, []byte("first")), Append(nil, []byte("second"))
	d := NewDecoder(100)
	if got := feed(d, append(a[:len(a)-1], b[1:]...)); len(got) != 0 || d.Spoiled() != 1 {
		t.Errorf("got %q, %d spoiled, want none and one", got, d.Spoiled())
	}
	if got := feed(d, Append(nil, []byte("third"))); len(got) != 1 {
		t.Error("the frame after them is lost")
	}
}

func TestWhatIsLongerThanAFrameCostsNoMemory(t *testing.T) {
	d := NewDecoder(50)
	if got := feed(d, bytes.Repeat([]byte{7}, 1<<20)); len(got) != 0 || cap(d.body) > 64 {
		t.Errorf("%d frames, holds %d octets, want none and room for one frame", len(got), cap(d.body))
	}
	if got := feed(d, Append(nil, make([]byte, 51))); len(got) != 0 {
		t.Error("took a frame longer than asked for")
	}
	if got := feed(d, Append(nil, make([]byte, 50))); len(got) != 1 {
		t.Error("the next frame is lost")
	}
}

// FuzzDecoder: no panic, no growth, and whatever was before, the next frame is found.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("+.\x00\x00\x00\x00+"))
	f.Add([]byte("+++++\x2a\x2a"))
	f.Add(Append(nil, bytes.Repeat([]byte{1}, 300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDecoder(300)
		feed(d, b)
		if cap(d.body) > 310 {
			t.Fatalf("holds %d octets", cap(d.body))
		}
		if got := feed(d, Append(nil, []byte("x+y"))); len(got) == 0 || string(got[len(got)-1]) != "x+y" {
			t.Fatalf("got %q, want the frame", got)
		}
	})
}

// FuzzAppend: what is framed comes back.
func FuzzAppend(f *testing.F) {
	f.Add([]byte("+++"))
	f.Add(bytes.Repeat([]byte{0}, 254))
	f.Fuzz(func(t *testing.T, p []byte) {
		b := Append(nil, p)
		if got := feed(NewDecoder(len(p)), b); len(got) != 1 || !bytes.Equal(got[0], p) || bytes.Contains(b, []byte("+++")) {
			t.Fatalf("got %x of % x", got, b)
		}
	})
}
