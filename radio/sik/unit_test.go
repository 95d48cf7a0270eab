package sik

import (
	"context"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio/phy"
)

func TestParameterLines(t *testing.T) {
	for line, want := range map[string]parameter{
		"S3:NETID=25":               {3, "NETID", 25},
		"S3: NETID=25":              {3, "NETID", 25},
		"[1] S10:NUM_CHANNELS=50":   {10, "NUM_CHANNELS", 50},
		"S8:MIN_FREQ=4294967295":    {8, "MIN_FREQ", 4294967295},
		"S16:ENCRYPTION_LEVEL=0":    {16, "ENCRYPTION_LEVEL", 0},
		"garbage S2:AIR_SPEED = 64": {2, "AIR_SPEED", 64},
		"S2:AIR_SPEED":              {},
		"S999:X=1":                  {},
		"R0:TARGET_RSSI=255":        {},
		"S1:=3":                     {},
		"S1:X=-1":                   {},
		"OK":                        {},
		":":                         {},
		"":                          {},
	} {
		if got, ok := parseParameter(line); got != want || ok != (want != parameter{}) {
			t.Errorf("%q: got %+v, %v, want %+v", line, got, ok, want)
		}
	}
}

func TestChangesGoByName(t *testing.T) {
	has := []parameter{{0, "FORMAT", 26}, {9, "NETID", 25}, {4, "AIR_SPEED", 64}, {7, power, 20}}
	got, err := changes(has, []parameter{{name: "NETID", value: 7}, {name: "AIR_SPEED", value: 64}, {name: "ECC"}, {name: "DUTY_CYCLE", value: 100}, {name: power, value: 3}})
	if err != nil || !slices.Equal(got, []parameter{{9, "NETID", 7}}) {
		t.Errorf("got %v, %v, want NETID under its own number", got, err)
	}
	if _, err := changes(has, []parameter{{name: "NUM_CHANNELS", value: 50}}); err == nil || !strings.Contains(err.Error(), "no parameter NUM_CHANNELS") {
		t.Errorf("got %v, want what is missing", err)
	}
}

func TestSignalReport(t *testing.T) {
	s, ok := parseSignal("L/R RSSI: 190/95  L/R noise: 38/19 pkts: 12  txe=0 rxe=0 stx=0 srx=0 ecc=0/0 temp=25 dco=0")
	if want := (Signal{-27, -77, -107, -117, 12}); !ok || s != want {
		t.Errorf("got %+v, %v, want %+v", s, ok, want)
	}
	for _, bad := range []string{"", "L/R RSSI:", "L/R RSSI: 1/2 L/R noise: 3 pkts: 4", "L/R RSSI: 1/2 L/R noise: 3/400 pkts: 4", "L/R RSSI: 1/2  L/R noise: 3/4 pkts: x"} {
		if s, ok := parseSignal(bad); ok {
			t.Errorf("%q: got %+v", bad, s)
		}
	}
}

func TestLinesAreBounded(t *testing.T) {
	var l liner
	for range 1 << 16 {
		l.feed('x')
	}
	if cap(l.text) > 2*lineLength {
		t.Errorf("holds %d octets", cap(l.text))
	}
	l.feed('O')
	l.feed('K')
	l.feed('\r')
	if got, ok := l.feed('\n'); !ok || !strings.HasSuffix(got, "xOK") {
		t.Errorf("got %q, %v: what came before on the line hides the answer", got, ok)
	}
}

// The figures are those of the firmware's own arithmetic at 64 and at 4 kbit/s (ATI6 of version 2.2 by its source).
func TestTimingIsThatOfTheFirmware(t *testing.T) {
	fast := timingOf(64, false)
	if fast.window != 7140*tick || fast.silence != 260*tick || fast.data != 250 {
		t.Errorf("64 kbit/s: %+v", fast)
	}
	slow := timingOf(4, false)
	if slow.window != windowLimit*tick || slow.silence != 3302*tick || slow.data >= 60 || slow.data < 30 {
		t.Errorf("4 kbit/s: %+v", slow)
	}
	if ecc := timingOf(64, true); ecc.data != 118 {
		t.Errorf("with ECC %+v", ecc)
	}
}

func TestWanted(t *testing.T) {
	o := Opts{}.withDefaults()
	get := func(o Opts, m phy.Modulation, name string) uint32 {
		t.Helper()
		all, err := o.wanted(m, 14)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := find(all, name)
		return p.value
	}
	m := o.Modulation(869_525_000, 16)
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	low, high, n := get(o, m, "MIN_FREQ"), get(o, m, "MAX_FREQ"), get(o, m, "NUM_CHANNELS")
	if carrier := low + (high-low)/(n+2)/2; carrier != 869_525 {
		t.Errorf("one channel lies at %d kHz, want 869525", carrier)
	}
	hop := Opts{Channels: 50, SpanHz: 26_000_000}.withDefaults()
	hm := hop.Modulation(915_000_000, 64)
	if low, high := get(hop, hm, "MIN_FREQ"), get(hop, hm, "MAX_FREQ"); low != 902_000 || high != 928_000 {
		t.Errorf("hops over %d to %d kHz", low, high)
	}
	ecc := Opts{ECC: true}.withDefaults()
	if em := ecc.Modulation(915_000_000, 64); em.BitRate != 32_000 || get(ecc, em, "AIR_SPEED") != 64 {
		t.Errorf("with ECC %v", em)
	}
	for what, bad := range map[string]func(*phy.Modulation){
		"kbit/s":          func(m *phy.Modulation) { m.BitRate = 9600 },
		"adds up to":      func(m *phy.Modulation) { m.Overhead = 0 },
		"occupies":        func(m *phy.Modulation) { m.BandwidthHz = 10_000 },
		"too slow":        nil,
		"a SiK radio sen": func(m *phy.Modulation) { m.BitRate = 17_000 },
	} {
		b, o := m, o
		if bad == nil {
			o.ECC = true
			b = o.Modulation(869_525_000, 2)
		} else {
			bad(&b)
		}
		if _, err := o.wanted(b, 14); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: got %v, want %q", b, err, what)
		}
	}
	for _, dBm := range []int{-3, 0, 31} {
		if _, err := o.wanted(m, dBm); err == nil {
			t.Errorf("%d dBm: taken", dBm)
		}
	}
}

func TestEveryRateHasItsBandwidthAndTiming(t *testing.T) {
	for _, r := range airRates {
		for _, ecc := range []bool{false, true} {
			tm := timingOf(r, ecc)
			if r == 2 && ecc {
				continue // refused
			}
			if tm.data < 10 || tm.share() < tm.data || tm.packets(250, time.Second/5760) > 60 {
				t.Errorf("%d kbit/s, ECC %v: %+v, %d packets", r, ecc, tm, tm.packets(250, time.Second/5760))
			}
			m := Opts{ECC: ecc}.Modulation(915_000_000, r)
			if err := m.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
	if Bandwidth(64) != 191_500 || Bandwidth(65) != 0 {
		t.Errorf("64: %d Hz, 65: %d Hz", Bandwidth(64), Bandwidth(65))
	}
}

func TestOptsSayWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Opts{
		"51 channels":    {Channels: 51, SpanHz: 1e7},
		"state the span": {Channels: 10},
		"duty cycle 101": {DutyPercent: 101},
		"threshold 10":   {LBT: 10},
		"300 baud":       {Baud: 300},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("ATI5\r\nS0:FORMAT=26\r\nS3:NETID=25\r\nL/R RSSI: 1/2  L/R noise: 3/4 pkts: 5\r\n"))
	f.Add([]byte(":\n=\nS:=\nS1:\nL/R RSSI: / L/R noise: / pkts: \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l liner
		for _, c := range b {
			if line, ok := l.feed(c); ok {
				if p, ok := parseParameter(line); ok && (p.name == "" || p.number < 0 || p.number > 255) {
					t.Fatalf("%q: %+v", line, p)
				}
				parseSignal(line)
			}
		}
		if len(l.text) > lineLength {
			t.Fatalf("holds %d octets", len(l.text))
		}
	})
}

func TestIdleIsWhatAPairSendsInTheSimulator(t *testing.T) {
	for kbps, want := range map[uint32]float64{250: 0.014, 64: 0.018, 16: 0.06, 4: 0.19} { // docs/radios/sik.md
		if got := (Opts{}).Idle(kbps); math.Abs(got-want) > 0.05*want {
			t.Errorf("%d kbit/s: got %.4f, want about %.3f", kbps, got, want)
		}
	}
	if got := (Opts{}).Idle(5); got != 1 {
		t.Errorf("a rate that does not exist: got %v, want 1", got)
	}
}

// The firmware's running average (tdm.c), under whatever load: its share of the time stays below the bound, and above the limit it was given.
func TestTheRadioExceedsItsDutyCycleByNoMoreThanTheBound(t *testing.T) {
	for _, percent := range []int{1, 5, 10, 50, 99} {
		bound, limit := float64(Opts{DutyPercent: percent}.OwnDutyPPM())/10_000, float64(percent)
		worst := 0.0
		for load := 5.0; load <= 95; load += 5 {
			average, sum := 0.0, 0.0
			const turns = 20_000
			for range turns {
				used := 0.0
				if average < limit {
					used = load
				}
				average, sum = 0.95*average+0.05*used, sum+used
			}
			worst = max(worst, sum/turns)
		}
		if worst > bound || percent <= 10 && worst <= limit*1.05 {
			t.Errorf("%d %%: on the air %.2f %% of the time, bound %.2f", percent, worst, bound)
		}
	}
	if got := (Opts{}).OwnDutyPPM(); got != 1_000_000 {
		t.Errorf("no limit: got %d", got)
	}
	if five, six := (Opts{DutyPercent: 5}).OwnDutyPPM(), (Opts{DutyPercent: 6}).OwnDutyPPM(); five > 100_000 || six <= 100_000 {
		t.Errorf("5 %% is %d ppm, 6 %% is %d: want only the first within a tenth", five, six)
	}
}

// Two channels in 97 kHz lie 24 kHz apart in the firmware, the lower one 12 kHz above the edge: it would leave the span.
func TestChannelsThatWouldLeaveTheSpanAreRefused(t *testing.T) {
	for span, ok := range map[uint32]bool{97_000: false, 193_000: false, 194_000: true} {
		o := Opts{Channels: 2, SpanHz: span}.withDefaults()
		if _, err := o.wanted(o.Modulation(869_525_000, 16), 10); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "would overlap") {
			t.Errorf("%d Hz: got %v", span, err)
		}
	}
}

func TestMuchPowerWithLittleDutyIsRefused(t *testing.T) {
	for _, c := range []struct {
		percent, dBm int
		ok           bool
	}{{19, 21, false}, {20, 21, true}, {19, 20, true}, {0, 30, true}} {
		o := Opts{DutyPercent: c.percent}.withDefaults()
		if _, err := o.wanted(o.Modulation(869_525_000, 64), c.dBm); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "power_dbm = 20") {
			t.Errorf("%d dBm at %d %%: got %v", c.dBm, c.percent, err)
		}
	}
}

// chatterbox says OK to "+++", echoes AT, and then a line each 100 ms, for ever.
type chatterbox struct {
	said  chan []byte
	ended chan struct{}
}

func (c *chatterbox) Write(b []byte) (int, error) {
	switch string(b) {
	case "+++":
		c.said <- []byte("OK\r\n")
	case "AT\r":
		c.said <- []byte("AT\r\nOK\r\n")
	}
	return len(b), nil
}

func (c *chatterbox) Read(b []byte) (int, error) {
	select {
	case <-c.ended:
		return 0, io.EOF
	case s := <-c.said:
		return copy(b, s), nil
	case <-time.After(100 * time.Millisecond):
		return copy(b, "SiK 2.2\r\n"), nil
	}
}

func (c *chatterbox) Close() error { close(c.ended); return nil }

func TestAnAnswerWithoutEndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		m, err := Open(ctx, &chatterbox{make(chan []byte, 8), make(chan struct{})}, Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		err = m.Configure(ctx, Opts{}.Modulation(869_525_000, 64), 14)
		if ctx.Err() != nil || err == nil {
			t.Errorf("got %v, want an error long before the deadline (%v)", err, ctx.Err())
		}
	})
}
