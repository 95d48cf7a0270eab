package rnode

import (
	"bytes"
	"testing"
	"time"

	"packhorse/radio/phy"
)

func decode(d *decoder, stream []byte) (frames [][]byte) {
	for _, b := range stream {
		if c, p, ok := d.feed(b); ok {
			frames = append(frames, append([]byte{c}, p...))
		}
	}
	return frames
}

func TestDecoder(t *testing.T) {
	long := bytes.Repeat([]byte{1}, 1+maxPayload)
	for _, c := range []struct {
		name    string
		stream  []byte
		want    [][]byte
		dropped uint64
	}{
		{"one frame", []byte{0xC0, 0x08, 0x46, 0xC0}, [][]byte{{8, 0x46}}, 0},
		{"shared FEND", []byte{0xC0, 1, 0xC0, 2, 0xC0}, [][]byte{{1}, {2}}, 0},
		{"escapes", []byte{0xC0, 0, 0xDB, 0xDC, 0xDB, 0xDD, 0xDC, 0xC0}, [][]byte{{0, 0xC0, 0xDB, 0xDC}}, 0},
		{"text before the first FEND", []byte("boot\xc0\x01\xc0"), [][]byte{{1}}, 0},
		{"wrong escape", []byte{0xC0, 0, 0xDB, 0x01, 5, 0xC0, 2, 0xC0}, [][]byte{{2}}, 1},
		{"cut escape", []byte{0xC0, 0, 0xDB, 0xC0, 2, 0xC0}, [][]byte{{2}}, 1},
		{"longest", append(append([]byte{0xC0}, long...), 0xC0), [][]byte{long}, 0},
		{"too long", append(append([]byte{0xC0}, append(long, 1, 2, 3)...), 0xC0, 2, 0xC0), [][]byte{{2}}, 1},
	} {
		var d decoder
		got := decode(&d, c.stream)
		if len(got) != len(c.want) || d.dropped != c.dropped {
			t.Errorf("%s: got % x and %d dropped, want % x and %d", c.name, got, d.dropped, c.want, c.dropped)
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i], c.want[i]) {
				t.Errorf("%s: got % x, want % x", c.name, got[i], c.want[i])
			}
		}
	}
}

func TestAppendFrameBytes(t *testing.T) {
	got := appendFrame(nil, cmdFrequency, 0x33, 0xC0, 0xDB, 0)
	want := []byte{0xC0, 0x01, 0x33, 0xDB, 0xDC, 0xDB, 0xDD, 0x00, 0xC0}
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("ets\xc0\x08\x46\xc0\x00\xdb\xdc\xc0"), []byte{0, 0xC0, 0xDB})
	f.Add([]byte{0xC0, 0xDB, 0xC0}, []byte{})
	f.Fuzz(func(t *testing.T, noise, payload []byte) {
		var d decoder
		for _, frame := range decode(&d, noise) {
			if len(frame) > 1+maxPayload {
				t.Fatalf("a frame of %d octets", len(frame))
			}
		}
		if len(payload) > maxPayload {
			return
		}
		// Whatever came before, a FEND restores order.
		d.feed(fend)
		got := decode(&d, appendFrame(nil, cmdData, payload...))
		if len(got) != 1 || !bytes.Equal(got[0][1:], payload) {
			t.Fatalf("got % x, want one frame of % x", got, payload)
		}
	})
}

func TestPacerFollowsTheFirmware(t *testing.T) {
	timing := phy.RNode(testMod)
	air, now := 400*time.Millisecond, time.Unix(1000, 0)
	access := timing.Access(0)
	p, silence := pacer{timing: timing}, time.Time{}
	if got, want := p.add(now, air, silence).Sub(now), access+air; got != want {
		t.Errorf("first frame leaves after %v, want %v", got, want)
	}
	if got, want := p.add(now, air, silence).Sub(now), access+2*air; got != want {
		t.Errorf("second of the same burst leaves after %v, want %v", got, want)
	}
	if got, want := p.wait(now, 2), access+air; got != want {
		t.Errorf("room after %v, want %v", got, want)
	}
	during := now.Add(access + air)
	if got := p.wait(during, 2); got != 0 {
		t.Errorf("room after %v once one has left, want 0", got)
	}
	// Handed over while the burst is on the air: it waits for the next access,
	// whose window has run since the burst began.
	if got, want := p.add(during, air, silence).Sub(now), access+2*air+timing.DIFS+air; got != want {
		t.Errorf("third leaves after %v, want %v", got, want)
	}
	// A busy channel stops the window clock.
	later := now.Add(2 * time.Second)
	if got, want := p.add(later, air, later).Sub(later), timing.Access(p.load(later))+air; got < want-timing.Slot || got > want+8*timing.Slot {
		t.Errorf("after another station: leaves after %v, want about %v", got, want)
	}
}
