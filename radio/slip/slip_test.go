package slip

import (
	"bytes"
	"testing"
)

const most = 500

func decode(d *Decoder, stream []byte) (frames [][]byte) {
	for _, b := range stream {
		if f, ok := d.Feed(b); ok {
			frames = append(frames, bytes.Clone(f))
		}
	}
	return frames
}

func TestDecoder(t *testing.T) {
	long := bytes.Repeat([]byte{1}, most)
	for _, c := range []struct {
		name    string
		stream  []byte
		want    [][]byte
		dropped uint64
	}{
		{"one frame", []byte{0xC0, 0x08, 0x46, 0xC0}, [][]byte{{8, 0x46}}, 0},
		{"a delimiter for two", []byte{0xC0, 1, 0xC0, 2, 0xC0}, [][]byte{{1}, {2}}, 0},
		{"escapes", []byte{0xC0, 0, 0xDB, 0xDC, 0xDB, 0xDD, 0xDC, 0xC0}, [][]byte{{0, 0xC0, 0xDB, 0xDC}}, 0},
		{"text before the first", []byte("boot\xc0\x01\xc0"), [][]byte{{1}}, 0},
		{"wrong escape", []byte{0xC0, 0, 0xDB, 0x01, 5, 0xC0, 2, 0xC0}, [][]byte{{2}}, 1},
		{"cut escape", []byte{0xC0, 0, 0xDB, 0xC0, 2, 0xC0}, [][]byte{{2}}, 1},
		{"longest", append(append([]byte{0xC0}, long...), 0xC0), [][]byte{long}, 0},
		{"too long", append(append([]byte{0xC0}, append(long, 1, 2, 3)...), 0xC0, 2, 0xC0), [][]byte{{2}}, 1},
	} {
		d := NewDecoder(most)
		got, dropped := decode(d, c.stream), d.Dropped()
		if len(got) != len(c.want) || dropped != c.dropped {
			t.Errorf("%s: got % x and %d dropped, want % x and %d", c.name, got, dropped, c.want, c.dropped)
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i], c.want[i]) {
				t.Errorf("%s: got % x, want % x", c.name, got[i], c.want[i])
			}
		}
		if d.Dropped() != 0 {
			t.Errorf("%s: what was dropped is told twice", c.name)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("ets\xc0\x08\x46\xc0\x00\xdb\xdc\xc0"), []byte{0, 0xC0, 0xDB})
	f.Add([]byte{0xC0, 0xDB, 0xC0}, []byte{1})
	f.Fuzz(func(t *testing.T, noise, payload []byte) {
		d := NewDecoder(most)
		for _, frame := range decode(d, noise) {
			if len(frame) > most {
				t.Fatalf("a frame of %d octets", len(frame))
			}
		}
		if len(payload) > most || len(payload) == 0 {
			return
		}
		d.Feed(End) // whatever came before, this restores order
		if got := decode(d, Append(nil, payload)); len(got) != 1 || !bytes.Equal(got[0], payload) {
			t.Fatalf("got % x, want one frame of % x", got, payload)
		}
	})
}
