package sim

import (
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

// TNC is a KISS TNC with its transceiver. Zero values: 434.5 MHz, 12.5 kHz, 1200 bit/s, room for 8 frames.
type TNC struct {
	FrequencyHz, BandwidthHz, BitRate uint32
	Queue                             int // frames; one more is thrown away without a word
	Seed                              uint64
}

// carrier is an air that tells what a station's carrier detection answers.
type carrier interface {
	Busy(now time.Time, station int) bool
}

// KISS commands (Chepponis and Karn, 1987), low nibble of the type octet; only port 0 has a radio.
const (
	kissData    = 0x00
	kissTXDelay = 0x01
	kissPersist = 0x02
	kissSlot    = 0x03
	kissTail    = 0x04
	kissDuplex  = 0x05

	kissStep   = 10 * time.Millisecond // unit of its times, and how often Direwolf looks at a busy channel
	kissLine   = 1100                  // octets between two FEND; more is dropped
	kissLeast  = 15                    // octets of an AX.25 frame: two addresses and a control field
	kissPower  = 14                    // dBm, of the transceiver
	hdlcFlags  = 2
	hdlcFCS    = 2
	kissGiveUp = time.Minute // a channel that stays busy this long costs a frame (Direwolf, WAIT_TIMEOUT_MS)
)

type tncPhase uint8

const (
	tncIdle    tncPhase = iota
	tncBusy             // until the channel is free
	tncSlot             // until the next draw
	tncSending          // until the frame has left
	tncTail             // until the carrier falls
)

// tncModem does what Direwolf does (xmit.c): waits for a free channel, then draws once a slot; keys up, sends all
// that waits, and drops the carrier after the tail.
type tncModem struct {
	air     Air
	carrier carrier // nil: the channel seems free always
	station int
	tnc     TNC
	rand    *rand.Rand
	out     []byte

	line            []byte
	inFrame, escape bool

	txdelay, slot, tail time.Duration
	persist             byte
	duplex              bool

	queue   [][]byte
	phase   tncPhase
	until   time.Time
	since   time.Time // waiting for the channel
	dropped int
	tuned   bool
}

func newTNC(air Air, station int, t TNC) *tncModem {
	set := func(v *uint32, to uint32) {
		if *v == 0 {
			*v = to
		}
	}
	set(&t.FrequencyHz, 434_500_000)
	set(&t.BandwidthHz, 12_500)
	set(&t.BitRate, 1200)
	if t.Queue == 0 {
		t.Queue = 8
	}
	c, _ := air.(carrier)
	return &tncModem{
		air: air, carrier: c, station: station, tnc: t, rand: rand.New(rand.NewPCG(t.Seed, uint64(station))),
		txdelay: 300 * time.Millisecond, slot: 100 * time.Millisecond, tail: 100 * time.Millisecond, persist: 63,
	}
}

// feed takes octets from the host.
func (m *tncModem) feed(now time.Time, b []byte) {
	m.listen(now)
	for _, c := range b {
		switch {
		case c == fend:
			if m.inFrame && len(m.line) > 0 {
				m.frame(now, m.line)
			}
			m.inFrame, m.escape, m.line = true, false, m.line[:0]
		case !m.inFrame || len(m.line) > kissLine:
		case m.escape:
			m.escape = false
			if c == tfend {
				c = fend
			} else if c == tfesc {
				c = fesc
			}
			m.line = append(m.line, c)
		case c == fesc:
			m.escape = true
		default:
			m.line = append(m.line, c)
		}
	}
}

// frame takes one KISS frame: a command, or a frame to send.
func (m *tncModem) frame(now time.Time, line []byte) {
	kind, data := line[0], line[1:]
	switch {
	case kind>>4 != 0 || len(data) == 0:
		return
	case kind == kissData:
		m.submit(now, data)
	case kind == kissTXDelay:
		m.txdelay = time.Duration(data[0]) * kissStep
	case kind == kissPersist:
		m.persist = data[0]
	case kind == kissSlot:
		m.slot = time.Duration(data[0]) * kissStep
	case kind == kissTail:
		m.tail = time.Duration(data[0]) * kissStep
	case kind == kissDuplex:
		m.duplex = data[0] != 0
	}
}

func (m *tncModem) submit(now time.Time, frame []byte) {
	if len(frame) < kissLeast || len(frame) > kissLine-1 || len(m.queue) >= m.tnc.Queue {
		m.dropped++
		return
	}
	m.queue = append(m.queue, append([]byte(nil), frame...))
	if m.phase == tncIdle {
		m.wait(now)
	}
}

// wait begins the wait for the channel.
func (m *tncModem) wait(now time.Time) {
	if len(m.queue) == 0 {
		m.phase = tncIdle
		return
	}
	if m.since.IsZero() {
		m.since = now
	}
	m.phase, m.until = tncSlot, now.Add(m.slot)
	if m.busyChannel(now) {
		m.phase, m.until = tncBusy, now.Add(kissStep)
	}
}

func (m *tncModem) busyChannel(now time.Time) bool {
	return !m.duplex && m.carrier != nil && m.carrier.Busy(now, m.station)
}

// timeout does what is due.
func (m *tncModem) timeout(now time.Time) {
	m.listen(now)
	for m.phase != tncIdle && !now.Before(m.until) {
		at := m.until
		switch m.phase {
		case tncBusy:
			if now.Sub(m.since) > kissGiveUp {
				m.queue, m.since = m.queue[1:], time.Time{}
				m.dropped++
			}
			m.wait(now)
		case tncSlot:
			m.draw(now)
		case tncSending:
			m.sent(now)
		case tncTail:
			m.wait(at)
		}
	}
}

func (m *tncModem) draw(now time.Time) {
	switch {
	case m.busyChannel(now):
		m.wait(now)
	case byte(m.rand.Uint32()) > m.persist:
		m.until = m.until.Add(m.slot)
		if m.slot == 0 {
			m.until = now.Add(kissStep)
		}
	default:
		m.since = time.Time{}
		m.send(now, m.txdelay)
	}
}

// send puts the first frame that waits on the air, after a lead.
func (m *tncModem) send(now time.Time, lead time.Duration) {
	frame := m.queue[0]
	m.queue = m.queue[1:]
	mod := m.modulation()
	mod.Lead, mod.Overhead = lead, uint16(hdlcFlags+hdlcFCS+stuffed(frame))
	if m.air.Tune(now, m.station, mod, kissPower) != nil || m.air.Queue(now, m.station, frame) != nil {
		m.dropped++
		m.phase, m.until = tncTail, now.Add(m.tail)
		return
	}
	m.phase, m.until = tncSending, now.Add(mod.TimeOnAir(len(frame)))
}

func (m *tncModem) sent(now time.Time) {
	if len(m.queue) > 0 {
		m.send(now, 0)
		return
	}
	m.phase, m.until = tncTail, now.Add(m.tail)
}

func (m *tncModem) modulation() phy.Modulation {
	return phy.Modulation{FrequencyHz: m.tnc.FrequencyHz, BandwidthHz: m.tnc.BandwidthHz, BitRate: m.tnc.BitRate, Overhead: hdlcFlags + hdlcFCS}
}

// listen switches the receiver on with the first sign of life.
func (m *tncModem) listen(now time.Time) {
	if !m.tuned {
		m.tuned = m.air.Tune(now, m.station, m.modulation(), kissPower) == nil
	}
}

// stuffed is how many octets the zeros that HDLC stuffs into a frame come to, rounded up.
func stuffed(frame []byte) int {
	zeros, ones := 0, 0
	for _, b := range frame {
		for i := range 8 {
			if b>>i&1 == 0 {
				ones = 0
			} else if ones++; ones == 5 {
				zeros, ones = zeros+1, 0
			}
		}
	}
	return (zeros + 7) / 8
}

// received hands a frame from the air to the host.
func (m *tncModem) received(frame []byte, _, _ float64) {
	m.out = append(m.out, fend, kissData)
	for _, c := range frame {
		switch c {
		case fend:
			m.out = append(m.out, fesc, tfend)
		case fesc:
			m.out = append(m.out, fesc, tfesc)
		default:
			m.out = append(m.out, c)
		}
	}
	m.out = append(m.out, fend)
}

func (m *tncModem) wakeAt() time.Time {
	if m.phase == tncIdle && m.tuned {
		return time.Time{}
	}
	return m.until
}

func (m *tncModem) busy() bool { return false }

func (m *tncModem) take() []byte {
	said := m.out
	m.out = m.out[:0]
	return said
}
