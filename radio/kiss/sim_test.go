//go:build linux

package kiss_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/radio/kiss"
	"packhorse/radio/sim"
)

var opts = kiss.Opts{LicenceFree: true}

// rig is two TNCs on one air, running until stop.
func rig(t *testing.T, dir string, loss float64, tnc boardsim.TNC) (r *boardsim.Rig, air *sim.Air, stop func()) {
	t.Helper()
	air, err := sim.New(sim.Config{Seed: 7, Loss: loss, Stations: []sim.Station{{Modem: sim.Bare}, {Modem: sim.Bare}}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = boardsim.NewRig(air, dir); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := r.AddKISS(i, tnc); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	return r, air, func() { cancel(); <-ended }
}

func open(t *testing.T, port io.ReadWriteCloser, o kiss.Opts, rate uint32) *kiss.Modem {
	t.Helper()
	m, err := kiss.Open(t.Context(), port, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Configure(t.Context(), o.Modulation(434_500_000, 12_500, rate), 10); err != nil {
		t.Fatal(err)
	}
	return m
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// collect receives until ctx ends.
func collect(ctx context.Context, m *kiss.Modem) <-chan [][]byte {
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
				panic("a TNC measures no signal")
			}
			got = append(got, p.Data)
		}
	}()
	return all
}

func sendAll(t *testing.T, m *kiss.Modem, frames [][]byte) {
	for i, f := range frames {
		if err := m.Transmit(context.Background(), f); err != nil {
			t.Errorf("frame %d: %v", i, err)
			return
		}
	}
}

func TestFramesOfAllSizesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.TNC{BitRate: 9600})
		defer stop()
		a, b := open(t, r.Dial(0), opts, 9600), open(t, r.Dial(1), opts, 9600)
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

// One way at a time: where both send at random, some frames collide, as on any channel.
func TestTwoThousandFramesWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, air, stop := rig(t, "", 0, boardsim.TNC{Queue: 3})
		defer stop()
		a, b := open(t, r.Dial(0), opts, 1200), open(t, r.Dial(1), opts, 1200)
		defer a.Close()
		defer b.Close()
		rnd := rand.New(rand.NewPCG(2, 2))
		var counted time.Duration
		for _, way := range []struct{ from, to *kiss.Modem }{{a, b}, {b, a}} {
			ctx, cancel := context.WithCancel(t.Context())
			got := collect(ctx, way.to)
			want := make([][]byte, 1000)
			for i := range want {
				want[i] = random(rnd, 1+rnd.IntN(256))
				if way.from == a {
					counted += opts.Modulation(434_500_000, 12_500, 1200).TimeOnAir(len(want[i]))
				}
			}
			sendAll(t, way.from, want)
			time.Sleep(time.Until(way.from.Clear()) + 10*time.Second)
			cancel()
			if all := <-got; !equal(all, want) {
				t.Errorf("%d frames came, want the %d in order", len(all), len(want))
			}
		}
		var used time.Duration
		r.Do(t.Context(), func(time.Time) { used = air.Airtime(0) })
		if used > counted || used < counted*2/3 {
			t.Errorf("the first has used %v of the air, counted are %v", used, counted)
		}
	})
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

func TestLossLosesFramesAndDamagesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0.1, boardsim.TNC{})
		defer stop()
		a, b := open(t, r.Dial(0), opts, 1200), open(t, r.Dial(1), opts, 1200)
		defer a.Close()
		defer b.Close()
		rnd := rand.New(rand.NewPCG(3, 3))
		sent := map[string]bool{}
		ctx, cancel := context.WithCancel(t.Context())
		got := collect(ctx, b)
		for range 300 {
			f := random(rnd, 8+rnd.IntN(249))
			sent[string(f)] = true
			sendAll(t, a, [][]byte{f})
		}
		time.Sleep(time.Until(a.Clear()) + 10*time.Second)
		cancel()
		all := <-got
		for _, f := range all {
			if !sent[string(f)] {
				t.Fatalf("nobody sent % x", f)
			}
		}
		if n := len(all); n < 240 || n > 290 {
			t.Errorf("%d of 300 came at 10 %% loss", n)
		}
	})
}

// Both send as fast as they are let: what the TNCs hold stays within their queues, since what is heard puts ours off.
func TestABusyChannelDoesNotFloodTheTNC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, air, stop := rig(t, "", 0, boardsim.TNC{Queue: 4, Seed: 3})
		defer stop()
		a, b := open(t, r.Dial(0), opts, 1200), open(t, r.Dial(1), opts, 1200)
		defer a.Close()
		defer b.Close()
		ctx, cancel := context.WithCancel(t.Context())
		atA, atB := collect(ctx, a), collect(ctx, b)
		done := make(chan struct{})
		frames := func() (f [][]byte) {
			for range 200 {
				f = append(f, make([]byte, 256))
			}
			return f
		}
		go func() { sendAll(t, a, frames()); close(done) }()
		sendAll(t, b, frames())
		<-done
		time.Sleep(3 * time.Minute)
		cancel()
		x, y := len(<-atA), len(<-atB)
		var sent uint64
		r.Do(t.Context(), func(time.Time) { sent = air.Stats(0).FramesSent + air.Stats(1).FramesSent })
		if sent != 400 {
			t.Errorf("%d frames left the TNCs, want all 400: their queues were full", sent)
		}
		if x+y < 390 { // all but those that both began within a millisecond
			t.Errorf("%d and %d of 200 received: do the TNCs wait for each other?", x, y)
		}
	})
}

func TestGarbageBeforeTheFirstFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, tnc := net.Pipe()
		m := open(t, &reading{ReadWriteCloser: host}, opts, 1200)
		defer m.Close()
		ui := []byte("\xc0\x00\xa0\x96\x90\xa4\xa6\x8a\xe0\x82\x84\x62\x86\x88\x8a\x6f\x03\xf0hi\xc0") // "hi" as a TNC gives it
		go func() {
			tnc.Write([]byte("\r\n*** Connected\r\ncmd:\xc0\xdb\x00\xc0\xc0\x0e\x00\x00ok\xc0"))
			tnc.Write(bytes.Repeat([]byte{0xDB}, 3000))
			tnc.Write(ui)
		}()
		p, err := m.Receive(t.Context())
		if err != nil || string(p.Data) != "hi" {
			t.Errorf("got %q, %v", p.Data, err)
		}
		if m.Lost() == 0 {
			t.Error("the damaged frames were not counted")
		}
	})
}

// reading is a port whose Write is taken by nobody and succeeds.
type reading struct{ io.ReadWriteCloser }

func (*reading) Write(b []byte) (int, error) { return len(b), nil }

func TestForeignTrafficIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.TNC{})
		defer stop()
		a, b := open(t, r.Dial(0), kiss.Opts{LicenceFree: true, Network: "APRS"}, 1200), open(t, r.Dial(1), opts, 1200)
		defer a.Close()
		defer b.Close()
		sendAll(t, a, [][]byte{{1, 2, 3}})
		time.Sleep(20 * time.Second)
		if got := b.Foreign(); got != 1 {
			t.Errorf("%d foreign frames, want 1", got)
		}
	})
}

func TestUnplugAndReplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.TNC{})
		defer stop()
		a, b := open(t, r.Dial(0), opts, 1200), open(t, r.Dial(1), opts, 1200)
		defer a.Close()
		for range 3 {
			again := r.Dial(1) // the old line ends
			if _, err := b.Receive(t.Context()); !errors.Is(err, kiss.ErrGone) {
				t.Fatalf("receive: got %v, want ErrGone", err)
			}
			if err := b.Transmit(t.Context(), []byte{1}); !errors.Is(err, kiss.ErrGone) {
				t.Fatalf("transmit: got %v, want ErrGone", err)
			}
			b.Close()
			b = open(t, again, opts, 1200)
			sendAll(t, a, [][]byte{[]byte("back")})
			if p, err := b.Receive(t.Context()); err != nil || string(p.Data) != "back" {
				t.Fatalf("got %q, %v", p.Data, err)
			}
		}
		b.Close()
		b.Close()
	})
}

func TestRefusesEncryptedTrafficOnAmateurBands(t *testing.T) {
	host, tnc := net.Pipe()
	_, err := kiss.Open(t.Context(), host, kiss.Opts{Callsign: "AB1CDE"})
	if !errors.Is(err, kiss.ErrEncrypted) {
		t.Fatalf("got %v, want ErrEncrypted", err)
	}
	if _, err := tnc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the port was not closed: %v", err)
	}
}

func TestFrameSizesAndEndOfPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.TNC{})
		defer stop()
		m := open(t, r.Dial(0), opts, 1200)
		defer m.Close()
		for n, want := range map[int]error{0: kiss.ErrFrameSize, 256: nil, 257: kiss.ErrFrameSize} {
			if err := m.Transmit(t.Context(), make([]byte, n)); !errors.Is(err, want) {
				t.Errorf("%d octets: got %v, want %v", n, err, want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Transmit(ctx, make([]byte, 256)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
	})
}

// exchange sends one frame each way, in real time.
func exchange(t *testing.T, a, b *kiss.Modem) {
	t.Helper()
	for _, way := range []struct{ from, to *kiss.Modem }{{a, b}, {b, a}} {
		if err := way.from.Transmit(t.Context(), []byte("over the wire")); err != nil {
			t.Fatal(err)
		}
		if p, err := way.to.Receive(t.Context()); err != nil || string(p.Data) != "over the wire" {
			t.Fatalf("got %q, %v", p.Data, err)
		}
	}
}

// quick is a TNC that keeps a test short.
var quick = kiss.Opts{LicenceFree: true, TXDelay: 10 * time.Millisecond, TXTail: 10 * time.Millisecond, Slot: 10 * time.Millisecond, Persistence: 255}

func TestOverPseudoTerminals(t *testing.T) {
	r, _, stop := rig(t, filepath.Join(t.TempDir(), "ports"), 0, boardsim.TNC{BitRate: 19200})
	defer stop()
	var m [2]*kiss.Modem
	for i, path := range r.Paths() {
		port, err := board.OpenSerial(path, 9600)
		if err != nil {
			t.Fatal(err)
		}
		m[i] = open(t, port, quick, 19200)
		defer m[i].Close()
	}
	exchange(t, m[0], m[1])
}

func TestOverTCP(t *testing.T) {
	r, _, stop := rig(t, "", 0, boardsim.TNC{BitRate: 19200})
	defer stop()
	var m [2]*kiss.Modem
	for i := range m {
		address, heard := serve(t, r.Dial(i))
		port, err := kiss.Dial(t.Context(), "tcp://"+address)
		if err != nil {
			t.Fatal(err)
		}
		m[i] = open(t, port, quick, 19200)
		defer m[i].Close()
		<-heard
	}
	exchange(t, m[0], m[1])
}

// serve lets one client have a line over TCP, and tells when the TNC has heard from it.
func serve(t *testing.T, line io.ReadWriteCloser) (address string, heard <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { io.Copy(c, line); c.Close() }()
		b := make([]byte, 64)
		n, _ := c.Read(b)
		line.Write(b[:n]) // a line in memory: it returns when the TNC has read
		close(first)
		io.Copy(line, c)
	}()
	t.Cleanup(func() { l.Close(); line.Close(); <-ended })
	return l.Addr().String(), first
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for address, want := range map[string]string{
		"localhost:8001":                "tcp://host:port",
		"tcp://":                        "tcp://host:port",
		"tcp://user@host:1":             "tcp://host:port",
		"tcp://" + l.Addr().String():    "KISSPORT",
		"http://127.0.0.1:8001":         "tcp://host:port",
		"tcp://127.0.0.1:8001/anything": "tcp://host:port",
	} {
		if _, err := kiss.Dial(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}

// Two TNCs whose hosts send without a pause: neither is kept from the channel for long by an estimate that the other's frames put
// off again and again.
func TestNobodyIsLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := rig(t, "", 0, boardsim.TNC{})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		worst := make(chan time.Duration)
		for i := range 2 {
			m := open(t, r.Dial(i), opts, 1200)
			defer m.Close()
			collect(ctx, m)
			go func() {
				rnd, most, from := rand.New(rand.NewPCG(uint64(i), 2)), time.Duration(0), time.Now()
				for m.Transmit(ctx, random(rnd, 1+rnd.IntN(256))) == nil {
					most, from = max(most, time.Since(from)), time.Now()
				}
				worst <- most
			}()
		}
		for range 2 {
			if most := <-worst; most > 65*time.Second {
				t.Errorf("one frame was held back for %v", most)
			}
		}
	})
}
