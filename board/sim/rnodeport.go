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
	// octetTime is one octet at 115200 baud, 8N1.
	octetTime = 10 * time.Second / 115200
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

// rnodePort joins a modem to its pseudo-terminal: one goroutine reads, one
// writes, the owner of the air does the rest.
type rnodePort struct {
	modem  *rnodeModem
	master wire
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

func newRNodePort(m *rnodeModem, master wire, link string) *rnodePort {
	return &rnodePort{modem: m, master: master, link: link, toHost: make(chan []byte, outgoing)}
}

// read passes what the host sends to the modem, at the speed of the wire. While
// no host has the port open, reading fails and is tried again.
func (p *rnodePort) read(ctx context.Context, mail chan<- func(time.Time)) {
	var speed pace
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
func (p *rnodePort) fed(now time.Time, b []byte) {
	p.held = append(p.held, b[:min(len(b), serialBuffer-len(p.held))]...)
	p.catchUp(now)
}

// catchUp lets the modem read what has waited.
func (p *rnodePort) catchUp(now time.Time) {
	if len(p.held) > 0 && !p.modem.air.Sending(p.modem.station) {
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
func (p *rnodePort) flush() {
	if len(p.modem.out) == 0 {
		return
	}
	if p.open.Load() {
		select {
		case p.toHost <- append([]byte(nil), p.modem.out...):
		default:
		}
	}
	p.modem.out = p.modem.out[:0]
}

// write sends the modem's octets at the speed of the wire. What a host does not take is lost.
func (p *rnodePort) write(ctx context.Context) {
	var speed pace
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
type pace struct{ free time.Time }

func (p *pace) wait(ctx context.Context, octets int) bool {
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(octets) * octetTime)
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
