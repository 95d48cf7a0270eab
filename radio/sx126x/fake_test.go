package sx126x

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// fake is the chip as opcodes: what was sent, and answers. It is strict about BUSY and about what is allowed when.
type fake struct {
	t    *testing.T
	log  []string // commands in hex, in order; gets of status and flags are left out
	last map[byte][]byte

	regs     map[uint16]byte
	buf      [256]byte
	mode     mode
	outcome  byte // of the last command: bits 3-1 of the status octet
	irq      uint16
	errors   uint16
	busyTo   time.Time
	asleep   bool
	starts   []start
	rx       [2]byte // length, offset
	signal   [3]byte
	level    byte
	packet   byte
	tcxo     int // what the board has, mV; 0: crystal
	supplied int // by DIO3

	dead    *byte         // what MISO is stuck at
	stuck   bool          // BUSY
	deaf    bool          // commands come and go without effect
	ignore  map[byte]bool // so these
	refuse  map[byte]byte // outcome of these
	instant bool          // transmissions end before anybody looks
	lazy    bool          // calibration does not notice a dead oscillator
	cleared []func()      // what happens at the next looks at the flags, once they are cleared
	looked  []func()      // what happens right after the next looks at the flags
	deafTo  time.Time     // after going to sleep
	fetched func()        // once a packet has been read
	dip     int           // transactions until the supply dips; 0: it holds
	closed  bool
	resets  int
	tx, en  *pin // the antenna switch
}

// start is the state in which the chip began to transmit, receive or detect.
type start struct {
	op      byte
	timeout uint32
	regs    map[uint16]byte
	last    map[byte][]byte
	tx, rx  gpio.Level
	payload []byte
	irq     uint16
}

var crystalBoard = Opts{Model: SX1262, DIO2Switch: true}

func newFake(t *testing.T, o Opts) *fake {
	f := &fake{t: t, tcxo: o.TCXOMillivolts, ignore: map[byte]bool{}, refuse: map[byte]byte{}}
	f.tx, f.en = &pin{name: "TXEN"}, &pin{name: "RXEN"}
	f.reset()
	return f
}

func (f *fake) reset() {
	f.resets++
	f.last = map[byte][]byte{}
	f.regs = map[uint16]byte{0x0736: 0x0D, 0x0740: 0x14, 0x0741: 0x24, 0x0889: 0x01, 0x08AC: 0x94, 0x08D8: 0xC8, 0x08E7: 0x38}
	for i, c := range []byte("SX1261 V2D 2D02\x00") {
		f.regs[0x0320+uint16(i)] = c
	}
	f.mode, f.outcome, f.irq, f.packet, f.supplied, f.asleep, f.errors = modeStandbyRC, 1, 0, 0, 0, false, 0
	if f.tcxo != 0 {
		f.errors = errXOSCStart
	}
	f.busy(3500 * time.Microsecond)
}

func (f *fake) busy(d time.Duration) { f.busyTo = time.Now().Add(d) }

// The port.
func (f *fake) String() string                    { return "SPI" }
func (f *fake) Duplex() conn.Duplex               { return conn.Full }
func (f *fake) TxPackets([]spi.Packet) error      { return errors.New("not here") }
func (f *fake) LimitSpeed(physic.Frequency) error { return nil }
func (f *fake) Close() error                      { f.closed = true; return nil }
func (f *fake) Connect(physic.Frequency, spi.Mode, int) (spi.Conn, error) {
	return f, nil
}

// pin remembers its level.
type pin struct {
	gpio.PinIO
	name   string
	level  gpio.Level
	halted bool
}

func (p *pin) String() string                { return "{\n}" } // as periph prints a line
func (p *pin) Name() string                  { return p.name }
func (p *pin) In(gpio.Pull, gpio.Edge) error { return nil }
func (p *pin) Out(l gpio.Level) error        { p.level = l; return nil }
func (p *pin) Read() gpio.Level              { return p.level }
func (p *pin) Halt() error                   { p.halted = true; return nil }

// busyPin is high while the chip works or sleeps.
type busyPin struct {
	pin
	f *fake
}

func (p *busyPin) Read() gpio.Level {
	return gpio.Level(p.f.stuck || p.f.dead == nil && (p.f.asleep || time.Now().Before(p.f.busyTo)))
}

// resetPin resets when it goes low.
type resetPin struct {
	pin
	f *fake
}

func (p *resetPin) Out(l gpio.Level) error {
	if l == gpio.Low {
		p.f.reset()
	}
	return nil
}

func (f *fake) Tx(w, r []byte) error {
	if f.dead != nil {
		for i := range r {
			r[i] = *f.dead
		}
		return nil
	}
	if f.asleep {
		if time.Now().Before(f.deafTo) {
			f.t.Errorf("%X was sent while it went to sleep", w)
		}
		f.asleep = false
		f.busy(340 * time.Microsecond)
		return nil
	}
	if f.dip--; f.dip == 0 {
		f.reset()
		f.busyTo = time.Now()
	}
	if time.Now().Before(f.busyTo) {
		f.t.Errorf("%X was sent while BUSY was high", w)
	}
	for i := range r {
		r[i] = 0x80 | byte(f.mode)<<4 | f.outcome<<1
	}
	f.busy(time.Microsecond)
	if f.deaf || f.ignore[w[0]] {
		return nil
	}
	if o, ok := f.refuse[w[0]]; ok {
		f.outcome = o
		return nil
	}
	if !asks(w[0]) {
		f.outcome = 1
	}
	f.obey(w[0], w[1:], r)
	return nil
}

// obey is one command. Reads answer in r.
func (f *fake) obey(op byte, p, r []byte) {
	if op != opStatus && op != opIRQ {
		f.log = append(f.log, fmt.Sprintf("%02X%X", op, p))
	}
	f.last[op] = slices.Clone(p)
	switch op {
	case opStatus:
	case opReadRegister:
		for i := range r[4:] {
			r[4+i] = f.regs[uint16(p[0])<<8|uint16(p[1])+uint16(i)]
		}
	case opWriteRegister:
		for i, v := range p[2:] {
			f.regs[uint16(p[0])<<8|uint16(p[1])+uint16(i)] = v
		}
	case opWriteBuffer:
		for i, v := range p[1:] {
			f.buf[p[0]+byte(i)] = v
		}
	case opReadBuffer:
		for i := range r[3:] {
			r[3+i] = f.buf[p[0]+byte(i)]
		}
		if do := f.fetched; do != nil {
			f.fetched = nil
			do()
		}
	case opIRQ:
		r[2], r[3] = byte(f.irq>>8), byte(f.irq)
		shift(&f.looked)
	case opClearIRQ:
		f.irq &^= uint16(p[0])<<8 | uint16(p[1])
		shift(&f.cleared)
	case opErrors:
		r[2], r[3] = byte(f.errors>>8), byte(f.errors)
	case opClearErrors:
		f.errors = 0
	case opSetPacketType:
		f.packet = p[0]
	case opPacketType:
		r[2] = f.packet
	case opRxBuffer:
		copy(r[2:], f.rx[:])
	case opPacketStatus:
		copy(r[2:], f.signal[:])
	case opRSSI:
		r[2] = f.level
	default:
		f.change(op, p)
	}
}

// shift does what is first in a queue.
func shift(q *[]func()) {
	if len(*q) > 0 {
		do := (*q)[0]
		*q = (*q)[1:]
		do()
	}
}

// change is a command that changes the mode or has an effect of its own.
func (f *fake) change(op byte, p []byte) {
	switch op {
	case opStandby:
		f.mode = modeStandbyRC + mode(p[0])
		if p[0] == standbyXOSC {
			f.oscillate()
		}
	case opSleep:
		if !f.mode.standby() {
			f.t.Errorf("sleep from %v", f.mode)
		}
		if p[0]&4 == 0 {
			f.reset()
			f.resets--
		}
		f.asleep, f.deafTo = true, time.Now().Add(500*time.Microsecond)
	case opTCXO:
		f.supplied = []int{1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300}[p[0]]
	case opCalibrate:
		f.need(op, modeStandbyRC)
		if !f.lazy {
			f.oscillate()
		}
		f.busy(3500 * time.Microsecond)
	case opPAConfig:
		f.regs[0x08E7] = 0x38
	case opPacketParams:
		f.regs[0x0736] |= 4
	case opTx, opRx, opCAD:
		f.begin(op, p)
	}
	if op >= opStandby && op != opTx && op != opRx && op != opCAD && !f.mode.standby() {
		f.t.Errorf("command %02X in %v", op, f.mode)
	}
}

func (f *fake) need(op byte, m mode) {
	if f.mode != m {
		f.t.Errorf("command %02X in %v, want %v", op, f.mode, m)
	}
}

func (f *fake) oscillate() {
	if f.supplied != f.tcxo {
		f.errors |= errXOSCStart
		f.mode = modeStandbyRC
		f.outcome = 5
	}
}

func (f *fake) begin(op byte, p []byte) {
	if !f.mode.standby() {
		f.t.Errorf("%02X in %v", op, f.mode)
	}
	s := start{op: op, regs: map[uint16]byte{}, last: map[byte][]byte{}, tx: f.tx.Read(), rx: f.en.Read(), irq: f.irq}
	for a, v := range f.regs {
		s.regs[a] = v
	}
	for o, v := range f.last {
		s.last[o] = v
	}
	if len(p) == 3 {
		s.timeout = uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	}
	f.mode = modeRx
	if op == opTx {
		if p := f.last[opPacketParams]; len(p) == 6 {
			s.payload = slices.Clone(f.buf[:p[3]])
		}
		f.mode = modeTx
		f.regs[0x0889] ^= 4
		if f.instant {
			f.end(irqTxDone)
		}
	}
	f.starts = append(f.starts, s)
}

// end raises flags and falls back to standby.
func (f *fake) end(flags uint16) {
	f.irq |= flags
	if flags&irqTimeout != 0 {
		f.outcome = 3
	}
	f.mode = modeStandbyRC
	if b := f.last[opFallback]; len(b) == 1 && b[0] == 0x30 {
		f.mode = modeStandbyXOSC
	}
}

// receive puts a packet into the buffer, with a header that has these octets.
func (f *fake) receive(flags uint16, offset byte, data []byte, header [3]byte, signal [3]byte) {
	for i, v := range data {
		f.buf[offset+byte(i)] = v
	}
	f.rx, f.signal = [2]byte{byte(len(data)), offset}, signal
	for i, v := range header {
		f.regs[0x076B+uint16(i)] = v
	}
	f.irq |= flags
}

func (f *fake) lastStart() start {
	f.t.Helper()
	if len(f.starts) == 0 {
		f.t.Fatal("nothing was started")
	}
	return f.starts[len(f.starts)-1]
}

// sent tells whether a command, in hex, was sent.
func (f *fake) sent(command string) bool {
	return slices.Contains(f.log, strings.ReplaceAll(command, " ", ""))
}

// bench is a driver on a fake, after Reset.
func bench(t *testing.T, o Opts, play func(t *testing.T, f *fake, d *Driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, o)
		d := f.driver(o)
		if err := d.Reset(context.Background()); err != nil {
			t.Fatal(err)
		}
		play(t, f, d)
	})
}

func (f *fake) driver(o Opts) *Driver {
	f.t.Helper()
	d, err := New(f, f.pins(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

func (f *fake) pins() chip.Pins {
	return chip.Pins{
		Reset: &resetPin{pin{name: "GPIO18"}, f}, Busy: &busyPin{pin{name: "GPIO20"}, f},
		TxEnable: f.tx, RxEnable: f.en,
	}
}

// configured is a bench after Configure.
func configured(t *testing.T, o Opts, m phy.Modulation, power int, play func(t *testing.T, f *fake, d *Driver)) {
	t.Helper()
	bench(t, o, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.Configure(m, power))
		play(t, f, d)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func event(t *testing.T, d *Driver) chip.Event {
	t.Helper()
	e, err := d.Events()
	must(t, err)
	return e
}

func wantHex(t *testing.T, name string, got []byte, want string) {
	t.Helper()
	if g := strings.ToUpper(hex.EncodeToString(got)); g != want {
		t.Errorf("%s: got %s, want %s", name, g, want)
	}
}

var sf7 = phy.Modulation{FrequencyHz: 868_100_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
