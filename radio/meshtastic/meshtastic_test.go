package meshtastic

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/phy"
)

func TestNodeTellsHowItIsSet(t *testing.T) {
	for _, tc := range []struct {
		kind   board.Meshtastic
		want   phy.Modulation
		region string
		preset string
		power  int
	}{
		{board.Meshtastic{Region: eu868}, setting(869_525_000, 11, 250_000, 5), "EU_868", "LongFast", 27},
		{board.Meshtastic{Region: us, Nodes: 250}, setting(slot20, 11, 250_000, 5), "US", "LongFast", 30},
		{board.Meshtastic{Region: us, Slot: 1, Preset: turbo, TxPower: 20}, setting(902_250_000, 7, 500_000, 5), "US", "ShortTurbo", 20},
		{board.Meshtastic{Region: us, Channel: "mules", Preset: fast}, setting(924_875_000, 7, 250_000, 5), "US", "ShortFast", 30},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 0, tc.kind)
			m, err := b.open(0)
			if err != nil {
				t.Fatal(err)
			}
			i := m.Info()
			if duty := map[string]uint32{"EU_868": 100_000, "US": 1_000_000}[tc.region]; i.OwnDutyPPM != duty {
				t.Errorf("%s: by itself up to %d ppm, want %d", tc.region, i.OwnDutyPPM, duty)
			}
			if i.Modulation != tc.want || i.Region != tc.region || i.Preset != tc.preset || i.PowerDBm != tc.power || i.Node != 0xA0000001 || i.Firmware != "2.7.15" {
				t.Errorf("%+v: got %+v, want %v", tc.kind, i, tc.want)
			}
		})
	}
}

func TestNodesThatCannotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		kind board.Meshtastic
		want string
	}{
		{board.Meshtastic{}, "no region"},
		{board.Meshtastic{Region: us, Silent: true}, "transmitter is disabled"},
		{board.Meshtastic{Region: us, OverrideDuty: true}, "override the duty cycle"},
		{board.Meshtastic{Region: 29}, "region number 29"},
		{board.Meshtastic{Region: us, Preset: 9, Slot: 60}, "slot 60 of 52"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 0, tc.kind)
			if _, err := b.open(0); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%+v: got %v, want %q", tc.kind, err, tc.want)
			}
		})
	}
}

func TestConfigureComparesAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0, board.Meshtastic{Region: eu868, TxPower: 14})
		m, err := b.open(0)
		if err != nil {
			t.Fatal(err)
		}
		good := setting(869_525_000, 11, 250_000, 5)
		short := good
		short.PreambleSymbols = 8
		if err := m.Transmit(b.ctx, []byte{1}); err == nil {
			t.Error("transmit before Configure: got no error")
		}
		for _, tc := range []struct {
			m    phy.Modulation
			dBm  int
			what string
		}{
			{setting(868_100_000, 11, 250_000, 5), 14, "frequency"},
			{setting(869_525_000, 10, 250_000, 5), 14, "modulation"},
			{setting(869_525_000, 11, 125_000, 5), 14, "modulation"},
			{setting(869_525_000, 11, 250_000, 8), 14, "modulation"},
			{short, 14, "preamble"},
			{good, 13, "transmit power"},
		} {
			var e *SettingError
			if err := m.Configure(b.ctx, tc.m, tc.dBm); !errors.As(err, &e) || e.What != tc.what {
				t.Errorf("%v: got %v, want its %s", tc.m, err, tc.what)
			}
		}
		for _, m2 := range []phy.Modulation{good, setting(869_525_100, 11, 250_000, 5)} {
			if err := m.Configure(b.ctx, m2, 14); err != nil {
				t.Errorf("%v: %v", m2, err)
			}
		}
		c := m.Capabilities()
		if c.Reconfigurable || !c.ReportsSNR || !c.OwnMediumAccess || c.MaxFrame != 231 || c.AirOverhead != 24 {
			t.Errorf("got %+v", c)
		}
		if c.OwnDutyPPM != 100_000 {
			t.Errorf("EU_868: by itself up to %d ppm, want the 10 %% of its region", c.OwnDutyPPM)
		}
		if preset, err := Modulation("LongFast", 869_525_000); err != nil || preset != good {
			t.Errorf("LongFast: got %v, %v", preset, err)
		}
		if _, err := Modulation("LongestFast", 869_525_000); err == nil {
			t.Error("LongestFast: got no error")
		}
	})
}

func TestEverySizeBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := board.Meshtastic{Region: us, Preset: turbo}
		b := newBench(t, 0, kind, kind)
		x, y := b.ready(0), b.ready(1)
		r := rand.New(rand.NewPCG(1, 1))
		for n := 1; n <= maxFrame; n++ {
			want := octets(r, n)
			if err := x.Transmit(b.ctx, want); err != nil {
				t.Fatalf("%d octets: %v", n, err)
			}
			p := b.next(y)
			if !bytes.Equal(p.Data, want) || !p.HasSignal || p.RSSIdBm != 30-110 || math.Abs(p.SNRdB-(p.RSSIdBm-phy.NoiseFloorDBm(500_000))) > 0.1 {
				t.Fatalf("%d octets: got %+v", n, p)
			}
			x, y = y, x
		}
		for _, n := range []int{0, maxFrame + 1} {
			if err := x.Transmit(b.ctx, make([]byte, n)); !errors.Is(err, ErrFrameSize) {
				t.Errorf("%d octets: got %v", n, err)
			}
		}
	})
}

func octets(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(8) == 0 {
			b[i] = []byte{start1, start2}[r.IntN(2)]
		}
	}
	return b
}

// exchange sends frames of chance from x to y and answers how many came, whole and in order.
func exchange(b *bench, x, y radio.Radio, count int) (came int) {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.ctx)
	got := make(chan radio.Packet, count+1)
	go func() {
		defer close(got)
		for {
			p, err := y.Receive(ctx)
			if err != nil {
				return
			}
			got <- p
		}
	}()
	r := rand.New(rand.NewPCG(3, 9))
	sent := map[string]int{}
	for i := range count {
		f := octets(r, 5+r.IntN(maxFrame-4))
		f[0], f[1] = byte(i>>8), byte(i)
		sent[string(f)] = i
		if err := x.Transmit(b.ctx, f); err != nil {
			b.t.Fatalf("frame %d: %v", i, err)
		}
	}
	time.Sleep(time.Minute)
	stop()
	last := -1
	for p := range got {
		i, ok := sent[string(p.Data)]
		if !ok || i <= last {
			b.t.Fatalf("a frame that was not sent, or twice, or late: %x", p.Data)
		}
		came, last = came+1, i
	}
	return came
}

func TestFramesInARow(t *testing.T) {
	for _, tc := range []struct {
		kind        board.Meshtastic
		loss        float64
		count       int
		least, most int
	}{
		{board.Meshtastic{Region: us, Preset: turbo}, 0, 1000, 1000, 1000},
		{board.Meshtastic{Region: us, Preset: fast, Signs: true}, 0, 300, 300, 300},
		{board.Meshtastic{Region: eu868}, 0, 100, 100, 100},
		{board.Meshtastic{Region: us, Preset: turbo}, 0.1, 500, 400, 490},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, tc.loss, tc.kind, tc.kind)
			x, y := b.ready(0), b.ready(1)
			start := time.Now()
			came := exchange(b, x, y, tc.count)
			if came < tc.least || came > tc.most {
				t.Errorf("%+v: %d of %d came", tc, came, tc.count)
			}
			b.rig.Do(b.ctx, func(time.Time) {
				t.Logf("%+v: the channel is busy %.0f %% of the time", tc.kind, 100*float64(b.air.Airtime(0))/float64(time.Since(start)-time.Minute))
			})
		})
	}
}

func TestTheLedgerCountsAtLeastWhatIsSent(t *testing.T) {
	for _, signs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 0, board.Meshtastic{Region: us, Preset: turbo, Signs: signs})
			m := b.ready(0)
			mod, c := m.Info().Modulation, m.Capabilities()
			for n := 1; n <= maxFrame; n += 5 {
				var before, after time.Duration
				b.rig.Do(b.ctx, func(time.Time) { before = b.air.Airtime(0) })
				if err := m.Transmit(b.ctx, make([]byte, n)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				b.rig.Do(b.ctx, func(time.Time) { after = b.air.Airtime(0) })
				if counted := mod.TimeOnAir(n + c.AirOverhead); after-before > counted || after == before {
					t.Errorf("signs %v, %d octets: on the air for %v, counted %v", signs, n, after-before, counted)
				}
			}
		})
	}
}

// Two nodes that send all they can wait for each other, and no queue grows.
func TestBusyChannelHoldsFramesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 60
		kind := board.Meshtastic{Region: eu868}
		b := newBench(t, 0, kind, kind, kind)
		x, y, z := b.ready(0), b.ready(1), b.ready(2)
		done := make(chan error, 2)
		most := 0
		send := func(m *Modem, first byte, note func()) {
			for range each {
				if err := m.Transmit(b.ctx, bytes.Repeat([]byte{first}, 200)); err != nil {
					done <- err
					return
				}
				note()
			}
			done <- nil
		}
		go send(x, 'x', func() { most = max(most, x.backlog) })
		go send(z, 'z', func() {})
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		came := 0
		for len(y.frames) > 0 {
			<-y.frames
			came++
		}
		if lost := int(y.Lost()); came+lost < each*3/2 {
			t.Errorf("%d of %d frames came", came+lost, 2*each)
		}
		if most > depth+1 {
			t.Errorf("%d packets waited in the node", most)
		}
	})
}

// A second packet is with the node while the first is on the air, a third only after that has left.
func TestNodeTakesNoMoreThanItCanSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0, board.Meshtastic{Region: eu868})
		m := b.ready(0)
		air := m.Info().Modulation.TimeOnAir(maxFrame + airOverhead)
		start := time.Now()
		for i, least := range []time.Duration{0, air, 2 * air} {
			if err := m.Transmit(b.ctx, make([]byte, maxFrame)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < least || took > least+time.Second {
				t.Errorf("packet %d was taken after %v, want about %v", i, took, least)
			}
		}
	})
}

func TestRestartAndUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := board.Meshtastic{Region: us, Preset: turbo}
		b := newBench(t, 0, kind, kind)
		x, y := b.ready(0), b.ready(1)
		received := make(chan error)
		go func() {
			_, err := x.Receive(b.ctx)
			received <- err
		}()
		if !b.rig.Restart(b.ctx, 0) {
			t.Fatal("no restart")
		}
		if err := <-received; !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "restarted") {
			t.Errorf("restart: got %v", err)
		}
		x = b.ready(0)
		b.rig.Dial(0) // unplugged
		if err := x.Transmit(b.ctx, []byte{1}); !errors.Is(err, ErrGone) {
			t.Errorf("unplugged: got %v", err)
		}
		b.rig.Restart(b.ctx, 0)
		x = b.ready(0) // while it still starts
		if err := x.Transmit(b.ctx, []byte("back")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "back" {
			t.Errorf("got %q", p.Data)
		}
	})
}

// The port opens the modem again after such an error, and Configure refuses it.
func TestANodeThatIsSetAnewEndsTheSession(t *testing.T) {
	was := board.Meshtastic{Region: us, Preset: turbo, TxPower: 20, Nodes: 3}
	power, preset, slot, region, law := was, was, was, was, was
	power.TxPower, preset.Preset, slot.Slot, region.Region, law.OverrideDuty = 27, fast, 3, 6, true
	for name, now := range map[string]board.Meshtastic{"power": power, "preset": preset, "slot": slot, "region": region, "law": law} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 0, was)
			m := b.ready(0)
			time.Sleep(11 * time.Minute) // which alone changes nothing
			if !b.rig.SetMeshtastic(b.ctx, 0, now) {
				t.Fatal("not set")
			}
			ctx, stop := context.WithTimeout(b.ctx, 6*time.Minute)
			defer stop()
			if _, err := m.Receive(ctx); !errors.Is(err, ErrChanged) {
				t.Errorf("%s: got %v, want that it was changed", name, err)
			}
		})
	}
}

func TestHeartbeatKeepsTheNodeTalking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := board.Meshtastic{Region: us, Preset: turbo}
		b := newBench(t, 0, kind, kind)
		x, y := b.ready(0), b.ready(1)
		time.Sleep(3 * time.Hour)
		if err := x.Transmit(b.ctx, []byte("still there")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "still there" {
			t.Errorf("got %q", p.Data)
		}
	})
}
