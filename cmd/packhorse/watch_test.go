package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/link/port"
)

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

type fakeDog struct {
	fed    []time.Duration // since the start
	start  time.Time
	closed bool
}

func (d *fakeDog) Feed() error            { d.fed = append(d.fed, time.Since(d.start)); return nil }
func (d *fakeDog) Timeout() time.Duration { return time.Minute }
func (d *fakeDog) Close() error           { d.closed = true; return nil }

func TestTheWatchdogIsFedWhileTheGatewayAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDog{start: time.Now()}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		hangs := d.start.Add(5 * time.Minute)
		feed(ctx, d, func(ctx context.Context) bool {
			if time.Now().Before(hangs) {
				return true
			}
			<-ctx.Done()
			return false
		}, quiet)
		if n := len(d.fed); n < 15 || d.fed[n-1] > 5*time.Minute || d.fed[n-1] < 4*time.Minute {
			t.Errorf("fed %d times, at last after %v; want until it hung at 5m", n, d.fed)
		}
		for i := 1; i < len(d.fed); i++ {
			if d.fed[i]-d.fed[i-1] > d.Timeout()/2 {
				t.Errorf("hungry for %v", d.fed[i]-d.fed[i-1])
			}
		}
		if !d.closed {
			t.Error("a gateway that is stopped leaves the watchdog armed")
		}
	})
}

// fakeTransport runs until its context ends.
type fakeTransport struct{ ran chan struct{} }

func (fakeTransport) Name() string { return "lora0" }

func (f fakeTransport) Run(ctx context.Context, _ port.Host) error {
	close(f.ran)
	<-ctx.Done()
	return nil
}

type sick struct {
	port.Host
	said []port.Health
}

func (s *sick) Health(v port.Health) { s.said = append(s.said, v) }

func TestABoardThatIsPluggedInLaterIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries, f, h := 0, fakeTransport{make(chan struct{})}, &sick{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			_ = searching{"lora0", func() (port.Transport, error) {
				if tries++; tries < 3 {
					return nil, errors.New("no board was found")
				}
				return f, nil
			}}.Run(ctx, h)
			close(ended)
		}()
		start := time.Now()
		<-f.ran
		if d := time.Since(start); d != 2*searchAgain || len(h.said) != 2 || h.said[0].Problem != "no board was found" || h.said[0].Fix == "" || h.said[0].Transport != "lora0" {
			t.Errorf("after %v: got %+v", d, h.said)
		}
		stop()
		<-ended
	})
}

type pipe struct{ net.Conn }

func (pipe) SetBaud(int) error { return nil }

func TestAReceiverThatIsUnpluggedComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ports := make(chan net.Conn, 1)
		a := &app{hands: &radios.Host{Serial: func(path string, baud int) (radios.Port, error) {
			if path != "/dev/gps" || baud != gpsBaud {
				t.Errorf("opened %s at %d", path, baud)
			}
			host, receiver := net.Pipe()
			ports <- receiver
			return pipe{host}, nil
		}}}
		ctx, stop := context.WithCancel(t.Context())
		var g board.GPS
		ended := make(chan struct{})
		go func() { a.readGPS(ctx, "/dev/gps", &g, quiet); close(ended) }()
		(<-ports).Close()
		again := <-ports // half a minute later
		for _, s := range []string{"$GPRMC,120000.00,A,4807.038,N,01131.000,E,0.0,0.0,211126,,,A*58\r\n", "$GPRMC,120001.00,A,4807.038,N,01131.000,E,0.0,0.0,211126,,,A*59\r\n"} {
			if _, err := io.WriteString(again, s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if at, ok := g.Time(time.Now()); !ok || at.Format("2006-01-02 15:04") != "2026-11-21 12:00" {
			t.Errorf("got %v, %v, want noon", at, ok)
		}
		stop()
		<-ended
	})
}
