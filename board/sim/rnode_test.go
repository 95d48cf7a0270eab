package sim

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"packhorse/radio/phy"
)

// quietAir takes note of what modems ask of it. Frames reach every other
// station after their time on air; nothing collides.
type quietAir struct {
	log     []string
	full    bool
	sending bool
	on      map[int]phy.Modulation
	flights []flight
}

type flight struct {
	at    time.Time
	to    int
	frame []byte
}

func newQuietAir() *quietAir { return &quietAir{on: map[int]phy.Modulation{}} }

func (a *quietAir) note(format string, args ...any) {
	a.log = append(a.log, fmt.Sprintf(format, args...))
}

func (a *quietAir) Tune(now time.Time, station int, m phy.Modulation, power int) error {
	if err := m.Validate(); err != nil {
		return err
	}
	a.note("tune %d %v %d dBm", station, m, power)
	a.on[station] = m
	return nil
}

func (a *quietAir) Off(now time.Time, station int) {
	a.note("off %d", station)
	delete(a.on, station)
}

func (a *quietAir) Queue(now time.Time, station int, frame []byte) error {
	if a.full {
		return errors.New("full")
	}
	a.note("queue %d %x", station, frame)
	for to := range 2 {
		if m, on := a.on[to]; on && to != station {
			a.flights = append(a.flights, flight{now.Add(m.TimeOnAir(len(frame) + 1)), to, bytes.Clone(frame)})
		}
	}
	return nil
}

func (a *quietAir) Room(station, n int) bool { return !a.full }

func (a *quietAir) Sending(station int) bool { return a.sending }

func (a *quietAir) LimitAirtime(station int, short, long float64) {
	a.note("limit %d %.2f %.2f", station, short, long)
}

func (a *quietAir) Load(now time.Time, station int) (float64, float64, float64, float64) {
	return 0.01921, 0.5, 1, 0
}

func (a *quietAir) HandleTimeout(now time.Time) {}

func (a *quietAir) PollTimeout() (time.Time, bool) {
	if len(a.flights) == 0 {
		return time.Time{}, false
	}
	return a.flights[0].at, true
}

func (a *quietAir) PollFrame() (int, []byte, float64, float64, bool) {
	if len(a.flights) == 0 || time.Now().Before(a.flights[0].at) {
		return 0, nil, 0, 0, false
	}
	f := a.flights[0]
	a.flights = a.flights[1:]
	return f.to, f.frame, -92, 7.25, true
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// say feeds octets written in hex and returns the answer in hex.
func say(t *testing.T, m *rnodeModem, now time.Time, text string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	m.feed(now, b)
	return answer(m)
}

func answer(m *rnodeModem) string {
	out := hex.EncodeToString(m.out)
	m.out = m.out[:0]
	return out
}

// setup sets 869.525 MHz, BW125, SF7, CR5, 14 dBm and switches the radio on.
const setup = "c00133d3e608c0 c0020001e848c0 c0030ec0 c00407c0 c00505c0 c00601c0"

func TestRNodeProtocol(t *testing.T) {
	for _, c := range []struct{ name, host, want, air string }{
		{"detect in one write", "c00873c05000c04800c04900c0", "c00846c0" + "c0500156c0" + "c04880c0" + "c04981c0", ""},
		{"wrong detect key", "c00874c0", "", ""},
		{"garbage before, repeated FEND", "ff0d0a00c0c0c00873c0", "c00846c0", ""},
		{"unknown command", "c0f312c0 c00873c0", "c00846c0", ""},
		{"sets are echoed", "c00133d3e608c0c0020001e848c0c0030ec0c00407c0c00505c0", "c00133d3e608c0c0020001e848c0c0030ec0c00407c0c00505c0", ""},
		{"sets are clamped", "c0031ec0c00403c0c0040ec0c00504c0c00509c0", "c00316c0c00405c0c0040cc0c00505c0c00508c0", ""},
		{"asking changes nothing", "c0030ec0c003ffc0c00407c0c004ffc0c006ffc0c00100000000c0", "c0030ec0c0030ec0c00407c0c00407c0c00600c0c00100000000c0", ""},
		{"escapes in a setting", "c001dbdcdbdd0102c0", "c001dbdcdbdd0102c0", ""},
		{"radio locked until all is set", "c00133d3e608c0c00601c0c00700c0", "c00133d3e608c0c00600c0c00701c0", ""},
		{"frame while the radio is off", "c0000102c0", "c09002c0", ""},
		{"empty frame", "c000c0", "", ""},
		{"airtime locks", "c00b1388c0c00c2710c0", "c00b1388c0c00c0000c0", "limit 0 0.50 0.00,limit 0 0.50 0.00"},
		{"counters", "c02100c0c02200c0", "c02100000000c0c02200000000c0", ""},
		{"ready", "c00f00c0", "c00f01c0", ""},
		{"the board's lights, its dice and its lock", "c03003c0c04000c0c00e01c0c00700c0", "c04029c0c00e01c0c00701c0", ""},
		{"no picture", "c041ffc0c0420000c0", "c04100c0", ""},
		{"leave", "c00affc0c00873c0", "c00846c0", ""},
	} {
		air := newQuietAir()
		m := newRNodeModem(air, 0, RNodeOpts{})
		if got := say(t, m, noon, c.host); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if log := strings.Join(air.log, ","); log != c.air {
			t.Errorf("%s: air got %q, want %q", c.name, log, c.air)
		}
	}
}

func online(t *testing.T) (*rnodeModem, *quietAir) {
	t.Helper()
	air := newQuietAir()
	m := newRNodeModem(air, 0, RNodeOpts{})
	got := say(t, m, noon, setup)
	// Symbol 1024 us, 976 a second, preamble 24 symbols or 25 ms, slot 24 ms, DIFS 48 ms.
	const timing = "c026040003d00018001900180030c0"
	if want := "c00133d3e608c0c0020001e848c0c0030ec0c00407c0c00505c0" + timing + "c00601c0"; got != want {
		t.Fatalf("\n got %s\nwant %s", got, want)
	}
	if log := strings.Join(air.log, ","); log != "tune 0 869.525 MHz SF7 BW125 CR4/5 14 dBm" {
		t.Fatalf("air got %q", log)
	}
	air.log = nil
	return m, air
}

func TestRNodeSendsAndReceives(t *testing.T) {
	m, air := online(t)
	if got := say(t, m, noon, "c000c0dbdcdbddc0"); got != "" {
		// The first frame is empty and closed; what follows is outside a frame.
		t.Errorf("answered %s", got)
	}
	if got := say(t, m, noon, "c00001dbdcdbdd02c0"); got != "" || strings.Join(air.log, ",") != "queue 0 01c0db02" {
		t.Errorf("answered %q, air got %q", got, air.log)
	}
	m.received([]byte{0xC0, 0xDB, 0x07}, -120.4, -9.75)
	if got, want := answer(m), "c02325c0"+"c024d9c0"+"c000dbdcdbdd07c0"; got != want {
		t.Errorf("received:\n got %s\nwant %s", got, want)
	}
	if got, want := say(t, m, noon, "c02100c0c02200c0c02300c0"), "c02100000000c0c02200000000c0c02325c0"; got != want {
		t.Errorf("counters: got %s, want %s", got, want)
	}
}

func TestRNodeBoundsFrames(t *testing.T) {
	m, air := online(t)
	for _, n := range []int{508, 509, 100_000} {
		m.feed(noon, []byte{fend, cmdData})
		m.feed(noon, bytes.Repeat([]byte{0xAA}, n))
		m.feed(noon, []byte{fend})
	}
	if want := "queue 0 " + strings.Repeat("aa", 508); len(air.log) != 1 || air.log[0] != want {
		t.Errorf("%d frames queued, want the one of 508 octets", len(air.log))
	}
	if cap(m.data) > 2*maxFrame {
		t.Errorf("buffer grew to %d", cap(m.data))
	}
}

func TestRNodeSaysWhenItsQueueIsFull(t *testing.T) {
	m, air := online(t)
	air.full = true
	if got, want := say(t, m, noon, "c00001c0 c00f00c0"), "c09004c0c00f00c0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRNodeDoesNotReadItsPortWhileItSends(t *testing.T) {
	m, air := online(t)
	p := &serialPort{modem: m}
	air.sending = true
	p.fed(noon, []byte("\xc0\x0f\x00\xc0"))
	if got := answer(m); got != "" {
		t.Errorf("answered %s", got)
	}
	p.fed(noon, make([]byte, 2*serialBuffer))
	if len(p.held) != serialBuffer {
		t.Errorf("holds %d octets, want the %d of its buffer", len(p.held), serialBuffer)
	}
	air.sending = false
	p.catchUp(noon)
	if got, want := answer(m), "c00f01c0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRNodeRetunesWhileOn(t *testing.T) {
	m, air := online(t)
	if got, want := say(t, m, noon, "c00409c0"), "c026100000f40012004a00310062c0c00409c0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	say(t, m, noon, "c00600c0")
	if want := "tune 0 869.525 MHz SF9 BW125 CR4/5 14 dBm,off 0"; strings.Join(air.log, ",") != want {
		t.Errorf("air got %q, want %q", air.log, want)
	}
}

func TestRNodeRefusesABandwidthNoChipHas(t *testing.T) {
	m, air := online(t)
	if got, want := say(t, m, noon, "c00200000001c0c006ffc0"), "c09001c0c00200000001c0c00600c0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(air.log) != 1 || air.log[0] != "off 0" {
		t.Errorf("air got %q", air.log)
	}
}

func TestRNodeReportsTheChannelEachSecond(t *testing.T) {
	m, _ := online(t)
	m.timeout(noon.Add(999 * time.Millisecond))
	if got := answer(m); got != "" {
		t.Errorf("too early: %s", got)
	}
	m.timeout(noon.Add(time.Second))
	// 1.92 %, 50 %, 100 %, 0; signal and floor of -117 dBm are 28, no interference.
	if got, want := answer(m), "c02500dbdc"+"138827100000"+"2828ff"+"c0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !m.wake.Equal(noon.Add(2 * time.Second)) {
		t.Errorf("next at %v", m.wake)
	}
}

func TestRNodeHardReset(t *testing.T) {
	m, air := online(t)
	got := say(t, m, noon, "c055f8c0 c00873c0")
	if text, _ := hex.DecodeString(got); !strings.HasPrefix(string(text), "ESP-ROM") || strings.Contains(got, "c00846c0") {
		t.Errorf("reset says %q", text)
	}
	if got := say(t, m, noon.Add(time.Second), "c00873c0"); got != "" {
		t.Errorf("answered %s while booting", got)
	}
	m.timeout(noon.Add(bootTime))
	if got := answer(m); got != "c055f8c0" {
		t.Errorf("after the boot: %s, want the reset mark", got)
	}
	if got, want := say(t, m, noon.Add(bootTime), "c006ffc0c004ffc0c00873c0"), "c00600c0c00400c0c00846c0"; got != want {
		t.Errorf("got %s, want a modem without settings: %s", got, want)
	}
	if strings.Join(air.log, ",") != "off 0,limit 0 0.00 0.00" {
		t.Errorf("air got %q", air.log)
	}
}

// FuzzRNode feeds any octets: no panic, no growth, and the modem still answers.
func FuzzRNode(f *testing.F) {
	for _, s := range []string{setup, setup + "c0000102c0", "c055f8c0", "c00873c05000c04800c04900c0", "dbdbdbc000dbc0"} {
		b, _ := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newRNodeModem(newQuietAir(), 0, RNodeOpts{})
		m.feed(noon, b)
		if len(m.data) > maxFrame+1 || len(m.args) > mostArgs || len(m.out) > 400*len(b)+len(bootText) {
			t.Fatalf("%d octets in: data %d, args %d, out %d", len(b), len(m.data), len(m.args), len(m.out))
		}
		m.timeout(noon.Add(bootTime))
		m.out = m.out[:0]
		if got := say(t, m, noon.Add(bootTime), "c0c00873c0"); !strings.HasSuffix(got, "c00846c0") {
			t.Fatalf("detect answered %s", got)
		}
	})
}
