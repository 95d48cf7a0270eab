package ebyte

import (
	"context"
	"testing"
	"time"

	hw "packhorse/board"
	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/sim"
)

// Once over real pseudo-terminals, in real time: rates of the line, pins and frames.
func TestOverPseudoTerminals(t *testing.T) {
	for _, series := range []string{"E22", "E32"} {
		bare := sim.Station{Modem: sim.Bare}
		air, err := sim.New(sim.Config{Stations: []sim.Station{bare, bare}})
		if err != nil {
			t.Fatal(err)
		}
		rig, err := board.NewRig(air, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		add := e22s(board.E22{})
		if series == "E32" {
			add = e32s(board.E32{})
		}
		for i := range 2 {
			if err := add(rig, i); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
		ended := make(chan struct{})
		go func() { _ = rig.Run(ctx); close(ended) }()
		b := &bench{t: t, ctx: ctx, air: air, rig: rig}
		b.overTerminals(series)
		stop()
		<-ended
	}
}

func (b *bench) overTerminals(series string) {
	var x, y radio.Radio
	for i, to := range []*radio.Radio{&x, &y} {
		port, err := hw.OpenSerial(b.rig.Paths()[i], configBaud)
		if err != nil {
			b.t.Fatal(err)
		}
		if *to, err = b.openSeries(series, i, port); err != nil {
			b.t.Fatalf("%s %d: %v", series, i, err)
		}
		defer (*to).Close()
	}
	want := "over a real line, with + and \x00\xff"
	if err := x.Transmit(b.ctx, []byte(want)); err != nil {
		b.t.Fatal(err)
	}
	if p := b.next(y); string(p.Data) != want {
		b.t.Errorf("%s: got %q", series, p.Data)
	}
}

func (b *bench) openSeries(series string, station int, port Port) (radio.Radio, error) {
	if series == "E32" {
		e, err := OpenE32(b.ctx, port, b.wired(station, Opts{Band: E32Band868}))
		if err != nil {
			return nil, err
		}
		m, _ := E32Modulation(freq868, 19_200)
		return e, e.Configure(b.ctx, m, 20)
	}
	e, err := OpenE22(b.ctx, port, b.wired(station, Opts{Band: E22Band900}))
	if err != nil {
		return nil, err
	}
	m, _ := Modulation(freq900, 62_500)
	return e, e.Configure(b.ctx, m, 22)
}
