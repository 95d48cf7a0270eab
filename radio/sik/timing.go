package sik

import (
	"slices"
	"time"

	"packhorse/radio/phy"
)

// The firmware's arithmetic (ArduPilot/SiK, tdm.c and packet.c, version 2.2) in its unit, a timer tick of 16 µs. Two
// radios take turns: a window for one, silence, a window for the other, silence. In its window a radio cuts whatever
// its serial buffer holds into packets.
const (
	tick        = 16 * time.Microsecond
	maxPacket   = 252 // octets of a packet, trailer included
	trailer     = 2
	windowLimit = 131 * (1000 / 16) // ticks: MAX_WINDOW by default, and all that its trailer can tell
	// packetOctets go out with each packet besides its data: preamble of 16 nibbles, two octets of synchronisation, network id,
	// length, trailer, checksum.
	packetOctets = 8 + 2 + 2 + 1 + trailer + 2
	// shortPacket: when less fits the window, the radio waits for the next.
	shortPacket = trailer + 16
)

// airRates are those that the firmware has, in kbit/s; it takes the next higher one for any other.
var airRates = []uint32{2, 4, 8, 16, 19, 24, 32, 48, 64, 96, 128, 192, 250}

// deviation of each, in units of 625 Hz (radio_443x.c, FREQUENCY_DEVIATION, alike in all bands).
var deviation = []uint32{0x03, 0x06, 0x0D, 0x1A, 0x1E, 0x26, 0x33, 0x4D, 0x66, 0x9A, 0xCD, 0xFE, 0xFE}

// Bandwidth is what one channel occupies at an air rate in kbit/s, by Carson's rule: about three times the rate. 0: there is no such rate.
func Bandwidth(kbps uint32) uint32 {
	i := slices.Index(airRates, kbps)
	if i < 0 {
		return 0
	}
	return 2*deviation[i]*625 + kbps*1000
}

// timing is how a radio uses the air at one rate.
type timing struct {
	octet, latency  time.Duration // of a packet: its data's share, and the rest
	window, silence time.Duration
	data            int // octets of data that the longest packet carries
}

func timingOf(kbps uint32, ecc bool) timing {
	octet := (8+8_000_000/(int(kbps)*1000))/16 + 1
	latency := (8+10/2)*octet + 13
	most := maxPacket - trailer
	preamble := (16 - 10) / 2 * octet
	if ecc { // every octet is sent as two
		most = maxPacket/2 - 6 - trailer
		octet *= 2
		latency += 4 * octet
	}
	silence := 2 * latency
	window := min(3*(latency+most*octet), windowLimit)
	latency += preamble
	return timing{
		octet: time.Duration(octet) * tick, latency: time.Duration(latency) * tick,
		window: time.Duration(window) * tick, silence: time.Duration(silence) * tick,
		data: min(most, (window-latency)/octet-trailer-1),
	}
}

// round is both windows.
func (t timing) round() time.Duration { return 2 * (t.window + t.silence) }

// flight of a packet with so much data, and the pause that its sender makes after it.
func (t timing) flight(data int) time.Duration {
	return 2*t.latency + time.Duration(data+trailer)*t.octet
}

// share is how many octets of data a radio sends in each round, at least, while it has enough of them and the other one
// uses all of its window as well.
func (t timing) share() int { return t.data * max(1, int(t.window/t.flight(t.data))) }

// packets bounds into how many packets a radio cuts n octets that come to it one every serial: it begins with the first.
func (t timing) packets(n int, serial time.Duration) int {
	count, sent := 0, 0
	for at := time.Duration(0); sent < n; count++ {
		data := min(n, 1+int(at/serial)) - sent
		data = min(max(data, 1), t.data)
		sent += data
		at += t.flight(data)
	}
	return count + (n+t.share()-1)/t.share() // the end of each window cuts once more
}

// Modulation is how frames go out at an air rate in kbit/s (2, 4, 8, 16, 19, 24, 32, 48, 64, 96, 128, 192 or 250) around
// this frequency, for the ledger: what is heard of each frame is not longer. It does not hold what the radios tell
// each other all the time, frames or not: see DutyPercent. With ECC the bit rate is half the air rate.
func (o Opts) Modulation(frequencyHz, kbps uint32) phy.Modulation {
	o = o.withDefaults()
	rate := max(kbps, airRates[0])
	m := phy.Modulation{FrequencyHz: frequencyHz, BandwidthHz: Bandwidth(kbps), BitRate: rate * 1000, Overhead: o.overhead(rate)}
	if o.ECC {
		m.BitRate /= 2
	}
	return m
}

// Idle is the share of the time that a pair's radio sends with nothing to carry, 0 to 1, at an air rate in kbit/s: two packets
// without data in each round.
func (o Opts) Idle(kbps uint32) float64 {
	if Bandwidth(kbps) == 0 {
		return 1
	}
	packet := float64(packetOctets*8) / float64(kbps*1000)
	return 2 * packet / timingOf(kbps, o.ECC).round().Seconds()
}
