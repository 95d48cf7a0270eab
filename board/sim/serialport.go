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
	octet  time.Duration // one octet on the wire, 8N1
	link   string
	toHost chan []byte
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

func newSerialPort(m modem, master wire, link string, baud int) *serialPort {
	return &serialPort{modem: m, master: master, link: link, octet: 10 * time.Second / time.Duration(baud), toHost: make(chan []byte, outgoing)}
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
			if !speed.wait(ctx, n) || !post(ctx, mail, func(now time.Time) { p.fed(now, b[:n]) }) {
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
	said := p.modem.take()
	if len(said) == 0 || !p.open.Load() {
		return
	}
	select {
	case p.toHost <- append([]byte(nil), said...):
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
		case b := <-p.toHost:
			for len(b) > 0 && p.open.Load() {
				n := min(len(b), readChunk)
				if !speed.wait(ctx, n) {
					return
				}
				_ = p.master.SetWriteDeadline(time.Now().Add(writePatience))
				if _, err := p.master.Write(b[:n]); err != nil {
					break
				}
				b = b[n:]
			}
		}
	}
}

// pace holds octets back to the speed of the wire.
type pace struct {
	octet time.Duration
	free  time.Time
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
