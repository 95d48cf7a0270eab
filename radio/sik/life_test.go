//go:build linux

package sik_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/radio/sik"
)

func TestOtherFirmwares(t *testing.T) {
	for _, c := range []struct {
		name  string
		radio boardsim.SiK
		opts  sik.Opts
		hz    uint32
		want  string
	}{
		{"older, its numbers shifted", boardsim.SiK{Without: []string{"OPPRESEND", "MAX_WINDOW"}}, sik.Opts{}, 869_525_000, ""},
		{"without a duty cycle, and none is wanted", boardsim.SiK{Without: []string{"DUTY_CYCLE"}}, sik.Opts{}, 869_525_000, ""},
		{"without a duty cycle, but the law has one", boardsim.SiK{Without: []string{"DUTY_CYCLE"}}, sik.Opts{DutyPercent: 10}, 869_525_000, "no parameter DUTY_CYCLE"},
		{"a board for another band", boardsim.SiK{Board: 433}, sik.Opts{}, 869_525_000, "depend on the board"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, stop := rig(t, "", 0, c.radio)
			defer stop()
			m, err := sik.Open(t.Context(), r.Dial(0), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			err = m.Configure(t.Context(), c.opts.Modulation(c.hz, 64), 14)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
		})
	}
}

func TestARadioLeftInCommandModeIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		if _, err := sik.Open(t.Context(), r.Dial(0), sik.Opts{}); err != nil {
			t.Fatal(err)
		}
		m := open(t, r.Dial(0), sik.Opts{}, 64) // the first one ended without a word
		m.Close()
	})
}

// stalling pauses longer than the guard time before and after each octet.
type stalling struct {
	io.ReadWriteCloser
	on bool
}

func (s *stalling) Write(b []byte) (int, error) {
	if !s.on {
		return s.ReadWriteCloser.Write(b)
	}
	for _, c := range b {
		if c == '+' {
			time.Sleep(1100 * time.Millisecond)
		}
		if _, err := s.ReadWriteCloser.Write([]byte{c}); err != nil {
			return 0, err
		}
	}
	time.Sleep(3 * time.Second)
	return len(b), nil
}

// An unguarded "+++" after silence trips the radio; no frame of ours does, though its payload be that and the host stall.
func TestOurDataNeverIsTheEscapeSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		port := &stalling{ReadWriteCloser: r.Dial(0)}
		a, b := open(t, port, sik.Opts{}, 64), open(t, r.Dial(1), sik.Opts{}, 64)
		defer b.Close()
		port.on = true
		for _, text := range []string{"+++", "++", "+", "a+++", "+++ATZ\r", strings.Repeat("+", 100)} {
			sendAll(t, a, [][]byte{[]byte(text)})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			p, err := b.Receive(ctx)
			cancel()
			if err != nil || string(p.Data) != text {
				t.Fatalf("%q: got %q, %v", text, p.Data, err)
			}
		}
		port.on = false
		port.Write([]byte("x"))
		time.Sleep(2 * time.Second)
		port.Write([]byte("+++")) // not ours
		time.Sleep(2 * time.Second)
		sendAll(t, a, [][]byte{[]byte("unheard")})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if p, err := b.Receive(ctx); err == nil {
			t.Errorf("the radio passed on %q in command mode: this test shows nothing", p.Data)
		}
		a.Close()
	})
}

func TestUnplugAndReplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		a, b := pair(t, r)
		defer a.Close()
		for range 2 {
			again := r.Dial(1) // the old line ends
			if _, err := b.Receive(t.Context()); !errors.Is(err, sik.ErrGone) {
				t.Fatalf("receive: got %v, want ErrGone", err)
			}
			if err := b.Transmit(t.Context(), []byte{1}); !errors.Is(err, sik.ErrGone) {
				t.Fatalf("transmit: got %v, want ErrGone", err)
			}
			b.Close()
			b = open(t, again, sik.Opts{}, 64)
			sendAll(t, a, [][]byte{[]byte("back")})
			if p, err := b.Receive(t.Context()); err != nil || string(p.Data) != "back" {
				t.Fatalf("got %q, %v", p.Data, err)
			}
		}
		b.Close()
		b.Close()
	})
}

func TestGarbageBeforeTheFirstFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		a := r.Dial(0)
		b := open(t, r.Dial(1), sik.Opts{}, 64)
		defer b.Close()
		m := open(t, a, sik.Opts{}, 64)
		defer m.Close()
		a.Write(random(rand.New(rand.NewPCG(5, 5)), 700))
		sendAll(t, m, [][]byte{[]byte("first")})
		if p, err := b.Receive(t.Context()); err != nil || string(p.Data) != "first" {
			t.Errorf("got %q, %v", p.Data, err)
		}
	})
}

func TestFrameSizesAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, two...)
		defer stop()
		m, err := sik.Open(t.Context(), r.Dial(0), sik.Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Transmit(t.Context(), []byte{1}); err == nil || !strings.Contains(err.Error(), "not configured") {
			t.Errorf("got %v, want that it is not configured", err)
		}
		if err := m.Configure(t.Context(), sik.Opts{}.Modulation(869_525_000, 64), 14); err != nil {
			t.Fatal(err)
		}
		for n, want := range map[int]error{0: sik.ErrFrameSize, 243: nil, 244: sik.ErrFrameSize} {
			if err := m.Transmit(t.Context(), make([]byte, n)); !errors.Is(err, want) {
				t.Errorf("%d octets: got %v, want %v", n, err, want)
			}
		}
	})
}

// The pause that the duty cycle costs is in the pace: the radio's buffer does not fill.
func TestDutyCycleSlowsUsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, air, stop := rig(t, "", 0, two...)
		defer stop()
		o := sik.Opts{DutyPercent: 5}
		a, b := open(t, r.Dial(0), o, 64), open(t, r.Dial(1), o, 64)
		defer a.Close()
		defer b.Close()
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		got := collect(ctx, b)
		var before, after time.Duration
		r.Do(t.Context(), func(time.Time) { before = air.Airtime(0) })
		start := time.Now()
		want := make([][]byte, 200)
		for i := range want {
			want[i] = bytes.Repeat([]byte{byte(i)}, 243)
		}
		sendAll(t, a, want)
		time.Sleep(time.Minute)
		took := time.Since(start)
		r.Do(t.Context(), func(time.Time) { after = air.Airtime(0) })
		cancel()
		if all := <-got; !equal(all, want) {
			t.Errorf("%d of 200 came", len(all))
		}
		if share := float64(after-before) / float64(took); share > 0.055 {
			t.Errorf("%.1f %% of the time on the air, want 5", 100*share)
		}
	})
}

// The ledger counts by the modulation: what frames take on the air, beyond what idle radios say to each other, is not more.
func TestTheModulationBoundsWhatFramesTake(t *testing.T) {
	speeds := []uint32{4, 250, 16, 64}
	if testing.Short() {
		speeds = speeds[:2]
	}
	for _, kbps := range speeds {
		synctest.Test(t, func(t *testing.T) {
			r, air, stop := rig(t, "", 0, two...)
			defer stop()
			a, b := open(t, r.Dial(0), sik.Opts{}, kbps), open(t, r.Dial(1), sik.Opts{}, kbps)
			defer a.Close()
			defer b.Close()
			time.Sleep(30 * time.Second)
			over := func(frames int) (used time.Duration) {
				var before, after time.Duration
				r.Do(t.Context(), func(time.Time) { before = air.Airtime(0) })
				for i := range 60 {
					if i < frames {
						sendAll(t, a, [][]byte{make([]byte, 1+4*i)})
					}
					time.Sleep(5 * time.Second)
				}
				r.Do(t.Context(), func(time.Time) { after = air.Airtime(0) })
				return after - before
			}
			idle, used, counted := over(0), over(60), time.Duration(0)
			for i := range 60 {
				counted += sik.Opts{}.Modulation(869_525_000, kbps).TimeOnAir(1 + 4*i)
			}
			if used-idle > counted || used-idle < counted/5 {
				t.Errorf("%d kbit/s: 60 frames take %v, counted are %v", kbps, used-idle, counted)
			}
			t.Logf("%d kbit/s: idle %.1f %% of the time; 60 frames take %v, counted are %v", kbps, 100*idle.Seconds()/300, used-idle, counted)
		})
	}
}

// The radios have their settings already, which spares the restart: this test waits in real time.
func TestOverPseudoTerminals(t *testing.T) {
	set := boardsim.SiK{Stored: map[string]uint32{"MAVLINK": 0, "NUM_CHANNELS": 1, "MIN_FREQ": 869_524, "MAX_FREQ": 869_530, "TXPOWER": 14}}
	r, _, stop := rig(t, filepath.Join(t.TempDir(), "ports"), 0, set, set)
	defer stop()
	var m [2]*sik.Modem
	var opening sync.WaitGroup
	for i, path := range r.Paths() {
		port, err := board.OpenSerial(path, 57600)
		if err != nil {
			t.Fatal(err)
		}
		opening.Go(func() {
			if m[i], err = sik.Open(t.Context(), port, sik.Opts{Guard: 1050 * time.Millisecond}); err == nil {
				err = m[i].Configure(t.Context(), sik.Opts{}.Modulation(869_525_000, 64), 14)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	defer m[0].Close()
	defer m[1].Close()
	for _, way := range []struct{ from, to *sik.Modem }{{m[0], m[1]}, {m[1], m[0]}} {
		if err := way.from.Transmit(t.Context(), []byte("over the wire")); err != nil {
			t.Fatal(err)
		}
		if p, err := way.to.Receive(t.Context()); err != nil || string(p.Data) != "over the wire" {
			t.Fatalf("got %q, %v", p.Data, err)
		}
	}
}
