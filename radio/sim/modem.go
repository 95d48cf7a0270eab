package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

const (
	// MaxFrame is the longest frame an RNode modem takes: it travels as two LoRa
	// packets. SingleFrame is the longest that travels as one.
	MaxFrame    = 508
	SingleFrame = 254

	maxPacket = 255  // LoRa's own limit, and that of a Bare modem
	maxStream = 2048 // of a Bare modem that sends a stream of bits

	// What the modem of an ESP32 board holds.
	queueFrames = 200
	queueOctets = 6144
)

// station is one modem: its settings, its queue and its place in the medium access.
type station struct {
	index    int
	kind     Modem
	on       bool
	wave     phy.Wave // with the preamble in use; of a chip, what its receiver is set to
	powerDBm int
	timing   phy.RNodeTiming
	// crystalPPM is how much too fast the crystal runs.
	crystalPPM float64
	shorter    uint16  // preamble symbols fewer than other RNodes, from the next Tune on
	fadeDB     float64 // between antenna and receiver

	listening time.Time // receiving without a break since
	sending   bool
	txEnd     time.Time
	burst     []packet // left of the frames that this channel access sends
	queue     [][]byte
	octets    int // in queue

	access access
	load   load // of this transmitter
	heard  load // of the others that this receiver senses
	limits limits
	half   half
	rand   *rand.Rand // of a chip: its luck

	hearing  []*reception // of a chip: what may come of the packets on the air
	follows  *reception   // the one of them that the receiver follows
	injuries []Injury

	airtime time.Duration
	stats   Stats
}

// packet is one LoRa packet to send; octets is the size of the host frame
// that has left when the packet has, 0 for a first half.
type packet struct {
	data   []byte
	octets int
}

// half is the first half of a split frame, as the receiving modem keeps it.
type half struct {
	open bool
	seq  byte
	data []byte
}

func newStation(i int, kind Modem, r *rand.Rand) *station {
	return &station{index: i, kind: kind, rand: r}
}

// Tune switches a station on and sets it; what was being received is lost. An
// RNode ignores the modulation's preamble length and sets its own.
func (a *Air) Tune(now time.Time, station int, m phy.Modulation, powerDBm int) error {
	s := a.stations[station]
	if s.kind == Chip {
		return fmt.Errorf("sim: station %d is a chip: use Listen and Emit", station)
	}
	if s.kind == RNode {
		m = phy.RNodeModulation(m)
		m.PreambleSymbols -= s.shorter
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("sim: station %d: %w", station, err)
	}
	if m != s.wave.Modulation {
		s.listening = now
	}
	if !s.on {
		s.on, s.listening = true, now
	}
	s.wave, s.powerDBm, s.timing = modemWave(m), powerDBm, phy.RNode(m)
	return nil
}

// ShortPreambles makes an RNode one with an SX127x: its firmware then programs 4 symbols less (sx127x.cpp, setPreambleLength).
func (a *Air) ShortPreambles(station int) { a.stations[station].shorter = 4 }

// Off switches a station off: its queue is forgotten, and it neither hears nor
// sends until Tune. A packet on the air ends where it is and is lost.
func (a *Air) Off(now time.Time, station int) {
	s := a.stations[station]
	a.abort(now, s)
	s.deaf()
	s.on, s.sending, s.burst, s.queue, s.octets = false, false, nil, nil, 0
	s.access, s.half = access{}, half{}
	a.sense(now)
}

// abort takes the packet that a station sends off the air.
func (a *Air) abort(now time.Time, s *station) {
	if !s.sending {
		return
	}
	s.sending, s.listening = false, now
	for i, t := range a.active {
		if t.from == s.index {
			t.end = now
			s.airtime -= s.txEnd.Sub(now)
			a.active = append(a.active[:i], a.active[i+1:]...)
			a.broken(t)
			return
		}
	}
}

// modemWave is the form of the packets that modems send: that of RNode_Firmware 1.86.
func modemWave(m phy.Modulation) phy.Wave {
	return phy.Wave{Modulation: m, SyncWord: phy.SyncPrivate, CRC: true}
}

// Queue hands a frame to a station's modem. The frame is copied. ErrQueueFull
// when it holds too many; other errors say that this modem can never send it.
func (a *Air) Queue(now time.Time, station int, frame []byte) error {
	s := a.stations[station]
	limit := MaxFrame
	if s.kind == Bare {
		limit = maxPacket
		if s.wave.Stream() {
			limit = maxStream
		}
	}
	switch {
	case s.kind == Chip:
		return fmt.Errorf("sim: station %d is a chip and has no queue: use Emit", station)
	case !s.on:
		return fmt.Errorf("sim: station %d is off", station)
	case len(frame) == 0 || len(frame) > limit:
		return fmt.Errorf("sim: station %d: a frame of %d octets; its modem takes 1 to %d", station, len(frame), limit)
	case !s.room(len(frame)):
		return ErrQueueFull
	}
	s.queue = append(s.queue, append([]byte(nil), frame...))
	s.octets += len(frame)
	a.contend(now, s)
	return nil
}

// Room tells whether the station's modem takes a frame of n octets now.
func (a *Air) Room(station, n int) bool { return a.stations[station].room(n) }

func (s *station) room(n int) bool {
	return len(s.queue) < queueFrames && s.octets+n <= queueOctets
}

// Sending tells whether the station is in a burst. Firmware 1.86 does not read
// its serial port then.
func (a *Air) Sending(station int) bool { return a.stations[station].sending }

// Waiting is how many frames the station holds that have not begun to be sent.
func (a *Air) Waiting(station int) int {
	s := a.stations[station]
	return len(s.queue) + len(s.burst)
}

// take moves up to n frames from the queue into the burst.
func (s *station) take(n int) {
	for _, frame := range s.queue[:min(n, len(s.queue))] {
		s.octets -= len(frame)
		s.burst = append(s.burst, s.packets(frame)...)
	}
	s.queue = s.queue[min(n, len(s.queue)):]
}

// packets makes a frame into LoRa packets: an RNode puts one octet before each,
// a random sequence in the high nibble and the split flag in bit 0.
func (s *station) packets(frame []byte) []packet {
	if s.kind == Bare {
		return []packet{{data: frame, octets: len(frame)}}
	}
	header := byte(s.rand.Uint32()) & 0xF0
	if len(frame) <= SingleFrame {
		return []packet{{data: append([]byte{header}, frame...), octets: len(frame)}}
	}
	header |= flagSplit
	return []packet{
		{data: append([]byte{header}, frame[:SingleFrame]...)},
		{data: append([]byte{header}, frame[SingleFrame:]...), octets: len(frame)},
	}
}

const flagSplit = 0x01

// deliver hands a packet to the receiving modem and what it completes to the host.
func (a *Air) deliver(t *transmission, r *station, twice bool) {
	frame, ok := t.data, true
	if r.kind == RNode {
		frame, ok = r.half.join(t.data)
	}
	if !ok {
		return
	}
	rssi := a.rssi(t, r.index)
	for range 1 + b2i(twice) {
		r.stats.FramesReceived++
		a.received = append(a.received, Reception{
			Station: r.index, From: t.from, Data: append([]byte(nil), frame...),
			RSSIdBm: rssi, SNRdB: rssi - phy.NoiseFloorDBm(r.wave.BandwidthHz), At: t.end,
		})
	}
}

// join takes a received packet and returns a frame when it completes one. Any
// packet that is not the awaited half drops the half that waits.
func (h *half) join(p []byte) ([]byte, bool) {
	if len(p) == 0 {
		return nil, false
	}
	seq, split := p[0]>>4, p[0]&flagSplit != 0
	switch {
	case !split:
		*h = half{}
		return p[1:], true
	case h.open && h.seq == seq:
		frame := append(h.data, p[1:]...)
		*h = half{}
		return frame[:min(len(frame), MaxFrame)], true
	}
	*h = half{open: true, seq: seq, data: append([]byte(nil), p[1:]...)}
	return nil, false
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
