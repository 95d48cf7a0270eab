package rnode

import (
	"fmt"
	"time"

	"packhorse/radio"
	"packhorse/radio/slip"
)

// read is the only goroutine of a modem: it takes the stream apart until the
// port ends or the modem says that it restarts.
func (m *Modem) read() {
	defer close(m.gone)
	d := slip.NewDecoder(1 + maxPayload)
	var s signal
	buf := make([]byte, 512)
	for {
		n, err := m.port.Read(buf)
		for _, b := range buf[:n] {
			frame, ok := d.Feed(b)
			if !ok {
				continue
			}
			if m.goneErr = m.handle(frame[0], frame[1:], &s); m.goneErr != nil {
				m.port.Close()
				return
			}
		}
		m.lost.Add(d.Dropped())
		if err != nil {
			m.goneErr = fmt.Errorf("%w (%v)", ErrGone, err)
			return
		}
	}
}

// signal is what the modem measured of the frame that follows.
type signal struct {
	rssi, snr float64
	known     bool
}

// handle takes one frame of the modem. An error ends the modem.
func (m *Modem) handle(command byte, payload []byte, s *signal) error {
	switch {
	case command == cmdData:
		m.deliver(payload, *s)
		*s = signal{}
	case command == cmdRSSI && len(payload) == 1:
		s.rssi, s.known = float64(payload[0])-rssiOffset, true
	case command == cmdSNR && len(payload) == 1:
		s.snr = float64(int8(payload[0])) / 4
	case m.reported(command, payload):
		if command == cmdChannel && len(payload) >= 2 {
			m.metered(uint16(payload[0])<<8 | uint16(payload[1]))
		}
	case command == cmdReady && len(payload) == 1:
		m.setReady(payload[0] == 1)
	case command == cmdReset && len(payload) == 1 && payload[0] == resetKey:
		return m.restarted()
	case command == cmdError && len(payload) == 1:
		return m.report(&ModemError{Code: payload[0]})
	default:
		m.answer(command, payload)
	}
	return nil
}

func (m *Modem) deliver(payload []byte, s signal) {
	m.heard.Store(time.Now().UnixNano())
	if len(payload) == 0 || len(payload) > maxFrame {
		m.lost.Add(1)
		m.foreign.Add(1) // more is two packets, which nobody of ours sends
		return
	}
	p := radio.Packet{Data: append([]byte(nil), payload...), RSSIdBm: s.rssi, SNRdB: s.snr, HasSignal: s.known, At: time.Now()}
	select {
	case m.frames <- p:
	default:
		m.lost.Add(1)
	}
}

func (m *Modem) setReady(room bool) {
	select {
	case <-m.ready:
	default:
	}
	m.ready <- room
}

// restarted ends a modem that has lost its settings. One that is only being opened has restarted because its port opened.
func (m *Modem) restarted() error {
	if !m.opened.Load() {
		return nil
	}
	return fmt.Errorf("%w (it restarted)", ErrGone)
}

// report keeps an error for the next Transmit, or ends the modem by it.
func (m *Modem) report(e *ModemError) error {
	if e.fatal() {
		return e
	}
	m.warning.Store(e)
	m.stated.Lock()
	defer m.stated.Unlock()
	m.stats.Warnings++
	return nil
}

// answer passes on a reply.
func (m *Modem) answer(command byte, payload []byte) {
	r := reply{command: command, octets: len(payload)}
	switch {
	case len(payload) == 0:
		return
	case len(payload) > 4:
		r.data, payload = append([]byte(nil), payload...), nil
	}
	for _, b := range payload {
		r.value = r.value<<8 | uint32(b)
	}
	select {
	case m.replies <- r:
	default: // nobody asked
	}
}
