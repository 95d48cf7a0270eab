package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

func float32bits(v float64) uint32 { return math.Float32bits(float32(v)) }

// toRadio takes one message of the host (PhoneAPI::handleToRadio).
func (m *meshNode) toRadio(now time.Time, b []byte) {
	fields, ok := protoFields(b)
	if !ok {
		m.debug("Error: ignore malformed toradio")
		return
	}
	m.contact = now
	for _, f := range fields {
		switch f.number {
		case 1:
			m.packet(now, f.octets)
		case 3:
			m.talking = true
			m.configuration(f.value)
		case 4:
			m.talking = false
		case 7:
			m.status(0, 0)
		}
	}
}

// status is a QueueStatus.
func (m *meshNode) status(result, packet uint32) {
	s := proto(nil).varint(1, uint64(result)).varint(2, uint64(meshQueue-len(m.queue))).varint(3, meshQueue)
	m.tell(proto(nil).octets(11, s.varint(4, uint64(packet))))
}

// configuration is all that a node tells of itself, in its order (PhoneAPI::getFromRadio).
func (m *meshNode) configuration(nonce uint64) {
	m.tell(proto(nil).octets(3, proto(nil).varint(1, uint64(m.number)).varint(8, 12).octets(13, []byte("heltec-v3"))))
	m.tell(proto(nil).octets(4, m.nodeInfo(m.number)))
	m.tell(proto(nil).octets(13, proto(nil).octets(1, []byte(meshVersion)).varint(2, 24).flag(14, m.kind.Signs)))
	for i := range 8 {
		role, settings := uint64(0), proto(nil)
		if i == 0 {
			role, settings = 1, settings.octets(2, []byte{1}).octets(3, []byte(m.kind.Channel))
		}
		m.tell(proto(nil).octets(10, proto(nil).varint(1, uint64(i)).octets(2, settings).varint(3, role)))
	}
	for i := 1; i <= 8; i++ {
		section := proto(nil).varint(1, 1)
		if i == 6 {
			section = m.lora()
		}
		m.tell(proto(nil).octets(5, proto(nil).octets(i, section)))
	}
	m.tell(proto(nil).octets(9, proto(nil).octets(1, nil)))
	if nonce == meshOnlyConfig {
		m.tell(proto(nil).varint(7, nonce))
		return
	}
	for i := range m.kind.Nodes {
		m.tell(proto(nil).octets(4, m.nodeInfo(0xB0000000+uint32(i))))
	}
	m.tell(proto(nil).varint(7, nonce))
}

func (m *meshNode) nodeInfo(number uint32) proto {
	user := proto(nil).octets(1, fmt.Appendf(nil, "!%08x", number)).octets(2, fmt.Appendf(nil, "Meshtastic %04x", number&0xFFFF))
	return proto(nil).varint(1, uint64(number)).octets(2, user.octets(8, make([]byte, 32))).fixed32(4, float32bits(7.25))
}

func (m *meshNode) lora() proto {
	k := m.kind
	p := proto(nil).flag(1, true).varint(2, k.Preset).varint(7, k.Region).varint(8, 3).flag(9, !k.Silent)
	p = p.varint(10, uint64(int64(k.TxPower))).varint(11, k.Slot).flag(12, k.OverrideDuty)
	return p.fixed32(6, 0).octets(103, []byte{1, 2}).flag(13, true)
}

// packet takes a MeshPacket of the host. To itself only a restart is understood (AdminMessage.reboot_seconds).
func (m *meshNode) packet(now time.Time, b []byte) {
	fields, ok := protoFields(b)
	if !ok {
		return
	}
	var to, id, hops uint32
	var data []byte
	for _, f := range fields {
		switch f.number {
		case 2:
			to = uint32(f.value)
		case 4:
			data = f.octets
		case 6:
			id = uint32(f.value)
		case 9:
			hops = uint32(f.value)
		}
	}
	if to == m.number {
		m.restart(now)
		return
	}
	m.status(m.enqueue(now, to, id, hops, data), id)
}

// enqueue puts a packet into the queue, or answers why not (Router::send, RadioLibInterface::send).
func (m *meshNode) enqueue(now time.Time, to, id, hops uint32, data []byte) uint32 {
	data = append(append([]byte(nil), data...), 0x48, 0x00) // the bit field that the firmware adds
	const signature = 66
	if m.kind.Signs && meshHeader+len(data)+signature <= meshLoRa {
		data = append(proto(data).octets(10, make([]byte, signature-2)), nil...)
	}
	switch {
	case meshHeader+len(data) > meshLoRa:
		return meshTooLarge
	case m.kind.Silent || m.kind.Region == 0:
		return meshDisabled
	case len(m.queue) >= meshQueue:
		return meshFull
	}
	h := binary.LittleEndian.AppendUint32(nil, to)
	h = binary.LittleEndian.AppendUint32(h, m.number)
	h = binary.LittleEndian.AppendUint32(h, id)
	h = append(h, byte(hops&7|hops<<5), m.hash(), 0, byte(m.number))
	m.queue = append(m.queue, append(h, data...))
	if m.send.IsZero() {
		m.delay(now)
	}
	return 0
}

// delay draws when to look at the channel (getTxDelayMsec, computeSlotTimeMsec).
func (m *meshNode) delay(now time.Time) {
	slot := 5*m.mod.SymbolTime()/2 + 7600*time.Microsecond
	m.send = now.Add(time.Duration(1+m.rand.IntN(meshSlots-1))*slot + time.Millisecond)
}

// transmit sends the first packet of the queue if the channel is free, and else draws again.
func (m *meshNode) transmit(now time.Time) {
	m.send = time.Time{}
	if len(m.queue) == 0 {
		return
	}
	if !m.air.Sending(m.station) && (m.carrier == nil || !m.carrier.Busy(now, m.station)) {
		_ = m.air.Queue(now, m.station, m.queue[0]) // a radio that is off sends nothing
		m.debug("Started Tx")
		m.queue = m.queue[1:]
	}
	if len(m.queue) > 0 {
		m.delay(now)
	}
}
