//go:build linux

package sim

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// NewMemoryRNodes is NewRNodes with lines in memory.
func NewMemoryRNodes(air Air, stations int) *Rig {
	r, err := NewRNodes(air, stations, "")
	if err != nil {
		panic(err) // without files nothing can fail
	}
	return r
}

// Dial opens the host's side of a station's line in memory. Whoever had it open before reads io.EOF. What it returns also
// has SetBaud(baud int) error, for modems whose rate matters; until that is called the rate is right.
func (r *Rig) Dial(station int) io.ReadWriteCloser {
	return r.modems[station].master.(*memoryLine).dial()
}

// Attach joins a station's line in memory to a connection, such as the one to a virtual machine's serial port. Whoever had
// the line open before reads io.EOF. The connection belongs to the rig from here on.
func (r *Rig) Attach(station int, host net.Conn) {
	r.modems[station].master.(*memoryLine).join(host)
}

// memoryLine is the modem's side of a line in memory.
type memoryLine struct {
	mu     sync.Mutex
	side   net.Conn // nil: no host
	baud   int      // of the host; 0: not set
	closed bool
}

// memoryHost is the host's side, which can set a rate.
type memoryHost struct {
	net.Conn
	line *memoryLine
}

// SetBaud sets the rate of the host's side.
func (h memoryHost) SetBaud(baud int) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.baud = baud
	return nil
}

func (l *memoryLine) hostBaud() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.baud
}

func (l *memoryLine) hasHost() bool {
	_, err := l.now()
	return err == nil
}

func (l *memoryLine) dial() memoryHost {
	host, modem := net.Pipe()
	l.join(modem)
	return memoryHost{host, l}
}

// join gives the modem another line, in place of the one before.
func (l *memoryLine) join(side net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.side != nil {
		l.side.Close()
	}
	l.baud = 0
	if l.side = side; l.closed {
		side.Close()
	}
}

// now is the open side, or why there is none.
func (l *memoryLine) now() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, os.ErrClosed
	case l.side == nil:
		return nil, io.EOF
	}
	return l.side, nil
}

func (l *memoryLine) Read(b []byte) (int, error) {
	side, err := l.now()
	if err != nil {
		return 0, err
	}
	return side.Read(b)
}

func (l *memoryLine) Write(b []byte) (int, error) {
	side, err := l.now()
	if err != nil {
		return 0, err
	}
	return side.Write(b)
}

func (l *memoryLine) SetWriteDeadline(t time.Time) error {
	side, err := l.now()
	if err != nil {
		return err
	}
	return side.SetWriteDeadline(t)
}

func (l *memoryLine) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.side != nil {
		l.side.Close()
	}
	return nil
}
