package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

// SiK is a SiK radio with firmware 2.2. Zero values: an HM-TRP board for 868 MHz with the firmware's defaults.
type SiK struct {
	Banner string // what ATI says
	Board  int    // 433, 868 or 915
	// Damage is the chance that of a received packet's octets one is lost or changed on the way to the host.
	Damage float64
	// Without are parameters that this firmware lacks; those after one have the next lower number then.
	Without []string
	// Stored is what its flash holds in place of the firmware's defaults, by name.
	Stored map[string]uint32
	Seed   uint64
}

// Turns (tdm.c of ArduPilot/SiK). Its unit of time is a timer tick.
const (
	sikTick     = 16 * time.Microsecond
	sikData     = 250 // octets of data in a packet
	sikTrailer  = 2
	sikShort    = sikTrailer + 16
	sikHeader   = 3 // network id, length
	sikOctets   = 12
	sikWindow   = 131 * 62 // ticks
	sikUnlocked = 20 * time.Second
	sikBuffer   = 1850 // octets from the host
	sikBonus    = 1 << 14
)

type turn uint8

const (
	ourWindow turn = iota
	silence1
	theirWindow
	silence2
)

// sikModem is one radio as its host sees it: a stream cut into packets, which leave when it is its turn.
type sikModem struct {
	air     Air
	carrier carrier
	station int
	sik     SiK
	rand    *rand.Rand
	out     []byte
	at      sikCommands
	escape  escape

	ram, flash []sikParameter
	booted     time.Time // restarts until then
	running    bool      // its receiver is on

	buffer   []byte // from the host
	overflow int
	pending  []sikPacket // from the air, for the next timeout

	octet, latency, window, silence time.Duration
	turn                            turn
	until                           time.Time // the end of the turn
	free                            time.Time // nothing leaves before
	bonus, yielded                  bool
	heard                           time.Time
	used                            time.Duration // of this round
	duty                            float64       // average share of the time
	rssi                            int           // as the firmware counts
	packets                         int
}

// sikPacket is what the air has brought.
type sikPacket struct {
	octets  []byte
	rssiDBm float64
}

func newSiK(air Air, station int, s SiK) *sikModem {
	if s.Banner == "" {
		s.Banner = "SiK 2.2 on HM-TRP"
	}
	if s.Board == 0 {
		s.Board = 868
	}
	c, _ := air.(carrier)
	m := &sikModem{air: air, carrier: c, station: station, sik: s, rand: rand.New(rand.NewPCG(s.Seed, uint64(station)))}
	m.flash = sikDefaults(s.Without)
	for i, p := range m.flash {
		if v, ok := s.Stored[p.name]; ok {
			m.flash[i].value = v
		}
	}
	return m
}

// boot starts the firmware with what is in the flash.
func (m *sikModem) boot(now time.Time) {
	m.ram = append([]sikParameter(nil), m.flash...)
	m.settleParameters()
	m.buffer, m.pending, m.at, m.escape = nil, nil, sikCommands{}, escape{}
	m.escape.heard(now)
	m.timing()
	m.turn, m.until = turn(m.rand.IntN(4)), now.Add(time.Duration(m.rand.Int64N(int64(m.window))))
	m.free, m.heard, m.bonus, m.yielded, m.duty, m.used = now, now, false, false, 0, 0
	m.running = m.air.Tune(now, m.station, m.modulation(), int(m.value("TXPOWER"))) == nil
}

// timing is tdm_init, without error correction: that is not simulated.
func (m *sikModem) timing() {
	octet := (8+8_000_000/(int(m.value("AIR_SPEED"))*1000))/16 + 1
	latency := (8+10/2)*octet + 13
	m.octet, m.silence = time.Duration(octet)*sikTick, time.Duration(2*latency)*sikTick
	m.window = time.Duration(min(3*(latency+sikData*octet), sikWindow)) * sikTick
	m.latency = time.Duration(latency+(16-10)/2*octet) * sikTick
}

func (m *sikModem) modulation() phy.Modulation {
	rate := m.value("AIR_SPEED") * 1000
	n, low, high := m.value("NUM_CHANNELS"), m.value("MIN_FREQ")*1000, m.value("MAX_FREQ")*1000
	step := (high - low) / (n + 2)
	middle := low + step/2 + (n-1)*step/2 // hopping pairs stay together: one channel stands for all
	return phy.Modulation{FrequencyHz: middle, BandwidthHz: 3 * rate, BitRate: rate, Overhead: sikOctets}
}

// feed takes octets from the host.
func (m *sikModem) feed(now time.Time, b []byte) {
	m.run(now)
	for _, c := range b {
		switch {
		case m.ram == nil:
			return // it restarts
		case m.at.active:
			m.out = append(m.out, m.at.input(c)...)
			if m.at.ready {
				m.execute(now)
			}
		default:
			m.escape.octet(now, c)
			if len(m.buffer) == sikBuffer {
				m.overflow++
				continue
			}
			m.buffer = append(m.buffer, c)
		}
	}
}

// run does what has become due.
func (m *sikModem) run(now time.Time) {
	if now.Before(m.booted) {
		return
	}
	if m.ram == nil {
		m.boot(now)
	}
	if m.escape.complete(now) {
		m.at.active = true
		m.out = append(m.out, "OK\r\n"...)
	}
	m.advance(now)
	for _, p := range m.pending {
		m.packet(now, p)
	}
	m.pending = m.pending[:0]
	m.send(now)
}

// advance passes through the turns.
func (m *sikModem) advance(now time.Time) {
	for !now.Before(m.until) {
		m.turn = (m.turn + 1) % 4
		length := m.silence
		if m.turn == ourWindow || m.turn == theirWindow {
			length = m.window
		}
		m.until = m.until.Add(length)
		if m.turn == ourWindow {
			m.duty = 0.95*m.duty + 0.05*m.used.Seconds()/(2*(m.window+m.silence)).Seconds()
			m.used = 0
		}
		m.bonus, m.yielded = false, false
	}
	if now.Sub(m.heard) > sikUnlocked { // two radios whose turns coincide never hear each other
		m.heard = now
		m.until = m.until.Add(-min(m.until.Sub(now), time.Duration(m.rand.IntN(2))*m.latency))
	}
}

// mayTransmit: in our window, or in theirs when they have left it to us.
func (m *sikModem) mayTransmit() bool {
	return m.running && !m.yielded && (m.turn == ourWindow || m.turn == theirWindow && m.bonus) && m.duty < float64(m.value("DUTY_CYCLE"))/100
}

// send puts one packet on the air if it may: what the host has given so far, or nothing, which leaves the
// rest of the window to the other.
func (m *sikModem) send(now time.Time) {
	if !m.mayTransmit() || now.Before(m.free) {
		return
	}
	if m.carrier != nil && m.carrier.Busy(now, m.station) {
		m.free = now.Add(m.latency)
		return
	}
	most := int((m.until.Sub(now) - m.latency) / m.octet)
	if m.until.Sub(now) < m.latency || most < sikShort {
		m.free = m.until
		return
	}
	n := min(len(m.buffer), most-sikTrailer-1, sikData)
	flight := m.latency + time.Duration(n+sikTrailer)*m.octet
	left := max((m.until.Sub(now)-flight)/sikTick, 1)
	word := uint16(left)
	if m.turn == theirWindow {
		word |= sikBonus
	}
	frame := binary.BigEndian.AppendUint16(nil, uint16(m.value("NETID")))
	frame = append(append(frame, byte(n)), m.buffer[:n]...)
	frame = binary.BigEndian.AppendUint16(frame, word)
	m.buffer = append(m.buffer[:0], m.buffer[n:]...)
	m.yielded = n == 0
	if m.air.Queue(now, m.station, frame) == nil {
		m.used += flight
	}
	m.free = now.Add(flight + m.latency)
}

// received keeps a frame from the air for run, which knows the time.
func (m *sikModem) received(frame []byte, rssiDBm, _ float64) {
	m.pending = append(m.pending, sikPacket{frame, rssiDBm})
}

// packet hands the data of a packet of this network to the host, and takes the turns from the sender.
func (m *sikModem) packet(now time.Time, p sikPacket) {
	b := p.octets
	if len(b) < sikHeader+sikTrailer || binary.BigEndian.Uint16(b) != uint16(m.value("NETID")) || int(b[2]) != len(b)-sikHeader-sikTrailer {
		return
	}
	data, word := b[sikHeader:len(b)-sikTrailer], binary.BigEndian.Uint16(b[len(b)-sikTrailer:])
	m.heard, m.rssi, m.packets = now, min(max(int((p.rssiDBm+127)*1.9), 0), 255), m.packets+1
	m.follow(now, word, len(data))
	if !m.at.active {
		m.out = append(m.out, m.harm(data)...)
	}
}

// follow is sync_tx_windows.
func (m *sikModem) follow(now time.Time, word uint16, length int) {
	left := time.Duration(word&^sikBonus) * sikTick
	switch {
	case word&sikBonus == 0:
		m.turn, m.until = theirWindow, now.Add(left)
	case m.turn == silence1:
		m.until = now.Add(m.silence)
	case m.turn == ourWindow:
		m.until = now.Add(left)
	default:
		m.turn, m.until = silence2, now.Add(sikTick)
	}
	m.bonus = m.turn == theirWindow && length == 0
	if m.turn != ourWindow {
		m.yielded = false
	}
	m.free = now
}

// harm is what a serial line does to octets.
func (m *sikModem) harm(data []byte) []byte {
	if len(data) == 0 || m.rand.Float64() >= m.sik.Damage {
		return data
	}
	at := m.rand.IntN(len(data))
	if m.rand.IntN(2) == 0 {
		data[at] ^= 1 << m.rand.IntN(8)
		return data
	}
	return append(data[:at], data[at+1:]...)
}

func (m *sikModem) timeout(now time.Time) { m.run(now) }

func (m *sikModem) wakeAt() time.Time {
	if m.ram == nil {
		return m.booted
	}
	next := m.until
	if at, ok := m.escape.due(); ok && at.Before(next) {
		next = at
	}
	if m.mayTransmit() && m.free.Before(next) {
		next = m.free
	}
	return next
}

func (m *sikModem) busy() bool { return false }

func (m *sikModem) take() []byte {
	said := m.out
	m.out = m.out[:0]
	return said
}
