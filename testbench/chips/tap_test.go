//go:build linux

package chips

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"
)

// tap counts what passes between a driver and its radio. A goroutine that waits for nothing else is woken as often as its
// waits end.
type tap struct {
	waits     atomic.Int64 // for an edge, or for octets from a serial line, that have ended
	transfers atomic.Int64 // over SPI, or writes to a serial line

	mu    sync.Mutex
	tape  map[string][]byte // answers of the chip by what it was sent; nil: none is kept
	plays bool              // the tape answers instead of the chip
}

var errNotOnTape = errors.New("the driver said something that it had not said before")

func (t *tap) tx(c spi.Conn, w, r []byte) error {
	t.transfers.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.plays {
		answer, ok := t.tape[string(w)]
		if !ok {
			return errNotOnTape
		}
		copy(r, answer)
		return nil
	}
	sent := bytes.Clone(w) // r may be the same slice
	err := c.Tx(w, r)
	if t.tape != nil {
		t.tape[string(sent)] = bytes.Clone(r)
	}
	return err
}

// record keeps the chip's answers from now on, play gives them instead of the chip.
func (t *tap) record() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tape = map[string][]byte{}
}

func (t *tap) play() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plays = true
}

// ear is an interrupt line whose waits are counted.
type ear struct {
	gpio.PinIn
	tap *tap
}

func (e ear) WaitForEdge(d time.Duration) bool {
	defer e.tap.waits.Add(1)
	return e.PinIn.WaitForEdge(d)
}

// tapped is a serial line whose uses are counted.
type tapped struct {
	io.ReadWriteCloser
	tap *tap
}

func (l tapped) Read(b []byte) (int, error) {
	defer l.tap.waits.Add(1)
	return l.ReadWriteCloser.Read(b)
}

func (l tapped) Write(b []byte) (int, error) {
	l.tap.transfers.Add(1)
	return l.ReadWriteCloser.Write(b)
}

// SetBaud is that of the line, for modems that need it.
func (l tapped) SetBaud(baud int) error {
	if s, ok := l.ReadWriteCloser.(interface{ SetBaud(int) error }); ok {
		return s.SetBaud(baud)
	}
	return errors.New("this line has one rate")
}
