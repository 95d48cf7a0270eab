package ebyte

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

func TestE22EveryRate(t *testing.T) {
	for _, aux := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 2, 0, e22s(board.E22{}))
			var e [2]*E22
			for i := range e {
				o := b.wired(i, Opts{})
				if !aux {
					o.AUX = nil
				}
				e[i] = b.e22(i, o)
			}
			for _, r := range rates {
				b.configure(e[0], r.nominal)
				b.configure(e[1], r.nominal)
				want := []byte("at every rate")
				if err := e[0].Transmit(b.ctx, want); err != nil {
					t.Fatalf("%d bit/s: %v", r.nominal, err)
				}
				p := b.next(e[1])
				if !bytes.Equal(p.Data, want) || !p.HasSignal || math.Abs(p.RSSIdBm-(22-110)) > 1 {
					t.Errorf("%d bit/s, AUX %v: got %q at %v dBm (%v), want %q at -88", r.nominal, aux, p.Data, p.RSSIdBm, p.HasSignal, want)
				}
			}
		})
	}
}

func TestE22EveryPowerAndChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, watt := range []bool{false, true} {
			b := newBench(t, 2, 0, e22s(board.E22{Watt: watt}))
			x, y := b.e22(0, b.wired(0, Opts{Watt: watt})), b.e22(1, b.wired(1, Opts{Watt: watt}))
			all := e22Powers
			if watt {
				all = wattPowers
			}
			for i := range 81 {
				m, _ := Modulation(850_125_000+uint32(i)*1_000_000, 62_500)
				dBm := all[i%4]
				if err := errors.Join(x.Configure(b.ctx, m, dBm), y.Configure(b.ctx, m, dBm), x.Transmit(b.ctx, []byte{byte(i)})); err != nil {
					t.Fatal(err)
				}
				if p := b.next(y); p.Data[0] != byte(i) || math.Abs(p.RSSIdBm-float64(dBm-110)) > 1 {
					t.Fatalf("channel %d, %d dBm: got %x at %v dBm", i, dBm, p.Data, p.RSSIdBm)
				}
			}
		}
	})
}

func TestE22Refuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 0, e22s(board.E22{Band400: true}))
		e := b.e22(0, b.wired(0, Opts{Band: E22Band400}))
		good, _ := Modulation(433_125_000, 2400)
		cheat := good
		cheat.Lead = 0
		lora := phy.Modulation{FrequencyHz: 433_125_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
		off := good
		off.FrequencyHz = 433_625_001
		for _, tc := range []struct {
			m    phy.Modulation
			dBm  int
			want string
		}{
			{good, 14, "takes 22, 17, 13 or 10"},
			{cheat, 22, "air rates"},
			{lora, 22, "air rates"},
			{off, 22, "the nearest is 434.125 MHz"},
			{phy.Modulation{}, 22, "frequency"},
		} {
			if err := e.Configure(b.ctx, tc.m, tc.dBm); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v at %d dBm: got %v, want %q", tc.m, tc.dBm, err, tc.want)
			}
		}
		if err := e.Transmit(b.ctx, []byte{1}); err == nil {
			t.Error("not configured: got no error")
		}
		if err := e.Configure(b.ctx, good, 10); err != nil {
			t.Fatal(err)
		}
		var size *SizeError
		for _, n := range []int{0, 234} {
			if err := e.Transmit(b.ctx, make([]byte, n)); !errors.As(err, &size) {
				t.Errorf("%d octets: got %v, want a SizeError", n, err)
			}
		}
		if _, err := Modulation(433_125_000, 9601); err == nil || !strings.Contains(err.Error(), "62500") {
			t.Errorf("got %v, want the air rates", err)
		}
	})
}

func TestE22EverySizeBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e22s(board.E22{}))
		x, y := b.e22(0, b.wired(0, Opts{})), b.e22(1, b.wired(1, Opts{}))
		b.configure(x, 62_500)
		b.configure(y, 62_500)
		r := rand.New(rand.NewPCG(1, 1))
		for n := 1; n <= e22MaxFrame; n++ {
			want := frame(r, n)
			if err := x.Transmit(b.ctx, want); err != nil {
				t.Fatal(err)
			}
			if p := b.next(y); !bytes.Equal(p.Data, want) {
				t.Fatalf("%d octets: got %x, want %x", n, p.Data, want)
			}
			x, y = y, x
		}
		if got := x.Lost() + y.Lost(); got != 0 {
			t.Errorf("%d frames were spoiled", got)
		}
	})
}

// exchange sends frames of chance from x to y and answers which came, whole and in order.
func exchange(b *bench, x, y radio.Radio, count, most int) (came int, signals int) {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.ctx)
	got := make(chan radio.Packet, count+1)
	go collect(ctx, y, got)
	r := rand.New(rand.NewPCG(3, 9))
	sent := map[string]int{}
	for i := range count {
		f := frame(r, 5+r.IntN(most-4))
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
		if p.HasSignal {
			signals++
		}
	}
	return came, signals
}

func TestE22ThousandsOfFramesInARow(t *testing.T) {
	for _, tc := range []struct {
		aux   bool
		rate  uint32
		count int
	}{{true, 62_500, 1000}, {false, 62_500, 500}, {true, 9_600, 250}, {false, 2_400, 250}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 2, 0, e22s(board.E22{}))
			o := b.wired(0, Opts{})
			if !tc.aux {
				o.AUX = nil
			}
			x, y := b.e22(0, o), b.e22(1, b.wired(1, Opts{}))
			b.configure(x, tc.rate)
			b.configure(y, tc.rate)
			start := time.Now()
			came, signals := exchange(b, x, y, tc.count, e22MaxFrame)
			took := time.Since(start) - time.Minute
			if came != tc.count || signals != tc.count {
				t.Errorf("%+v: %d of %d came, %d with their signal", tc, came, tc.count, signals)
			}
			b.rig.Do(b.ctx, func(time.Time) {
				if n := b.rig.EbyteOverrun(0); n != 0 {
					t.Errorf("%+v: %d octets overran the module", tc, n)
				}
				t.Logf("%+v: the channel is busy %.0f %% of the time", tc, 100*float64(b.air.Airtime(0))/float64(took))
			})
		})
	}
}

// With AUX a second frame is with the module as soon as the first is on the air, and a third only after that has left: so
// what is most urgent is chosen late.
func TestE22TakesNoMoreThanItCanSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 0, e22s(board.E22{}))
		e := b.e22(0, b.wired(0, Opts{}))
		b.configure(e, 2_400)
		air := e.mod.TimeOnAir(e22MaxFrame + framing(e22MaxFrame))
		start := time.Now()
		for i, least := range []time.Duration{0, air, 2 * air} {
			if err := e.Transmit(b.ctx, make([]byte, e22MaxFrame)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < least || took > least+time.Second/2 {
				t.Errorf("frame %d was taken after %v, want about %v", i, took, least)
			}
		}
	})
}

func TestE22IsReadyAfterConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e22s(board.E22{}))
		o := b.wired(0, Opts{})
		o.AUX = nil
		x, y := b.e22(0, o), b.e22(1, b.wired(1, Opts{}))
		b.configure(y, 62_500)
		b.configure(x, 62_500)
		if err := x.Transmit(b.ctx, []byte("at once")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "at once" {
			t.Errorf("got %q", p.Data)
		}
	})
}

func TestE22LossDamagesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0.1, e22s(board.E22{}))
		x, y := b.e22(0, b.wired(0, Opts{})), b.e22(1, b.wired(1, Opts{}))
		b.configure(x, 62_500)
		b.configure(y, 62_500)
		if came, _ := exchange(b, x, y, 500, e22MaxFrame); came < 400 || came > 490 {
			t.Errorf("%d of 500 came, want about 450", came)
		}
	})
}

func TestE22AmbientSignal(t *testing.T) {
	for _, halved := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 3, 0, e22s(board.E22{Halved: halved}))
			var e [3]*E22
			for i := range e {
				e[i] = b.e22(i, b.wired(i, Opts{Halved: halved}))
				b.configure(e[i], 2_400)
			}
			if c := e[0].Capabilities(); c.OwnMediumAccess {
				t.Error("it claims to listen by itself without LBT")
			}
			law := phy.Sensing{For: 5 * time.Millisecond, BelowDBm: -80}
			sense := func(want bool, what string, law phy.Sensing) {
				t.Helper()
				if busy, err := e[1].Sense(b.ctx, law); err != nil || busy != want {
					t.Errorf("halved %v, %s: got busy %v, %v", halved, what, busy, err)
				}
			}
			sense(false, "silence", phy.Sensing{})
			sense(false, "silence by the law", law)
			go e[0].Transmit(b.ctx, make([]byte, 200))
			time.Sleep(600 * time.Millisecond) // 220 ms on the line, then 1.2 s on the air
			sense(true, "a frame at -88 dBm", phy.Sensing{})
			sense(false, "a frame at -88 dBm, by the law", law)
			b.rig.Do(b.ctx, func(time.Time) { b.air.SetLink(0, 1, 90) })
			sense(true, "a frame at -68 dBm, by the law", law)
			if p := b.next(e[1]); len(p.Data) != 200 || !p.HasSignal {
				t.Errorf("while listening a frame was lost: got %+v", p)
			}
			b.next(e[2])
			b.quiet(e[2]) // no question went out on the air
			if got := e[1].Lost(); got > 1 {
				t.Errorf("%d frames were spoiled", got)
			}
		})
	}
}

func TestE22ListensBeforeItTalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3, 0, e22s(board.E22{}))
		var e [3]*E22
		for i := range e {
			e[i] = b.e22(i, b.wired(i, Opts{LBT: true}))
			b.configure(e[i], 9_600)
		}
		if c := e[0].Capabilities(); !c.OwnMediumAccess || c.Access <= 0 {
			t.Errorf("got %+v, want a modem that listens by itself", c)
		}
		done := make(chan error, 2)
		go func() { done <- e[0].Transmit(b.ctx, make([]byte, 230)) }()
		time.Sleep(300 * time.Millisecond) // it is on the air now
		go func() { done <- e[1].Transmit(b.ctx, []byte("after you")) }()
		if err := errors.Join(<-done, <-done); err != nil {
			t.Fatal(err)
		}
		if p := b.next(e[2]); len(p.Data) != 230 {
			t.Errorf("first: got %d octets, want 230", len(p.Data))
		}
		if p := b.next(e[2]); string(p.Data) != "after you" {
			t.Errorf("second: got %q", p.Data)
		}
	})
}

func TestE22UnpluggedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e22s(board.E22{}))
		x, y := b.e22(0, b.wired(0, Opts{})), b.e22(1, b.wired(1, Opts{}))
		b.configure(x, 62_500)
		b.configure(y, 62_500)
		received := make(chan error)
		go func() {
			_, err := x.Receive(b.ctx)
			received <- err
		}()
		synctest.Wait()
		again := b.port(0) // the old line ends
		if err := <-received; !errors.Is(err, ErrGone) {
			t.Errorf("receive: got %v, want ErrGone", err)
		}
		if err := x.Transmit(b.ctx, []byte{1}); !errors.Is(err, ErrGone) {
			t.Errorf("transmit: got %v, want ErrGone", err)
		}
		x.Close()
		if !b.rig.Restart(b.ctx, 0) { // it lost its power too
			t.Fatal("no restart")
		}
		x, err := OpenE22(b.ctx, again, b.wired(0, Opts{Band: E22Band900}))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		b.configure(x, 62_500)
		if err := x.Transmit(b.ctx, []byte("back")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "back" {
			t.Errorf("got %q", p.Data)
		}
	})
}

func TestE22NewerModulesHaveNoSlowRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 0, e22s(board.E22{Newer: true}))
		e := b.e22(0, b.wired(0, Opts{}))
		m, _ := Modulation(freq900, 1200)
		if err := e.Configure(b.ctx, m, 22); err == nil || !strings.Contains(err.Error(), "newer kind") {
			t.Errorf("got %v, want a refusal", err)
		}
		b.configure(e, 2400)
	})
}

func TestE22StrappedIsTakenAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e22s(board.E22{Registers: [9]byte{0, 0, 0, 0x62, 0, 19, 0x03}})) // 9600 baud, 2.4k, no signal octet
		x, y := b.e22(0, Opts{}), b.e22(1, Opts{})
		if _, known := x.Product(); known || x.Capabilities().Reconfigurable {
			t.Error("a strapped module claims more than can be known")
		}
		b.configure(x, 2_400)
		b.configure(y, 2_400)
		if _, err := x.Sense(b.ctx, phy.Sensing{}); !errors.Is(err, ErrStrapped) {
			t.Errorf("sense: got %v, want ErrStrapped", err)
		}
		if came, signals := exchange(b, x, y, 30, e22MaxFrame); came != 30 || signals != 0 {
			t.Errorf("%d of 30 came, %d with a signal", came, signals)
		}
	})
}

func TestE22ReadsPastStraySignalOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registers := [9]byte{0, 0, 0, 0x62, 0, 19, 0x83} // somebody has switched the signal octet on
		b := newBench(t, 2, 0, e22s(board.E22{Registers: registers}))
		x, y := b.e22(0, Opts{}), b.e22(1, Opts{})
		b.configure(x, 2_400)
		b.configure(y, 2_400)
		if came, _ := exchange(b, x, y, 30, e22MaxFrame); came != 30 {
			t.Errorf("%d of 30 came", came)
		}
	})
}

// A module whose power dips while we talk to it goes on as it was set, not as it came: on a channel and with a power that may not be allowed.
func TestADipOfThePowerChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e22s(board.E22{}))
		x, y := b.e22(0, b.wired(0, Opts{})), b.e22(1, b.wired(1, Opts{}))
		for range 2 { // the second time nothing differs
			b.configure(x, 2400)
			b.configure(y, 2400)
		}
		b.rig.Restart(b.ctx, 0)
		time.Sleep(time.Second)
		if err := x.Transmit(b.ctx, []byte("where it was")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "where it was" {
			t.Errorf("got %q", p.Data)
		}
		if busy, err := x.Sense(b.ctx, phy.Sensing{}); busy || err != nil {
			t.Errorf("listening afterwards: got %v, %v", busy, err)
		}
	})
}
