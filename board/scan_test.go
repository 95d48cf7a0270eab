package board

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// bench is a header with boards on it: the lines by their names, and the chips that listen to the bus.
type bench struct {
	t     *testing.T
	pins  map[PinRef]*fakePin
	chips []*fakeChip
	noCS  bool // the controller can leave its chip select alone
	held  map[PinRef]string
}

// fakePin is a line that remembers what was done to it.
type fakePin struct {
	gpio.PinIO // nil: what is not below is not used
	b          *bench
	ref        PinRef
	driven     bool
	level      gpio.Level
	pulled     gpio.Pull
}

func (p *fakePin) String() string { return string(p.ref) }

func (p *fakePin) Out(l gpio.Level) error {
	for _, c := range p.b.chips {
		if (c.busy == p.ref || c.irq == p.ref) && bool(l) {
			p.b.t.Errorf("%s is driven high against the chip whose BUSY or interrupt it is", p.ref)
		}
	}
	p.driven, p.level = true, l
	p.b.changed(p)
	return nil
}

func (p *fakePin) In(pull gpio.Pull, _ gpio.Edge) error {
	p.driven, p.pulled, p.level = false, pull, pull == gpio.PullUp
	p.b.changed(p)
	return nil
}

func (p *fakePin) Read() gpio.Level {
	for _, c := range p.b.chips {
		if c.busy == p.ref {
			return gpio.Level(time.Now().Before(c.busyUntil))
		}
		if c.irq == p.ref {
			return gpio.Low
		}
	}
	return p.level
}

func (b *bench) pin(ref PinRef) *fakePin {
	if b.pins[ref] == nil {
		b.pins[ref] = &fakePin{b: b, ref: ref}
	}
	return b.pins[ref]
}

// changed resets the chips behind a line that falls, and powers those behind one that rises.
func (b *bench) changed(p *fakePin) {
	for _, c := range b.chips {
		switch {
		case p.ref == c.reset && p.driven && !bool(p.level):
			c.regs, c.resets, c.asleep = c.after(), c.resets+1, false
			c.busyUntil = time.Now().Add(3500 * time.Microsecond)
		case p.ref == c.power && p.driven && bool(p.level):
			c.powered = true
		}
	}
}

// fakeChip is what matters of an SX127x or SX126x here.
type fakeChip struct {
	kind               string
	version            byte
	text               string
	sel                PinRef // empty: the bus's own chip select
	bus                string
	reset, busy, power PinRef
	irq                PinRef
	regs               map[uint16]byte
	busyUntil          time.Time
	powered            bool
	asleep             bool // until it is reset
	resets, early      int
}

func (c *fakeChip) after() map[uint16]byte {
	if c.kind == KindSX127x {
		return map[uint16]byte{regVersion: c.version}
	}
	r := map[uint16]byte{regSyncWord: 0x14, regSyncWord + 1: 0x24}
	for i := range len(c.text) {
		r[regText+uint16(i)] = c.text[i]
	}
	return r
}

func (b *bench) add(c *fakeChip) *fakeChip {
	c.powered = c.power == ""
	c.regs = c.after()
	b.chips = append(b.chips, c)
	return c
}

func (c *fakeChip) tx(t *testing.T, w, r []byte) {
	if time.Now().Before(c.busyUntil) {
		c.early++
		return
	}
	if c.kind == KindSX127x {
		for i := range w[1:] {
			if address := uint16(w[0]&0x7F) + uint16(i); w[0]&0x80 == 0 {
				r[1+i] = c.regs[address]
			} else {
				c.regs[address] = w[1+i]
			}
		}
		return
	}
	for i := range r {
		r[i] = 0x22
	}
	switch w[0] {
	case cmdReadRegister:
		for i := range r[4:] {
			r[4+i] = c.regs[uint16(w[1])<<8|uint16(w[2])+uint16(i)]
		}
	case cmdCalibrate:
		c.busyUntil = time.Now().Add(3500 * time.Microsecond)
	case 0x83, 0xD1, 0xD2: // SetTx, SetTxContinuousWave, SetTxInfinitePreamble
		t.Errorf("% X: a probe must not transmit", w)
	}
}

// fakePort is one spidev of the bench.
type fakePort struct {
	b         *bench
	name      string
	connected bool
	noCS      bool
}

func (p *fakePort) String() string                    { return p.name }
func (p *fakePort) Close() error                      { return nil }
func (p *fakePort) LimitSpeed(physic.Frequency) error { return nil }
func (p *fakePort) Duplex() conn.Duplex               { return conn.Full }
func (p *fakePort) TxPackets([]spi.Packet) error      { return errors.New("unused") }
func (p *fakePort) Connect(f physic.Frequency, m spi.Mode, bits int) (spi.Conn, error) {
	if p.connected {
		return nil, errors.New("connected once already")
	}
	if p.connected = true; m&spi.NoCS != 0 && !p.b.noCS {
		return nil, errors.New("this controller cannot do without its chip select")
	}
	p.noCS = m&spi.NoCS != 0
	return p, nil
}

// Tx reaches the chips that are selected; a bus that nobody answers on reads low.
func (p *fakePort) Tx(w, r []byte) error {
	clear(r)
	for _, c := range p.b.chips {
		own := c.sel == "" && c.bus == p.name && !p.noCS
		byHand := c.sel != "" && c.bus[:len(c.bus)-1] == p.name[:len(p.name)-1] && p.b.pin(c.sel).driven && !bool(p.b.pin(c.sel).level)
		if c.powered && !c.asleep && (own || byHand) {
			c.tx(p.b.t, w, r)
		}
	}
	return nil
}

func newScanBench(t *testing.T) *bench {
	return &bench{t: t, pins: map[PinRef]*fakePin{}, noCS: true, held: map[PinRef]string{}}
}

// open is OpenHardware on the bench.
func (b *bench) open(p *Profile) (*Hardware, error) {
	for _, u := range p.uses() {
		if who := b.held[u.pin]; who != "" {
			return nil, fmt.Errorf("%s: %w", p.Name, &HeldError{Pin: u.pin, By: who})
		}
	}
	port, err := NewSPIPort(func() (spi.PortCloser, error) { return &fakePort{b: b, name: p.SPI.Device}, nil })
	if err != nil {
		return nil, err
	}
	hw := &Hardware{Profile: p, SPI: port}
	for ref, pin := range map[PinRef]*gpio.PinIO{p.Pins.Select: &hw.Select, p.Pins.Reset: &hw.Reset, p.Pins.IRQ: &hw.IRQ, p.Pins.Busy: &hw.Busy,
		p.Pins.TxEnable: &hw.TxEnable, p.Pins.RxEnable: &hw.RxEnable} {
		if ref != "" {
			*pin = b.pin(ref)
		}
	}
	for _, ref := range p.Pins.Power {
		hw.Power = append(hw.Power, b.pin(ref))
	}
	return hw, nil
}

// mount puts the chip of a profile on the bench.
func (b *bench) mount(name, text string) *fakeChip {
	p, err := FindProfile(builtIn(b.t), name)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &fakeChip{kind: p.Radio.Kind, version: 0x12, text: text, sel: p.Pins.Select, bus: p.SPI.Device, reset: p.Pins.Reset, busy: p.Pins.Busy, irq: p.Pins.IRQ}
	if len(p.Pins.Power) > 0 {
		c.power = p.Pins.Power[0]
	}
	return b.add(c)
}

func names(found []Found) string {
	var s []string
	for _, f := range found {
		s = append(s, fmt.Sprintf("%s:%v", f.Profile.Name, f.Proven))
	}
	return strings.Join(s, " ")
}

func TestScanTellsTheBoardsApart(t *testing.T) {
	for mounted, want := range map[string]string{
		"adafruit-rfm9x-bonnet": "adafruit-rfm9x-bonnet:true",
		"dragino-lora-gps":      "dragino-lora-gps:true",
		"uputronics-ce0":        "uputronics-ce0:false",
		"uputronics-ce1":        "adafruit-rfm9x-bonnet:false uputronics-ce1:false", // no line of either can be told
		"meshadv-mini":          "meshadv-mini:true",
		"pimesh-1w-v2":          "pimesh-1w-v2:true", // needs its power
		"rak6421-13300-slot1":   "rak6421-13300-slot1:true",
		"rak6421-13300-slot2":   "rak6421-13300-slot2:true",
		"zebrahat-1w":           "zebrahat-1w:true",
		"meshadv-pi":            "meshadv-pi:true pimesh-1w-v1:true waveshare-sx1262-spi:true waveshare-sx1268-spi:true", // wired alike
		"generic-sx126x":        "rak6421-13300-slot1:true",                                                              // the same pins
		"generic-sx127x":        "uputronics-ce0:false",
	} {
		for _, noCS := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := newScanBench(t)
				b.noCS = noCS
				b.mount(mounted, "SX1261 V2D 2D02\x00")
				found, _ := Scan(builtIn(t), b.open)
				if got := names(found); got != want {
					t.Errorf("%s, NoCS %v: got %s, want %s", mounted, noCS, got, want)
				}
				for ref, p := range b.pins {
					if p.driven {
						t.Errorf("%s: %s is still driven", mounted, ref)
					}
				}
			})
		}
	}
}

func TestScanKnowsAnSX126xWithoutText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		b.mount("zebrahat-1w", "")
		found, _ := Scan(builtIn(t), b.open)
		if names(found) != "zebrahat-1w:true" || found[0].Chip.Kind != KindSX126x {
			t.Errorf("got %+v", found)
		}
	})
}

// TestScanTakesNoSX126xForAnSX1272: its status reads 22, as the version of an SX1272.
func TestScanTakesNoSX126xForAnSX1272(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		b.add(&fakeChip{kind: KindSX126x, bus: "/dev/spidev0.0", text: "SX1261", busy: "GPIO2"})
		found, missed := Scan(builtIn(t), b.open)
		for _, f := range found {
			if f.Chip.Kind != KindSX126x {
				t.Errorf("%s: got %+v", f.Profile.Name, f.Chip)
			}
		}
		said := false
		for _, m := range missed {
			said = said || m.Profile.Name == "uputronics-ce0" && strings.Contains(m.Err.Error(), "SX126x, which needs another profile")
		}
		if !said {
			t.Errorf("got %v, want the reason at uputronics-ce0", missed)
		}
	})
}

// TestScanLeavesAnAnsweringBoardAlone: where a chip answers at once, nothing is reset but to prove a reset line.
func TestScanLeavesAnAnsweringBoardAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		c := b.mount("zebrahat-1w", "SX1261")
		Scan(builtIn(t), b.open)
		if c.resets != 0 {
			t.Errorf("got %d resets, want none", c.resets)
		}
		if b.pins["GPIO13"] != nil && b.pins["GPIO13"].driven {
			t.Error("a line of another board is driven")
		}
	})
}

// TestScanSwitchesNoLineOfAnAnsweringBoard: an own profile that comes first must not switch its power on where a board that
// only a reset wakes has its interrupt.
func TestScanSwitchesNoLineOfAnAnsweringBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		b.mount("zebrahat-1w", "SX1261").asleep = true
		own := *mustFind(t, "pimesh-1w-v2")
		own.Name, own.Pins.Power = "aaa", []PinRef{"GPIO22"}
		found, missed := Scan([]*Profile{&own, mustFind(t, "zebrahat-1w")}, b.open)
		if names(found) != "zebrahat-1w:true" || len(missed) != 1 || !strings.Contains(missed[0].Err.Error(), "not looked for: GPIO22") {
			t.Errorf("got %s, missed %v", names(found), missed)
		}
	})
}

// A board without a line that could prove it counts as there when it answers; one that failed its proof does not.
func TestWhichBoardsKeepTheirLines(t *testing.T) {
	bonnet, ce0, zebra := mustFind(t, "adafruit-rfm9x-bonnet"), mustFind(t, "uputronics-ce0"), mustFind(t, "zebrahat-1w")
	for _, c := range []struct {
		f     Found
		power PinRef
		keeps bool
	}{
		{Found{Profile: zebra, Proven: true}, zebra.Pins.Reset, true}, {Found{Profile: zebra, Proven: true}, "GPIO6", false},
		{Found{Profile: zebra}, zebra.Pins.IRQ, false}, {Found{Profile: bonnet}, bonnet.Pins.IRQ, false}, {Found{Profile: ce0}, ce0.Pins.IRQ, true},
	} {
		if err := fights(&Profile{Pins: PinMap{Power: []PinRef{c.power}}}, []Found{c.f}); (err != nil) != c.keeps {
			t.Errorf("%s, proven %v, %s: got %v", c.f.Profile.Name, c.f.Proven, c.power, err)
		}
	}
}

func TestScanFindsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		found, missed := Scan(builtIn(t), b.open)
		if len(found) != 0 || len(missed) != len(builtIn(t)) {
			t.Fatalf("got %v and %d missed", found, len(missed))
		}
		for _, m := range missed {
			var wiring *WiringError
			if m.Profile.OnSPI() && (!errors.As(m.Err, &wiring) || !strings.Contains(wiring.Fix, "MISO")) || !m.Profile.OnSPI() && !errors.Is(m.Err, ErrNoSafeProbe) {
				t.Errorf("%s: got %v", m.Profile.Name, m.Err)
			}
		}
		if got := Advise(found, missed); !strings.Contains(got, "pushed down") || !strings.Contains(got, "generic-sx126x") {
			t.Errorf("got %q", got)
		}
	})
}

func TestScanSaysWhoHoldsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		b.mount("zebrahat-1w", "SX1261")
		b.held["GPIO27"] = "meshtasticd@812"
		found, missed := Scan([]*Profile{mustFind(t, "zebrahat-1w"), mustFind(t, "meshadv-mini")}, b.open)
		if len(found) != 0 || !strings.Contains(Advise(found, missed), "GPIO27 is held by meshtasticd@812: stop it: sudo systemctl disable --now meshtasticd") {
			t.Errorf("got %v, %q", found, Advise(found, missed))
		}
	})
}

func mustFind(t *testing.T, name string) *Profile {
	t.Helper()
	p, err := FindProfile(builtIn(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestScanWaitsForBusy: after power and reset, an SX126x is spoken to only when BUSY is low.
func TestScanWaitsForBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		c := b.mount("pimesh-1w-v2", "SX1261")
		found, _ := Scan([]*Profile{mustFind(t, "pimesh-1w-v2")}, b.open)
		if names(found) != "pimesh-1w-v2:true" || c.early != 0 || c.resets != 1 {
			t.Errorf("got %s, %d transactions while BUSY was high, %d resets", names(found), c.early, c.resets)
		}
	})
}

func TestScanNamesAStuckBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		c := b.mount("zebrahat-1w", "SX1261")
		c.reset, c.busyUntil = "", time.Now().Add(time.Hour)
		_, missed := Scan([]*Profile{mustFind(t, "zebrahat-1w")}, b.open)
		if len(missed) != 1 || !strings.Contains(missed[0].Err.Error(), "BUSY (GPIO27) stays high") {
			t.Errorf("got %v", missed)
		}
	})
}

// A bus that cannot be used leaves no chip select driven: it may be an output of the board that is there.
func TestScanLetsGoOfTheLinesOfABusThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		_, missed := Scan([]*Profile{mustFind(t, "zebrahat-1w")}, func(p *Profile) (*Hardware, error) {
			hw, err := b.open(p)
			hw.SPI.Close()
			return hw, err
		})
		if len(missed) != 1 || !errors.Is(missed[0].Err, errClosedBus) || b.pin("GPIO24").driven {
			t.Errorf("got %v, chip select driven %v", missed, b.pin("GPIO24").driven)
		}
	})
}

func TestTwoBoardsAreBothNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScanBench(t)
		b.mount("dragino-lora-gps", "")
		b.mount("zebrahat-1w", "SX1261")
		found, missed := Scan(builtIn(t), b.open)
		if got := names(found); got != "dragino-lora-gps:true zebrahat-1w:true" {
			t.Errorf("got %s", got)
		}
		if got := Advise(found, missed); !strings.Contains(got, "dragino-lora-gps, zebrahat-1w") {
			t.Errorf("got %q", got)
		}
	})
}

func TestAdviseNamesWhatIsMissingFirst(t *testing.T) {
	p := mustFind(t, "zebrahat-1w")
	for err, want := range map[error]string{
		fmt.Errorf("there is no /dev/spidev0.0: %w", fs.ErrNotExist): "spidev0.0",
		ErrNoSafeProbe: "no SPI bus was looked at",
	} {
		if got := Advise(nil, []Missed{{p, &WiringError{}}, {p, err}}[1:]); !strings.Contains(got, want) {
			t.Errorf("%v: got %q", err, got)
		}
	}
	if Advise([]Found{{Profile: p}}, nil) != "" {
		t.Error("one board found needs no advice")
	}
}
