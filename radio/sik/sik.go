// Package sik drives SiK radios (3DR and its kin, RFD900): pairs of FSK modems behind a serial port which pass a
// transparent stream, take turns, and hop over channels by themselves. The stream has no integrity, so frames go in
// radio/stream. Its settings are changed in a command mode that interrupts the stream; so they are given once, and the
// strength of the signal is read once, when the port is opened. The escape sequence "+++" cannot occur in our own
// frames, wherever the host pauses.
package sik

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

const (
	frameQueue = 64 // received frames waiting for Receive
	lineQueue  = 64
	// depth is how many frames may be in the radio. Its smallest buffer holds 1024 octets.
	depth = 2
)

// Info is what the radio said of itself at Open.
type Info struct {
	Banner string // "SiK 2.2 on HM-TRP"
	Signal Signal
}

// Modem is an open radio. It implements radio.Radio.
type Modem struct {
	port io.ReadWriteCloser
	opts Opts
	info Info

	frames     chan radio.Packet
	lines      chan string   // in command mode
	commanding atomic.Bool   // what is read is lines, not the stream
	gone       chan struct{} // closed when the reader ends
	goneErr    error         // set before gone is closed
	lost       atomic.Uint64

	exchange sync.Mutex // one user of the port at a time
	paced    sync.Mutex // guards what follows
	mod      phy.Modulation
	pace     pacer
	closing  sync.Once
}

var (
	_ radio.Radio   = (*Modem)(nil)
	_ radio.Clearer = (*Modem)(nil)
)

// Open takes over a port on which a SiK radio is expected, finds it and checks its firmware. The radio is left in command
// mode for Configure. Write on the port must not block for ever. On error the port is closed.
func Open(ctx context.Context, port io.ReadWriteCloser, opts Opts) (*Modem, error) {
	if err := opts.Validate(); err != nil {
		port.Close()
		return nil, err
	}
	m := &Modem{
		port: port, opts: opts.withDefaults(), gone: make(chan struct{}),
		frames: make(chan radio.Packet, frameQueue), lines: make(chan string, lineQueue),
	}
	m.commanding.Store(true)
	go m.read()
	err := m.enter(ctx)
	if err == nil {
		err = m.introduce(ctx)
	}
	if err != nil {
		port.Close()
		<-m.gone
		return nil, err
	}
	return m, nil
}

// Info is what the radio said of itself.
func (m *Modem) Info() Info { return m.info }

// Lost counts what came damaged or in parts, and received frames that nobody took in time.
func (m *Modem) Lost() uint64 { return m.lost.Load() }

// Capabilities: the radio waits for its turn by itself.
func (m *Modem) Capabilities() radio.Capabilities {
	m.paced.Lock()
	defer m.paced.Unlock()
	c := radio.Capabilities{MaxFrame: m.opts.maxFrame(), OwnMediumAccess: true, Access: m.pace.access(), HalfDuplex: true, QueueDepth: depth, OwnDutyPPM: m.opts.OwnDutyPPM()}
	if m.opts.Channels > 1 {
		c.Channels = m.opts.Channels
	}
	return c
}

// took notes the setting that the radio has confirmed.
func (m *Modem) took(mod phy.Modulation) {
	m.paced.Lock()
	defer m.paced.Unlock()
	m.mod, m.pace = mod, newPacer(mod, m.opts)
}

// Transmit hands one frame to the radio and returns when it may have another.
func (m *Modem) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > m.opts.maxFrame() {
		return ErrFrameSize
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	if m.commanding.Load() || !m.mod.Stream() {
		return errNotConfigured
	}
	if err := m.room(ctx); err != nil {
		return err
	}
	octets := stream.Append(nil, frame)
	if err := m.write(string(octets)); err != nil {
		return err
	}
	m.paced.Lock()
	m.pace.add(time.Now(), len(octets))
	m.paced.Unlock()
	return m.room(ctx)
}

// room waits until the radio holds few enough frames.
func (m *Modem) room(ctx context.Context) error {
	m.paced.Lock()
	d := m.pace.wait(time.Now())
	m.paced.Unlock()
	return m.sleep(ctx, d)
}

// Clear is when the last frame will have left, if the other radio uses all its windows.
func (m *Modem) Clear() time.Time {
	m.paced.Lock()
	defer m.paced.Unlock()
	return m.pace.clear()
}

// Receive waits for the next frame, of which the radio tells no signal strength.
func (m *Modem) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, m.frames, m.gone, &m.goneErr)
}

// Close leaves command mode, where the radio is in it, and closes the port.
func (m *Modem) Close() error {
	var err error
	m.closing.Do(func() {
		if m.commanding.Load() {
			_ = m.write("ATO\r")
		}
		err = m.port.Close()
		<-m.gone
	})
	return err
}

// read is the only goroutine of a modem: it takes the stream apart until the port ends.
func (m *Modem) read() {
	defer close(m.gone)
	d := stream.NewDecoder(m.opts.maxFrame())
	var l liner
	buf := make([]byte, 512)
	for spoiled := uint64(0); ; {
		n, err := m.port.Read(buf)
		if m.commanding.Load() {
			d.Reset()
			m.readLines(&l, buf[:n])
		} else {
			m.readFrames(d, buf[:n])
		}
		m.lost.Add(d.Spoiled() - spoiled)
		spoiled = d.Spoiled()
		if err != nil {
			m.goneErr = fmt.Errorf("%w (%v)", ErrGone, err)
			return
		}
	}
}

func (m *Modem) readFrames(d *stream.Decoder, octets []byte) {
	for _, b := range octets {
		frame, ok := d.Feed(b)
		if !ok || len(frame) == 0 {
			continue
		}
		select {
		case m.frames <- radio.Packet{Data: bytes.Clone(frame), At: time.Now()}:
		default:
			m.lost.Add(1)
		}
	}
}

func (m *Modem) readLines(l *liner, octets []byte) {
	for _, b := range octets {
		line, ok := l.feed(b)
		if !ok {
			continue
		}
		select {
		case m.lines <- line:
		default: // nobody asked
		}
	}
}

// liner makes lines out of octets, of which it holds the last few.
type liner struct{ text []byte }

func (l *liner) feed(b byte) (line string, ok bool) {
	if b == '\n' {
		line = string(bytes.TrimSpace(l.text))
		l.text = l.text[:0]
		return line, true
	}
	if len(l.text) == lineLength {
		l.text = append(l.text[:0], l.text[lineLength/2:]...)
	}
	l.text = append(l.text, b)
	return "", false
}
