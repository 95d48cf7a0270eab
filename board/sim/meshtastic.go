package sim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

// Meshtastic is a node with firmware 2.7 as its user has set it. Zero values: region UNSET, LongFast, the channel that
// belongs to it, power as high as the region has it.
type Meshtastic struct {
	Region       uint64 // number of Config.LoRaConfig.RegionCode: 1 US, 3 EU_868, 6 ANZ
	Preset       uint64 // number of ModemPreset: 0 LongFast, 6 ShortFast, 8 ShortTurbo
	TxPower      int32
	Slot         uint64 // of the region's band, from 1; 0: by the channel's name
	Channel      string // name of the primary channel
	Silent       bool   // its transmitter is disabled
	OverrideDuty bool
	Signs        bool // it signs broadcasts that have room for it
	Nodes        int  // others that it knows, and tells of at every start
	Seed         uint64
}

const (
	meshBaud    = 115200
	meshStart1  = 0x94
	meshStart2  = 0xC3
	meshMost    = 512
	meshQueue   = 16 // MAX_TX_QUEUE
	meshHeader  = 16
	meshLoRa    = 255
	meshBoot    = 3 * time.Second
	meshIdle    = 15 * time.Minute // SERIAL_CONNECTION_TIMEOUT
	meshSlots   = 8                // contention window of a quiet channel: 2^3
	meshVersion = "2.7.15"

	meshOnlyConfig = 69420 // SPECIAL_NONCE_ONLY_CONFIG: no nodes

	meshTooLarge = 7
	meshFull     = 32
	meshDisabled = 34
)

const meshBootText = "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n\r\nINFO  | ??:??:?? 0 //\\ E S H T /\\ S T / C \r\n"

// meshNode is a node behind its serial port.
type meshNode struct {
	air     Air
	carrier carrier // nil: the channel seems free always
	station int
	kind    Meshtastic
	rand    *rand.Rand
	number  uint32

	mod     phy.Modulation
	power   int
	booted  bool
	now     time.Time
	until   time.Time // starts until then
	in      []byte    // of the message that comes in
	out     []byte
	queue   [][]byte // packets that wait
	send    time.Time
	contact time.Time // the host's last message; the zero time: it has not said anything
	talking bool      // the host has asked for the configuration
	packets uint32
}

func newMeshNode(air Air, station int, kind Meshtastic) *meshNode {
	m := &meshNode{air: air, station: station, kind: kind, number: 0xA0000001 + uint32(station),
		rand: rand.New(rand.NewPCG(kind.Seed, uint64(station)))}
	m.carrier, _ = air.(carrier)
	m.mod, m.power = kind.radio()
	return m
}

// meshBand is a region: its edges in kHz and its power.
type meshBand struct{ low, high, power uint32 }

var meshBands = map[uint64]meshBand{
	1: {902_000, 928_000, 30}, 2: {433_000, 434_000, 10}, 3: {869_400, 869_650, 27}, 6: {915_000, 928_000, 30},
}

// meshPresets are spreading factor, kHz, coding rate and name.
var meshPresets = map[uint64]struct {
	sf   uint8
	kHz  uint32
	cr   uint8
	name string
}{
	0: {11, 250, 5, "LongFast"}, 1: {12, 125, 8, "LongSlow"}, 3: {10, 250, 5, "MediumSlow"}, 4: {9, 250, 5, "MediumFast"},
	5: {8, 250, 5, "ShortSlow"}, 6: {7, 250, 5, "ShortFast"}, 7: {11, 125, 8, "LongMod"}, 8: {7, 500, 5, "ShortTurbo"},
	9: {11, 500, 8, "LongTurbo"}, 16: {9, 500, 5, "MediumTurbo"},
}

// radio is what the firmware sets its radio to (RadioInterface::applyModemConfig).
func (k Meshtastic) radio() (phy.Modulation, int) {
	band, ok := meshBands[k.Region]
	if !ok {
		band = meshBands[1]
	}
	p := meshPresets[k.Preset]
	name := k.Channel
	if name == "" {
		name = p.name
	}
	slots := (band.high - band.low) / p.kHz
	slot := uint32(5381)
	for _, c := range []byte(name) {
		slot = slot<<5 + slot + uint32(c)
	}
	if slot %= slots; k.Slot > 0 {
		slot = uint32(k.Slot) - 1
	}
	power := int(band.power)
	if k.TxPower > 0 {
		power = int(k.TxPower)
	}
	hz := band.low*1000 + p.kHz*500 + slot*p.kHz*1000
	return phy.Modulation{FrequencyHz: hz, BandwidthHz: p.kHz * 1000, SpreadingFactor: p.sf, CodingRate: p.cr, PreambleSymbols: 16}, power
}

// set is what a user does in the app, without a restart.
func (m *meshNode) set(now time.Time, kind Meshtastic) {
	m.kind = kind
	m.mod, m.power = kind.radio()
	if m.until.IsZero() {
		m.tune(now)
	}
}

// restart is a start after power came, or after it was told to.
func (m *meshNode) restart(now time.Time) {
	m.air.Off(now, m.station)
	m.in, m.queue, m.send, m.talking, m.contact = nil, nil, time.Time{}, false, time.Time{}
	m.until = now.Add(meshBoot)
	m.out = append(m.out, meshBootText...)
}

// started ends a start: the radio is on, and whoever listens is told.
func (m *meshNode) started(now time.Time) {
	m.until = time.Time{}
	m.tune(now)
	m.tell(proto(nil).flag(8, true))
}

func (m *meshNode) tune(now time.Time) {
	if err := m.air.Tune(now, m.station, m.mod, m.power); err != nil {
		m.air.Off(now, m.station)
	}
}

// tell sends one FromRadio.
func (m *meshNode) tell(message proto) {
	m.out = append(m.out, meshStart1, meshStart2, byte(len(message)>>8), byte(len(message)))
	m.out = append(m.out, message...)
}

// debug is text for people, which the firmware writes between messages until a host has asked for the configuration.
func (m *meshNode) debug(format string, a ...any) {
	if !m.talking {
		m.out = append(m.out, fmt.Sprintf("DEBUG | ??:??:?? "+format+"\r\n", a...)...)
	}
}

// feed takes octets from the host.
func (m *meshNode) feed(now time.Time, b []byte) {
	m.now = now
	if now.Before(m.until) {
		return
	}
	for _, c := range b {
		m.octet(now, c)
	}
}

// octet follows StreamAPI::handleRecStream.
func (m *meshNode) octet(now time.Time, c byte) {
	m.in = append(m.in, c)
	size := 0
	if len(m.in) >= 4 {
		size = int(binary.BigEndian.Uint16(m.in[2:]))
	}
	switch n := len(m.in); {
	case n == 1 && c != meshStart1, n == 2 && c != meshStart2, n == 4 && size > meshMost:
		m.in = m.in[:0]
	case n >= 4 && n == 4+size:
		m.toRadio(now, m.in[4:])
		m.in = m.in[:0]
	}
}

// quiet tells that the host has not been heard for so long that nothing is told to it any more.
func (m *meshNode) quiet(now time.Time) bool {
	return m.contact.IsZero() || now.Sub(m.contact) > meshIdle
}

// received is a LoRa packet: header, then Data in the clear, where a node encrypts it with the channel's key in counter
// mode, which changes no length.
func (m *meshNode) received(packet []byte, rssiDBm, snrDB float64) {
	if len(packet) < meshHeader || packet[13] != m.hash() || m.quiet(m.now) || !m.talking {
		return
	}
	from, id := binary.LittleEndian.Uint32(packet[4:]), binary.LittleEndian.Uint32(packet[8:])
	m.debug("Lora RX (id=0x%08x fr=0x%08x)", id, from)
	p := proto(nil).fixed32(1, from).fixed32(2, binary.LittleEndian.Uint32(packet)).octets(4, packet[meshHeader:])
	p = p.fixed32(6, id).fixed32(7, 1_700_000_000).fixed32(8, float32bits(snrDB)).varint(12, uint64(int64(rssiDBm)))
	p = p.varint(15, uint64(packet[12]>>5)).varint(21, 1)
	m.packets++
	m.tell(proto(nil).varint(1, uint64(m.packets)).octets(2, p))
}

// hash is the channel's, by which a receiver picks a key.
func (m *meshNode) hash() byte {
	h := byte(0x08) // of the well-known key
	for _, c := range []byte(m.kind.Channel) {
		h ^= c
	}
	return h
}

func (m *meshNode) take() []byte {
	said := m.out
	m.out = m.out[:0]
	return said
}

func (m *meshNode) busy() bool { return false }

func (m *meshNode) wakeAt() time.Time {
	if !m.until.IsZero() {
		return m.until
	}
	return m.send
}

func (m *meshNode) timeout(now time.Time) {
	m.now = now
	if !m.booted {
		m.booted = true
		m.restart(now)
	}
	if !m.until.IsZero() && !now.Before(m.until) {
		m.started(now)
	}
	if !m.send.IsZero() && !now.Before(m.send) {
		m.transmit(now)
	}
}
