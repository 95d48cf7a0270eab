package trace

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// echo is a radio that receives what it sends, after one second and weaker.
type echo struct {
	radio.Radio
	frames chan []byte
	refuse error
}

func (e *echo) Configure(context.Context, phy.Modulation, int) error { return nil }

func (e *echo) Transmit(_ context.Context, frame []byte) error {
	e.frames <- frame
	return e.refuse
}

func (e *echo) Receive(context.Context) (radio.Packet, error) {
	at := time.Unix(1_700_000_001, 5)
	return radio.Packet{Data: <-e.frames, RSSIdBm: -97, SNRdB: -3.25, HasSignal: true, At: at}, nil
}

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

func TestWhatGoesThroughIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lora0.pcapng")
	f, err := Create(path, LeastLimit, "packhorse test")
	if err != nil {
		t.Fatal(err)
	}
	inner := &echo{frames: make(chan []byte, 1)}
	r := Wrap(inner, f, "lora0")
	ctx := context.Background()
	if err := errors.Join(r.Configure(ctx, sf7, 14), r.Transmit(ctx, []byte("hello"))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	inner.refuse = errors.New("the modem is on fire")
	if err := r.Transmit(ctx, []byte("bye")); err == nil {
		t.Error("the refusal was lost")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got := read(t, path)
	if len(got) != 3 || got[0].device != "lora0" || got[0].dir != outbound || got[1].dir != inbound {
		t.Fatalf("got %+v, want out, in, out of lora0", got)
	}
	header := []byte{0, 0, 0, 15, 0x33, 0xD3, 0xE6, 0x08, 1, 7, 42, 0xFF, 0xFF, 0xF3, 0x12}
	if !bytes.Equal(got[1].data[:15], header) || string(got[1].data[tapLength:]) != "hello" {
		t.Errorf("got %x, want %x and the frame", got[1].data, header)
	}
	if want := time.Unix(1_700_000_001, 5); !got[1].at.Equal(want) {
		t.Errorf("received at %v, want %v", got[1].at, want)
	}
	if got[0].data[10] != tapNoRSSI {
		t.Error("a frame of ours has a signal strength")
	}
	if !strings.Contains(got[2].comment, "on fire") {
		t.Errorf("comment %q does not say why", got[2].comment)
	}
}

func TestATraceBoundsItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcapng")
	f, err := Create(path, LeastLimit, "packhorse test")
	if err != nil {
		t.Fatal(err)
	}
	first, second := f.declare("a", linkLoRaTap), f.declare("b", linkLoRaTap)
	frame := append(loraTap(sf7, nil), make([]byte, 200)...)
	for i := range 1000 {
		f.record([]uint32{first, second}[i%2], time.Unix(int64(i), 0), outbound, "", frame)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	now, before := read(t, path), read(t, path+".1")
	if last := now[len(now)-1]; last.at.Unix() != 999 || last.device != "b" {
		t.Errorf("the last packet is %v of %s", last.at, last.device)
	}
	if !now[0].at.After(before[len(before)-1].at) {
		t.Error("the files do not follow each other")
	}
	for _, p := range []string{path, path + ".1"} {
		if i, err := os.Stat(p); err != nil || i.Size() > LeastLimit+int64(len(frame))+100 {
			t.Errorf("%s has %d octets (%v), want at most %d", p, i.Size(), err, LeastLimit)
		}
	}
}

func TestAFullDiskHoldsUpNoRadio(t *testing.T) {
	f, err := Create(filepath.Join(t.TempDir(), "a.pcapng"), LeastLimit, "packhorse test")
	if err != nil {
		t.Fatal(err)
	}
	f.out.Close() // every write fails now
	r := Wrap(&echo{frames: make(chan []byte, 1)}, f, "lora0")
	if err := r.Transmit(context.Background(), []byte("x")); err != nil {
		t.Errorf("transmit: %v", err)
	}
	if f.Err() == nil {
		t.Error("nobody hears that the trace has ended")
	}
}

func TestModulationsThatLoRaTapDoesNotKnow(t *testing.T) {
	narrow, stream := sf7, phy.Modulation{FrequencyHz: 434_000_000, BandwidthHz: 250_000, BitRate: 64_000}
	narrow.BandwidthHz = 62_500
	for _, m := range []phy.Modulation{narrow, stream} {
		if b := loraTap(m, nil); b[8] != 0 {
			t.Errorf("%v is told as step %d of the bandwidth", m, b[8])
		}
	}
	if len(loraTap(sf7, nil)) != tapLength {
		t.Error("the header is not as long as it says")
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, tc := range []struct {
		path  string
		limit int64
		want  string
	}{
		{filepath.Join(t.TempDir(), "a"), 1000, "65536"},
		{filepath.Join(t.TempDir(), "none", "a"), LeastLimit, "choose a directory"},
	} {
		if _, err := Create(tc.path, tc.limit, "x"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %d: %v, want %q", tc.path, tc.limit, err, tc.want)
		}
	}
}

type recorded struct {
	device  string
	dir     direction
	at      time.Time
	comment string
	data    []byte
}

// read parses a file by the specification, apart from what writes it.
func read(t *testing.T, path string) (out []recorded) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var devices []string
	le := binary.LittleEndian
	for len(b) > 0 {
		kind, length := le.Uint32(b), le.Uint32(b[4:])
		if length%4 != 0 || le.Uint32(b[length-4:]) != length {
			t.Fatalf("a block of %d octets does not end as it began", length)
		}
		body := b[8 : length-4]
		switch kind {
		case 0x0A0D0D0A:
			if le.Uint32(body) != 0x1A2B3C4D {
				t.Fatal("byte order")
			}
		case 1:
			if le.Uint16(body) != 270 {
				t.Fatalf("link type %d", le.Uint16(body))
			}
			devices = append(devices, string(options(body[8:])[2]))
		case 6:
			n := le.Uint32(body[12:])
			o := options(body[20+(n+3)/4*4:])
			ns := int64(le.Uint32(body[4:]))<<32 | int64(le.Uint32(body[8:]))
			out = append(out, recorded{devices[le.Uint32(body)], direction(le.Uint32(o[2])), time.Unix(0, ns), string(o[1]), body[20 : 20+n]})
		}
		b = b[length:]
	}
	return out
}

func options(b []byte) map[uint16][]byte {
	all := map[uint16][]byte{}
	for {
		code, n := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		if code == 0 {
			return all
		}
		all[code], b = b[4:4+n], b[4+(n+3)/4*4:]
	}
}

// A radio that is opened anew, however often, is the same device; and the file is for its user alone, also where it was there before.
func TestARadioThatComesBackIsTheSameDevice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcapng")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, LeastLimit, "packhorse test")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := f.declare("b", linkLoRaTap)
	for range 1000 {
		Wrap(&echo{}, f, "a")
	}
	if got := f.declare("a", linkLoRaTap); got != other+1 || len(f.devices) != 2 {
		t.Errorf("device %d of %d, want the second of 2", got, len(f.devices))
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want 0600", i.Mode(), err)
	}
}
