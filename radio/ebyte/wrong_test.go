package ebyte

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio/stream"

	"periph.io/x/conn/v3/gpio"
)

// liar is a module that answers as it is told.
type liar struct {
	net.Conn
	bauds []int
	fails error
}

func (l *liar) SetBaud(baud int) error { l.bauds = append(l.bauds, baud); return l.fails }

// lie opens a port on which each command gets the next answer; nil is none.
func lie(answers ...[]byte) *liar {
	near, far := net.Pipe()
	go func() {
		b := make([]byte, 64)
		for _, a := range answers {
			if _, err := far.Read(b); err != nil {
				return
			}
			if a != nil {
				_, _ = far.Write(a)
			}
		}
		for {
			if _, err := far.Read(b); err != nil {
				return
			}
		}
	}()
	return &liar{Conn: near}
}

// fixed is a pin whose level nobody changes.
type fixed struct {
	gpio.PinIO
	level gpio.Level
}

func (f fixed) Name() string                  { return "GPIO1" }
func (f fixed) In(gpio.Pull, gpio.Edge) error { return nil }
func (f fixed) Out(gpio.Level) error          { return nil }
func (f fixed) Read() gpio.Level              { return f.level }

func (f fixed) WaitForEdge(d time.Duration) bool {
	time.Sleep(d)
	return false
}

// tied are mode pins that nobody listens to, and AUX at a level.
func tied(aux gpio.Level) Opts {
	return Opts{Band: E22Band900, M0: fixed{}, M1: fixed{}, AUX: fixed{level: aux}}
}

var productAnswer = []byte{0xC1, 0x80, 7, 0, 0x22, 0x10, 0x16, 0x0B, 0, 0}

func TestE22WrongAnswers(t *testing.T) {
	written := func(r ...byte) []byte { return append([]byte{0xC1, 0, 9}, r...) }
	good := []byte{0, 0, 0, 0xE7, 0x20, 19, 0x83, 0, 0}
	read := append([]byte{0xC1, 0, 7}, good[:7]...)
	has := append([]byte{0xC1, 0, 7}, 0, 0, 0, 0x62, 0, 18, 3) // as modules come
	var register *RegisterError
	var answer *AnswerError
	for _, tc := range []struct {
		name    string
		answers [][]byte
		wrong   func(error) bool
	}{
		{"right", [][]byte{productAnswer, has, written(good...), read}, func(err error) bool { return err == nil }},
		{"nothing to change", [][]byte{productAnswer, read, written(good...), read}, func(err error) bool { return err == nil }},
		{"refused at the writing", [][]byte{productAnswer, has, {0xFF, 0xFF, 0xFF}}, func(err error) bool { return errors.Is(err, ErrRefused) }},
		{"refused", [][]byte{productAnswer, {0xFF, 0xFF, 0xFF}}, func(err error) bool { return errors.Is(err, ErrRefused) }},
		{"silent", [][]byte{productAnswer, nil}, func(err error) bool { return errors.Is(err, ErrNoModule) }},
		{"garbage", [][]byte{productAnswer, bytes.Repeat([]byte{0x5A}, 400)}, func(err error) bool { return errors.As(err, &answer) }},
		{"short", [][]byte{productAnswer, has, written(good[:4]...)}, func(err error) bool { return errors.As(err, &answer) }},
		{"another register", [][]byte{productAnswer, has, written(good...), {0xC1, 1, 7, 0, 0, 0, 0, 0, 0, 0}}, func(err error) bool { return errors.As(err, &answer) }},
		{"not taken", [][]byte{productAnswer, has, written(good...), {0xC1, 0, 7, 0, 0, 0, 0xE7, 0x20, 18, 0x83}}, func(err error) bool {
			return errors.As(err, &register) && register.Address == 5 && register.Want == 19 && register.Got == 18
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			port := lie(tc.answers...)
			e, err := OpenE22(context.Background(), port, tied(gpio.High))
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			m, _ := Modulation(freq900, 62_500)
			if err := e.Configure(context.Background(), m, 22); !tc.wrong(err) {
				t.Errorf("%s: got %v", tc.name, err)
			}
			e.Close()
			if port.bauds[0] != 9600 {
				t.Errorf("%s: configured at %d baud", tc.name, port.bauds[0])
			}
		})
	}
}

func TestNoModule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := OpenE22(context.Background(), lie(nil), tied(gpio.High)); !errors.Is(err, ErrNoModule) {
			t.Errorf("nobody there: got %v", err)
		}
		if _, err := OpenE22(context.Background(), lie(nil), tied(gpio.Low)); !errors.Is(err, ErrStuck) {
			t.Errorf("AUX low: got %v", err)
		}
		o := tied(gpio.High)
		o.M1 = nil
		if _, err := OpenE22(context.Background(), lie(nil), o); err == nil || !strings.Contains(err.Error(), "one of M0 and M1") {
			t.Errorf("one mode pin: got %v", err)
		}
		if _, err := OpenE22(context.Background(), lie(nil), Opts{Band: E32Band868}); err == nil || !strings.Contains(err.Error(), "band") {
			t.Errorf("another series: got %v", err)
		}
		if _, err := OpenE22(context.Background(), lie(nil), Opts{Band: E22Band900, Baud: 12345}); err == nil || !strings.Contains(err.Error(), "12345") {
			t.Errorf("baud: got %v", err)
		}
		port := lie(nil)
		port.fails = errors.New("no such rate")
		if _, err := OpenE22(context.Background(), port, tied(gpio.High)); !errors.Is(err, port.fails) {
			t.Errorf("rate: got %v", err)
		}
	})
}

// A frame whose octet of signal strength got lost is late, not lost.
func TestMissingSignalOctet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := lie(productAnswer, append(stream.Append(nil, []byte("one")), 0xA0), stream.Append(nil, []byte("two")))
		e, err := OpenE22(context.Background(), port, tied(gpio.High))
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, want := range []string{"one", "two"} {
			start := time.Now()
			_, _ = port.Write([]byte{0})
			p, err := e.Receive(context.Background())
			if err != nil || string(p.Data) != want || p.HasSignal != (want == "one") || time.Since(start) > time.Second {
				t.Errorf("got %q (%v) after %v, %v", p.Data, p.HasSignal, time.Since(start), err)
			}
		}
	})
}

// A module that is configured at another rate than 9600 hears garbage, so the simulated one must refuse.
func TestTheRateOfTheLineMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 0, e22s(board.E22{}))
		port := &deafToBaud{b.port(0)}
		if _, err := OpenE22(b.ctx, port, b.wired(0, Opts{Band: E22Band900})); err == nil {
			t.Error("at 115200 baud: got no error")
		}
	})
}

// deafToBaud stays at 115200 baud whatever it is told.
type deafToBaud struct{ Port }

func (d *deafToBaud) SetBaud(int) error { return d.Port.SetBaud(115200) }

func TestGarbageOnTheLineHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		e, err := OpenE22(context.Background(), &liar{Conn: near}, Opts{Band: E22Band900})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_, _ = far.Write(bytes.Repeat([]byte{'+', 0xC1, 0, 2, 0xFF}, 2000))
		if p, err := e.Receive(ctx); err == nil {
			t.Errorf("garbage became the frame %x", p.Data)
		}
		if e.Lost() == 0 {
			t.Error("nothing was counted")
		}
		far.Close()
		if _, err := e.Receive(context.Background()); !errors.Is(err, ErrGone) {
			t.Errorf("unplugged: got %v", err)
		}
	})
}
