package world

import (
	"fmt"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
)

var sf7 = phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// talker is a core that sends so many frames on each port and notes what it hears.
type talker struct {
	size  int
	left  map[link.Port]int
	heard []string
	clear time.Time
	ups   int
	wake  time.Time
}

func (k *talker) HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta) {
	k.heard = append(k.heard, fmt.Sprintf("%v %d %d", now.Sub(Epoch).Round(time.Millisecond), p, len(b)))
}
func (k *talker) HandleTimeout(now time.Time) { k.wake = time.Time{} }
func (k *talker) PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool) {
	if k.left[p] == 0 {
		return buf, false
	}
	k.left[p]--
	return append(buf, make([]byte, k.size)...), true
}
func (k *talker) PollTimeout() (time.Time, bool) { return k.wake, !k.wake.IsZero() }
func (k *talker) carryOut(now time.Time)         {}
func (k *talker) portEvent(now time.Time, e link.Event) {
	switch e := e.(type) {
	case link.PortUp:
		k.ups++
	case link.PortClear:
		k.clear = e.At
	}
}

// two makes two talkers with a radio each; the first has frames to send.
func two(t *testing.T, frames int, change func(*Config)) (*World, [2]*Node, [2]*talker) {
	t.Helper()
	cfg := Config{Seed: 1, Stations: 2, Modulation: sf7, PowerDBm: 14, Trace: true}
	if change != nil {
		change(&cfg)
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var nodes [2]*Node
	var cores [2]*talker
	for i := range nodes {
		nodes[i] = w.addNode(string(rune('A' + i)))
		nodes[i].Radio()
		cores[i] = &talker{size: 254, left: map[link.Port]int{}}
		if i == 0 {
			cores[i].left[1] = frames
		}
		nodes[i].start(cores[i])
	}
	return w, nodes, cores
}

func TestRadioPortSendsTwoFramesForEachChannelAccess(t *testing.T) {
	w, _, cores := two(t, 20, nil)
	if w.Run(time.Minute, func() bool { return len(cores[1].heard) == 20 }) != true {
		t.Fatalf("heard %d of 20:\n%s", len(cores[1].heard), w.TraceText())
	}
	share, _ := w.Shares(20*255, w.Airtime(), w.Since())
	_, took := w.Shares(20*255, w.Airtime(), w.Since())
	if share < 0.999 || share > 1.001 {
		t.Errorf("full packets fill %.3f of their own airtime", share)
	}
	// An access of 48 ms or more for each two packets of 416 ms.
	if took < 0.85 || took > 0.95 {
		t.Errorf("time share %.3f, want about 0.9\n%s", took, w.TraceText())
	}
	if late := cores[0].clear.Sub(w.Now()); late < -200*time.Millisecond || late > 600*time.Millisecond {
		t.Errorf("the last frame left at %v, the estimate is off by %v", w.Now(), late)
	}
}

func TestLongerBurstsSaveTime(t *testing.T) {
	took := func(burst time.Duration) time.Duration {
		w, _, cores := two(t, 20, func(c *Config) { c.Burst = burst })
		w.Run(time.Minute, func() bool { return len(cores[1].heard) == 20 })
		return w.Since()
	}
	if short, long := took(0), took(8*time.Second); long >= short {
		t.Errorf("20 frames took %v with long bursts and %v with short ones", long, short)
	}
}

func TestRunReplaysFromItsSeed(t *testing.T) {
	run := func(seed uint64) string {
		w, _, cores := two(t, 30, func(c *Config) { c.Seed, c.Loss = seed, 0.3 })
		cores[1].left[1] = 10
		w.Run(time.Minute, nil)
		return w.TraceText()
	}
	if run(3) != run(3) {
		t.Error("one seed gave two runs")
	}
	if run(3) == run(4) {
		t.Error("two seeds gave the same run")
	}
}

func TestLawHoldsFramesBack(t *testing.T) {
	region, err := phy.LookupRegion("EU868")
	if err != nil {
		t.Fatal(err)
	}
	eu := sf7
	eu.FrequencyHz = 868_300_000 // 1 %: 36 s an hour, 86 full packets
	rule, err := region.Rule(eu, phy.Power{ConductedDBm: 14})
	if err != nil {
		t.Fatal(err)
	}
	w, _, cores := two(t, 200, func(c *Config) { c.Modulation, c.Rule = eu, rule })
	w.Run(50*time.Minute, nil)
	if n := len(cores[1].heard); n != 86 {
		t.Errorf("%d frames in the first hour, want 86", n)
	}
	w.Run(2*time.Hour, nil)
	if n := len(cores[1].heard); n != 200 {
		t.Errorf("%d of 200 frames in three hours", n)
	}
}

func TestStopDropsWhatTheHostHadAndKeepsWhatTheModemHas(t *testing.T) {
	w, nodes, cores := two(t, 20, nil)
	w.Run(100*time.Millisecond, nil)
	nodes[0].stop()
	w.Run(time.Minute, nil)
	if n := len(cores[1].heard); n < 1 || n > 3 {
		t.Errorf("heard %d frames of a dead host, want what its modem held", n)
	}
	nodes[0].start(&talker{size: 10, left: map[link.Port]int{1: 1}})
	before := len(cores[1].heard)
	w.Run(time.Minute, nil)
	if n := len(cores[1].heard) - before; n != 1 {
		t.Errorf("heard %d frames after the restart, want 1", n)
	}
}

func TestWireDelaysLosesAndGoesDown(t *testing.T) {
	w, err := New(Config{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	x, y := w.addNode("X"), w.addNode("Y")
	wire := w.Join(x, y, 40*time.Millisecond)
	a, b := &talker{size: 1000, left: map[link.Port]int{1: 2}}, &talker{left: map[link.Port]int{}}
	x.start(a)
	y.start(b)
	w.Run(time.Second, nil)
	if a.ups+b.ups+len(b.heard) != 0 {
		t.Fatal("the wire works before Up")
	}
	wire.Up()
	w.Run(time.Second, nil)
	// 1 ms for each datagram, and the latency.
	if want := "[1.041s 1 1000 1.042s 1 1000]"; fmt.Sprint(b.heard) != want {
		t.Errorf("heard %v, want %v", b.heard, want)
	}
	wire.Loss = 0.5
	a.left[1] = 1000
	x.settle()
	w.Run(time.Minute, nil)
	if n := len(b.heard) - 2; n < 450 || n > 550 {
		t.Errorf("%d of 1000 datagrams arrived at 50 %% loss", n)
	}
	y.stop()
	a.left[1] = 5
	x.settle()
	w.Run(time.Minute, nil)
	y.start(&talker{left: map[link.Port]int{}})
	if a.ups != 2 {
		t.Errorf("the peer's restart opened the port %d times, want 2", a.ups)
	}
}

func TestEventsRunInOrderOfTimeAndThenOfCalls(t *testing.T) {
	w, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for i, d := range []int{3, 1, 2, 1, 0, 3} {
		w.After(time.Duration(d)*time.Second, func() { got = append(got, i) })
	}
	w.Run(time.Hour, nil)
	if want := "[4 1 3 2 0 5]"; fmt.Sprint(got) != want {
		t.Errorf("order %v, want %v", got, want)
	}
	if w.Since() != time.Hour {
		t.Errorf("now is %v", w.Since())
	}
}
