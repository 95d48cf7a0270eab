// Package ebyte drives the serial modules of Chengdu Ebyte: E22-xxxT (SX1262, SX1268, in newer ones LLCC68) with their
// registers, and the older E32-xxxT. They send what comes in on a serial port, in packets of up to 240 octets (58 of the
// E32), and put out what they receive. So frames need marks of their own: those of radio/stream.
package ebyte

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"

	"periph.io/x/conn/v3/gpio"
)

// Port is the serial line to a module. Its rate changes when the module is configured. Write must not block for ever.
type Port interface {
	io.ReadWriteCloser
	SetBaud(baud int) error
}

// Opts says how a module is wired and what it is.
type Opts struct {
	// M0 and M1 are the mode pins. nil: they are tied to ground, the module cannot be configured, and what it is set to
	// is only known from whoever set it.
	M0, M1 gpio.PinOut
	// AUX is low while the module is busy. nil: it is not wired, and time alone has to do.
	AUX gpio.PinIn
	// Band of the module; there is no default.
	Band Band
	// Watt tells a T30, whose powers are 30, 27, 24 and 21 dBm.
	Watt bool
	// Baud of the line in transparent mode. Default 9600, as the modules come, up to an air rate of 9.6k; above
	// that 115200. Where the mode pins are tied it is what the module was set to, 9600 by default.
	Baud int
	// LBT lets an E22 listen before it sends, for at most 2 s. Where the mode pins are tied it is the word of whoever set the module.
	LBT bool
	// Halved tells that the module writes signal strength as dBm = -b/2, as manuals of 2018 say, not as
	// dBm = -(256-b), as all later ones do. It shows by a channel that is never free.
	Halved bool
}

const (
	frameQueue   = 64
	answerQueue  = 16
	rssiPatience = 50 * time.Millisecond // until the octet after a frame
)

// modem is what E22 and E32 have in common.
type modem struct {
	port     Port
	opts     Opts
	maxFrame int
	rates    []rate
	packets  int // of the module, that a frame takes

	frames  chan radio.Packet
	answers chan []byte // what comes in configuration mode
	levels  chan byte   // answers about the ambient signal
	gone    chan struct{}
	goneErr error
	lost    atomic.Uint64
	config  atomic.Bool // in configuration mode: what comes are answers

	parsing sync.Mutex // guards parse and late
	parse   *parser
	late    *time.Timer // gives up waiting for an octet of signal strength

	command sync.Mutex // one exchange with the module at a time
	mod     phy.Modulation
	baud    atomic.Int32
	paced   sync.Mutex
	last    time.Time // when the last frame has left
	closing sync.Once
}

func newModem(port Port, opts Opts, maxFrame int, rates []rate, packets int, rssi bool) *modem {
	return &modem{
		port: port, opts: opts, maxFrame: maxFrame, rates: rates, packets: packets,
		frames:  make(chan radio.Packet, frameQueue),
		answers: make(chan []byte, answerQueue),
		levels:  make(chan byte, 1),
		gone:    make(chan struct{}),
		parse:   newParser(maxFrame, rssi),
	}
}

// start checks the options and begins to read.
func (m *modem) start(bands ...Band) error {
	ok := false
	for _, b := range bands {
		ok = ok || m.opts.Band == b
	}
	if !ok {
		return fmt.Errorf("ebyte: band %d is not one of this series: state which module it is", m.opts.Band)
	}
	if m.opts.Baud != 0 {
		if _, err := baudCode(m.opts.Baud); err != nil {
			return err
		}
	}
	return m.preparePins()
}

// Lost counts received frames that were thrown away: damaged, or nobody took them in time.
func (m *modem) Lost() uint64 {
	m.parsing.Lock()
	defer m.parsing.Unlock()
	return m.lost.Load() + m.parse.frames.Spoiled()
}

// Clear is when the last frame has left, by the air rate.
func (m *modem) Clear() time.Time {
	m.paced.Lock()
	defer m.paced.Unlock()
	return m.last
}

// Receive waits for the next frame.
func (m *modem) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, m.frames, m.gone, &m.goneErr)
}

// Close closes the port. The pins stay as they are: the module goes on receiving for nobody.
func (m *modem) Close() error {
	var err error
	m.closing.Do(func() {
		err = m.port.Close()
		<-m.gone
		m.parsing.Lock()
		defer m.parsing.Unlock()
		if m.late != nil {
			m.late.Stop()
		}
	})
	return err
}

// uart is the time that octets take on the line.
func (m *modem) uart(octets int) time.Duration {
	return time.Duration(octets) * 10 * time.Second / time.Duration(max(m.baud.Load(), 1))
}

// slow is how long Sense takes, and how long from Transmit until the carrier is up: the line takes its time.
func (m *modem) slow() (listen, turn time.Duration) {
	return leastSamples * (m.uart(len(sample)+answerOctets) + gap), m.uart(m.maxFrame+framing(m.maxFrame)) + gap
}

// lineRate is the rate of the line in transparent mode at an air rate.
func (m *modem) lineRate(r rate) int {
	const fast = 9600
	switch {
	case m.opts.Baud != 0:
		return m.opts.Baud
	case m.strapped() || r.nominal <= fast:
		return configBaud
	}
	return 115200
}

func (m *modem) write(b []byte) error {
	if _, err := m.port.Write(b); err != nil {
		return m.because(fmt.Errorf("%w (%v)", ErrGone, err))
	}
	return nil
}

// because prefers the reason for which the reader ended.
func (m *modem) because(err error) error { return radio.Because(m.gone, &m.goneErr, err) }

func (m *modem) pause(ctx context.Context, d time.Duration) error {
	return radio.Pause(ctx, m.gone, &m.goneErr, d)
}
