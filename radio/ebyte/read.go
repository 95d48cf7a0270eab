package ebyte

import (
	"fmt"
	"time"

	"packhorse/radio"
)

// read is the only goroutine of a modem: it takes what comes until the port ends.
func (m *modem) read() {
	defer close(m.gone)
	buf := make([]byte, 512)
	for {
		n, err := m.port.Read(buf)
		if m.config.Load() {
			m.answered(buf[:n])
		} else {
			m.received(buf[:n])
		}
		if err != nil {
			m.goneErr = fmt.Errorf("%w (%v)", ErrGone, err)
			return
		}
	}
}

// answered passes on what comes in configuration mode.
func (m *modem) answered(b []byte) {
	if len(b) == 0 {
		return
	}
	select {
	case m.answers <- append([]byte(nil), b...):
	default: // nobody asked for so much
	}
}

func (m *modem) received(b []byte) {
	m.parsing.Lock()
	defer m.parsing.Unlock()
	for _, c := range b {
		e := m.parse.feed(c)
		if e.frame != nil {
			m.deliver(e)
		}
		if e.answer {
			m.level()
		}
	}
	if m.parse.holds {
		m.awaitSignal()
	}
}

// awaitSignal delivers a frame without its signal strength when that does not come.
func (m *modem) awaitSignal() {
	if m.late == nil {
		m.late = time.AfterFunc(rssiPatience, m.giveUp)
		return
	}
	m.late.Reset(rssiPatience)
}

func (m *modem) giveUp() {
	m.parsing.Lock()
	defer m.parsing.Unlock()
	if e := m.parse.release(); e.frame != nil {
		m.deliver(e)
	}
}

func (m *modem) deliver(e event) {
	if len(e.frame) == 0 {
		return
	}
	p := radio.Packet{Data: append([]byte(nil), e.frame...), HasSignal: e.known, At: time.Now()}
	if e.known {
		p.RSSIdBm = m.dBm(e.signal)
	}
	select {
	case m.frames <- p:
	default:
		m.lost.Add(1)
	}
}

// level keeps the latest answer about the ambient signal.
func (m *modem) level() {
	now, _ := m.parse.ambient()
	select {
	case <-m.levels:
	default:
	}
	m.levels <- now
}

// dBm is an octet of signal strength (manuals, register 06 b7 and register 04 b5).
func (m *modem) dBm(b byte) float64 {
	if m.opts.Halved {
		return -float64(b) / 2
	}
	return float64(b) - 256
}
