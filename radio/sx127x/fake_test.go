package sx127x

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// fake is the registers of a chip as its datasheet has them: no radio, but the rules of who may be written when.
type fake struct {
	t       *testing.T
	regs    [128]byte
	fifo    [256]byte
	version byte
	sick    int            // resets until the version can be read
	dead    *byte          // what MISO reads without a chip
	deaf    bool           // MOSI is broken: writes are lost
	lose    byte           // writes of this register are lost; 0 is none
	fail    error          // of the bus
	before  func(reg byte) // each octet that is read
	log     []write        // all that was written, in order
	resets  int
	closed  bool
	tx, rx  gpio.Level // antenna switch
	path    []string   // at each start of TX, RX or CAD
}

type write struct {
	reg, value byte
	mode       mode // in which it was written
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, version: 0x12}
	f.powerOn()
	return f
}

// powerOn are the reset values that matter here.
func (f *fake) powerOn() {
	f.regs = [128]byte{
		regOpMode: 0x09, regFrfMsb: 0x6C, regFrfMsb + 1: 0x80, regPaConfig: 0x4F, regOcp: 0x2B, regLna: 0x20,
		regFIFOTxBase: 0x80, regModemConfig1: 0x72, regModemConfig2: 0x70, regSymbTimeout: 0x64, regPreambleLsb: 8,
		regPayloadLength: 1, regMaxPayload: 0xFF, regModemConfig3: 0x04, regIfFreq1: 0x45, regIfFreq2: 0x55,
		regDetectOptimize: 0xC3, regInvertIQ: 0x27, regHighBwOptimize1: 0x03, regDetectThreshold: 0x0A,
		regSyncWord: 0x12, regHighBwOptimize2: 0x49, regInvertIQ2: 0x1D, regTcxo: 0x09, regPaDac: 0x84,
	}
}

func (f *fake) String() string                    { return "fake" }
func (f *fake) LimitSpeed(physic.Frequency) error { return nil }
func (f *fake) Duplex() conn.Duplex               { return conn.Full }
func (f *fake) TxPackets([]spi.Packet) error      { return errors.New("not used") }
func (f *fake) Close() error                      { f.closed = true; return nil }

func (f *fake) Connect(hz physic.Frequency, m spi.Mode, bits int) (spi.Conn, error) {
	if hz > 10*physic.MegaHertz || m != spi.Mode0 || bits != 8 {
		return nil, errors.New("not an SX127x's bus")
	}
	return f, nil
}

func (f *fake) Tx(w, r []byte) error {
	if f.fail != nil {
		return f.fail
	}
	reg := w[0] &^ writeBit
	for i, out := range w[1:] {
		in := f.octet(reg, out, w[0]&writeBit != 0)
		if r != nil {
			r[i+1] = in
		}
		if reg != regFIFO {
			reg++
		}
	}
	return nil
}

func (f *fake) octet(reg, out byte, write bool) byte {
	if f.dead != nil {
		return *f.dead
	}
	if write {
		if !f.deaf && (reg != f.lose || reg == 0) {
			f.write(reg, out)
		}
		return 0
	}
	if f.before != nil {
		f.before(reg)
	}
	switch {
	case reg == regFIFO:
		return *f.fifoCell()
	case reg == regVersion && f.sick > 0:
		return 0
	case reg == regVersion:
		return f.version
	}
	return f.regs[reg]
}

func (f *fake) mode() mode { return mode(f.regs[regOpMode] & 0x07) }

// fifoCell moves the pointer on; it goes round.
func (f *fake) fifoCell() *byte {
	if f.mode() == modeSleep {
		f.t.Error("the FIFO is used in sleep")
	}
	at := f.regs[regFIFOAddr]
	f.regs[regFIFOAddr]++
	return &f.fifo[at]
}

func (f *fake) write(reg, value byte) {
	f.log = append(f.log, write{reg, value, f.mode()})
	switch {
	case reg == regFIFO:
		*f.fifoCell() = value
		return
	case reg == regIrqFlags:
		f.regs[reg] &^= value
		return
	case reg == regOpMode:
		f.change(value)
		return
	case reg != regFIFOAddr && f.mode() != modeStandby && f.mode() != modeSleep:
		f.t.Errorf("register %02X is written in %s", reg, f.mode())
	}
	f.regs[reg] = value
}

// change is a write of RegOpMode: the kind of modem only changes in sleep.
func (f *fake) change(value byte) {
	if old := f.regs[regOpMode]; (old^value)&bitLoRa != 0 && mode(old&7) != modeSleep {
		value = value&^bitLoRa | old&bitLoRa
	} else if (old^value)&bitLoRa != 0 {
		value &^= bitLowFrequency
	}
	f.regs[regOpMode] = value
	if m := mode(value & 7); m >= modeTx && m != modeFSRx {
		f.path = append(f.path, map[[2]gpio.Level]string{{true, false}: "tx", {false, true}: "rx"}[[2]gpio.Level{f.tx, f.rx}])
		if f.regs[regIrqFlags] != 0 {
			f.t.Errorf("%s begins with flags %02X", m, f.regs[regIrqFlags])
		}
	}
}

// ends what the chip does, with these flags.
func (f *fake) ends(flags byte) {
	f.regs[regIrqFlags] |= flags
	f.regs[regOpMode] = f.regs[regOpMode]&^7 | byte(modeStandby)
}

// hears is a packet that has come in, from this place in the FIFO on.
func (f *fake) hears(at byte, data []byte, flags byte) {
	for i, b := range data {
		f.fifo[at+byte(i)] = b
	}
	f.regs[regRxCurrent], f.regs[regRxNbBytes] = at, byte(len(data))
	f.regs[regHopChannel] = bitHeaderCRC
	f.regs[regIrqFlags] |= flags
}

// pin is a line that leads into the fake.
type pin struct {
	gpio.PinIO
	name string
	set  func(gpio.Level)
}

func (p *pin) Name() string { return p.name }
func (p *pin) Out(l gpio.Level) error {
	p.set(l)
	return nil
}

func (f *fake) pins() chip.Pins {
	return chip.Pins{
		Reset: &pin{name: "GPIO17", set: func(l gpio.Level) {
			if !l {
				f.powerOn()
				f.resets++
				f.sick = max(0, f.sick-1)
			}
		}},
		TxEnable: &pin{name: "GPIO6", set: func(l gpio.Level) { f.tx = l }},
		RxEnable: &pin{name: "GPIO12", set: func(l gpio.Level) { f.rx = l }},
	}
}

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// with is a modulation other than sf7.
func with(change func(*phy.Modulation)) phy.Modulation {
	m := sf7
	change(&m)
	return m
}

// virtual runs a test in virtual time.
func virtual(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, do) })
}

// driver is one of a chip that was reset.
func driver(t *testing.T, f *fake, pins chip.Pins, o Opts) *Driver {
	t.Helper()
	d, err := New(f, pins, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

// ready is a driver configured to a modulation.
func ready(t *testing.T, o Opts, m phy.Modulation, powerDBm int) (*Driver, *fake) {
	t.Helper()
	f := newFake(t)
	d := driver(t, f, f.pins(), o)
	must(t, d.Configure(m, powerDBm))
	return d, f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want compares registers.
func (f *fake) want(t *testing.T, values map[byte]byte) {
	t.Helper()
	for reg := range byte(128) {
		if v, ok := values[reg]; ok && f.regs[reg] != v {
			t.Errorf("register %02X is %02X, want %02X", reg, f.regs[reg], v)
		}
	}
}
