//go:build linux

package radios

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// lamps is a computer with three lamps, in files.
type lamps struct {
	t   *testing.T
	dir string
}

func newLamps(t *testing.T) lamps {
	l := lamps{t, t.TempDir()}
	for _, name := range []string{"rx", "tx", "alarm"} {
		dir := filepath.Join(l.dir, "sys/class/leds", name)
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "trigger"), []byte("none [heartbeat] timer\n"), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, "brightness"), []byte("0"), 0o644))
	}
	return l
}

func (l lamps) open(board.LEDMap) (board.LEDs, error) {
	return board.Host{Root: l.dir}.OpenLEDs(board.LEDMap{Rx: "led:rx", Tx: "led:tx", Alarm: "led:alarm"})
}

// lit tells which lamps shine.
func (l lamps) lit() (names string) {
	for _, name := range []string{"rx", "tx", "alarm"} {
		b, err := os.ReadFile(filepath.Join(l.dir, "sys/class/leds", name, "brightness"))
		must(l.t, err)
		if b[0] == '1' {
			names += name + " "
		}
	}
	return strings.TrimSpace(names)
}

// shell is the gateway's side of a transport.
type shell struct {
	port.Host
	mu     sync.Mutex
	health []port.Health
	frames chan []byte
}

func (s *shell) Open(link.PortUp) port.Handle            { return &handle{s} }
func (s *shell) LoadState(string) ([]byte, error)        { return nil, nil }
func (s *shell) LeftBehind() ([][]byte, error)           { return nil, nil }
func (s *shell) SaveState(string, []byte) error          { return nil }
func (s *shell) Health(v port.Health)                    { s.mu.Lock(); s.health = append(s.health, v); s.mu.Unlock() }
func (h *handle) Frame(b []byte, _ link.Meta)            { h.s.frames <- bytes.Clone(b) }
func (h *handle) Next(c context.Context) ([]byte, error) { <-c.Done(); return nil, c.Err() }

type handle struct{ s *shell }

func (*handle) Tunes() <-chan int      { return nil }
func (*handle) Tuned(int, bool)        {}
func (*handle) Budget(link.PortBudget) {}
func (*handle) Clear(time.Time)        {}
func (*handle) Close()                 {}

func TestATransportHasItsTraceAndItsLamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air, err := sim.New(sim.Config{Seed: 7, Stations: []sim.Station{{Modem: sim.Chip}, {Modem: sim.RNode}}})
		must(t, err)
		rig, err := boardsim.NewRig(air, "")
		must(t, err)
		trace := filepath.Join(t.TempDir(), "r.pcapng")
		p, err := plan(t, onWaveshare.text+"trace = \""+trace+"\"\n")
		must(t, err)
		host, _, err := onWaveshare.add(rig, 0)
		must(t, err)
		far, err := plan(t, onRNode.text)
		must(t, err)
		farHost, _, err := onRNode.add(rig, 1)
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var side sync.WaitGroup
		defer side.Wait()
		defer stop()
		side.Go(func() { _ = rig.Run(ctx) })

		l := newLamps(t)
		broken := true
		works := host.Hardware
		host.Hardware = func(b *board.Profile) (*board.Hardware, error) {
			if broken {
				return nil, errors.New("no board")
			}
			return works(b)
		}
		tr, err := Transport(p, host, Side{LEDs: l.open, App: "test", Warn: func(what string, err error) { t.Errorf("%s: %v", what, err) }})
		must(t, err)
		s := &shell{frames: make(chan []byte, 1)}
		life, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = tr.Run(life, s); close(ended) }()
		synctest.Wait()
		if got := l.lit(); got != "alarm" {
			t.Errorf("without a board: %q shines, want alarm", got)
		}
		broken = false
		time.Sleep(2 * time.Second)
		if got := l.lit(); got != "" {
			t.Errorf("with a board: %q shines", got)
		}
		b := ready(t, far, farHost)
		must(t, b.Transmit(t.Context(), []byte("a frame of the other")))
		if got := <-s.frames; string(got) != "a frame of the other" {
			t.Errorf("got %q", got)
		}
		if got := l.lit(); got != "rx" {
			t.Errorf("at a frame: %q shines, want rx", got)
		}
		must(t, b.Close())
		end()
		<-ended
		if got := l.lit(); got != "" {
			t.Errorf("afterwards: %q shines", got)
		}
		if text, err := os.ReadFile(trace); err != nil || !bytes.Contains(text, []byte("a frame of the other")) {
			t.Errorf("the trace has %d octets, %v", len(text), err)
		}
	})
}

// mute takes frames.
type mute struct{ radio.Radio }

func (mute) Transmit(context.Context, []byte) error { return nil }

func TestALampShowsEachTransmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLamps(t)
		leds, err := l.open(board.LEDMap{})
		must(t, err)
		must(t, (&lit{mute{}, leds}).Transmit(t.Context(), []byte("x")))
		if got := l.lit(); got != "tx" {
			t.Errorf("%q shines, want tx", got)
		}
		time.Sleep(time.Second)
		if got := l.lit(); got != "" {
			t.Errorf("a second later %q shines", got)
		}
		for _, led := range []*board.LED{leds.Rx, leds.Tx, leds.Alarm} {
			must(t, led.Close())
		}
	})
}

func TestABoardIsFoundByItsNameOrByItsChip(t *testing.T) {
	list, err := board.LoadProfiles("")
	must(t, err)
	chips := map[string]bool{}
	f := &Finder{HAT: func() board.HAT { return board.HAT{} }, Open: func(p *board.Profile) (*board.Hardware, error) {
		if !chips[p.Name] {
			return nil, &board.DeviceError{What: "there is no " + p.SPI.Device, Fix: "SPI is not enabled", Err: os.ErrNotExist}
		}
		var port spi.PortCloser = boardsim.NewSX127x(0x12)
		return &board.Hardware{Profile: p, SPI: port}, nil
	}}
	if p, err := f.Known(list, ""); p != nil || err != nil {
		t.Errorf("no EEPROM: got %v, %v", p, err)
	}
	if _, err := f.Find(list, "", nil); err == nil || !strings.Contains(err.Error(), "SPI is not enabled") {
		t.Errorf("nothing there: got %v", err)
	}
	chips["uputronics-ce0"], chips["uputronics-ce1"] = true, true
	if _, err := f.Find(list, "", nil); err == nil || !strings.Contains(err.Error(), "uputronics-ce0, uputronics-ce1") {
		t.Errorf("two: got %v, want both named", err)
	}
	ce0, err := board.FindProfile(list, "uputronics-ce0")
	must(t, err)
	if p, err := f.Find(list, "", []*board.Profile{ce0}); err != nil || p.Name != "uputronics-ce1" {
		t.Errorf("one is taken: got %v, %v", p, err)
	}
	clear(chips)
	if p, err := f.Find(list, "", nil); err != nil || p.Name != "uputronics-ce1" {
		t.Errorf("at work: got %v, %v, want the one that was found", p, err)
	}
	f.HAT = func() board.HAT { return board.HAT{Product: "meshadv-pi"} }
	if p, err := f.Known(list, "sx126x"); err != nil || p.Name != "meshadv-pi" {
		t.Errorf("an EEPROM: got %v, %v", p, err)
	}
	twin := *list[0]
	twin.Match = []board.HATMatch{{Product: "MESHADV-PI"}}
	if _, err := (&Finder{HAT: f.HAT}).Known(append(list, &twin), ""); err == nil || !strings.Contains(err.Error(), "meshadv-pi") || !strings.Contains(err.Error(), twin.Name) {
		t.Errorf("an EEPROM of two: got %v, want both named", err)
	}
}

func TestAnAmplifierIsTakenOffTheLaddersPowers(t *testing.T) {
	p, err := plan(t, eu+"board = \"meshadv-pi\"\npower_dbm = 27\n")
	must(t, err)
	weak := 0
	for _, s := range p.Ladder {
		if s.PowerDBm < 27 {
			weak++
		}
		if most, ok := mostOf(s); !ok || float64(s.PowerDBm) > most {
			t.Errorf("%v is more than the law allows", s)
		}
	}
	if weak == 0 {
		t.Error("no setting of the second frequency, whose limit is lower")
	}
}

func mostOf(s phy.Setting) (float64, bool) {
	g, err := phy.LookupRegion("EU868")
	if err != nil {
		return 0, false
	}
	return g.MostDBm(s.Modulation, phy.DipoleDBi)
}
