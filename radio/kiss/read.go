package kiss

import (
	"bytes"
	"fmt"
	"time"

	"packhorse/radio"
	"packhorse/radio/slip"
)

// read is the only goroutine of a modem: it takes the stream apart until the port ends.
func (m *Modem) read() {
	defer close(m.gone)
	d := slip.NewDecoder(maxLine)
	buf := make([]byte, 512)
	for {
		n, err := m.port.Read(buf)
		for _, b := range buf[:n] {
			if frame, ok := d.Feed(b); ok {
				m.handle(frame)
			}
		}
		m.lost.Add(d.Dropped())
		if err != nil {
			m.goneErr = fmt.Errorf("%w (%v)", ErrGone, err)
			return
		}
	}
}

// handle takes a KISS frame.
func (m *Modem) handle(frame []byte) {
	if frame[0]&commandMask != cmdData {
		return // answers of a TNC's own to commands that are not ours
	}
	if int(frame[0]>>4) != m.opts.Port {
		m.foreign.Add(1)
		return
	}
	m.heard(frame[1:])
	info, ok := parseUI(frame[1:], m.to)
	if !ok {
		m.foreign.Add(1)
		return
	}
	select {
	case m.frames <- radio.Packet{Data: bytes.Clone(info), At: time.Now()}:
	default:
		m.lost.Add(1)
	}
}

// heard tells the pacer of whatever kept the channel busy.
func (m *Modem) heard(frame []byte) {
	m.paced.Lock()
	defer m.paced.Unlock()
	if m.mod.Stream() {
		m.pace.heard(time.Now(), airtime(m.mod, frame))
	}
}
