package sim

import (
	"slices"
	"time"

	"packhorse/radio/phy"
)

// What E22 and E32 do alike, by their manuals (E22-900T22D, E22-400T30S v1.5, E32-868T20D). What comes in on the serial
// port goes into a buffer. When a sub-packet is full, or three octets' time after the last octet, up to one sub-packet
// of it leaves; two bursts that wait together are joined. What finds the buffer full is lost without a word.
const (
	ebyteIdle    = 3                    // octets of silence end a burst
	ebyteJitter  = 5 * time.Millisecond // or so long, since a host's octets may be late in real time
	ebyteConfig  = 9600
	ebytePrefix  = 5 // address, network and key, which a receiver compares; part of a packet's overhead
	ebyteTurn    = 5 * time.Millisecond
	ebyteBoot    = 50 * time.Millisecond
	ebyteLBT     = 2 * time.Second // then it sends all the same
	ebyteLBTLook = 10 * time.Millisecond
)

// ebyteSetting is what the registers of a module say.
type ebyteSetting struct {
	mod          phy.Modulation
	powerDBm     int
	baud         int
	sub          int // octets of a sub-packet
	prefix       [ebytePrefix]byte
	signal       bool // an octet of signal strength follows each packet
	ambient, lbt bool
}

// ebyteSeries is what E22 and E32 do differently.
type ebyteSeries interface {
	// command executes what came in configuration mode until the line fell silent, and answers it. restart: it was told to.
	command(b []byte) (answer []byte, restart bool)
	setting() ebyteSetting
	// configMode tells whether the levels of M1 and M0 mean configuration mode.
	configMode(m1, m0 bool) bool
	room() int // of the buffer
	forget()   // what is lost with power
	octet(dBm float64) byte
}

// ebyteModem is a module behind its serial port and its three pins.
type ebyteModem struct {
	air     Air
	carrier carrier // nil: the channel seems free always
	station int
	series  ebyteSeries

	m0, m1 *Pin
	aux    *Pin
	wants  [2]bool // levels of M1 and M0
	mode   [2]bool // in force
	set    ebyteSetting

	booted  bool
	now     time.Time
	until   time.Time // does nothing before: it starts or changes its mode
	buffer  []byte
	last    time.Time // octet from the host, also one still on its way
	held    time.Time // LBT has found the channel busy since
	out     []byte
	counted int       // octets of out that talks covers
	talks   time.Time // puts out octets until then
	overrun uint64    // octets lost
}

func newEbyte(air Air, station int, s ebyteSeries) *ebyteModem {
	m := &ebyteModem{air: air, station: station, series: s, set: s.setting()}
	m.carrier, _ = air.(carrier)
	return m
}

func (m *ebyteModem) transparent() bool { return m.mode == [2]bool{} }

func (m *ebyteModem) config() bool { return m.series.configMode(m.mode[0], m.mode[1]) }

// lineBaud is 9600 in configuration mode, and else what the registers say.
func (m *ebyteModem) lineBaud() int {
	if m.config() {
		return ebyteConfig
	}
	return m.set.baud
}

// silent is when the line will have been silent for long enough to end a burst.
func (m *ebyteModem) silent() time.Time {
	return m.last.Add(max(ebyteIdle*octetTime(m.lineBaud()), ebyteJitter))
}

// comes tells that octets come in on the line.
func (m *ebyteModem) comes(until time.Time) {
	if until.After(m.last) {
		m.last = until
	}
}

// feed takes octets from the host. What comes while the module starts or changes its mode is lost.
func (m *ebyteModem) feed(now time.Time, b []byte) {
	m.timeout(now)
	if now.Before(m.until) || !m.transparent() && !m.config() {
		return
	}
	n := min(len(b), m.series.room()-len(m.buffer))
	m.buffer = append(m.buffer, b[:n]...)
	m.overrun += uint64(len(b) - n)
	m.comes(now)
	m.timeout(now)
}

// received is a packet from the air.
func (m *ebyteModem) received(packet []byte, rssiDBm, _ float64) {
	if !m.transparent() || len(packet) < ebytePrefix || !slices.Equal(packet[:ebytePrefix], m.set.prefix[:]) {
		return
	}
	m.out = append(m.out, packet[ebytePrefix:]...)
	if m.set.signal {
		m.out = append(m.out, m.series.octet(rssiDBm))
	}
}

// talk keeps AUX low while octets go out.
func (m *ebyteModem) talk() {
	if m.talks.Before(m.now) {
		m.talks = m.now
	}
	m.talks = m.talks.Add(time.Duration(len(m.out)-m.counted) * octetTime(m.lineBaud()))
	m.counted = len(m.out)
}

func (m *ebyteModem) take() []byte {
	said := m.out
	m.out, m.counted = m.out[:0], 0
	return said
}

func (m *ebyteModem) busy() bool { return false }

// timeout does what is due.
func (m *ebyteModem) timeout(now time.Time) {
	m.now = now
	if !m.booted {
		m.booted = true
		m.restart(now)
	}
	if !now.Before(m.until) {
		m.switchMode()
		m.work()
	}
	m.talk()
	m.aux.set(m.ready())
}

// ready is the level of AUX.
func (m *ebyteModem) ready() bool {
	return !m.now.Before(m.until) && !m.now.Before(m.talks) && len(m.buffer) == 0 && m.wants == m.mode
}

// wakeAt is when something is due without anybody doing anything.
func (m *ebyteModem) wakeAt() time.Time {
	var at time.Time
	for _, t := range []time.Time{m.until, m.talks, m.attention()} {
		if t.After(m.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// attention is when the buffer is to be looked at.
func (m *ebyteModem) attention() time.Time {
	switch {
	case len(m.buffer) == 0:
		return time.Time{}
	case !m.held.IsZero():
		return m.now.Add(ebyteLBTLook)
	}
	return m.silent()
}

// work acts on what is in the buffer.
func (m *ebyteModem) work() {
	idle := !m.now.Before(m.silent())
	switch {
	case len(m.buffer) == 0:
	case m.config() && idle:
		answer, restart := m.series.command(m.buffer)
		m.buffer = m.buffer[:0]
		m.out = append(m.out, answer...)
		if restart {
			m.restart(m.now)
		}
	case m.transparent() && m.set.ambient && idle && isAmbientCommand(m.buffer):
		m.tellAmbient()
	case m.transparent() && (idle || len(m.buffer) >= m.set.sub) && !m.air.Sending(m.station):
		m.send()
	}
}

// send puts one sub-packet on the air, after listening where LBT is on.
func (m *ebyteModem) send() {
	if m.set.lbt && m.carrier != nil && m.carrier.Busy(m.now, m.station) {
		if m.held.IsZero() {
			m.held = m.now
		}
		if m.now.Sub(m.held) < ebyteLBT {
			return
		}
	}
	m.held = time.Time{}
	n := min(len(m.buffer), m.set.sub)
	packet := append(slices.Clone(m.set.prefix[:]), m.buffer[:n]...)
	m.buffer = append(m.buffer[:0], m.buffer[n:]...)
	_ = m.air.Queue(m.now, m.station, packet) // a station that is off sends nothing
}

// switchMode follows the mode pins when nothing is left to do.
func (m *ebyteModem) switchMode() {
	if m.wants == m.mode || len(m.buffer) > 0 || m.air.Sending(m.station) || m.now.Before(m.talks) {
		return
	}
	was := m.config()
	m.mode = m.wants
	m.until = m.now.Add(ebyteTurn)
	if !m.transparent() {
		m.air.Off(m.now, m.station)
		return
	}
	if was {
		m.until = m.now.Add(ebyteBoot)
	}
	m.tune()
}

// tune sets the radio as the registers say.
func (m *ebyteModem) tune() {
	m.set = m.series.setting()
	if err := m.air.Tune(m.now, m.station, m.set.mod, m.set.powerDBm); err != nil {
		m.air.Off(m.now, m.station)
	}
}

// restart is the start after power came.
func (m *ebyteModem) restart(now time.Time) {
	m.now = now
	m.air.Off(now, m.station)
	m.series.forget()
	m.set = m.series.setting()
	m.buffer, m.held, m.talks, m.mode = m.buffer[:0], time.Time{}, time.Time{}, m.wants
	m.until = now.Add(ebyteBoot)
	if m.transparent() {
		m.tune()
	}
	m.aux.set(m.ready())
}
