package meshtastic

import (
	"fmt"
	"math"
	"time"

	"packhorse/radio"
)

// read is the goroutine that takes the stream apart until the port ends or the node restarts.
func (m *Modem) read() {
	defer close(m.gone)
	var d decoder
	buf := make([]byte, 512)
	for {
		n, err := m.port.Read(buf)
		for _, b := range buf[:n] {
			message, ok := d.feed(b)
			if !ok {
				continue
			}
			if m.goneErr = m.handle(message); m.goneErr != nil {
				m.port.Close()
				return
			}
		}
		if err != nil {
			m.goneErr = fmt.Errorf("%w (%v)", ErrGone, err)
			return
		}
	}
}

// handle takes one FromRadio. An error ends the modem; what is malformed is counted.
func (m *Modem) handle(message []byte) error {
	restarted, told := false, false
	err := fields(message, func(f field) error {
		switch {
		case f.number == fromRebooted && f.wire == wireVarint:
			restarted = f.value != 0
			return nil
		case f.number == fromConfigComplete && f.wire == wireVarint:
			m.tell(uint32(f.value))
			told = true
			return nil
		case f.wire == wireBytes:
			return m.part(f)
		}
		return nil
	})
	if err != nil {
		m.lost.Add(1)
	}
	if restarted && m.started() {
		return fmt.Errorf("%w: it restarted", ErrGone)
	}
	if told {
		return m.changed()
	}
	return nil
}

// started tells whether the node has told how it is set: a restart before that only delays it.
func (m *Modem) started() bool {
	m.info.Lock()
	defer m.info.Unlock()
	return m.self.Modulation.BandwidthHz != 0
}

// tell passes on the end of what the node tells; 0: that it is telling.
func (m *Modem) tell(id uint32) {
	select {
	case m.told <- id:
	default:
		if id == 0 {
			return // it has been said often enough, and what ends the telling may wait here
		}
		select { // nobody waits for the oldest
		case <-m.told:
		default:
		}
		select {
		case m.told <- id:
		default:
		}
	}
}

// part takes a message within FromRadio.
func (m *Modem) part(f field) error {
	switch f.number {
	case fromPacket:
		return m.packet(f.bytes)
	case fromQueueStatus:
		return m.queue(f.bytes)
	case fromNotification:
		return m.notify(f.bytes)
	case fromMyInfo, fromMetadata, fromConfig, fromChannel:
		return m.learn(f)
	}
	m.tell(0)
	return nil
}

// mostSNR in dB is more than the register of any chip can tell: 8 bits in steps of a quarter.
const mostSNR = 32

func (m *Modem) packet(b []byte) error {
	h, err := parsePacket(b)
	if err != nil || h.port != portPrivate || !h.onAir || h.from == m.Info().Node {
		return err
	}
	if len(h.payload) == 0 {
		return nil
	}
	p := radio.Packet{Data: append([]byte(nil), h.payload...), At: time.Now()}
	if h.rssi != 0 && math.Abs(h.snr) <= mostSNR { // and is a number
		p.RSSIdBm, p.SNRdB, p.HasSignal = float64(h.rssi), h.snr, true
	}
	select {
	case m.frames <- p:
	default:
		m.lost.Add(1)
	}
	return nil
}

func (m *Modem) queue(b []byte) error {
	s, err := parseQueueStatus(b)
	if err != nil {
		return err
	}
	select {
	case m.status <- s:
	default: // nobody asked
	}
	return nil
}

// notify keeps the node's latest word to people, for the error that follows.
func (m *Modem) notify(b []byte) error {
	const most = 120
	text, err := textOf(b, notificationText, most)
	if err == nil && len(text) > 0 {
		s := string(text)
		m.notice.Store(&s)
	}
	return err
}

// learn takes what the node tells of itself.
func (m *Modem) learn(f field) error {
	m.tell(0)
	m.info.Lock()
	defer m.info.Unlock()
	switch f.number {
	case fromMyInfo:
		v, err := varintOf(f.bytes, infoNode)
		m.self.Node = uint32(v)
		return err
	case fromMetadata:
		return m.metadata(f.bytes)
	case fromChannel:
		return m.lora.channel(f.bytes)
	}
	return fields(f.bytes, func(f field) error {
		if f.number == configLora && f.wire == wireBytes {
			return m.lora.parse(f.bytes)
		}
		return nil
	})
}

func (m *Modem) metadata(b []byte) error {
	text, err := textOf(b, metaFirmware, maxName)
	if err != nil {
		return err
	}
	signs, err := varintOf(b, metaSigns)
	m.self.Firmware, m.self.Signs = string(text), signs != 0
	return err
}
