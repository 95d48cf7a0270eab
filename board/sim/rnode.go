package sim

import (
	"time"

	"packhorse/radio/phy"
)

// The host protocol of RNode_Firmware 1.86 (Framing.h, serial_callback in
// RNode_Firmware.ino, kiss_indicate_* in Utilities.h), as an ESP32 board speaks it. A frame is FEND, command, escaped octets, FEND.
const (
	fend  = 0xC0
	fesc  = 0xDB
	tfend = 0xDC
	tfesc = 0xDD

	cmdData       = 0x00
	cmdFrequency  = 0x01 // 4 octets, Hz; 0 asks
	cmdBandwidth  = 0x02 // 4 octets, Hz; 0 asks
	cmdTxPower    = 0x03 // dBm; FF asks
	cmdSF         = 0x04 // FF asks
	cmdCR         = 0x05 // 5..8; FF asks
	cmdRadioState = 0x06 // 0, 1; FF asks
	cmdRadioLock  = 0x07
	cmdDetect     = 0x08
	cmdLeave      = 0x0A
	cmdShortLock  = 0x0B // 2 octets, percent * 100
	cmdLongLock   = 0x0C
	cmdReady      = 0x0F
	cmdStatRx     = 0x21 // 4 octets
	cmdStatTx     = 0x22
	cmdStatRSSI   = 0x23 // dBm + 157
	cmdStatSNR    = 0x24 // quarter dB, signed
	cmdStatChTm   = 0x25 // 11 octets
	cmdStatPhy    = 0x26 // 12 octets
	cmdStatCSMA   = 0x28 // band, least and most slots
	cmdBlink      = 0x30
	cmdRandom     = 0x40
	cmdPromisc    = 0x0E
	cmdFBExt      = 0x41 // 1 shows the host's picture, FF asks
	cmdFBRead     = 0x42 // 512 octets
	cmdFBWrite    = 0x43 // line, 8 octets
	cmdBoard      = 0x47
	cmdPlatform   = 0x48
	cmdMCU        = 0x49
	cmdVersion    = 0x50
	cmdROMRead    = 0x51 // 200 octets
	cmdReset      = 0x55
	cmdError      = 0x90
	cmdUnknown    = 0xFE

	detectRequest  = 0x73
	detectResponse = 0x46
	resetKey       = 0xF8
	platformESP32  = 0x80
	mcuESP32       = 0x81
	versionMajor   = 1
	versionMinor   = 86

	errInitRadio = 0x01
	errTxFailed  = 0x02
	errQueueFull = 0x04

	mostArgs    = 9
	maxFrame    = 508 // octets from the host
	powerUnset  = 0xFF
	rssiOffset  = 157
	bootTime    = 2 * time.Second
	statsPeriod = time.Second
)

// bootText is what an ESP32's boot loader writes to the port before the firmware runs.
const bootText = "ESP-ROM:esp32s3-20210327\r\nrst:0x3 (RTC_SW_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nentry 0x403c98d0\r\n"

// rnodeModem is one RNode as its host sees it: octets in, octets out. It is
// part of the goroutine that owns the air.
type rnodeModem struct {
	air     Air
	station int
	opts    RNodeOpts
	out     []byte // for the host

	inFrame, escape bool
	command         byte
	args            []byte
	data            []byte // of a data frame; one octet over the limit marks it as too long

	mod                 phy.Modulation
	power               byte
	online              bool
	shortLock, longLock uint16
	rssi, snr           byte
	promisc, band       byte
	showing             byte
	picture             [512]byte

	booting bool
	wake    time.Time // end of the boot, or the next statistics; zero: none
}

func newRNodeModem(air Air, station int, opts RNodeOpts) *rnodeModem {
	return &rnodeModem{air: air, station: station, opts: opts, power: powerUnset, command: cmdUnknown, mod: phy.Modulation{CodingRate: 5}, snr: 0x80, band: 1}
}

// feed takes octets from the host.
func (m *rnodeModem) feed(now time.Time, b []byte) {
	for _, c := range b {
		if m.booting {
			return
		}
		m.octet(now, c)
	}
}

// octet follows the firmware: a FEND opens a frame, any number of them; a data frame needs
// its own closing FEND, other commands act as soon as their octets are there.
func (m *rnodeModem) octet(now time.Time, c byte) {
	switch {
	case c == fend && m.inFrame && m.command == cmdData:
		m.inFrame, m.escape = false, false
		m.send(now)
	case c == fend:
		m.inFrame, m.escape, m.command, m.args = true, false, cmdUnknown, m.args[:0]
	case !m.inFrame:
	case m.command == cmdUnknown:
		m.command, m.data = c, m.data[:0]
	case c == fesc:
		m.escape = true
	default:
		m.argument(now, m.unescape(c))
	}
}

func (m *rnodeModem) unescape(c byte) byte {
	if !m.escape {
		return c
	}
	m.escape = false
	switch c {
	case tfend:
		return fend
	case tfesc:
		return fesc
	}
	return c
}

func (m *rnodeModem) argument(now time.Time, c byte) {
	if m.command == cmdData {
		if len(m.data) <= maxFrame {
			m.data = append(m.data, c)
		}
		return
	}
	if len(m.args) < mostArgs {
		m.args = append(m.args, c)
		m.execute(now)
	}
}

// send queues the data frame. The firmware drops an overlong one without a word. What
// does not fit the queue it drops too; its error code for that is sent here,
// so that a host that watches for it can be tested.
func (m *rnodeModem) send(now time.Time) {
	switch {
	case len(m.data) == 0 || len(m.data) > maxFrame:
	case !m.online:
		m.reply(cmdError, errTxFailed)
	case m.air.Queue(now, m.station, m.data) != nil:
		m.reply(cmdError, errQueueFull)
	}
}

// received hands a frame from the air to the host, signal first.
func (m *rnodeModem) received(frame []byte, rssiDBm, snrDB float64) {
	if !m.online {
		return
	}
	m.rssi = byte(min(max(int(rssiDBm)+rssiOffset, 0), 255))
	m.snr = byte(int8(min(max(snrDB*4, -128), 127)))
	m.reply(cmdStatRSSI, m.rssi)
	m.reply(cmdStatSNR, m.snr)
	m.reply(cmdData, frame...)
}

// reply appends one frame for the host.
func (m *rnodeModem) reply(command byte, args ...byte) {
	m.out = append(m.out, fend, command)
	for _, c := range args {
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

func (m *rnodeModem) wakeAt() time.Time { return m.wake }

func (m *rnodeModem) busy() bool { return m.air.Sending(m.station) }

func (m *rnodeModem) take() []byte {
	said := m.out
	m.out = m.out[:0]
	return said
}

// timeout does what is due: the end of a boot, the statistics of each second.
func (m *rnodeModem) timeout(now time.Time) {
	if m.wake.IsZero() || now.Before(m.wake) {
		return
	}
	m.wake = time.Time{}
	if m.booting {
		m.booting = false
		m.reply(cmdReset, resetKey)
		return
	}
	if m.online {
		m.channelStats(now)
		m.wake = now.Add(statsPeriod)
	}
}
