package rnode

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpenFindsTheModem(t *testing.T) {
	for name, f := range map[string]*fake{
		"at once":                    {},
		"octet by octet":             {slow: true},
		"after it restarted":         {deaf: 3},
		"the oldest firmware":        {minor: 52},
		"without an answer to READY": {noReady: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := open(t, f, Opts{})
			defer m.Close()
			if got := m.Info(); got.Minor != f.minor || got.Platform != 0x80 {
				t.Errorf("%s: got %+v", name, got)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *fake
		want string
	}{
		{"nothing answers", &fake{silent: true}, "no RNode answers"},
		{"old firmware", &fake{minor: 51}, "1.51 (ESP32) is too old"},
		{"something else answers", &fake{wrong: map[byte][]byte{0x08: {0x47}}}, "no RNode answers"},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := Open(context.Background(), wire(c.f), Opts{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
		})
	}
}

func TestOpenThroughBootTextAndGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{deaf: 1}
		host := wire(f)
		go func() {
			f.port.Write([]byte("ets Jul 29 2019 12:21:46\r\nrst:0x1 \xc0\xdb\x00\xff\xc0"))
			f.port.Write(bytes.Repeat([]byte{0x55}, 3000))
		}()
		m, err := Open(context.Background(), host, Opts{})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		if m.Lost() == 0 {
			t.Error("the damaged frame was not counted")
		}
	})
}

func TestConfigureComparesEveryEcho(t *testing.T) {
	for _, c := range []struct {
		what string
		echo map[byte][]byte
	}{
		{"frequency", map[byte][]byte{cmdFrequency: {0x33, 0xD3, 0xE7, 0x00}}},
		{"bandwidth", map[byte][]byte{cmdBandwidth: {0, 0, 0xF4, 0x24}}},
		{"transmit power", map[byte][]byte{cmdTxPower: {14}}},
		{"spreading factor", map[byte][]byte{cmdSpreading: {8}}},
		{"coding rate", map[byte][]byte{cmdCoding: {6}}},
		{"radio state", map[byte][]byte{cmdState: {1}}},
		{"short airtime limit", map[byte][]byte{cmdShortLock: {0, 1}}},
		{"coding rate", map[byte][]byte{cmdCoding: {0, 5}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			m, err := Open(context.Background(), wire(&fake{wrong: c.echo}), Opts{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			err = m.Configure(context.Background(), testMod, 17)
			var echo *EchoError
			if !errors.As(err, &echo) || echo.What != c.what {
				t.Errorf("%s: got %v, want an EchoError naming it", c.what, err)
			}
			if err := m.Transmit(context.Background(), []byte{1}); err == nil {
				t.Errorf("%s: transmitted without a verified setting", c.what)
			}
		})
	}
}

func TestConfigureSendsWhatTheFirmwareReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		m.Close()
		synctest.Wait()
		want := []byte{8, 0x50, 0x48, 0x49, 0x51, 6, 1, 2, 3, 4, 5, 0xB, 0xC, 0xE, 6, 1, 2, 3, 4, 5, 0xF, 6, 0xA}
		if !bytes.Equal(f.commands, want) {
			t.Errorf("got % x, want % x", f.commands, want)
		}
	})
}

func TestConfigureRefusesNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, &fake{}, Opts{})
		defer m.Close()
		bad := testMod
		bad.SpreadingFactor = 13
		if err := m.Configure(context.Background(), bad, 17); err == nil {
			t.Error("SF13: got no error")
		}
		if err := m.Configure(context.Background(), testMod, -1); err == nil {
			t.Error("-1 dBm: got no error")
		}
	})
}

func TestBandwidthNames(t *testing.T) {
	for hz, want := range map[uint32]uint32{7_812: 7_800, 41_666: 41_700, 62_500: 62_500, 125_000: 125_000} {
		if got := bandwidthName(hz); got != want {
			t.Errorf("%d: got %d, want %d", hz, got, want)
		}
	}
}

func TestReceiveWithSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{slow: true}
		m := open(t, f, Opts{})
		defer m.Close()
		want := []byte{0xC0, 1, 0xDB, 0xDC, 0xDD, 0}
		go func() {
			f.say(cmdRSSI, 157-90)
			f.say(cmdSNR, 0xDB) // -9.25 dB, escaped on the wire
			f.say(cmdData, want...)
			f.say(cmdData, 7)
			f.say(cmdData, make([]byte, 300)...)
			f.say(cmdData)
		}()
		p, err := m.Receive(context.Background())
		if err != nil || !bytes.Equal(p.Data, want) || p.RSSIdBm != -90 || p.SNRdB != -9.25 || !p.HasSignal {
			t.Errorf("got %+v, %v", p, err)
		}
		p, err = m.Receive(context.Background())
		if err != nil || !bytes.Equal(p.Data, []byte{7}) || p.HasSignal {
			t.Errorf("without signal: got %+v, %v", p, err)
		}
		synctest.Wait()
		if got := m.Lost(); got != 2 {
			t.Errorf("too long and empty: got %d lost, want 2", got)
		}
	})
}

func TestReceiverThatSleepsLosesFramesNotMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		for range 100 {
			f.say(cmdData, 1)
		}
		synctest.Wait()
		if got := m.Lost(); got != 100-frameQueue {
			t.Errorf("got %d lost, want %d", got, 100-frameQueue)
		}
	})
}

func TestTransmitKeepsTheQueueShort(t *testing.T) {
	for _, c := range []struct {
		name  string
		opts  Opts
		depth int
	}{{"the least", Opts{Burst: 1}, 2}, {"by default", Opts{}, 4}, {"a burst of 2.5 s", Opts{Burst: 2500 * time.Millisecond}, 6}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			m := open(t, f, c.opts)
			defer m.Close()
			if got := m.Capabilities().QueueDepth; got != c.depth {
				t.Errorf("%s: depth %d, want %d", c.name, got, c.depth)
			}
			air := m.mod.TimeOnAir(255)
			for i := range 40 {
				if err := m.Transmit(context.Background(), bytes.Repeat([]byte{byte(i)}, 254)); err != nil {
					t.Fatalf("%s: frame %d: %v", c.name, i, err)
				}
			}
			synctest.Wait()
			for i := c.depth; i < len(f.at); i++ {
				// The frames before it, less those that may still be queued, take this long.
				if least := time.Duration(i-c.depth+1) * air; f.at[i].Sub(f.at[0]) < least {
					t.Fatalf("%s: frame %d came after %v, want at least %v", c.name, i, f.at[i].Sub(f.at[0]), least)
				}
			}
			if got := len(f.data); got != 40 {
				t.Errorf("%s: %d frames at the modem, want 40", c.name, got)
			}
		})
	}
}

func TestTransmitWaitsForReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		f.full = 5
		start := time.Now()
		if err := m.Transmit(context.Background(), []byte{1}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := f.at[0].Sub(start), 5*m.mod.TimeOnAir(255)/2; got != want {
			t.Errorf("sent after %v, want %v", got, want)
		}
	})
}

func TestTransmitWithoutFlowControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{noReady: true}
		m := open(t, f, Opts{})
		defer m.Close()
		for range 3 {
			if err := m.Transmit(context.Background(), []byte{1}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if slices.Contains(f.commands[21:], cmdReady) {
			t.Error("asks a firmware that never answers")
		}
	})
}

func TestTransmitToAModemThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		f.silent = true
		if err := m.Transmit(context.Background(), []byte{1}); !errors.Is(err, ErrSilent) {
			t.Errorf("got %v, want ErrSilent", err)
		}
	})
}

func TestFrameSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, &fake{}, Opts{})
		defer m.Close()
		for n, want := range map[int]error{0: ErrFrameSize, 1: nil, 254: nil, 255: ErrFrameSize} {
			if err := m.Transmit(context.Background(), make([]byte, n)); !errors.Is(err, want) {
				t.Errorf("%d octets: got %v, want %v", n, err, want)
			}
		}
	})
}

func TestUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		go func() {
			time.Sleep(time.Second)
			f.port.Close()
		}()
		if _, err := m.Receive(context.Background()); !errors.Is(err, ErrGone) {
			t.Errorf("receive: got %v, want ErrGone", err)
		}
		if err := m.Transmit(context.Background(), []byte{1}); !errors.Is(err, ErrGone) {
			t.Errorf("transmit: got %v, want ErrGone", err)
		}
		m.Close()
		m.Close()
	})
}

func TestModemErrors(t *testing.T) {
	for code, fatal := range map[byte]bool{errInitRadio: true, errTxFailed: true, errModemTimeout: true, errQueueFull: false, errMemoryLow: false, 0x77: false} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			m := open(t, f, Opts{})
			defer m.Close()
			f.say(cmdError, code)
			synctest.Wait()
			err := m.Transmit(context.Background(), []byte{1})
			var got *ModemError
			if !errors.As(err, &got) || got.Code != code {
				t.Errorf("%02x: got %v, want a ModemError", code, err)
			}
			if err := m.Transmit(context.Background(), []byte{1}); (err != nil) != fatal {
				t.Errorf("%02x: the next transmission: got %v, fatal is %v", code, err, fatal)
			}
		})
	}
}

func TestRestartOfTheModemEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		f.say(cmdReset, resetKey)
		if _, err := m.Receive(context.Background()); !errors.Is(err, ErrGone) {
			t.Errorf("got %v, want ErrGone", err)
		}
	})
}

func TestContextEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, &fake{}, Opts{})
		defer m.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := m.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("receive: got %v, want deadline", err)
		}
		if err := m.Transmit(ctx, []byte{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("transmit: got %v, want deadline", err)
		}
	})
}
