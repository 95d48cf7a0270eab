package meshtastic

import (
	"fmt"
	"math"

	"packhorse/radio/phy"
)

// Field numbers of Config.LoRaConfig, Channel, ChannelSettings, MyNodeInfo and DeviceMetadata.
const (
	loraUsePreset  = 1
	loraPreset     = 2
	loraBandwidth  = 3
	loraSpreading  = 4
	loraCoding     = 5
	loraOffset     = 6
	loraRegion     = 7
	loraTxEnabled  = 9
	loraTxPower    = 10
	loraSlot       = 11
	loraIgnoreLaw  = 12 // override_duty_cycle
	loraVerbatim   = 14 // override_frequency
	channelSetting = 2
	channelRole    = 3
	settingName    = 3
	rolePrimary    = 1
	infoNode       = 1
	metaFirmware   = 1
	metaSigns      = 14 // has_xeddsa
)

// lora is how a node's radio is set.
type lora struct {
	usePreset    bool
	preset       uint64
	bandwidth    uint64
	spreading    uint64
	coding       uint64
	offsetMHz    float64
	region       uint64
	txEnabled    bool
	txPower      int32
	slot         uint64
	ignoresLaw   bool
	verbatimMHz  float64
	primary      string // name of the primary channel; empty: the preset's
	known        bool   // the node has told all this
	primaryKnown bool
}

func (l *lora) parse(b []byte) error {
	name, known := l.primary, l.primaryKnown
	*l = lora{known: true, primary: name, primaryKnown: known}
	return fields(b, func(f field) error {
		switch f.wire {
		case wireVarint:
			l.varint(f)
		case wire32:
			l.float(f)
		}
		return nil
	})
}

func (l *lora) varint(f field) {
	switch f.number {
	case loraUsePreset:
		l.usePreset = f.value != 0
	case loraPreset:
		l.preset = f.value
	case loraBandwidth:
		l.bandwidth = f.value
	case loraSpreading:
		l.spreading = f.value
	case loraCoding:
		l.coding = f.value
	case loraRegion:
		l.region = f.value
	case loraTxEnabled:
		l.txEnabled = f.value != 0
	case loraTxPower:
		l.txPower = f.int32()
	case loraSlot:
		l.slot = f.value
	case loraIgnoreLaw:
		l.ignoresLaw = f.value != 0
	}
}

func (l *lora) float(f field) {
	switch f.number {
	case loraOffset:
		l.offsetMHz = f.float()
	case loraVerbatim:
		l.verbatimMHz = f.float()
	}
}

// channel takes the primary channel's name, from which the firmware draws the frequency.
func (l *lora) channel(b []byte) error {
	role, err := varintOf(b, channelRole)
	if err != nil || role != rolePrimary {
		return err
	}
	return fields(b, func(f field) error {
		if f.number != channelSetting || f.wire != wireBytes {
			return nil
		}
		name, err := textOf(f.bytes, settingName, maxName)
		l.primary, l.primaryKnown = string(name), true
		return err
	})
}

const (
	maxName  = 32
	preamble = 16 // symbols, on every band below 2 GHz (RadioInterface.h)
)

// modulation is what the node sends with, or why that cannot be told.
func (l *lora) modulation() (phy.Modulation, error) {
	m := phy.Modulation{PreambleSymbols: preamble}
	if l.usePreset {
		p, ok := presetOf(l.preset)
		if !ok {
			return m, fmt.Errorf("meshtastic: the node uses modem preset number %d, which is newer than this program: choose LongFast or another well-known one", l.preset)
		}
		m.SpreadingFactor, m.BandwidthHz, m.CodingRate = p.spreading, p.bandwidthHz, p.coding
	} else {
		m.SpreadingFactor, m.CodingRate = byte(min(l.spreading, 255)), byte(min(l.coding, 255))
		m.BandwidthHz = bandwidthOf(l.bandwidth)
	}
	var err error
	if m.FrequencyHz, err = l.frequency(m.BandwidthHz); err != nil {
		return m, err
	}
	if err := m.Validate(); err != nil {
		return m, fmt.Errorf("meshtastic: the node is set to what our radios do not do: %w", err)
	}
	return m, nil
}

// frequency follows RadioInterface::applyModemConfig of the firmware: a slot of the region's band, by number or by
// the name of the primary channel, or a frequency to the letter.
func (l *lora) frequency(bandwidthHz uint32) (uint32, error) {
	if l.verbatimMHz != 0 {
		hz, err := hertz(l.verbatimMHz + l.offsetMHz)
		return (hz + 50) / 100 * 100, err // the node keeps it as a float of 24 bits: 60 Hz at 900 MHz
	}
	r, ok := regionOf(l.region)
	switch {
	case !ok:
		return 0, fmt.Errorf("meshtastic: the node is set to region number %d, whose channels this program does not know: set a verbatim frequency in the node (override frequency)", l.region)
	case bandwidthHz == 0 || r.highHz-r.lowHz < bandwidthHz:
		return 0, fmt.Errorf("meshtastic: a bandwidth of %d Hz does not fit into the node's region %s", bandwidthHz, r.name)
	}
	slots := (r.highHz - r.lowHz + bandwidthHz/2) / bandwidthHz
	slot := nameHash(l.channelName()) % slots
	if l.slot > 0 {
		slot = uint32(min(l.slot, math.MaxUint32)) - 1
	}
	if slot >= slots {
		return 0, fmt.Errorf("meshtastic: the node is set to frequency slot %d of %d: choose one that its region has", l.slot, slots)
	}
	return hertz(float64(r.lowHz+bandwidthHz/2+slot*bandwidthHz)/1e6 + l.offsetMHz)
}

func hertz(mhz float64) (uint32, error) {
	if !(mhz > 0 && mhz < 4000) {
		return 0, fmt.Errorf("meshtastic: the node's frequency of %g MHz is none", mhz)
	}
	return uint32(math.Round(mhz * 1e6)), nil
}

func (l *lora) channelName() string {
	if l.primary != "" {
		return l.primary
	}
	if !l.usePreset {
		return "Custom"
	}
	p, _ := presetOf(l.preset)
	return p.name
}

// nameHash is how the firmware draws a slot from a name (Bernstein's hash).
func nameHash(name string) uint32 {
	h := uint32(5381)
	for i := range len(name) {
		h = h*33 + uint32(name[i])
	}
	return h
}

// powerDBm is the most that the node may send with.
func (l *lora) powerDBm() int {
	if l.txPower > 0 {
		return int(l.txPower)
	}
	r, _ := regionOf(l.region)
	return r.powerDBm
}
