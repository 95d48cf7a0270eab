package sx126x

import (
	"errors"
	"strings"
	"testing"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// The chip ends each transmission after 262 s: what takes longer is refused, and the slowest setting there is is not.
func TestTooLongPacketsAreRefused(t *testing.T) {
	m := phy.Modulation{FrequencyHz: 868_100_000, BandwidthHz: 7812, SpreadingFactor: 12, CodingRate: 8, PreambleSymbols: 8}
	if err := (Opts{}).Check(m, 14); err != nil {
		t.Errorf("255 octets take %v: %v", m.TimeOnAir(255), err)
	}
	m.PreambleSymbols = 200
	err := (Opts{}).Check(m, 14)
	if err == nil || !strings.Contains(err.Error(), "a preamble of 200 symbols") || !strings.Contains(err.Error(), "262 s at most") {
		t.Errorf("255 octets take %v: %v", m.TimeOnAir(255), err)
	}
	m.SpreadingFactor = 11
	if err := (Opts{}).Check(m, 14); err != nil {
		t.Errorf("255 octets take %v: %v", m.TimeOnAir(255), err)
	}
}

func TestModulationParameters(t *testing.T) {
	for _, tc := range []struct {
		hz     uint32
		sf, cr uint8
		want   string
	}{
		{125_000, 7, 5, "07040100"}, {62_500, 12, 8, "0C030401"}, {500_000, 5, 5, "05060100"}, {250_000, 6, 5, "06050100"},
		{41_666, 10, 7, "0A0A0301"}, {10_416, 7, 5, "07080100"}, {20_833, 8, 5, "08090100"}, {31_250, 8, 6, "08020200"},
		{7_812, 6, 5, "06000100"}, {7_812, 7, 5, "07000101"}, {15_625, 9, 5, "09010101"}, {125_000, 11, 5, "0B040101"}, {125_000, 10, 5, "0A040100"},
	} {
		m := phy.Modulation{BandwidthHz: tc.hz, SpreadingFactor: tc.sf, CodingRate: tc.cr}
		wantHex(t, m.String(), modulationParams(m), tc.want)
	}
}

func TestPacketParameters(t *testing.T) {
	m := sf7
	m.PreambleSymbols = 300
	wantHex(t, "implicit, inverted", packetParams(phy.Wave{Modulation: m, Implicit: true, Inverted: true}, 16), "012C01100001")
	wantHex(t, "explicit, checksum", packetParams(phy.Wave{Modulation: m, CRC: true}, 255), "012C00FF0100")
}

func TestSyncWords(t *testing.T) {
	wantHex(t, "private", syncWord(phy.SyncPrivate), "1424")
	wantHex(t, "public", syncWord(phy.SyncPublic), "3444")
	wantHex(t, "another", syncWord(0xF0), "F404")
}

func TestFrequencyWords(t *testing.T) {
	wantHex(t, "868.1", frequencyWord(868_100_000), "3641999A")
	wantHex(t, "869.525", frequencyWord(869_525_000), "36586666")
	wantHex(t, "433.175", frequencyWord(433_175_000), "1B12CCCD")
	wantHex(t, "960", frequencyWord(960_000_000), "3C000000")
}

func TestImagePairs(t *testing.T) {
	for _, tc := range []struct {
		mhz  uint32
		want string
	}{{433, "6B6F"}, {440, "6B6F"}, {490, "7581"}, {784, "C1C5"}, {868, "D7DB"}, {915, "E1E9"}, {928, "E1E9"}, {450, "6F73"}, {169, "292D"}, {960, "EDF3"}} {
		p := imagePair(tc.mhz * 1_000_000)
		wantHex(t, phy.MHz(tc.mhz*1_000_000), p[:], tc.want)
	}
}

func TestCADParameters(t *testing.T) {
	wantHex(t, "SF7", cadParams(7), "02140A00000000")
	wantHex(t, "SF12", cadParams(12), "02190A00000000")
}

func TestAmplifierSettings(t *testing.T) {
	for _, tc := range []struct {
		model   Model
		optimal bool
		dBm     int
		pa      string
		power   int8
	}{
		{SX1262, false, 22, "04070001", 22}, {SX1262, false, -9, "04070001", -9}, {SX1268, false, 14, "04070001", 14}, {LLCC68, false, 17, "04070001", 17},
		{SX1262, true, 22, "04070001", 22}, {SX1262, true, 20, "03050001", 22}, {SX1262, true, 17, "02030001", 22}, {SX1262, true, 14, "02020001", 22},
		{SX1262, true, 15, "04070001", 15}, {SX1268, true, 14, "04070001", 14}, {SX1268, true, 17, "02030001", 22},
		{SX1261, false, 15, "06000101", 14}, {SX1261, false, 14, "04000101", 14}, {SX1261, false, 10, "04000101", 10}, {SX1261, true, 10, "01000101", 13}, {SX1261, true, -17, "04000101", -17},
	} {
		pa, power := amplifier(tc.model, tc.optimal, tc.dBm)
		wantHex(t, tc.model.String(), pa[:], tc.pa)
		if power != tc.power {
			t.Errorf("%v at %d dBm: power %d, want %d", tc.model, tc.dBm, power, tc.power)
		}
	}
}

func TestTheCurrentLimitIsSetAfterTheAmplifier(t *testing.T) {
	for _, tc := range []struct {
		o    Opts
		want byte
	}{{Opts{}, 0x38}, {Opts{CurrentLimitMA: 60}, 0x18}, {Opts{Model: SX1261}, 0x18}, {Opts{CurrentLimitMA: 100}, 0x28}} {
		configured(t, tc.o, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			if got := f.regs[0x08E7]; got != tc.want {
				t.Errorf("%+v: 0x08E7 is %02X, want %02X", tc.o, got, tc.want)
			}
		})
	}
}

func TestWhatTheChipCannotDoIsRefusedInWords(t *testing.T) {
	with := func(f func(m *phy.Modulation)) phy.Modulation { m := sf7; f(&m); return m }
	slow := with(func(m *phy.Modulation) { m.SpreadingFactor = 12 })
	for _, tc := range []struct {
		name  string
		o     Opts
		m     phy.Modulation
		power int
		want  string
	}{
		{"fine", Opts{}, slow, 22, ""},
		{"power", Opts{}, sf7, 23, "use -9 to 22 dBm"},
		{"low power", Opts{}, sf7, -10, "use -9 to 22 dBm"},
		{"board", Opts{MaxPowerDBm: 18}, sf7, 19, "use at most 18 dBm"},
		{"board fine", Opts{MaxPowerDBm: 18}, sf7, 18, ""},
		{"sx1261", Opts{Model: SX1261}, sf7, 15, ""},
		{"sx1261 power", Opts{Model: SX1261}, sf7, 16, "use -17 to 15 dBm"},
		{"sx1261 at 169 MHz", Opts{Model: SX1261}, with(func(m *phy.Modulation) { m.FrequencyHz = 169_400_000 }), 15, "use -17 to 14 dBm"},
		{"sx1268", Opts{Model: SX1268}, sf7, 14, "use 410.0 MHz to 810.0 MHz"},
		{"2.4 GHz", Opts{}, with(func(m *phy.Modulation) { m.FrequencyHz = 2_400_000_000 }), 14, "use 150.0 MHz to 960.0 MHz"},
		{"llcc68 SF9", Opts{Model: LLCC68}, with(func(m *phy.Modulation) { m.SpreadingFactor = 9 }), 14, ""},
		{"llcc68 SF10", Opts{Model: LLCC68}, with(func(m *phy.Modulation) { m.SpreadingFactor = 10 }), 14, "use at most SF9"},
		{"llcc68 SF12 BW500", Opts{Model: LLCC68}, with(func(m *phy.Modulation) { m.SpreadingFactor, m.BandwidthHz = 12, 500_000 }), 14, "use at most SF11"},
		{"llcc68 BW62.5", Opts{Model: LLCC68}, with(func(m *phy.Modulation) { m.BandwidthHz = 62_500 }), 14, "use 125000"},
		{"preamble", Opts{}, with(func(m *phy.Modulation) { m.SpreadingFactor = 6 }), 14, "use at least 12"},
		{"FSK", Opts{}, phy.Modulation{FrequencyHz: 868_000_000, BandwidthHz: 100_000, BitRate: 50_000}, 14, "only LoRa"},
	} {
		bench(t, tc.o, func(t *testing.T, f *fake, d *Driver) {
			f.log = nil
			err := d.Configure(tc.m, tc.power)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
			}
			if tc.want != "" && len(f.log) != 0 {
				t.Errorf("%s: refused, but sent %v", tc.name, f.log)
			}
		})
	}
}

func TestConfigureSetsTheChannel(t *testing.T) {
	configured(t, crystalBoard, sf7, -5, func(t *testing.T, f *fake, d *Driver) {
		for _, want := range []string{"8A01", "98D7DB", "863641999A", "9504070001", "8EFB04", "8B07040100", "8C000800FF0100", "0D07401424", "8802140A00000000"} {
			if !f.sent(want) {
				t.Errorf("%s was not sent: %v", want, f.log)
			}
		}
	})
	configured(t, Opts{SyncWord: phy.SyncPublic}, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		if f.regs[0x0740] != 0x34 || f.regs[0x0741] != 0x44 {
			t.Errorf("sync word %02X %02X", f.regs[0x0740], f.regs[0x0741])
		}
	})
}

// The image is calibrated after each reset, and when the channel moves by 20 MHz or to another band.
func TestTheImageIsCalibratedWhenDue(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		for i, tc := range []struct {
			hz    uint32
			reset bool
			want  int
		}{{902_300_000, false, 1}, {903_000_000, false, 1}, {922_300_000, false, 2}, {868_100_000, false, 3}, {868_100_000, true, 4}, {869_500_000, false, 4}, {455_000_000, false, 5}, {471_000_000, false, 6}} {
			if tc.reset {
				must(t, d.Reset(t.Context()))
			}
			m := sf7
			m.FrequencyHz = tc.hz
			must(t, d.Configure(m, 14))
			n := 0
			for _, c := range f.log {
				if strings.HasPrefix(c, "98") {
					n++
				}
			}
			if n != tc.want {
				t.Errorf("step %d, %s: %d calibrations, want %d", i, phy.MHz(tc.hz), n, tc.want)
			}
		}
	})
}

func TestAWaveIsSetAtTheSamePower(t *testing.T) {
	configured(t, crystalBoard, sf7, 10, func(t *testing.T, f *fake, d *Driver) {
		must(t, d.SetWave(phy.Wave{Modulation: sf7, SyncWord: phy.SyncPublic, Implicit: true, Length: 16}))
		must(t, d.Receive())
		s := f.lastStart()
		wantHex(t, "packet", s.last[opPacketParams], "000801100000")
		wantHex(t, "power", s.last[opTxParams], "0A04")
		if s.regs[0x0740] != 0x34 {
			t.Errorf("sync word %02X", s.regs[0x0740])
		}
		must(t, d.Transmit(make([]byte, 16)))
		wantHex(t, "sent", f.lastStart().last[opPacketParams], "000801100000")
		if d.SetWave(phy.Wave{Modulation: sf7, Implicit: true}) == nil {
			t.Error("packets without header and length were taken")
		}
	})
}

func TestConfigureFindsOutThatItFailed(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(f *fake)
		want error
	}{
		{"image", func(f *fake) { f.errors = 1 << 4 }, chip.ErrStuck},
		{"sync word", func(f *fake) { f.ignore[opWriteRegister] = true }, chip.ErrNoChip},
		{"refused", func(f *fake) { f.refuse[opCADParams] = 4 }, chip.ErrWrongMode},
		{"standby", func(f *fake) { f.mode = modeRx; f.ignore[opStandby] = true }, chip.ErrWrongMode},
		{"unplugged", func(f *fake) { f.dead = new(byte) }, chip.ErrNoChip},
	} {
		bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
			tc.do(f)
			if err := d.Configure(sf7, 14); !errors.Is(err, tc.want) {
				t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
			}
			if d.Receive() == nil {
				t.Errorf("%s: it receives nevertheless", tc.name)
			}
		})
	}
}
