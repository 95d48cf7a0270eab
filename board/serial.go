package board

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"go.bug.st/serial"
)

const (
	writeChunk = 64 // octets per system call: a stuck line is noticed early
	// writeStall is how long one chunk may take. At 9600 baud 64 octets need 70 ms.
	writeStall = 5 * time.Second
	closeWait  = time.Second
)

// ErrSerialStuck: the other end takes no octets. Write has given up and the port
// must be closed.
var ErrSerialStuck = errors.New("board: the serial port takes no data: unplug the device and plug it in again")

// ErrSerialBusy: another program of ours or of somebody else has the port.
var ErrSerialBusy = errors.New("board: the serial port is in use by another program")

// line is the part of a serial port that Serial needs.
type line interface {
	io.ReadWriteCloser
}

// Serial is an open serial port, 8N1. Unlike the library's it never blocks in
// Write or Close for ever, and it is locked against a second opener even for
// root. Read from one goroutine, Write from one other; Close from anywhere.
type Serial struct {
	line line
	lock *os.File // nil where there is none

	chunks chan []byte
	done   chan error // result of the chunk last given
	stop   chan struct{}

	mu      sync.Mutex
	idle    sync.Cond
	busy    bool // the writer is inside line.Write
	closed  bool
	closing sync.Once
	err     error
}

// OpenSerial opens a port by its path, best one below /dev/serial/by-id, which
// stays the same when ports are plugged in another order. Modem lines are left
// as they are: not every port has them.
func OpenSerial(path string, baud int) (*Serial, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("board: there is no port %s: %s: %w", path, portsHint(ListSerial("/dev")), fs.ErrNotExist)
	}
	lock, err := lockPort(path)
	if err != nil {
		return nil, err
	}
	port, err := serial.Open(path, &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit})
	if err != nil {
		unlockPort(lock)
		return nil, explain(path, baud, err)
	}
	return newSerial(port, lock), nil
}

func newSerial(l line, lock *os.File) *Serial {
	s := &Serial{line: l, lock: lock, chunks: make(chan []byte), done: make(chan error, 1), stop: make(chan struct{})}
	s.idle.L = &s.mu
	go s.writer()
	return s
}

// explain turns the library's error codes into what to do.
func explain(path string, baud int, err error) error {
	var code serial.PortError
	var pointer *serial.PortError
	if errors.As(err, &pointer) {
		code = *pointer
	} else if !errors.As(err, &code) {
		return fmt.Errorf("board: open %s: %w", path, err)
	}
	switch code.Code() {
	case serial.PortBusy:
		return fmt.Errorf("%w: %s: stop that program (rnsd, ModemManager, a serial console?)", ErrSerialBusy, path)
	case serial.PortNotFound:
		return fmt.Errorf("board: there is no port %s: %w", path, fs.ErrNotExist)
	case serial.PermissionDenied:
		return fmt.Errorf("board: no permission for %s: add this user to the group dialout and log in again: %w", path, fs.ErrPermission)
	case serial.InvalidSpeed:
		return fmt.Errorf("board: %s cannot do %d baud", path, baud)
	}
	return fmt.Errorf("board: open %s: %w", path, err)
}

// SetBaud changes the rate of the line, for devices that are configured at another one. What was written must have had
// the time to leave: octets still on their way go at the new rate.
func (s *Serial) SetBaud(baud int) error {
	l, ok := s.line.(interface{ SetMode(*serial.Mode) error })
	if !ok {
		return errors.New("board: this serial port keeps its rate")
	}
	if s.isClosed() {
		return fs.ErrClosed
	}
	if err := l.SetMode(&serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}); err != nil {
		return fmt.Errorf("board: the serial port cannot do %d baud: %w", baud, err)
	}
	return nil
}

func portsHint(ports []SerialPort) string {
	if len(ports) == 0 {
		return "no serial device is plugged in"
	}
	var names []string
	for _, p := range ports {
		names = append(names, p.Path)
	}
	return "plugged in are " + strings.Join(names, ", ")
}

// Read waits for octets. It fails when the port is closed or unplugged.
func (s *Serial) Read(b []byte) (int, error) {
	for {
		n, err := s.line.Read(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		if s.isClosed() {
			return 0, fs.ErrClosed
		}
	}
}

func (s *Serial) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Write sends all of b, or fails within a few seconds. After ErrSerialStuck an
// unknown part of b may still leave.
func (s *Serial) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		chunk := append([]byte(nil), b[n:min(n+writeChunk, len(b))]...)
		if err := s.give(chunk); err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}

func (s *Serial) give(chunk []byte) error {
	timer := time.NewTimer(writeStall)
	defer timer.Stop()
	if s.isClosed() {
		return fs.ErrClosed
	}
	select {
	case s.chunks <- chunk:
	case <-s.stop:
		return fs.ErrClosed
	case <-timer.C: // an earlier chunk is stuck
		return ErrSerialStuck
	}
	select {
	case err := <-s.done:
		return err
	case <-timer.C:
		return ErrSerialStuck
	}
}

// writer owns the sending half. When the line is stuck it is left behind: no
// system call can be called back.
func (s *Serial) writer() {
	for {
		select {
		case chunk := <-s.chunks:
			if !s.send(chunk) {
				return
			}
		case <-s.stop:
			return
		}
	}
}

// send writes one chunk. False means that nobody waits for the result any more.
func (s *Serial) send(chunk []byte) bool {
	if !s.enter() {
		s.done <- fs.ErrClosed
		return false
	}
	err := writeAll(s.line, chunk)
	s.mu.Lock()
	s.busy = false
	s.idle.Broadcast()
	s.mu.Unlock()
	select {
	case s.done <- err:
		return true
	default:
		return false
	}
}

// enter marks the writer busy, unless the port is closed: the descriptor may by
// then belong to another file.
func (s *Serial) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = !s.closed
	return s.busy
}

func writeAll(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n, err := w.Write(b)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		b = b[n:]
	}
	return nil
}

// Close closes the port and wakes Read. It waits at most a second for a write
// under way.
func (s *Serial) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		close(s.stop)
		end := time.Now().Add(closeWait)
		timer := time.AfterFunc(closeWait, s.wake)
		for s.busy && time.Now().Before(end) {
			s.idle.Wait()
		}
		s.mu.Unlock()
		timer.Stop()
		s.err = s.line.Close()
		unlockPort(s.lock)
	})
	return s.err
}

func (s *Serial) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle.Broadcast()
}
