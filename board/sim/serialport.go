//go:build linux

package sim

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

const (
	// A host that has closed its side is looked for this often.
	hostCheck = 100 * time.Millisecond
	// outgoing bounds what waits for a slow host, in writes of the modem; beyond
	// it octets are lost, as on a wire without flow control.
	outgoing = 256
	// writePatience is how long a full pseudo-terminal may hold up the modem.
	writePatience = 100 * time.Millisecond
	readChunk     = 64
	// serialBuffer is the firmware's receive buffer (CONFIG_UART_BUFFER_SIZE).
	serialBuffer = 6144
)

// serialPort joins a modem to its pseudo-terminal: one goroutine reads, one
// writes, the owner of the air does the rest.
type serialPort struct {
	modem  modem
	master wire
	octet  time.Duration // one octet on the wire, 8N1, unless the modem changes that
	link   string
	toHost chan said
	open   atomic.Bool // a host has its side open, as far as we know
	held   []byte      // from the host, while the modem does not read; the owner's
}

// wire is the modem's side of its serial line. Reading fails while no host has the other side open.
type wire interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// modem is a simulated modem as its host sees it: octets in, octets out. All is called on the goroutine
// that owns the air.
type modem interface {
	feed(now time.Time, octets []byte)
	// received is a frame from the air.
	received(frame []byte, rssiDBm, snrDB float64)
	// timeout does what is due; wakeAt is when it is to be called, zero: never.
	timeout(now time.Time)
	wakeAt() time.Time
	// take returns what the modem says to its host since the last call, in a slice that is valid until the next call.
	take() []byte
	// busy tells that it does not read its port now.
	busy() bool
}

// rated is a wire that knows the rate at which the host has opened it; 0: not known.
type rated interface{ hostBaud() int }

// hosted is a wire that knows whether a host has it open, also one that has not said anything yet.
type hosted interface{ hasHost() bool }

// clocked is a modem that changes the rate of its line. At another rate than the host's all is garbled.
type clocked interface{ lineBaud() int }

// restarter is a modem that forgets, when it loses power, what it does not keep.
type restarter interface{ restart(now time.Time) }

// bursty is a modem to which silence on its line matters. It is told when octets begin to come in, and until when they do.
type bursty interface{ comes(until time.Time) }

// said is what a modem says to its host, at the rate of its line; 0: whatever the host's is.
type said struct {
	octets []byte
	baud   int
}

func newSerialPort(m modem, master wire, link string, baud int) *serialPort {
	return &serialPort{modem: m, master: master, link: link, octet: octetTime(baud), toHost: make(chan said, outgoing)}
}

// octetTime is how long one octet takes, 8N1.
func octetTime(baud int) time.Duration { return 10 * time.Second / time.Duration(baud) }

// heard tells whether a host has its side open.
func (p *serialPort) heard() bool {
	if !p.open.Load() {
		if h, ok := p.master.(hosted); ok && h.hasHost() {
			p.open.Store(true)
		}
	}
	return p.open.Load()
}

// hostBaud is the rate of the host's side; 0 where it is not known.
func (p *serialPort) hostBaud() int {
	if r, ok := p.master.(rated); ok {
		return r.hostBaud()
	}
	return 0
}

// lineBaud is the rate of the modem's side; 0 where it is always right.
func (p *serialPort) lineBaud() int {
	if c, ok := p.modem.(clocked); ok {
		return c.lineBaud()
	}
	return 0
}

// garbled is what octets sent at one rate are at another. They stay as they are where either is not known.
func garbled(octets []byte, from, to int) []byte {
	if from == to || from == 0 || to == 0 {
		return octets
	}
	out := make([]byte, len(octets))
	for i, b := range octets {
		out[i] = b>>1 ^ 0xE6
	}
	return out
}

// read passes what the host sends to the modem, at the speed of the wire. While
// no host has the port open, reading fails and is tried again.
func (p *serialPort) read(ctx context.Context, mail chan<- func(time.Time)) {
	speed := pace{octet: p.octet}
	for {
		b := make([]byte, readChunk)
		n, err := p.master.Read(b)
		if n > 0 {
			p.open.Store(true)
			baud := p.hostBaud()
			if speed.octet = p.octet; baud != 0 {
				speed.octet = octetTime(baud)
			}
			if b, ok := p.modem.(bursty); ok {
				until := speed.until(time.Now(), n)
				if !post(ctx, mail, func(time.Time) { b.comes(until) }) {
					return
				}
			}
			if !speed.wait(ctx, n) || !post(ctx, mail, func(now time.Time) { p.fed(now, garbled(b[:n], baud, p.lineBaud())) }) {
				return
			}
			continue
		}
		p.open.Store(false)
		if errors.Is(err, os.ErrClosed) || !sleep(ctx, hostCheck) {
			return
		}
	}
}

// fed takes octets from the host. While its modem transmits they wait in the serial
// buffer, and are lost when that is full.
func (p *serialPort) fed(now time.Time, b []byte) {
	p.held = append(p.held, b[:min(len(b), serialBuffer-len(p.held))]...)
	p.catchUp(now)
}

// catchUp lets the modem read what has waited.
func (p *serialPort) catchUp(now time.Time) {
	if len(p.held) > 0 && !p.modem.busy() {
		p.modem.feed(now, p.held)
		p.held = p.held[:0]
	}
}

func post(ctx context.Context, mail chan<- func(time.Time), f func(time.Time)) bool {
	select {
	case mail <- f:
		return true
	case <-ctx.Done():
		return false
	}
}

// flush hands what the modem has said to the writer. It runs on the owner's goroutine.
func (p *serialPort) flush() {
	octets := p.modem.take()
	if len(octets) == 0 || !p.heard() {
		return
	}
	select {
	case p.toHost <- said{append([]byte(nil), octets...), p.lineBaud()}:
	default:
	}
}

// write sends the modem's octets at the speed of the wire. What a host does not take is lost.
func (p *serialPort) write(ctx context.Context) {
	speed := pace{octet: p.octet}
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.toHost:
			if speed.octet = p.octet; s.baud != 0 {
				speed.octet = octetTime(s.baud)
			}
			if !p.put(ctx, &speed, s) {
				return
			}
		}
	}
}

// put writes what a modem has said, in chunks. False when ctx has ended.
func (p *serialPort) put(ctx context.Context, speed *pace, s said) bool {
	for b := s.octets; len(b) > 0 && p.open.Load(); {
		n := min(len(b), readChunk)
		if !speed.wait(ctx, n) {
			return false
		}
		_ = p.master.SetWriteDeadline(time.Now().Add(writePatience))
		if _, err := p.master.Write(garbled(b[:n], s.baud, p.hostBaud())); err != nil {
			break
		}
		b = b[n:]
	}
	return true
}

// pace holds octets back to the speed of the wire.
type pace struct {
	octet time.Duration
	free  time.Time
}

// until is when so many octets, beginning now, will have passed.
func (p *pace) until(now time.Time, octets int) time.Time {
	if p.free.After(now) {
		now = p.free
	}
	return now.Add(time.Duration(octets) * p.octet)
}

func (p *pace) wait(ctx context.Context, octets int) bool {
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(octets) * p.octet)
	return sleep(ctx, p.free.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
