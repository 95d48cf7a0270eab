package ebyte

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

// parsed is what a parser makes of octets.
type parsed struct {
	frames  [][]byte
	signals []int // -1: not known
	answers []byte
}

func parse(p *parser, octets []byte) (out parsed) {
	take := func(e event) {
		if e.frame == nil {
			return
		}
		out.frames = append(out.frames, bytes.Clone(e.frame))
		s := -1
		if e.known {
			s = int(e.signal)
		}
		out.signals = append(out.signals, s)
	}
	for _, b := range octets {
		e := p.feed(b)
		take(e)
		if e.answer {
			now, _ := p.ambient()
			out.answers = append(out.answers, now)
		}
	}
	take(p.release())
	return out
}

func TestParserKnowsWhereTheSignalStands(t *testing.T) {
	x, y := stream.Append(nil, []byte("first")), stream.Append(nil, []byte("second"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	answer := []byte{cmdAnswer, 0, 2, 0x91, 0x90}
	for _, tc := range []struct {
		name    string
		octets  []byte
		signals []int
		answers []byte
	}{
		{"one packet each", join(x, []byte{0xA0}, y, []byte{0xA1}), []int{0xA0, 0xA1}, nil},
		{"two frames in one packet", join(x, y, []byte{0xA1}), []int{-1, 0xA1}, nil},
		{"the last signal is missing", join(x, []byte{0xA0}, y), []int{0xA0, -1}, nil},
		{"answers between", join(answer, answer, x, []byte{0xA0}, answer, y, []byte{0xA1}, answer), []int{0xA0, 0xA1}, []byte{0x91, 0x91, 0x91, 0x91}},
		{"a signal that looks like an answer", join(x, []byte{cmdAnswer}, answer, y, []byte{0}), []int{cmdAnswer, 0}, []byte{0x91}},
		{"an answer after what was damaged", join(x[3:], []byte{0xA0}, answer, x, []byte{0xA0}, y, []byte{0xA1}), []int{0xA0, 0xA1}, []byte{0x91}},
	} {
		got := parse(newParser(e22MaxFrame, true), tc.octets)
		if len(got.frames) != 2 || string(got.frames[0]) != "first" || string(got.frames[1]) != "second" {
			t.Errorf("%s: got %q", tc.name, got.frames)
			continue
		}
		if got.signals[0] != tc.signals[0] || got.signals[1] != tc.signals[1] || !bytes.Equal(got.answers, tc.answers) {
			t.Errorf("%s: signals %x, answers %x, want %x and %x", tc.name, got.signals, got.answers, tc.signals, tc.answers)
		}
	}
}

func TestParserLosesNoFrameThatLooksLikeAnAnswer(t *testing.T) {
	payload := []byte{cmdAnswer, 0, 2, 1, 2, 3}
	if got := parse(newParser(e22MaxFrame, true), append(stream.Append(nil, payload), 0xA0)); len(got.frames) != 1 || !bytes.Equal(got.frames[0], payload) {
		t.Errorf("got %x", got.frames)
	}
}

func TestParserTakesNoAnswerOutOfAFrame(t *testing.T) {
	payload := append(bytes.Repeat([]byte{7}, 20), cmdAnswer, 0, 2, 1, 2)
	if got := parse(newParser(e22MaxFrame, true), append(stream.Append(nil, payload), 0xA0)); len(got.answers) != 0 || len(got.frames) != 1 {
		t.Errorf("got answers %x and %d frames", got.answers, len(got.frames))
	}
}

// What our framing makes of anything is never a command of the module's transparent mode.
func TestNoFrameBeginsLikeACommand(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		if f := stream.Append(nil, append(bytes.Clone(sample), frame(r, 20)...)); f[0] == sample[0] || len(f) > e22SubPacket {
			t.Fatalf("% x", f)
		}
	}
}

// LoRa at the settings that the measured times speak for is never slower than what the ledger counts.
func TestAirtimeIsNeverShort(t *testing.T) {
	measured := map[uint32]time.Duration{300: 8800, 1200: 2550, 2400: 1330, 4800: 500, 9600: 305, 19200: 190, 38400: 110, 62500: 77}
	for _, tc := range []struct {
		rate, bandwidth uint32
		spreading       uint8
	}{{300, 125_000, 12}, {1200, 250_000, 11}, {2400, 500_000, 11}, {4800, 500_000, 10}, {9600, 500_000, 9}, {19200, 500_000, 8}, {38400, 500_000, 7}, {62500, 500_000, 6}} {
		m, err := Modulation(freq900, tc.rate)
		if err != nil || m.Validate() != nil {
			t.Fatal(err, m.Validate())
		}
		if got := m.TimeOnAir(240); got < measured[tc.rate]*time.Millisecond || got > measured[tc.rate]*115/100*time.Millisecond {
			t.Errorf("%d bit/s: 240 octets take %v, measured %d ms", tc.rate, got, measured[tc.rate])
		}
		lora := phy.Modulation{FrequencyHz: freq900, BandwidthHz: tc.bandwidth, SpreadingFactor: tc.spreading, CodingRate: 5, PreambleSymbols: 12}
		for n := 1; n <= 240; n++ {
			if got, least := m.TimeOnAir(n), lora.TimeOnAir(n+7); got < least {
				t.Fatalf("%d bit/s: %d octets take %v, less than %v", tc.rate, n, got, least)
			}
		}
	}
}

func TestSignalOctets(t *testing.T) {
	later, early := &modem{}, &modem{opts: Opts{Halved: true}}
	for b, want := range map[byte][2]float64{0xFF: {-1, -127.5}, 0xA8: {-88, -84}, 0: {-256, 0}} {
		if x, y := later.dBm(b), early.dBm(b); math.Abs(x-want[0]) > 0 || math.Abs(y-want[1]) > 0 {
			t.Errorf("%02x: got %v and %v, want %v", b, x, y, want)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add(append(stream.Append(nil, []byte("frame")), 0xA0), true)
	f.Add([]byte{cmdAnswer, 0, 2, 1, 2, '+', '+', cmdAnswer}, false)
	f.Fuzz(func(t *testing.T, octets []byte, rssi bool) {
		p := newParser(e22MaxFrame, rssi)
		got := parse(p, octets)
		for i, frame := range got.frames {
			if len(frame) > e22MaxFrame || !rssi && got.signals[i] != -1 {
				t.Fatalf("frame of %d octets, signal %d", len(frame), got.signals[i])
			}
		}
		want := []byte("found after anything")
		again := parse(p, append(append([]byte{'+', '+'}, stream.Append(nil, want)...), 0x80))
		if n := len(again.frames); n == 0 || !bytes.Equal(again.frames[n-1], want) {
			t.Fatalf("after %x: got %q", octets, again.frames)
		}
	})
}

func FuzzRegisters(f *testing.F) {
	f.Add([]byte{cmdAnswer, 0, 7, 1, 2, 3, 4, 5, 6, 7}, 10)
	f.Add([]byte{0xFF, 0xFF, 0xFF}, 10)
	f.Fuzz(func(t *testing.T, got []byte, octets int) {
		asked := []byte{cmdAnswer, 0, 7}
		if err := judge(asked, got, asked, octets); err == nil && (len(got) != octets || !bytes.HasPrefix(got, asked)) {
			t.Fatalf("% x was taken for an answer of %d octets", got, octets)
		}
	})
}

// What a frame takes on the air is that of its octets with their marks, from when the line has brought them.
func TestWhenAFrameHasLeft(t *testing.T) {
	mod, err := Modulation(freq900, 2400)
	if err != nil {
		t.Fatal(err)
	}
	m, at := &modem{mod: mod}, time.Unix(1000, 0)
	m.handed(at, 100)
	if want := at.Add(mod.TimeOnAir(107)); !m.Clear().Equal(want) {
		t.Errorf("gone at %v, want %v", m.Clear(), want)
	}
	m.handed(at.Add(time.Millisecond), 1) // while the first is on the air
	if want := at.Add(mod.TimeOnAir(107) + mod.TimeOnAir(8)); !m.Clear().Equal(want) {
		t.Errorf("the second is gone at %v, want %v", m.Clear(), want)
	}
}
