package radios

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/radio/sim"
)

// asleep asks the chip through its lines and registers: an SX126x holds BUSY high, an SX127x says so in RegOpMode.
func asleep(t *testing.T, h Host, p *board.Profile) bool {
	t.Helper()
	hw, err := h.Hardware(p)
	must(t, err)
	defer hw.Close()
	if hw.Busy != nil {
		return hw.Busy.Read() == gpio.High
	}
	c, err := hw.SPI.Connect(physic.MegaHertz, spi.Mode0, 8)
	must(t, err)
	b := make([]byte, 2)
	must(t, c.Tx([]byte{0x01, 0}, b))
	return b[1]&7 == 0
}

func TestRest(t *testing.T) {
	for _, s := range []seat{onWaveshare, onMeshAdv, onAdafruit} {
		synctest.Test(t, func(t *testing.T) {
			air, err := sim.New(sim.Config{Seed: 7, Stations: []sim.Station{{Modem: s.modem}}})
			must(t, err)
			rig, err := boardsim.NewRig(air, "")
			must(t, err)
			host, _, err := s.add(rig, 0)
			must(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { _ = rig.Run(ctx); close(ended) }()
			p, err := plan(t, s.text)
			must(t, err)
			time.Sleep(time.Second) // from the supply to standby
			if asleep(t, host, p.Board) {
				t.Error("asleep before: the test shows nothing")
			}
			must(t, Rest(t.Context(), host, p.Radio, p.Board))
			if !asleep(t, host, p.Board) {
				t.Errorf("%s is awake", p.Board.Name)
			}
			stop()
			<-ended
		})
	}
}

func TestRestLeavesOthersAlone(t *testing.T) {
	touched := errors.New("touched")
	h := Host{Hardware: func(*board.Profile) (*board.Hardware, error) { return nil, touched }}
	for _, s := range []seat{onRNode, onKISS, onE22} {
		p, err := plan(t, s.text)
		must(t, err)
		if err := Rest(t.Context(), h, p.Radio, p.Board); err != nil {
			t.Errorf("%s: %v", p.Radio.Kind, err)
		}
	}
	p, err := plan(t, onWaveshare.text)
	must(t, err)
	if err := Rest(t.Context(), h, p.Radio, p.Board); !errors.Is(err, touched) {
		t.Errorf("a board that cannot be opened: %v", err)
	}
}
