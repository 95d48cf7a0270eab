package sim

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"packhorse/radio/phy"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sf7   = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
)

// newAir makes n stations of a kind at SF7 and 14 dBm.
func newAir(t *testing.T, n int, kind Modem, change func(*Config)) *Air {
	t.Helper()
	cfg := Config{Seed: 1}
	for range n {
		cfg.Stations = append(cfg.Stations, Station{Modem: kind, Modulation: sf7, PowerDBm: 14})
	}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func queue(t *testing.T, a *Air, at time.Time, station, octets int) {
	t.Helper()
	if err := a.Queue(at, station, bytes.Repeat([]byte{byte(station + 1)}, octets)); err != nil {
		t.Fatal(err)
	}
}

// drain runs the air until nothing is due and returns what came out.
func drain(a *Air) (got []Reception, sent []Sent, last time.Time) {
	for {
		at, ok := a.PollTimeout()
		if !ok {
			break
		}
		last = at
		a.HandleTimeout(at)
	}
	for r, ok := a.PollReceive(); ok; r, ok = a.PollReceive() {
		got = append(got, r)
	}
	for s, ok := a.PollSent(); ok; s, ok = a.PollSent() {
		sent = append(sent, s)
	}
	return got, sent, last
}

func heard(got []Reception) string {
	var b bytes.Buffer
	for _, r := range got {
		fmt.Fprintf(&b, "%d>%d:%d ", r.From, r.Station, len(r.Data))
	}
	return b.String()
}

func TestBareFrameTakesItsExactTimeOnAir(t *testing.T) {
	a := newAir(t, 2, Bare, nil)
	queue(t, a, epoch, 0, 51)
	got, sent, _ := drain(a)
	want := epoch.Add(102_656 * time.Microsecond)
	if len(got) != 1 || !got[0].At.Equal(want) || len(got[0].Data) != 51 {
		t.Fatalf("got %+v, want 51 octets at %v", got, want)
	}
	if got[0].RSSIdBm != -96 || math.Abs(got[0].SNRdB-21) > 0.1 {
		t.Errorf("signal %.1f dBm, SNR %.1f dB; want -96 and 21", got[0].RSSIdBm, got[0].SNRdB)
	}
	if len(sent) != 1 || !sent[0].At.Equal(want) || a.Airtime(0) != 102_656*time.Microsecond {
		t.Errorf("sent %+v, airtime %v", sent, a.Airtime(0))
	}
}

func TestQueueOfFullPacketsReachesThePhysicalLimit(t *testing.T) {
	a := newAir(t, 2, RNode, nil)
	for range 20 {
		queue(t, a, epoch, 0, SingleFrame)
	}
	got, _, _ := drain(a)
	if len(got) != 20 {
		t.Fatalf("received %d of 20", len(got))
	}
	// From the first reception on the packets follow without a gap.
	rate := 19 * 255 / got[19].At.Sub(got[0].At).Seconds()
	if math.Abs(rate-613) > 0.5 {
		t.Errorf("255-octet packets at %.1f octets/s, want 613", rate)
	}
}

func TestRNodeSplitsLongFramesAndJoinsThem(t *testing.T) {
	for _, n := range []int{1, 254, 255, 508} {
		a := newAir(t, 2, RNode, nil)
		queue(t, a, epoch, 0, n)
		got, sent, _ := drain(a)
		packets := (n + SingleFrame - 1) / SingleFrame
		if len(got) != 1 || len(got[0].Data) != n || len(sent) != 1 || sent[0].Octets != n {
			t.Errorf("%d octets: received %q, sent %+v", n, heard(got), sent)
		}
		if s := a.Stats(0); s.PacketsSent != uint64(packets) || s.OctetsSent != uint64(n+packets) {
			t.Errorf("%d octets: %+v, want %d packets", n, s, packets)
		}
	}
}

func TestLostHalfLosesTheFrameOnly(t *testing.T) {
	var h half
	if _, ok := h.join([]byte{0x31, 'a'}); ok {
		t.Fatal("half a frame is no frame")
	}
	if f, ok := h.join([]byte{0x51, 'b'}); ok {
		t.Fatalf("halves of two frames made %q", f)
	}
	if f, ok := h.join([]byte{0x51, 'c'}); !ok || string(f) != "bc" {
		t.Fatalf("got %q, %v; want bc", f, ok)
	}
	h.join([]byte{0x51, 'd'})
	if f, ok := h.join([]byte{0x20, 'e'}); !ok || string(f) != "e" || h.open {
		t.Fatalf("got %q, %v, open %v; want e alone", f, ok, h.open)
	}
}

func TestTransmittingStationIsDeaf(t *testing.T) {
	a := newAir(t, 3, Bare, func(c *Config) { c.Stations[2].PowerDBm = 24 })
	queue(t, a, epoch, 0, 100)
	queue(t, a, epoch.Add(10*time.Millisecond), 2, 10)
	got, _, _ := drain(a)
	// Station 2 captures station 1; stations 0 and 2 were sending.
	if want := "2>1:10 "; heard(got) != want {
		t.Errorf("heard %q, want %q", heard(got), want)
	}
	if a.Stats(0).Deaf != 1 || a.Stats(2).Deaf != 1 || a.Stats(1).Collided != 1 {
		t.Errorf("stats %+v %+v %+v", a.Stats(0), a.Stats(1), a.Stats(2))
	}
}

func TestCollisionNeedsSixDecibelsToSurvive(t *testing.T) {
	for _, c := range []struct {
		stronger int
		want     string
	}{{0, ""}, {5, ""}, {6, "2>1:20 "}} {
		a := newAir(t, 3, Bare, func(cfg *Config) { cfg.Stations[2].PowerDBm = 14 + c.stronger })
		queue(t, a, epoch, 0, 20)
		queue(t, a, epoch, 2, 20)
		if got, _, _ := drain(a); heard(got) != c.want {
			t.Errorf("+%d dB: heard %q, want %q", c.stronger, heard(got), c.want)
		}
	}
}

func TestOverlapWithTheSparePreambleIsHarmless(t *testing.T) {
	spare := (8 - lockSymbols) * sf7.SymbolTime()
	onAir := sf7.TimeOnAir(20)
	for _, c := range []struct {
		overlap time.Duration
		want    string
	}{{spare, "0>1:20 2>1:20 "}, {spare + time.Millisecond, "0>1:20 "}} {
		a := newAir(t, 3, Bare, func(cfg *Config) { cfg.Stations[0].PowerDBm = 20 })
		a.Cut(0, 2, true)
		queue(t, a, epoch, 0, 20)
		a.HandleTimeout(epoch.Add(onAir - c.overlap))
		queue(t, a, epoch.Add(onAir-c.overlap), 2, 20)
		if got, _, _ := drain(a); heard(got) != c.want {
			t.Errorf("overlap %v: heard %q, want %q", c.overlap, heard(got), c.want)
		}
	}
}

func TestHiddenTerminalsCollideInTheMiddle(t *testing.T) {
	a := newAir(t, 3, RNode, nil)
	a.Line()
	for range 5 {
		queue(t, a, epoch, 0, 254)
		queue(t, a, epoch, 2, 254)
	}
	drain(a)
	if a.Stats(1).Collided < 5 {
		t.Errorf("%+v: A and C cannot hear each other, most should collide at B", a.Stats(1))
	}
	if s := a.Stats(2); s != (Stats{FramesSent: 5, PacketsSent: 5, OctetsSent: 1275}) {
		t.Errorf("C heard something of A: %+v", s)
	}
}

func TestCarrierSenseKeepsNeighboursApart(t *testing.T) {
	collided, total := 0, 0
	for seed := range uint64(200) {
		a := newAir(t, 3, RNode, func(c *Config) { c.Seed = seed })
		for _, s := range []int{0, 2} {
			queue(t, a, epoch, s, 100)
		}
		drain(a)
		collided, total = collided+int(a.Stats(1).Collided), total+2
	}
	// Two stations draw the same of 15 slots in one of 15 cases.
	if collided == 0 || collided > total/8 {
		t.Errorf("%d of %d packets collided; want some, and fewer than one in eight", collided, total)
	}
}

func TestFirmwareSkipsTheWindowAfterAnUndisturbedAccess(t *testing.T) {
	a := newAir(t, 2, RNode, nil)
	queue(t, a, epoch, 0, 10)
	_, _, last := drain(a)
	again := last.Add(time.Minute)
	queue(t, a, again, 0, 10)
	_, sent, _ := drain(a)
	wait := sent[0].At.Sub(again) - a.stations[0].wave.TimeOnAir(11)
	if difs := a.stations[0].timing.DIFS; wait < difs+turnaround || wait > difs+turnaround+loop {
		t.Errorf("second access took %v, want DIFS of %v", wait, difs)
	}
}

func TestBusyMediumHoldsAStationBack(t *testing.T) {
	a := newAir(t, 2, RNode, nil)
	queue(t, a, epoch, 0, 254)
	at := epoch
	for a.Airtime(0) == 0 {
		at, _ = a.PollTimeout()
		a.HandleTimeout(at)
	}
	if a.Busy(at, 1) {
		t.Error("a packet was sensed at its very start")
	}
	at = at.Add(50 * time.Millisecond)
	if !a.Busy(at, 1) || a.Busy(at, 0) {
		t.Errorf("busy at 1: %v, at 0: %v; want only the listener to sense", a.Busy(at, 1), a.Busy(at, 0))
	}
	queue(t, a, at, 1, 20)
	got, _, _ := drain(a)
	if want := "0>1:254 1>0:20 "; heard(got) != want {
		t.Errorf("heard %q, want %q", heard(got), want)
	}
}

func TestLossIsAsConfiguredAndReplaysFromTheSeed(t *testing.T) {
	run := func(seed uint64, loss float64) string {
		a := newAir(t, 3, Bare, func(c *Config) { c.Seed, c.Loss = seed, loss })
		var all []Reception
		for i := range 1000 {
			queue(t, a, epoch.Add(time.Duration(i)*time.Second), 0, 10)
			got, _, _ := drain(a)
			all = append(all, got...)
		}
		if n := a.Stats(1).Lost + a.Stats(1).FramesReceived; n != 1000 {
			t.Errorf("lost and received make %d", n)
		}
		if rate := float64(a.Stats(1).Lost) / 1000; math.Abs(rate-loss) > 0.04 {
			t.Errorf("seed %d: loss %.3f, want %.1f", seed, rate, loss)
		}
		return heard(all)
	}
	for _, loss := range []float64{0, 0.1, 0.3} {
		if run(7, loss) != run(7, loss) {
			t.Errorf("loss %v: two runs of one seed differ", loss)
		}
	}
	if run(7, 0.3) == run(8, 0.3) {
		t.Error("two seeds gave the same run")
	}
}

func TestDuplicateDeliversTwice(t *testing.T) {
	a := newAir(t, 2, Bare, func(c *Config) { c.Duplicate = 1 })
	queue(t, a, epoch, 0, 10)
	if got, _, _ := drain(a); heard(got) != "0>1:10 0>1:10 " {
		t.Errorf("heard %q", heard(got))
	}
}

func TestReachDependsOnPathLossAndSettings(t *testing.T) {
	slow := sf7
	slow.SpreadingFactor = 12
	for _, c := range []struct {
		name     string
		pathLoss float64
		mod      phy.Modulation // of both
		other    phy.Modulation // of the receiver
		want     string
		weak     uint64
	}{
		{"SF7 at its limit", 138, sf7, sf7, "0>1:10 ", 0},
		{"SF7 beyond", 139, sf7, sf7, "", 1},
		{"SF12 at its limit", 151, slow, slow, "0>1:10 ", 0},
		{"SF12 beyond", 152, slow, slow, "", 1},
		{"other spreading factor", 100, sf7, slow, "", 0},
		{"out of reach", math.Inf(1), sf7, sf7, "", 0},
	} {
		a := newAir(t, 2, Bare, func(cfg *Config) { cfg.Stations[0].Modulation, cfg.Stations[1].Modulation = c.mod, c.other })
		a.SetLink(0, 1, c.pathLoss)
		queue(t, a, epoch, 0, 10)
		got, _, _ := drain(a)
		if heard(got) != c.want || a.Stats(1).Weak != c.weak {
			t.Errorf("%s: heard %q, weak %d; want %q, %d", c.name, heard(got), a.Stats(1).Weak, c.want, c.weak)
		}
	}
}

func TestCutAndMend(t *testing.T) {
	a := newAir(t, 3, Bare, nil)
	a.CutStation(1, true)
	queue(t, a, epoch, 0, 10)
	got, _, _ := drain(a)
	a.CutStation(1, false)
	a.SetLinkLoss(0, 2, 1)
	queue(t, a, epoch.Add(time.Minute), 0, 11)
	more, _, _ := drain(a)
	if h := heard(got) + heard(more); h != "0>2:10 0>1:11 " {
		t.Errorf("heard %q", h)
	}
}

func TestQueueIsBounded(t *testing.T) {
	a := newAir(t, 2, RNode, nil)
	for range queueFrames {
		queue(t, a, epoch, 0, 1)
	}
	if err := a.Queue(epoch, 0, []byte{1}); !errors.Is(err, ErrQueueFull) {
		t.Errorf("frame %d: %v, want ErrQueueFull", queueFrames+1, err)
	}
	for _, n := range []int{0, MaxFrame + 1} {
		if err := a.Queue(epoch, 1, make([]byte, n)); err == nil || errors.Is(err, ErrQueueFull) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	for range queueOctets / MaxFrame {
		queue(t, a, epoch, 1, MaxFrame)
	}
	if err := a.Queue(epoch, 1, make([]byte, MaxFrame)); !errors.Is(err, ErrQueueFull) {
		t.Errorf("over %d octets: %v", queueOctets, err)
	}
}

func TestOffEndsAPacketOnTheAir(t *testing.T) {
	a := newAir(t, 2, Bare, nil)
	queue(t, a, epoch, 0, 100)
	half := epoch.Add(50 * time.Millisecond)
	a.HandleTimeout(half)
	a.Off(half, 0)
	if got, sent, _ := drain(a); len(got)+len(sent) != 0 || a.Airtime(0) != 50*time.Millisecond {
		t.Errorf("got %q, sent %v, airtime %v", heard(got), sent, a.Airtime(0))
	}
	if err := a.Queue(half, 0, []byte{1}); err == nil {
		t.Error("a station that is off took a frame")
	}
	if err := a.Tune(half, 0, sf7, 14); err != nil {
		t.Fatal(err)
	}
	queue(t, a, half, 0, 5)
	if got, _, _ := drain(a); heard(got) != "0>1:5 " {
		t.Errorf("after Tune heard %q", heard(got))
	}
}

func TestAirtimeLimitStopsTheModemUntilItHasRested(t *testing.T) {
	a := newAir(t, 2, RNode, nil)
	a.LimitAirtime(0, 0.05, 0)
	for i := range 4 {
		queue(t, a, epoch.Add(time.Duration(i)*time.Second), 0, 254) // 416 ms each: two are 5.5 % of 15 s
		a.HandleTimeout(epoch.Add(time.Duration(i)*time.Second + 999*time.Millisecond))
	}
	if n := a.Stats(0).FramesSent; n != 2 {
		t.Errorf("%d frames left within the limit, want 2", n)
	}
	air, _, busy, _ := a.Load(epoch.Add(4*time.Second), 1)
	if air != 0 || math.Abs(busy-0.055) > 0.001 {
		t.Errorf("the listener reports airtime %v and load %v, want 0 and 0.055", air, busy)
	}
	_, _, last := drain(a)
	if n := a.Stats(0).FramesSent; n != 4 || last.Sub(epoch) < 15*time.Second {
		t.Errorf("%d frames in %v, want 4 in over 15 s", n, last.Sub(epoch))
	}
}

func TestLoadForgetsAfterAnHour(t *testing.T) {
	var l load
	l.add(epoch, 36*time.Second)
	for _, c := range []struct {
		after       time.Duration
		short, long float64
	}{{0, 1, 0.01}, {binLength, 1, 0.01}, {2 * binLength, 0, 0.01}, {time.Hour - binLength, 0, 0.01}, {time.Hour, 0, 0}, {3 * time.Hour, 0, 0}} {
		if s, g := l.short(epoch.Add(c.after)), l.long(epoch.Add(c.after)); s != c.short || g != c.long {
			t.Errorf("after %v: %v, %v; want %v, %v", c.after, s, g, c.short, c.long)
		}
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no station": {},
		"loss":       {Stations: make([]Station, 1), Loss: 1.5},
		"not a loss": {Stations: make([]Station, 1), Loss: math.NaN()},
		"modulation": {Stations: []Station{{Modulation: phy.Modulation{SpreadingFactor: 13}}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
