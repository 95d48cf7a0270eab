package ebyte

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio"
)

func (b *bench) configureE32(e *E32, airRate uint32, dBm int) {
	b.t.Helper()
	m, err := E32Modulation(freq868, airRate)
	if err == nil {
		err = e.Configure(b.ctx, m, dBm)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestE32EveryRateAndPower(t *testing.T) {
	for _, kind := range []board.E32{{}, {Echo: true}, {Watt: true}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 2, 0, e32s(kind))
			o := b.wired(0, Opts{Watt: kind.Watt})
			if kind.Echo {
				o.AUX = nil
			}
			x, y := b.e32(0, o), b.e32(1, b.wired(1, Opts{Watt: kind.Watt}))
			if v := x.Version(); !bytes.Equal(v, []byte{0xC3, 0x45, 0x10, 0x14}) {
				t.Errorf("version % x", v)
			}
			all := e32Powers
			if kind.Watt {
				all = wattPowers
			}
			for i, r := range rates[:e32Rates] {
				b.configureE32(x, r.nominal, all[i%4])
				b.configureE32(y, r.nominal, all[i%4])
				if err := x.Transmit(b.ctx, []byte("at every rate")); err != nil {
					t.Fatal(err)
				}
				if p := b.next(y); string(p.Data) != "at every rate" || p.HasSignal {
					t.Errorf("%d bit/s: got %+v", r.nominal, p)
				}
			}
		})
	}
}

func TestE32EverySizeBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e32s(board.E32{}))
		x, y := b.e32(0, b.wired(0, Opts{})), b.e32(1, b.wired(1, Opts{}))
		b.configureE32(x, 19_200, 20)
		b.configureE32(y, 19_200, 20)
		r := rand.New(rand.NewPCG(1, 2))
		for n := 1; n <= e32MaxFrame; n++ {
			want := frame(r, n)
			if err := x.Transmit(b.ctx, want); err != nil {
				t.Fatal(err)
			}
			if p := b.next(y); !bytes.Equal(p.Data, want) {
				t.Fatalf("%d octets: got %x, want %x", n, p.Data, want)
			}
			x, y = y, x
		}
	})
}

func TestE32FramesInARow(t *testing.T) {
	for _, tc := range []struct {
		aux  bool
		loss float64
	}{{true, 0}, {false, 0}, {true, 0.1}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 2, tc.loss, e32s(board.E32{}))
			o := b.wired(0, Opts{})
			if !tc.aux {
				o.AUX = nil
			}
			x, y := b.e32(0, o), b.e32(1, b.wired(1, Opts{}))
			b.configureE32(x, 19_200, 20)
			b.configureE32(y, 19_200, 20)
			came, _ := exchange(b, x, y, 500, e32MaxFrame)
			if tc.loss == 0 && came != 500 || tc.loss > 0 && (came < 350 || came > 490) {
				t.Errorf("%+v: %d of 500 came", tc, came)
			}
			if n := b.rig.EbyteOverrun(0); n != 0 {
				t.Errorf("%d octets overran the module", n)
			}
		})
	}
}

func TestE32SaysWhatItCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 0, e32s(board.E32{}))
		e := b.e32(0, b.wired(0, Opts{}))
		c := e.Capabilities()
		if _, senses := any(e).(radio.Sensor); senses || c.OwnMediumAccess || c.ReportsSNR {
			t.Errorf("an E32 claims too much: %+v", c)
		}
		m, _ := E32Modulation(freq868, 2400)
		if err := e.Configure(b.ctx, m, 22); err == nil || !strings.Contains(err.Error(), "20, 17, 14 or 10") {
			t.Errorf("power: got %v", err)
		}
		m.FrequencyHz += 1000
		if err := e.Configure(b.ctx, m, 20); err == nil || !strings.Contains(err.Error(), "the nearest is 868.0 MHz") {
			t.Errorf("frequency: got %v", err)
		}
		if _, err := E32Modulation(freq868, 38_400); err == nil {
			t.Error("38.4k: got no error")
		}
		if _, err := OpenE32(b.ctx, b.port(0), Opts{Band: E32Band868, LBT: true}); err == nil || !strings.Contains(err.Error(), "no LBT") {
			t.Errorf("LBT: got %v", err)
		}
	})
}

func TestE32UnpluggedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e32s(board.E32{}))
		x, y := b.e32(0, b.wired(0, Opts{})), b.e32(1, b.wired(1, Opts{}))
		b.configureE32(x, 19_200, 20)
		b.configureE32(y, 19_200, 20)
		b.port(0)
		if err := x.Transmit(b.ctx, []byte{1}); !errors.Is(err, ErrGone) {
			t.Errorf("got %v, want ErrGone", err)
		}
		x.Close()
		b.rig.Restart(b.ctx, 0)
		x = b.e32(0, b.wired(0, Opts{}))
		b.configureE32(x, 19_200, 20)
		if err := x.Transmit(b.ctx, []byte("back")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "back" {
			t.Errorf("got %q", p.Data)
		}
	})
}

func TestE32ADipOfThePowerChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, 0, e32s(board.E32{}))
		x, y := b.e32(0, b.wired(0, Opts{})), b.e32(1, b.wired(1, Opts{}))
		for range 2 {
			b.configureE32(x, 9600, 10)
			b.configureE32(y, 9600, 10)
		}
		b.rig.Restart(b.ctx, 0)
		time.Sleep(time.Second)
		if err := x.Transmit(b.ctx, []byte("as it was")); err != nil {
			t.Fatal(err)
		}
		if p := b.next(y); string(p.Data) != "as it was" {
			t.Errorf("got %q", p.Data)
		}
	})
}
