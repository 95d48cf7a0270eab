package kiss

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/slip"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(d *slip.Decoder, b []byte) (frames [][]byte) {
	for _, c := range b {
		if f, ok := d.Feed(c); ok {
			frames = append(frames, bytes.Clone(f))
		}
	}
	return frames
}

func TestKISSFrames(t *testing.T) {
	for _, c := range []struct {
		port, command byte
		data          []byte
		want          string
	}{
		{0, cmdData, []byte{1, 0xC0, 0xDB, 2}, "c0 00 01 dbdc dbdd 02 c0"},
		{5, cmdTXDelay, []byte{30}, "c0 51 1e c0"},
		{12, cmdData, []byte{7}, "c0 dbdc 07 c0"}, // the type itself is a FEND
	} {
		got := appendFrame(nil, c.port, c.command, c.data...)
		if !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("got % x, want %s", got, c.want)
		}
		if f := decode(slip.NewDecoder(maxLine), got); len(f) != 1 || f[0][0] != c.port<<4|c.command || !bytes.Equal(f[0][1:], c.data) {
			t.Errorf("%s came back as %x", c.want, f)
		}
	}
}

func TestDecoderFindsFramesAmongOtherThings(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		frames       int
		dropped      uint64
	}{
		{"text before, FENDs without end", "0d0a4b49535320 c0c0c0 0001 c0c0 0002 c0", 2, 0},
		{"one FEND between two", "c0 0001 c0 0002 c0", 2, 0},
		{"wrong escape", "c0 00db01 c0 0002 c0", 1, 1},
		{"escape at the end", "c0 0001db c0 0002 c0", 1, 1},
		{"far too long", "c0" + strings.Repeat("55", 5000) + "c0 0002 c0", 1, 1},
	} {
		d := slip.NewDecoder(maxLine)
		got, dropped := decode(d, unhex(t, c.stream)), d.Dropped()
		if len(got) != c.frames || dropped != c.dropped {
			t.Errorf("%s: %d frames and %d dropped, want %d and %d", c.name, len(got), dropped, c.frames, c.dropped)
		}
	}
}

func mustAddress(t *testing.T, text string) address {
	t.Helper()
	a, err := parseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAX25Frame(t *testing.T) {
	to, from := mustAddress(t, "PKHRSE"), mustAddress(t, "ab1cde-7")
	want := unhex(t, "a096 90a4 a68a e0  8284 6286 888a 6f  03 f0  6869")
	got := appendUI(nil, to, from, []byte("hi"))
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	if info, ok := parseUI(got, to); !ok || string(info) != "hi" {
		t.Errorf("came back as %q, %v", info, ok)
	}
}

func TestForeignFramesAreRefused(t *testing.T) {
	to, from := mustAddress(t, "PKHRSE"), mustAddress(t, "AB1CDE")
	good := appendUI(nil, to, from, []byte("hi"))
	change := func(at int, b byte) []byte {
		f := bytes.Clone(good)
		f[at] = b
		return f
	}
	digipeated := append(bytes.Clone(good[:14]), append(unhex(t, "ae8c82 6e6440 e3"), good[14:]...)...)
	digipeated[13] &^= lastAddress
	for name, f := range map[string][]byte{
		"to another network":    appendUI(nil, mustAddress(t, "APRS"), from, []byte("hi")),
		"to another SSID":       appendUI(nil, mustAddress(t, "PKHRSE-1"), from, []byte("hi")),
		"digipeated":            digipeated,
		"addresses without end": change(13, good[13]&^lastAddress),
		"no source":             change(6, good[6]|lastAddress),
		"a connection":          change(14, 0x2F),
		"another protocol":      change(15, 0xCF),
		"no information":        good[:headerLen],
		"too much":              append(bytes.Clone(good), make([]byte, maxInfo)...),
		"shorter than a header": good[:5],
		"nothing":               nil,
	} {
		if _, ok := parseUI(f, to); ok {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestCallsigns(t *testing.T) {
	for _, bad := range []string{"", "-1", "TOOLONG", "AB1CDE-16", "AB1CDE--1", "AB1CDE-", "AB1CDE-01", "AB CD", "ÄB1"} {
		if _, err := parseAddress(bad); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
	if a := mustAddress(t, "A-15"); a != (address{'A' << 1, ' ' << 1, ' ' << 1, ' ' << 1, ' ' << 1, ' ' << 1, 30}) {
		t.Errorf("A-15 is % x", a)
	}
}

func TestBitsOnTheAir(t *testing.T) {
	if got := checksum([]byte("123456789")); got != 0x906E { // the check value of CRC-16/X-25
		t.Errorf("checksum %04x, want 906e", got)
	}
	// The checksum of FF FF is FFFF: 32 ones in a row, and six stuffed bits.
	if got, want := bits([]byte{0xFF, 0xFF}), flagBits+16+16+6; got != want {
		t.Errorf("%d bits, want %d", got, want)
	}
}

// The ledger counts by the modulation: no frame may take longer than that.
func TestTheModulationBoundsEveryFrame(t *testing.T) {
	m := Opts{}.Modulation(434_500_000, 12_500, 1200)
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= maxInfo; n++ {
		for _, fill := range []byte{0x00, 0xFF, 0x1F} {
			f := appendUI(nil, mustAddress(t, "PKHRSE"), mustAddress(t, "AB1CDE-15"), bytes.Repeat([]byte{fill}, n))
			if got, most := airtime(m, f), m.TimeOnAir(n); got > most {
				t.Fatalf("%d octets of %02x take %v, counted are %v", n, fill, got, most)
			}
		}
	}
}

func TestOptsSayWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Opts{
		"97.113(a)(4)":        {},
		"licence_free = true": {Callsign: "AB1CDE"},
		"port 16":             {LicenceFree: true, Port: 16},
		"TX delay 2.56s":      {LicenceFree: true, TXDelay: 2560 * time.Millisecond},
		"slot 15ms":           {LicenceFree: true, Slot: 15 * time.Millisecond},
		`callsign "?"`:        {LicenceFree: true, Callsign: "?"},
		`callsign "LONGNET"`:  {LicenceFree: true, Network: "LONGNET"},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
	if err := (Opts{LicenceFree: true}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestCommandsSetTheTiming(t *testing.T) {
	o := Opts{Port: 2, Persistence: 127, Slot: 50 * time.Millisecond}.withDefaults()
	if got, want := o.commands(), unhex(t, "c0211ec0 c0227fc0 c02305c0 c0240ac0 c02500c0"); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	if got := o.access(); got != 100*time.Millisecond {
		t.Errorf("mean access %v, want two slots", got)
	}
}

func TestPacerPutsOffWhatCannotHaveLeft(t *testing.T) {
	const access, air = 400 * time.Millisecond, 2 * time.Second
	at := func(d time.Duration) time.Time { return time.Unix(1000, 0).Add(d) }
	p := pacer{access: access}
	p.add(at(0), air)
	p.add(at(0), air)
	if got := p.wait(at(0), 2); got != access+air {
		t.Errorf("room after %v, want %v", got, access+air)
	}
	if got := p.clear(); got != at(2*(access+air)) {
		t.Errorf("clear at %v", got)
	}
	p.heard(at(time.Second), time.Second) // all the time until now somebody else was sending
	if got := p.wait(at(time.Second), 2); got != access+air {
		t.Errorf("put off to %v, want %v", got, access+air)
	}
	if got, want := p.clear(), at(time.Second+2*(access+air)); got != want {
		t.Errorf("clear at %v, want %v", got, want)
	}
	p.heard(at(time.Minute), time.Second) // long after: nothing of ours was waiting
	if got, want := p.clear(), at(time.Second+2*(access+air)); got != want {
		t.Errorf("clear at %v, want %v as before", got, want)
	}
	for i := range 100 {
		p.add(at(time.Duration(i)*time.Minute), air)
	}
	if len(p.queue) > 2 {
		t.Errorf("remembers %d frames", len(p.queue))
	}
}

func TestConfigureNeedsTheModulationOfATNC(t *testing.T) {
	m, err := Open(t.Context(), silent{make(chan struct{})}, Opts{LicenceFree: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	good := Opts{}.Modulation(434_500_000, 12_500, 1200)
	short, thin := good, good
	short.Lead, thin.Overhead = 0, 20
	lora := phy.Modulation{FrequencyHz: 434_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
	for name, bad := range map[string]phy.Modulation{"no lead": short, "little overhead": thin, "LoRa": lora, "nothing": {}} {
		if err := m.Configure(t.Context(), bad, 10); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := m.Transmit(t.Context(), []byte{1}); err != errNotConfigured {
		t.Errorf("got %v, want %v", err, errNotConfigured)
	}
	if err := m.Configure(t.Context(), good, 10); err != nil {
		t.Error(err)
	}
}

// noted keeps what is written.
type noted struct {
	silent
	last []byte
}

func (n *noted) Write(b []byte) (int, error) {
	n.last = bytes.Clone(b)
	return len(b), nil
}

// A TNC that restarts has forgotten its timing, and does not say so.
func TestTheTNCIsRemindedOfItsTiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, port := Opts{LicenceFree: true, TXDelay: 500 * time.Millisecond}, &noted{silent: silent{make(chan struct{})}}
		m, err := Open(t.Context(), port, o)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Configure(t.Context(), o.Modulation(434_500_000, 12_500, 1200), 10); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			pause    time.Duration
			reminded bool
		}{{0, false}, {time.Minute, false}, {time.Nanosecond, true}, {30 * time.Second, false}, {31 * time.Second, true}} {
			time.Sleep(c.pause)
			if err := m.Transmit(t.Context(), []byte{1}); err != nil {
				t.Fatal(err)
			}
			frame, reminded := bytes.CutPrefix(port.last, m.opts.commands())
			if reminded != c.reminded || len(decode(slip.NewDecoder(maxLine), frame)) != 1 {
				t.Errorf("after %v: % x, want the timing before the frame: %v", c.pause, port.last, c.reminded)
			}
		}
	})
}

// silent is a port on which nothing is ever heard.
type silent struct{ closed chan struct{} }

func (s silent) Read([]byte) (int, error) {
	<-s.closed
	return 0, io.EOF
}
func (silent) Write(b []byte) (int, error) { return len(b), nil }
func (s silent) Close() error              { close(s.closed); return nil }

// FuzzDecoder: no panic whatever comes, and the next frame is found.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\xc0\x00\xdb\xdc\xc0"))
	f.Add([]byte("\xdb\xc0\xdb\xdb\xc0\xc0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := slip.NewDecoder(maxLine)
		to, _ := parseAddress("PKHRSE")
		for _, frame := range decode(d, b) {
			parseUI(frame[1:], to)
			bits(frame)
		}
		if got := decode(d, []byte("\xc0\x00x\xc0")); len(got) == 0 || string(got[len(got)-1]) != "\x00x" {
			t.Fatalf("got %x, want the frame", got)
		}
	})
}
