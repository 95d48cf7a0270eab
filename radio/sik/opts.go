package sik

import (
	"fmt"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

// Opts says what both radios of a pair must agree on. The zero value is one channel and network 25.
type Opts struct {
	// NetID tells pairs apart, and makes their hopping different. Default 25, that of the firmware.
	NetID uint16
	// Channels to hop over, in SpanHz around the frequency; 0 or 1: no hopping. At most 50.
	Channels int
	SpanHz   uint32
	// DutyPercent is what the radio itself keeps to, 1 to 100; 0 means 100. A pair talks all the time to stay together,
	// with nothing to carry as well: no ledger of ours sees that, so where the law limits the duty cycle, give the
	// a lower one here: the radio exceeds it (see OwnDutyPPM). 5 keeps to 10 %.
	DutyPercent int
	// LBT is the firmware's measure of signal strength (dBm·1.9 + 241) from which on it waits: 25 to 220; 0: it does not listen.
	LBT int
	// ECC sends each octet as two, of which the receiver can mend some.
	ECC bool
	// Baud of the serial port. Default 57600.
	Baud int
	// Guard is the silence before and after "+++": the firmware wants 1 s. Default 1.2 s.
	Guard time.Duration
	// Detect is how long to look for the radio. Default 12 s.
	Detect time.Duration
}

const (
	maxChannels = 50  // MAX_FREQ_CHANNELS of the firmware
	maxFrame    = 243 // with its framing one packet of the radio
	maxFrameECC = 111
	dutyPower   = 20 // dBm; above, the firmware (tdm.c, temperature_update) cannot do with less than leastDuty
	leastDuty   = 20 // percent
	leastData   = 8  // octets in a packet; with less the radio sends hardly anything else
)

func (o Opts) withDefaults() Opts {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&o.Channels, 1)
	set(&o.DutyPercent, 100)
	set(&o.Baud, 57600)
	if o.NetID == 0 {
		o.NetID = 25
	}
	if o.Guard <= 0 {
		o.Guard = 1200 * time.Millisecond
	}
	if o.Detect <= 0 {
		o.Detect = 12 * time.Second
	}
	return o
}

// Validate says what is wrong, in words for the person who wrote it.
func (o Opts) Validate() error {
	o = o.withDefaults()
	switch {
	case o.Channels < 1 || o.Channels > maxChannels:
		return fmt.Errorf("sik: %d channels: give 1 to %d", o.Channels, maxChannels)
	case o.Channels > 1 && o.SpanHz < 1000*uint32(o.Channels+2):
		return fmt.Errorf("sik: %d channels in %d Hz: state the span over which they spread", o.Channels, o.SpanHz)
	case o.DutyPercent < 1 || o.DutyPercent > 100:
		return fmt.Errorf("sik: duty cycle %d %%: give 1 to 100", o.DutyPercent)
	case o.LBT != 0 && (o.LBT < 25 || o.LBT > 220):
		return fmt.Errorf("sik: listen-before-talk threshold %d: give 25 to 220, or 0 for none", o.LBT)
	case o.Baud < 1200:
		return fmt.Errorf("sik: %d baud: give 1200 at least", o.Baud)
	}
	return nil
}

// OwnDutyPPM bounds what a radio with this duty cycle is on the air of an hour, in parts per million. The firmware (tdm.c) keeps a
// running average over about 20 turns, in which each weighs a twentieth, and sends whenever that is below the limit: so a turn
// that is used up lifts it above by a twentieth of what was left.
func (o Opts) OwnDutyPPM() uint32 {
	percent := uint32(o.withDefaults().DutyPercent)
	return 10_000*percent + 10_000*(100-percent)/20
}

func (o Opts) maxFrame() int {
	if o.ECC {
		return maxFrameECC
	}
	return maxFrame
}

// overhead bounds what the radio adds to a frame, in octets.
func (o Opts) overhead(kbps uint32) uint16 {
	n := o.maxFrame()
	n += stream.Overhead(n)
	serial := 10 * time.Second / time.Duration(o.Baud)
	return uint16(n - o.maxFrame() + packetOctets*timingOf(kbps, o.ECC).packets(n, serial))
}

// Check says why Configure would refuse this, before there is a radio.
func (o Opts) Check(mod phy.Modulation, powerDBm int) error {
	_, err := o.withDefaults().wanted(mod, powerDBm)
	return err
}

// wanted are the parameters for a modulation. Of power it is the most.
func (o Opts) wanted(mod phy.Modulation, powerDBm int) ([]parameter, error) {
	rate := mod.BitRate
	if o.ECC {
		rate *= 2
	}
	kbps := rate / 1000
	if !mod.Stream() || rate%1000 != 0 || Bandwidth(kbps) == 0 {
		return nil, fmt.Errorf("sik: %v: a SiK radio sends at %v kbit/s (half of that with ECC)", mod, airRates)
	}
	if t := timingOf(kbps, o.ECC); t.data < leastData {
		return nil, fmt.Errorf("sik: %d kbit/s is too slow for error correction: only %d octets fit a window", kbps, t.data)
	}
	if mod.Overhead < o.overhead(kbps) || mod.BandwidthHz < Bandwidth(kbps) {
		return nil, fmt.Errorf("sik: at %d kbit/s a SiK radio occupies %d Hz and adds up to %d octets: take them from Opts.Modulation", kbps, Bandwidth(kbps), o.overhead(kbps))
	}
	if powerDBm < 1 || powerDBm > 30 {
		return nil, fmt.Errorf("sik: power %d dBm: give 1 to 30", powerDBm) // 0 is its default, not 1 mW
	}
	if powerDBm > dutyPower && o.DutyPercent < leastDuty {
		return nil, fmt.Errorf("sik: above %d dBm the firmware stops sending with a duty cycle below %d %%, and it is to keep to %d %%: give power_dbm = %d or less", dutyPower, leastDuty, o.DutyPercent, dutyPower)
	}
	if step := o.SpanHz / uint32(o.Channels+2); o.Channels > 1 && step < Bandwidth(kbps) {
		return nil, fmt.Errorf("sik: %d channels in %d Hz are %d Hz apart, and one occupies %d Hz: they would overlap and leave the span; widen it, or use fewer channels or a lower rate", o.Channels, o.SpanHz, step, Bandwidth(kbps))
	}
	low, high := o.edges(mod.FrequencyHz)
	return []parameter{
		{name: "AIR_SPEED", value: kbps},
		{name: "NETID", value: uint32(o.NetID)},
		{name: "ECC", value: flag(o.ECC)},
		{name: "MAVLINK", value: 0}, // raw
		{name: "OPPRESEND", value: 0},
		{name: "MIN_FREQ", value: low},
		{name: "MAX_FREQ", value: high},
		{name: "NUM_CHANNELS", value: uint32(o.Channels)},
		{name: "DUTY_CYCLE", value: uint32(o.DutyPercent)},
		{name: "LBT_RSSI", value: uint32(o.LBT)},
		{name: "MANCHESTER", value: 0},
		{name: "RTSCTS", value: 0}, // its lines are not on every board
		{name: power, value: uint32(powerDBm)},
	}, nil
}

// edges in kHz. The firmware divides the span by the channels and two more, and begins half such a step above the lower
// edge: one channel in 6 kHz thus lies 1 kHz above that.
func (o Opts) edges(hz uint32) (low, high uint32) {
	if o.Channels == 1 {
		return hz/1000 - 1, hz/1000 + 5
	}
	return (hz - o.SpanHz/2) / 1000, (hz + o.SpanHz/2) / 1000
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
