//go:build linux

package sik_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/radio/sik"
	"packhorse/radio/sim"
)

// rig is radios on one air, running until stop.
func rig(t *testing.T, dir string, loss float64, radios ...boardsim.SiK) (r *boardsim.Rig, air *sim.Air, stop func()) {
	t.Helper()
	stations := make([]sim.Station, len(radios))
	for i := range stations {
		stations[i].Modem = sim.Bare
	}
	air, err := sim.New(sim.Config{Seed: 7, Loss: loss, Stations: stations})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = boardsim.NewRig(air, dir); err != nil {
		t.Fatal(err)
	}
	for i, s := range radios {
		if err := r.AddSiK(i, s); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	return r, air, func() { cancel(); <-ended }
}

var two = []boardsim.SiK{{}, {}}

func open(t *testing.T, port io.ReadWriteCloser, o sik.Opts, kbps uint32) *sik.Modem {
	t.Helper()
	m, err := sik.Open(t.Context(), port, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Configure(t.Context(), o.Modulation(869_525_000, kbps), 14); err != nil {
		t.Fatal(err)
	}
	return m
}

// pair is two open radios at 64 kbit/s, that have found each other.
func pair(t *testing.T, r *boardsim.Rig) (a, b *sik.Modem) {
	t.Helper()
	a, b = open(t, r.Dial(0), sik.Opts{}, 64), open(t, r.Dial(1), sik.Opts{}, 64)
	time.Sleep(5 * time.Second)
	return a, b
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(5) == 0 {
			b[i] = '+'
		}
	}
	return b
}

// collect receives until ctx ends.
func collect(ctx context.Context, m *sik.Modem) <-chan [][]byte {
	all := make(chan [][]byte, 1)
	go func() {
		var got [][]byte
		for {
			p, err := m.Receive(ctx)
			if err != nil {
				all <- got
				return
			}
			if p.HasSignal {
				panic("a SiK radio measures no signal of a frame")
			}
			got = append(got, p.Data)
		}
	}()
	return all
}

func sendAll(t *testing.T, m *sik.Modem, frames [][]byte) {
	for i, f := range frames {
		if err := m.Transmit(context.Background(), f); err != nil {
			t.Errorf("frame %d: %v", i, err)
			return
		}
	}
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestFramesOfAllSizesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		a, b := pair(t, r)
		defer a.Close()
		defer b.Close()
		rnd := rand.New(rand.NewPCG(1, 1))
		for n := 1; n <= a.Capabilities().MaxFrame; n++ {
			want := random(rnd, n)
			x, y := a, b
			if n%2 == 0 {
				x, y = b, a
			}
			if err := x.Transmit(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if p, err := y.Receive(t.Context()); err != nil || !bytes.Equal(p.Data, want) {
				t.Fatalf("%d octets: got %x, %v", n, p.Data, err)
			}
		}
	})
}

func TestTwoThousandFramesWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		a, b := pair(t, r)
		defer a.Close()
		defer b.Close()
		ctx, cancel := context.WithCancel(t.Context())
		atA, atB := collect(ctx, a), collect(ctx, b)
		rnd := rand.New(rand.NewPCG(2, 2))
		var fromA, fromB [][]byte
		octets := 0
		for range 1000 {
			fromA, fromB = append(fromA, random(rnd, 1+rnd.IntN(243))), append(fromB, random(rnd, 1+rnd.IntN(243)))
			octets += len(fromA[len(fromA)-1])
		}
		done, start := make(chan struct{}), time.Now()
		go func() { sendAll(t, a, fromA); close(done) }()
		sendAll(t, b, fromB)
		<-done
		time.Sleep(5 * time.Second)
		took := time.Since(start)
		cancel()
		if x, y := <-atA, <-atB; !equal(x, fromB) || !equal(y, fromA) {
			t.Errorf("%d and %d frames came, want 1000 each way in order", len(x), len(y))
		}
		t.Logf("each way %d octets in %v: %.0f octets/s", octets, took, float64(octets)/took.Seconds())
	})
}

func TestLossAndDamageLoseFramesAndAlterNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, air, stop := rig(t, "", 0, boardsim.SiK{}, boardsim.SiK{Damage: 0.05})
		defer stop()
		a, b := pair(t, r)
		defer a.Close()
		defer b.Close()
		r.Do(t.Context(), func(time.Time) { air.SetLoss(0.1) })
		ctx, cancel := context.WithCancel(t.Context())
		got := collect(ctx, b)
		rnd := rand.New(rand.NewPCG(3, 3))
		sent := map[string]bool{}
		for range 600 {
			f := random(rnd, 8+rnd.IntN(236))
			sent[string(f)] = true
			sendAll(t, a, [][]byte{f})
		}
		time.Sleep(5 * time.Second)
		cancel()
		all := <-got
		for _, f := range all {
			if !sent[string(f)] {
				t.Fatalf("nobody sent % x", f)
			}
		}
		if n := len(all); n < 300 || n > 560 || b.Lost() == 0 {
			t.Errorf("%d of 600 came and %d were lost in parts, at 10 %% loss of packets and 5 %% of them damaged", n, b.Lost())
		}
		t.Logf("%d of 600 came", len(all))
	})
}

// counting counts what a radio's host says to it.
type counting struct {
	io.ReadWriteCloser
	said strings.Builder
}

func (c *counting) Write(b []byte) (int, error) {
	c.said.Write(b)
	return c.ReadWriteCloser.Write(b)
}

func TestFlashIsWrittenOnlyWhenSomethingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		for i, c := range []struct {
			power, writes int
		}{{14, 1}, {14, 0}, {13, 1}, {13, 0}, {12, 0}, {11, 0}, {20, 1}} {
			port := &counting{ReadWriteCloser: r.Dial(0)}
			m, err := sik.Open(t.Context(), port, sik.Opts{})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Configure(t.Context(), sik.Opts{}.Modulation(869_525_000, 64), c.power); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(port.said.String(), "AT&W"); got != c.writes {
				t.Errorf("opening %d at %d dBm wrote %d times, want %d", i, c.power, got, c.writes)
			}
			m.Close()
		}
	})
}

func TestPowerIsNeverRoundedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, air, stop := rig(t, "", 0, two...)
		defer stop()
		r.Do(t.Context(), func(time.Time) { air.SetLink(0, 1, 80) })
		a, b := open(t, r.Dial(0), sik.Opts{}, 64), open(t, r.Dial(1), sik.Opts{}, 64)
		defer a.Close()
		b.Close()
		for _, c := range []struct{ want, level float64 }{{1, 1}, {13, 11}, {20, 20}, {30, 20}} {
			if err := a.Configure(t.Context(), sik.Opts{}.Modulation(869_525_000, 64), int(c.want)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if s := signal(t, r.Dial(1)); s.Packets == 0 || math.Abs(s.LocalRSSIdBm-(c.level-80)) > 0.6 {
				t.Errorf("at %v dBm the other hears %+v, want %v dBm less 80", c.want, s, c.level)
			}
		}
	})
}

// signal asks a radio for its report.
func signal(t *testing.T, port io.ReadWriteCloser) sik.Signal {
	t.Helper()
	m, err := sik.Open(t.Context(), port, sik.Opts{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.Info().Signal
}

func TestOpenSaysWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.SiK{Banner: "SiK 1.9 on RFD900"}, boardsim.SiK{})
		defer stop()
		m := open(t, r.Dial(0), sik.Opts{}, 64)
		defer m.Close()
		if got := m.Info().Banner; got != "SiK 1.9 on RFD900" {
			t.Errorf("got %q", got)
		}
		c := m.Capabilities()
		if c.MaxFrame != 243 || !c.OwnMediumAccess || c.Reconfigurable || c.ReportsSNR || !c.HalfDuplex || c.Channels != 0 || c.Access <= 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestWhatIsNoSiKRadio(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(line string) string
		want   string
	}{
		"nothing": {func(string) string { return "" }, "no SiK radio answers"},
		"a phone modem": {func(l string) string {
			return map[string]string{"+++": "OK\r\n", "AT\r": "AT\r\nOK\r\n", "ATI\r": "ATI\r\n\r\nHayes 2400\r\n\r\nOK\r\n"}[l]
		}, `"Hayes 2400 OK"`},
		"one from which OK comes over the air": {func(l string) string {
			return map[string]string{"+++": "good, OK\r\n", "AT\r": "all is OK\r\nOK\r\n", "ATI\r": "SiK\r\n"}[l]
		}, "no SiK radio answers"},
		"an echo": {func(l string) string { return l }, "no SiK radio answers"},
		"one that goes quiet": {func(l string) string {
			return map[string]string{"+++": "OK\r\n", "AT\r": "AT\r\nOK\r\n", "ATI\r": "SiK 2.2 on HM-TRP\r\n", "ATI5\r": "S0:FORMAT=26\r\n"}[l]
		}, "no parameter"},
	} {
		synctest.Test(t, func(t *testing.T) {
			host, other := net.Pipe()
			go func() {
				b := make([]byte, 64)
				for {
					n, err := other.Read(b)
					if err != nil {
						return
					}
					if a := c.answer(string(b[:n])); a != "" {
						go other.Write([]byte(a))
					}
				}
			}()
			m, err := sik.Open(t.Context(), host, sik.Opts{})
			if err == nil {
				err = m.Configure(t.Context(), sik.Opts{}.Modulation(869_525_000, 64), 14)
				m.Close()
			}
			other.Close()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		})
	}
}
