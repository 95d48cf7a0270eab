package sx127x

import (
	"errors"
	"strings"
	"testing"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

func sf9bw250(m *phy.Modulation) { m.SpreadingFactor, m.BandwidthHz = 9, 250_000 }

// The values are those of a recording of RadioLib where there is one for the setting.
func TestConfigure(t *testing.T) {
	for _, c := range []struct {
		name string
		m    phy.Modulation
		o    Opts
		want map[byte]byte
	}{
		{"SF7 BW125", sf7, Opts{}, map[byte]byte{
			regFrfMsb: 0xD9, regFrfMsb + 1: 0x61, regFrfMsb + 2: 0x9A, regModemConfig1: 0x72, regModemConfig2: 0x74,
			regModemConfig3: 0x04, regPreambleMsb: 0, regPreambleLsb: 8, regSyncWord: 0x12, regLna: 0x23,
			regDetectThreshold: 0x0A, regInvertIQ: 0x27, regInvertIQ2: 0x1D, regHopPeriod: 0, regMaxPayload: 0xFF}},
		{"SF12 BW125 4/8, long preamble, LoRaWAN's sync word",
			with(func(m *phy.Modulation) { m.SpreadingFactor, m.CodingRate, m.PreambleSymbols = 12, 8, 0x123 }),
			Opts{SyncWord: phy.SyncPublic},
			map[byte]byte{regModemConfig1: 0x78, regModemConfig2: 0xC4, regModemConfig3: 0x0C, regPreambleMsb: 1, regPreambleLsb: 0x23, regSyncWord: 0x34}},
		{"fixed gain", sf7, Opts{Gain: 6}, map[byte]byte{regLna: 0xC3, regModemConfig3: 0x00}},
		{"433 MHz", with(func(m *phy.Modulation) { m.FrequencyHz = 433_175_000 }), Opts{Model: SX1278},
			map[byte]byte{regFrfMsb: 0x6C, regFrfMsb + 1: 0x4B, regFrfMsb + 2: 0x33, regOpMode: 0x89}},
	} {
		virtual(t, c.name, func(t *testing.T) {
			_, f := ready(t, c.o, c.m, 14)
			f.want(t, c.want)
		})
	}
}

func TestBandwidths(t *testing.T) {
	virtual(t, "have codes in order", func(t *testing.T) {
		for i, bw := range []uint32{7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000} {
			_, f := ready(t, Opts{}, with(func(m *phy.Modulation) { m.BandwidthHz = bw }), 14)
			if got := f.regs[regModemConfig1] >> 4; got != byte(i) {
				t.Errorf("%d Hz has code %d", bw, got)
			}
		}
	})
}

// A symbol longer than 16 ms takes the optimisation: SF11 and 12 at 125 kHz, but not SF12 at 250.
func TestLowDataRate(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		for _, c := range []struct {
			sf   uint8
			bw   uint32
			want byte
		}{{10, 125_000, 0x04}, {11, 125_000, 0x0C}, {12, 250_000, 0x0C}, {12, 500_000, 0x04}, {7, 7812, 0x0C}, {7, 10416, 0x04}} {
			_, f := ready(t, Opts{}, with(func(m *phy.Modulation) { m.SpreadingFactor, m.BandwidthHz = c.sf, c.bw }), 14)
			if got := f.regs[regModemConfig3]; got != c.want {
				t.Errorf("SF%d at %d: %02X", c.sf, c.bw, got)
			}
		}
	})
}

func TestPower(t *testing.T) {
	for _, c := range []struct {
		o                Opts
		dBm              int
		config, dac, ocp byte
	}{
		{Opts{}, 2, 0xF0, 0x84, 0x2B},
		{Opts{}, 14, 0xFC, 0x84, 0x2B},
		{Opts{}, 17, 0xFF, 0x84, 0x2B},
		{Opts{}, 18, 0xFD, 0x87, 0x31},
		{Opts{}, 19, 0xFE, 0x87, 0x31},
		{Opts{}, 20, 0xFF, 0x87, 0x31},
		{Opts{CurrentLimit: 60}, 14, 0xFC, 0x84, 0x23},
		{Opts{CurrentLimit: 120}, 14, 0xFC, 0x84, 0x2F},
		{Opts{CurrentLimit: 150}, 20, 0xFF, 0x87, 0x32},
		{Opts{CurrentLimit: 240}, 20, 0xFF, 0x87, 0x3B},
		{Opts{Output: RFO}, 15, 0x7F, 0x84, 0x2B},
		{Opts{Output: RFO}, 1, 0x71, 0x84, 0x2B},
		{Opts{Output: RFO}, 0, 0x70, 0x84, 0x2B},
		{Opts{Output: RFO}, -1, 0x22, 0x84, 0x2B},
		{Opts{Output: RFO}, -3, 0x20, 0x84, 0x2B},
		{Opts{Output: RFO}, -4, 0x00, 0x84, 0x2B},
	} {
		virtual(t, "", func(t *testing.T) {
			_, f := ready(t, c.o, sf7, c.dBm)
			f.want(t, map[byte]byte{regPaConfig: c.config, regPaDac: c.dac, regOcp: c.ocp})
		})
	}
}

func TestPowerLeavesHighPower(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 20)
		must(t, d.Configure(sf7, 14))
		f.want(t, map[byte]byte{regPaConfig: 0xFC, regPaDac: 0x84, regOcp: 0x2B})
	})
}

func TestConfigureRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     Opts
		m     phy.Modulation
		power int
		want  string
	}{
		{"SF6", Opts{}, with(func(m *phy.Modulation) { m.SpreadingFactor, m.PreambleSymbols = 6, 12 }), 14, "no header"},
		{"SF5", Opts{}, with(func(m *phy.Modulation) { m.SpreadingFactor, m.PreambleSymbols = 5, 12 }), 14, "SF7 to SF12"},
		{"a gap between the bands", Opts{}, with(func(m *phy.Modulation) { m.FrequencyHz = 600_000_000 }), 14, "779-1020"},
		{"SX1278 at 868", Opts{Model: SX1278}, sf7, 14, "525 MHz"},
		{"SX1277 with SF10", Opts{Model: SX1277}, with(func(m *phy.Modulation) { m.SpreadingFactor = 10 }), 14, "SF9"},
		{"wide at 169", Opts{}, with(func(m *phy.Modulation) { m.FrequencyHz, m.BandwidthHz = 169_000_000, 250_000 }), 14, "125 kHz"},
		{"too strong", Opts{}, sf7, 21, "2 to 20 dBm"},
		{"too strong for the board", Opts{MaxDBm: 17}, sf7, 18, "2 to 17 dBm"},
		{"too weak", Opts{}, sf7, 1, "2 to 20 dBm"},
		{"too strong for RFO", Opts{Output: RFO}, sf7, 16, "-4 to 15 dBm"},
		{"a stream", Opts{}, phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 50_000, BitRate: 9600}, 14, "no LoRa"},
		{"no sense", Opts{}, phy.Modulation{FrequencyHz: 869_525_000}, 14, "bandwidth"},
	} {
		virtual(t, c.name, func(t *testing.T) {
			f := newFake(t)
			d := driver(t, f, f.pins(), c.o)
			writes := len(f.log)
			if err := d.Configure(c.m, c.power); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if len(f.log) != writes {
				t.Error("something was written")
			}
		})
	}
}

func TestSetWave(t *testing.T) {
	virtual(t, "not before Configure", func(t *testing.T) {
		f := newFake(t)
		d := driver(t, f, f.pins(), Opts{})
		if err := d.SetWave(phy.Wave{Modulation: sf7}); !errors.Is(err, chip.ErrNotConfigured) {
			t.Errorf("got %v", err)
		}
	})
	virtual(t, "no checksum, another sync word", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 10)
		must(t, d.SetWave(phy.Wave{Modulation: sf7, SyncWord: 0x77}))
		f.want(t, map[byte]byte{regModemConfig2: 0x70, regSyncWord: 0x77, regPaConfig: 0xF8})
	})
	virtual(t, "SF6 without header", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 10)
		m := with(func(m *phy.Modulation) { m.SpreadingFactor = 6 })
		must(t, d.SetWave(phy.Wave{Modulation: m, Implicit: true, Length: 10, CRC: true}))
		must(t, d.Receive())
		f.want(t, map[byte]byte{regModemConfig1: 0x73, regModemConfig2: 0x64, regDetectOptimize: 0x45, regDetectThreshold: 0x0C, regPayloadLength: 10})
		if err := d.Transmit(make([]byte, 9)); err == nil {
			t.Error("a frame of another length is taken")
		}
		must(t, d.Configure(sf7, 10))
		f.want(t, map[byte]byte{regDetectOptimize: 0x43, regDetectThreshold: 0x0A})
	})
	virtual(t, "no header and no length", func(t *testing.T) {
		d, _ := ready(t, Opts{}, sf7, 10)
		if err := d.SetWave(phy.Wave{Modulation: sf7, Implicit: true}); err == nil {
			t.Error("taken")
		}
	})
}
