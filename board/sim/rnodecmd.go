package sim

import (
	"encoding/binary"
	"time"

	"packhorse/radio/phy"
)

// execute acts on a command when the octets it needs are there; with fewer or
// more it does nothing.
func (m *rnodeModem) execute(now time.Time) {
	switch len(m.args) {
	case 1:
		m.executeByte(now, m.args[0])
	case 2:
		m.executeLock(binary.BigEndian.Uint16(m.args))
	case 4:
		m.executeWord(now, binary.BigEndian.Uint32(m.args))
	case mostArgs:
		m.draw()
	}
}

func (m *rnodeModem) executeByte(now time.Time, v byte) {
	switch m.command {
	case cmdTxPower, cmdSF, cmdCR:
		m.setByte(now, v)
	case cmdRadioState:
		m.radioState(now, v)
	case cmdRadioLock:
		m.reply(cmdRadioLock, flag(!m.complete()))
	case cmdDetect:
		if v == detectRequest {
			m.reply(cmdDetect, detectResponse)
		}
	case cmdLeave:
		m.snr = 0x80 // the radio stays on
	case cmdReady:
		m.reply(cmdReady, flag(m.air.Room(m.station, maxFrame)))
	case cmdPromisc:
		m.promisc = min(v, 1)
		m.reply(cmdPromisc, m.promisc)
	case cmdFBExt, cmdFBRead:
		m.display(v)
	case cmdReset:
		if v == resetKey {
			m.reboot(now)
		}
	default:
		m.executeQuery()
	}
}

// executeQuery answers what ignores its octet.
func (m *rnodeModem) executeQuery() {
	switch m.command {
	case cmdStatRx, cmdStatTx: // the firmware counts neither
		m.reply(m.command, 0, 0, 0, 0)
	case cmdRandom:
		m.reply(cmdRandom, byte(m.station)*83+41)
	case cmdROMRead:
		m.reply(cmdROMRead, m.opts.rom(m.station)...)
	case cmdStatRSSI:
		m.reply(cmdStatRSSI, m.rssi)
	case cmdBoard:
		m.reply(cmdBoard, m.opts.board().code)
	case cmdPlatform:
		m.reply(cmdPlatform, platformESP32)
	case cmdMCU:
		m.reply(cmdMCU, mcuESP32)
	case cmdVersion:
		m.reply(cmdVersion, versionMajor, versionMinor)
	}
}

// setByte sets one of the settings of one octet, into the range the chip has, and echoes it.
func (m *rnodeModem) setByte(now time.Time, v byte) {
	switch {
	case v == 0xFF: // asks only
	case m.command == cmdTxPower:
		m.power = min(v, m.opts.board().maxDBm)
	case m.command == cmdSF:
		m.mod.SpreadingFactor = min(max(v, 5), 12)
	default:
		m.mod.CodingRate = min(max(v, 5), 8)
	}
	if v != 0xFF && !m.opts.Stored {
		m.retune(now, m.command != cmdTxPower)
	}
	switch m.command {
	case cmdTxPower:
		m.reply(cmdTxPower, m.power)
	case cmdSF:
		m.reply(cmdSF, m.mod.SpreadingFactor)
	default:
		m.reply(cmdCR, m.mod.CodingRate)
	}
}

func (m *rnodeModem) executeWord(now time.Time, v uint32) {
	field := &m.mod.FrequencyHz
	switch m.command {
	case cmdFrequency:
	case cmdBandwidth:
		field = &m.mod.BandwidthHz
	default:
		return
	}
	if v != 0 {
		*field = v
		if !m.opts.Stored {
			m.retune(now, m.command == cmdBandwidth)
		}
	}
	m.reply(m.command, binary.BigEndian.AppendUint32(nil, *field)...)
}

// executeLock sets an airtime limit in hundredths of a percent; 100 % and more is none.
func (m *rnodeModem) executeLock(v uint16) {
	if v >= 100*100 {
		v = 0
	}
	switch m.command {
	case cmdShortLock:
		m.shortLock = v
	case cmdLongLock:
		m.longLock = v
	default:
		return
	}
	m.air.LimitAirtime(m.station, float64(m.shortLock)/1e4, float64(m.longLock)/1e4)
	m.reply(m.command, byte(v>>8), byte(v))
}

// complete tells whether every setting without which the radio stays locked is made.
func (m *rnodeModem) complete() bool {
	return m.mod.FrequencyHz != 0 && m.mod.BandwidthHz != 0 && m.mod.SpreadingFactor != 0 && m.power != powerUnset
}

func (m *rnodeModem) radioState(now time.Time, v byte) {
	switch v {
	case 0:
		m.stop(now)
	case 1:
		m.start(now)
	case 0xFF:
	default:
		return
	}
	m.reply(cmdRadioState, flag(m.online))
}

func (m *rnodeModem) start(now time.Time) {
	if m.online || !m.complete() {
		return
	}
	m.online = true
	m.retune(now, true)
	m.wake = now.Add(statsPeriod)
}

func (m *rnodeModem) stop(now time.Time) {
	if m.online {
		m.online, m.wake = false, time.Time{}
		m.air.Off(now, m.station)
	}
}

// retune gives the settings to a radio that is on, and reports the timing that
// follows from them.
func (m *rnodeModem) retune(now time.Time, timing bool) {
	if !m.online {
		return
	}
	if err := m.air.Tune(now, m.station, phy.RNodeModulation(m.opts.onAir(m.tuned())), int(m.power)); err != nil {
		m.stop(now)
		m.reply(cmdError, errInitRadio)
		return
	}
	if timing {
		m.phyStats()
	}
}

// tuned is the setting with the exact bandwidth for the name that the firmware has for it.
func (m *rnodeModem) tuned() phy.Modulation {
	mod := m.mod
	switch mod.BandwidthHz {
	case 7_800:
		mod.BandwidthHz = 7_812
	case 10_400:
		mod.BandwidthHz = 10_416
	case 15_600:
		mod.BandwidthHz = 15_625
	case 20_800:
		mod.BandwidthHz = 20_833
	case 41_700:
		mod.BandwidthHz = 41_666
	}
	return mod
}

func (m *rnodeModem) reboot(now time.Time) {
	m.stop(now)
	m.air.LimitAirtime(m.station, 0, 0)
	out := append(m.out, bootText...)
	*m = *newRNodeModem(m.air, m.station, m.opts)
	m.out, m.booting, m.wake = out, true, now.Add(bootTime)
}

// phyStats reports symbol time (us), symbol rate, preamble (symbols, ms), slot and DIFS (ms).
func (m *rnodeModem) phyStats() {
	set := m.tuned()
	mod, t, symbol := phy.RNodeModulation(set), phy.RNode(set), set.SymbolTime()
	if symbol == 0 {
		return
	}
	var b []byte
	for _, v := range []time.Duration{
		symbol / time.Microsecond, time.Second / symbol, time.Duration(mod.PreambleSymbols),
		(time.Duration(mod.PreambleSymbols)*symbol + time.Millisecond - 1) / time.Millisecond,
		t.Slot / time.Millisecond, t.DIFS / time.Millisecond,
	} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	m.reply(cmdStatPhy, b...)
}

// channelStats reports airtime and channel load (short, long; percent * 100), then
// the signal, the noise floor and the interference (none) in dBm + 157.
func (m *rnodeModem) channelStats(now time.Time) {
	airShort, airLong, busyShort, busyLong := m.air.Load(now, m.station)
	m.contention(int(airShort * 100))
	var b []byte
	for _, share := range []float64{airShort, airLong, busyShort, busyLong} {
		b = binary.BigEndian.AppendUint16(b, uint16(share*1e4))
	}
	floor := byte(int(phy.NoiseFloorDBm(m.mod.BandwidthHz)) + rssiOffset)
	m.reply(cmdStatChTm, append(b, floor, floor, 0xFF)...)
}

// contention reports the window from which waits are drawn when it changes.
func (m *rnodeModem) contention(airtimePercent int) {
	low, high := phy.RNode(m.mod).Windows(airtimePercent)
	if band := byte(low/15 + 1); band != m.band {
		m.band = band
		m.reply(cmdStatCSMA, band, byte(low), byte(high))
	}
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
