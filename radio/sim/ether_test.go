package sim

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio/phy"
)

var _ board.Ether = (*Air)(nil)

var wave = phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true}

// newChips makes n chips that listen to wave.
func newChips(t *testing.T, n int, change func(*Config)) *Air {
	t.Helper()
	a := newAir(t, n, Chip, func(c *Config) {
		for i := range c.Stations {
			c.Stations[i].Modulation = phy.Modulation{}
		}
		if change != nil {
			change(c)
		}
	})
	for i := range n {
		if a.stations[i].kind == Chip {
			listen(t, a, epoch, i, wave)
		}
	}
	return a
}

func listen(t *testing.T, a *Air, at time.Time, station int, w phy.Wave) {
	t.Helper()
	if err := a.Listen(at, station, w); err != nil {
		t.Fatal(err)
	}
}

func emit(t *testing.T, a *Air, at time.Time, station int, w phy.Wave, octets int) time.Time {
	t.Helper()
	a.HandleTimeout(at)
	end, err := a.Emit(at, station, w, 14, bytes.Repeat([]byte{byte(station + 1)}, octets))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// arrivals runs the air to its end and writes down what the chips notice, with the octets of each good packet.
func arrivals(a *Air) (all []phy.Arrival, text string) {
	for at, ok := a.PollTimeout(); ok; at, ok = a.PollTimeout() {
		a.HandleTimeout(at)
	}
	for n, ok := a.PollArrival(); ok; n, ok = a.PollArrival() {
		all = append(all, n)
		switch {
		case n.Stage == phy.PreambleFound:
			text += fmt.Sprintf("%d:p ", n.Station)
		case n.Stage == phy.HeaderFound:
			text += fmt.Sprintf("%d:h ", n.Station)
		case n.Stage == phy.HeaderBad:
			text += fmt.Sprintf("%d:bad ", n.Station)
		case n.Damaged:
			text += fmt.Sprintf("%d:damaged ", n.Station)
		default:
			text += fmt.Sprintf("%d:%dx%d ", n.Station, len(n.Data), n.Data[0])
		}
	}
	return all, text
}

func TestAPacketArrivesInStages(t *testing.T) {
	a := newChips(t, 2, nil)
	end := emit(t, a, epoch, 0, wave, 51)
	all, text := arrivals(a)
	if text != "1:p 1:h 1:51x1 " {
		t.Fatalf("got %s", text)
	}
	// 6 symbols; 8 + 4.25 + 8 symbols; the whole packet.
	for i, us := range []time.Duration{6 * 1024, 20*1024 + 256, 102_656} {
		if got := all[i].At.Sub(epoch); got != us*time.Microsecond {
			t.Errorf("stage %d at %v, want %d us", i, got, us)
		}
	}
	last := all[2]
	if !last.At.Equal(end) || last.RSSIdBm != -96 || math.Abs(last.SNRdB-21) > 0.1 || !last.CRC || last.CodingRate != 5 {
		t.Errorf("got %+v", last)
	}
	if s := a.Stats(1); s.FramesReceived != 1 || a.Stats(0).FramesSent != 1 || a.Airtime(0) != 102_656*time.Microsecond {
		t.Errorf("receiver %+v, sender %+v, airtime %v", s, a.Stats(0), a.Airtime(0))
	}
}

func TestChipsAndRNodesHearEachOther(t *testing.T) {
	a := newChips(t, 2, func(c *Config) { c.Stations[0].Modem, c.Stations[0].Modulation = RNode, sf7 })
	listen(t, a, epoch, 1, phy.Wave{Modulation: phy.RNodeModulation(sf7), SyncWord: phy.SyncPrivate, CRC: true})
	queue(t, a, epoch, 0, 10)
	all, text := arrivals(a)
	if len(all) != 3 || len(all[2].Data) != 11 || all[2].Data[0]&0x0F != 0 || all[2].Data[1] != 1 {
		t.Fatalf("the chip got %s %+v, want a packet of 11 octets with an RNode's octet in front", text, all)
	}
	at := epoch.Add(time.Minute)
	if _, err := a.Emit(at, 1, a.stations[1].wave, 14, []byte{0x70, 'h', 'i'}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := drain(a); heard(got) != "1>0:2 " || string(got[0].Data) != "hi" {
		t.Errorf("the RNode heard %q", heard(got))
	}
	a.HandleTimeout(at.Add(time.Minute))
	for i, change := range []func(*phy.Wave){
		func(w *phy.Wave) { w.SyncWord = phy.SyncPublic },
		func(w *phy.Wave) { w.Implicit, w.Length = true, 3 },
		func(w *phy.Wave) { w.Inverted = true },
		func(w *phy.Wave) { w.Broken = true },
	} {
		other := wave
		change(&other)
		emit(t, a, at.Add(time.Duration(i+1)*time.Minute), 1, other, 3)
		if got, _, _ := drain(a); heard(got) != "" {
			t.Errorf("the RNode heard another form %+v: %q", other, heard(got))
		}
	}
}

func TestARNodeWaitsForAChip(t *testing.T) {
	a := newChips(t, 2, func(c *Config) { c.Stations[0].Modem, c.Stations[0].Modulation = RNode, sf7 })
	emit(t, a, epoch, 1, wave, 255)
	at := epoch.Add(20 * time.Millisecond)
	a.HandleTimeout(at)
	queue(t, a, at, 0, 10)
	_, sent, _ := drain(a)
	if len(sent) != 2 || sent[1].Began.Before(epoch.Add(sf7.TimeOnAir(255))) {
		t.Errorf("sent %+v", sent)
	}
}

func TestOnlyTheSameFormIsHeard(t *testing.T) {
	implicit := wave
	implicit.Implicit, implicit.Length = true, 20
	for _, c := range []struct {
		name   string
		rx, tx func(*phy.Wave)
		want   string
	}{
		{"same", nil, nil, "1:p 1:h 1:20x1 "},
		{"sync word", nil, func(w *phy.Wave) { w.SyncWord = 0x34 }, "1:p "},
		{"inverted", func(w *phy.Wave) { w.Inverted = true }, nil, ""},
		{"both inverted", func(w *phy.Wave) { w.Inverted = true }, func(w *phy.Wave) { w.Inverted = true }, "1:p 1:h 1:20x1 "},
		{"spreading factor", func(w *phy.Wave) { w.SpreadingFactor = 8 }, nil, ""},
		{"bandwidth", func(w *phy.Wave) { w.BandwidthHz = 250_000 }, nil, ""},
		{"31 kHz away", func(w *phy.Wave) { w.FrequencyHz += 31_000 }, nil, "1:p 1:h 1:20x1 "},
		{"32 kHz away", func(w *phy.Wave) { w.FrequencyHz += 32_000 }, nil, ""},
		{"coding rate", nil, func(w *phy.Wave) { w.CodingRate = 8 }, "1:p 1:h 1:20x1 "},
		{"implicit", func(w *phy.Wave) { *w = implicit }, func(w *phy.Wave) { *w = implicit }, "1:p 1:20x1 "},
		{"implicit of other length", func(w *phy.Wave) { *w = implicit; w.Length = 21 }, func(w *phy.Wave) { *w = implicit }, "1:p 1:damaged "},
		{"implicit without checksum", func(w *phy.Wave) { *w = implicit }, func(w *phy.Wave) { *w = implicit; w.CRC = false }, "1:p 1:damaged "},
		{"implicit for explicit", nil, func(w *phy.Wave) { *w = implicit }, "1:p 1:bad "},
		{"explicit for implicit", func(w *phy.Wave) { *w = implicit }, nil, "1:p 1:damaged "},
		{"badly modulated", nil, func(w *phy.Wave) { w.Broken = true }, "1:p 1:h 1:damaged "},
		{"no checksum", nil, func(w *phy.Wave) { w.CRC = false }, "1:p 1:h 1:20x1 "},
	} {
		a, rx, tx := newChips(t, 2, nil), wave, wave
		if c.rx != nil {
			c.rx(&rx)
		}
		if c.tx != nil {
			c.tx(&tx)
		}
		listen(t, a, epoch, 1, rx)
		emit(t, a, epoch, 0, tx, 20)
		all, text := arrivals(a)
		// What an unequal header makes of it is chance, where it may be nothing.
		if text != c.want && !(c.name == "implicit for explicit" && text == "1:p ") {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
		if c.name == "no checksum" && (all[1].CRC || all[2].CRC) {
			t.Errorf("a checksum is reported: %+v", all)
		}
	}
}

func TestCrystalsDriftApart(t *testing.T) {
	for _, c := range []struct {
		ppm  float64
		want string
	}{{0, "1:p 1:h 1:5x1 "}, {35, "1:p 1:h 1:5x1 "}, {37, ""}} {
		a := newChips(t, 2, func(cfg *Config) { cfg.Stations[0].CrystalPPM = c.ppm / 2 })
		a.SetCrystal(1, -c.ppm/2)
		emit(t, a, epoch, 0, wave, 5)
		all, text := arrivals(a)
		if text != c.want {
			t.Errorf("%v ppm: got %s, want %s", c.ppm, text, c.want)
		}
		if len(all) > 0 && math.Abs(all[0].ErrorHz-c.ppm*869.525) > 0.1 {
			t.Errorf("%v ppm: error %v Hz", c.ppm, all[0].ErrorHz)
		}
	}
}

func TestAReceiverThatOpensLateHearsNothing(t *testing.T) {
	spare := (8 - lockSymbols) * sf7.SymbolTime()
	for _, c := range []struct {
		late time.Duration
		want string
	}{{spare, "1:p 1:h 1:5x1 "}, {spare + time.Microsecond, ""}} {
		a := newChips(t, 2, nil)
		a.Deaf(epoch, 1)
		emit(t, a, epoch, 0, wave, 5)
		a.HandleTimeout(epoch.Add(c.late))
		listen(t, a, epoch.Add(c.late), 1, wave)
		if _, text := arrivals(a); text != c.want {
			t.Errorf("%v late: got %s, want %s", c.late, text, c.want)
		}
	}
	a := newChips(t, 2, nil)
	emit(t, a, epoch, 0, wave, 50)
	at := epoch.Add(40 * time.Millisecond)
	a.HandleTimeout(at)
	listen(t, a, at, 1, wave) // changes nothing
	if _, text := arrivals(a); text != "1:p 1:h 1:50x1 " {
		t.Errorf("the same form again: got %s", text)
	}
}

func TestASendingChipIsDeaf(t *testing.T) {
	a := newChips(t, 3, nil)
	a.SetLink(0, 2, math.Inf(1))
	emit(t, a, epoch, 0, wave, 50)
	at := epoch.Add(time.Millisecond)
	if err := a.Listen(at, 0, wave); err == nil {
		t.Error("a chip listens while it sends")
	}
	if _, err := a.Emit(at, 0, wave, 14, []byte{1}); err == nil {
		t.Error("a chip sends two packets at once")
	}
	a.SetLink(0, 2, 110)
	emit(t, a, epoch.Add(150*time.Millisecond), 2, wave, 5)
	if _, text := arrivals(a); text != "1:p 1:h 1:50x1 1:p 1:h 1:5x3 " {
		t.Errorf("got %s: station 0 must not hear before it listens again", text)
	}
}

func TestChipsCaptureTheStronger(t *testing.T) {
	for _, c := range []struct {
		stronger float64
		late     time.Duration
		want     string
	}{
		{6, 10 * time.Millisecond, "1:p 1:p 1:h 1:20x3 "}, // takes over
		{5, 30 * time.Millisecond, "1:p 1:h 1:damaged "},  // destroys the payload
		{-6, 30 * time.Millisecond, "1:p 1:h 1:20x1 "},    // does no harm
		{5, 10 * time.Millisecond, "1:p 1:bad "},          // destroys the header
	} {
		a := newChips(t, 3, nil)
		a.SetLink(1, 2, 110-c.stronger)
		a.SetLink(0, 2, math.Inf(1))
		emit(t, a, epoch, 0, wave, 20)
		emit(t, a, epoch.Add(c.late), 2, wave, 20)
		if _, text := arrivals(a); text != c.want {
			t.Errorf("%v dB after %v: got %s, want %s", c.stronger, c.late, text, c.want)
		}
	}
}

func TestALongPreambleOutlivesThePacketBefore(t *testing.T) {
	for _, c := range []struct {
		preamble uint16
		want     string
	}{{24, "1:p 1:h 1:20x1 1:p 1:h 1:20x3 "}, {23, "1:p 1:h 1:20x1 "}} {
		a := newChips(t, 3, nil)
		a.SetLink(0, 2, math.Inf(1))
		a.SetLink(1, 2, 130) // too weak to harm
		end := emit(t, a, epoch, 0, wave, 20)
		long := wave
		long.PreambleSymbols = c.preamble
		emit(t, a, end.Add(-18*sf7.SymbolTime()), 2, long, 20)
		if _, text := arrivals(a); text != c.want {
			t.Errorf("%d symbols: got %s, want %s", c.preamble, text, c.want)
		}
	}
}

func TestLossShowsInSeveralWays(t *testing.T) {
	run := func() string {
		a := newChips(t, 2, func(c *Config) { c.Loss = 0.5 })
		seen := map[string]int{}
		for i := range 400 {
			at := epoch.Add(time.Duration(i) * time.Second)
			emit(t, a, at, 0, wave, 20)
			_, text := arrivals(a)
			seen[text]++
		}
		return fmt.Sprint(seen)
	}
	first := run()
	if want := "map[:47 1:p 1:bad :49 1:p 1:h 1:20x1 :185 1:p 1:h 1:damaged :119]"; first != want {
		t.Errorf("got %s, want %s", first, want)
	}
	if run() != first {
		t.Error("two runs of one seed differ")
	}
}

// TestChipsMoveNoRNodesFate compares an air of RNodes with the same air and two silent chips on it.
func TestChipsMoveNoRNodesFate(t *testing.T) {
	run := func(chips int) string {
		a := newAir(t, 3, RNode, func(c *Config) {
			c.Loss, c.Duplicate = 0.3, 0.1
			for range chips {
				c.Stations = append(c.Stations, Station{Modem: Chip})
			}
		})
		for i := range chips {
			listen(t, a, epoch, 3+i, wave)
		}
		for i := range 60 {
			queue(t, a, epoch, i%3, 20+i)
		}
		got, _, _ := drain(a)
		return heard(got)
	}
	if run(0) != run(2) {
		t.Error("chips that listen change what RNodes hear")
	}
}

func TestInjuriesComeInTurn(t *testing.T) {
	a := newChips(t, 2, nil)
	a.Injure(1, WrongChecksum, BadHeader, NoChecksum, Missed, Unharmed)
	var text string
	for i := range 5 {
		emit(t, a, epoch.Add(time.Duration(i)*time.Second), 0, wave, 20)
		all, s := arrivals(a)
		if text += s + "| "; i == 2 && (all[1].CRC || all[2].CRC) {
			t.Errorf("a checksum is reported: %+v", all)
		}
	}
	if want := "1:p 1:h 1:damaged | 1:p 1:bad | 1:p 1:h 1:damaged | | 1:p 1:h 1:20x1 | "; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	r := newAir(t, 2, RNode, nil)
	r.Injure(1, BadHeader)
	queue(t, r, epoch, 0, 5)
	if got, _, _ := drain(r); len(got) != 0 || r.Stats(1).Lost != 1 {
		t.Errorf("an RNode got %q", heard(got))
	}
}

func TestQuitEndsAPacket(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{10 * time.Millisecond, "1:p "}, {40 * time.Millisecond, "1:p 1:h 1:damaged "}} {
		a := newChips(t, 2, nil)
		emit(t, a, epoch, 0, wave, 50)
		at := epoch.Add(c.after)
		a.HandleTimeout(at)
		a.Quit(at, 0)
		if _, text := arrivals(a); text != c.want || a.Airtime(0) != c.after {
			t.Errorf("after %v: got %s, airtime %v", c.after, text, a.Airtime(0))
		}
	}
}

func TestDetectsAndLevelTellWhatIsOnTheAir(t *testing.T) {
	a := newChips(t, 3, nil)
	other, floor := wave, phy.NoiseFloorDBm(125_000)
	other.SpreadingFactor = 8
	at := epoch.Add(5 * time.Millisecond)
	if a.Detects(at, 1, wave) || math.Abs(a.Level(at, 1, sf7)-floor) > 0.01 {
		t.Errorf("on a silent channel: level %v", a.Level(at, 1, sf7))
	}
	emit(t, a, at, 0, wave, 200)
	if a.Detects(at.Add(time.Millisecond), 1, wave) {
		t.Error("detected within its first symbol")
	}
	at = at.Add(5 * time.Millisecond)
	if !a.Detects(at, 1, wave) || a.Detects(at, 1, other) || a.Detects(at, 0, wave) {
		t.Error("detected by 1, by 1 at SF8, by the sender: want true, false, false")
	}
	emit(t, a, at, 2, other, 10)
	away := sf7
	away.FrequencyHz += 1_000_000
	if got := a.Level(at, 1, sf7); math.Abs(got+93) > 0.1 {
		t.Errorf("two packets of -96 dBm: %v", got)
	}
	if got := a.Level(at, 1, away); math.Abs(got-floor) > 0.01 {
		t.Errorf("1 MHz away: %v", got)
	}
}

func TestADuplicateComesAgainAndHarmsNobody(t *testing.T) {
	a := newChips(t, 2, func(c *Config) { c.Duplicate = 1 })
	end := emit(t, a, epoch, 0, wave, 20)
	emit(t, a, end, 0, wave, 10)
	if _, text := arrivals(a); text != "1:p 1:h 1:20x1 1:p 1:h 1:10x1 1:p 1:h 1:10x1 " {
		t.Errorf("got %s", text)
	}
}

func TestChipsRefuseWhatModemsDo(t *testing.T) {
	a := newAir(t, 2, Bare, func(c *Config) { c.Stations[1] = Station{Modem: Chip} })
	if a.Tune(epoch, 1, sf7, 14) == nil || a.Queue(epoch, 1, []byte{1}) == nil {
		t.Error("a chip was used like a modem")
	}
	if _, err := a.Emit(epoch, 0, wave, 14, []byte{1}); err == nil || a.Listen(epoch, 0, wave) == nil {
		t.Error("a modem was used like a chip")
	}
	if _, err := a.Emit(epoch, 1, wave, 14, nil); err == nil || a.Listen(epoch, 1, phy.Wave{}) == nil {
		t.Error("nonsense was taken")
	}
}

func TestAFadingReceiverHearsLessOfOthersAndAsMuchNoise(t *testing.T) {
	a := newChips(t, 2, nil)
	a.Fade(1, 20)
	emit(t, a, epoch, 0, wave, 20)
	at := epoch.Add(time.Millisecond)
	a.HandleTimeout(at)
	if got, quiet := a.Level(at, 1, sf7), phy.NoiseFloorDBm(125_000); math.Abs(got+113.5) > 0.1 || got < quiet {
		t.Errorf("level %v, want the sum of -116 dBm and noise of %v", got, quiet)
	}
	all, text := arrivals(a)
	if text != "1:p 1:h 1:20x1 " || all[2].RSSIdBm != -116 || math.Abs(all[2].SNRdB-1) > 0.1 {
		t.Errorf("got %s %+v", text, all)
	}
	a.Fade(1, 40)
	emit(t, a, epoch.Add(time.Second), 0, wave, 20)
	if _, text := arrivals(a); text != "" {
		t.Errorf("40 dB down: got %s", text)
	}
}

func TestWhatNobodyAsksForIsForgotten(t *testing.T) {
	a, at := newChips(t, 2, nil), epoch
	for range keptSent + 10 {
		at = emit(t, a, at, 0, wave, 1)
		arrivals(a)
	}
	if got, sent, _ := drain(a); len(got) != 0 || len(sent) != keptSent || !sent[keptSent-1].At.Equal(at) {
		t.Errorf("%d are kept", len(sent))
	}
}
