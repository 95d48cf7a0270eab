package phy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHoppingModems(t *testing.T) {
	for _, c := range []struct {
		name, region string
		low, high    uint32
		width        uint32
		channels     int
		dBm, dBi     float64
		item         string // of the rule; empty: refused
		says         string
	}{
		{"50 narrow channels", "US915", 902_100_000, 927_900_000, 249_000, 50, 30, 6, "FHSS, 50 channels", ""},
		{"49 of them", "US915", 902_100_000, 927_900_000, 249_000, 49, 30, 6, "", "-8 dBm or less; more is for US915 902.0-928.0 MHz, 30 dBm conducted less the gain above 6 dBi, bandwidth up to 249.999 kHz, hopping over 50 channels"},
		{"narrow channels need 50 at any power", "US915", 902_100_000, 927_900_000, 191_500, 25, 10, 6, "", "hopping over 25 channels or more, at most 400 ms on each in 10 s, of 250 kHz or wider"},
		{"25 channels", "US915", 902_100_000, 927_900_000, 250_000, 25, 24, 6, "FHSS, 25 channels", ""},
		{"too strong for 25", "US915", 902_100_000, 927_900_000, 250_000, 25, 25, 6, "", "24 dBm or less"},
		{"wide channels, however many", "US915", 902_100_000, 927_900_000, 250_000, 50, 30, 6, "", "24 dBm or less"},
		{"24 channels", "US915", 902_100_000, 927_900_000, 250_000, 24, 20, 6, "", "set power to -8 dBm or less; more is for"},
		{"wider than 500 kHz", "US915", 902_100_000, 927_900_000, 501_000, 50, 20, 6, "", "-8 dBm"},
		{"a strong antenna", "US915", 902_100_000, 927_900_000, 200_000, 50, 28, 9, "", "27 dBm or less"},
		{"channels closer than 25 kHz", "US915", 915_000_000, 916_000_000, 10_000, 50, 20, 6, "", "-8 dBm"},
		{"closer than 25 kHz as SiK divides the span", "US915", 915_000_000, 916_280_000, 10_000, 50, 20, 6, "", "-8 dBm"},
		{"channels that overlap as SiK divides the span", "US915", 915_000_000, 927_700_000, 249_000, 50, 20, 6, "", "-8 dBm"},
		{"just far enough", "US915", 915_000_000, 916_300_000, 10_000, 50, 20, 6, "FHSS, 50 channels", ""},
		{"the span leaves the band", "US915", 902_010_000, 927_900_000, 200_000, 50, 20, 6, "", "not inside one band"},
		{"its upper end leaves the band with the crystal's error", "US915", 902_100_000, 927_990_000, 200_000, 50, 20, 6, "", "not inside one band"},
		{"Australia", "AU915", 915_100_000, 927_900_000, 200_000, 20, 20, DipoleDBi, "digital", ""},
		{"New Zealand", "NZ915", 920_100_000, 927_900_000, 200_000, 20, 30, 6, "", ""},
		{"Europe, in one band", "EU868", 869_420_000, 869_630_000, 100_000, 2, 20, DipoleDBi, "O (P before V3.3.1), 54", ""},
		{"Europe, over two bands", "EU868", 868_100_000, 869_600_000, 100_000, 10, 10, DipoleDBi, "", "not inside one band"},
		{"Korea", "KR920", 920_830_000, 923_370_000, 150_000, 16, 7, DipoleDBi, "FHSS", ""},
		{"too few for Korea", "KR920", 920_830_000, 923_370_000, 150_000, 15, 7, DipoleDBi, "", "hopping over 16 channels"},
		{"Japan listens", "JP920", 920_600_000, 922_200_000, 100_000, 8, 7, DipoleDBi, "", "not inside one band for such a modem"},
		{"India", "IN865", 865_100_000, 867_900_000, 40_000, 60, 7, DipoleDBi, "", "closed to us"},
		{"more than fits", "US915", 902_100_000, 903_100_000, 200_000, 6, 7, DipoleDBi, "", "do not fit between"},
		{"none", "US915", 902_100_000, 903_100_000, 200_000, 0, 7, DipoleDBi, "", "do not fit between"},
	} {
		g := region(t, c.region)
		r, err := g.HopRule(c.low, c.high, c.width, c.channels, Power{ConductedDBm: c.dBm, AntennaDBi: c.dBi})
		switch refused := c.says != ""; {
		case refused && (!errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, %v, want %q", c.name, r, err, c.says)
		case !refused && (err != nil || r.Item != c.item || r.Region != c.region):
			t.Errorf("%s: got %q, %v, want %q", c.name, r.Item, err, c.item)
		}
	}
}

// A radio that stays on one channel gets nothing from the rows for hopping.
func TestHoppingRowsAreNotForOthers(t *testing.T) {
	for _, dBm := range []float64{-3, 0, 20, 30} {
		if r, err := region(t, "US915").Rule(at(915_000_000, 125_000), Power{ConductedDBm: dBm, AntennaDBi: DipoleDBi}); err == nil {
			t.Errorf("%g dBm: got %v, want a refusal", dBm, r)
		}
	}
}

func TestHoppingCountsAgainstTheHourWhereThereIsOne(t *testing.T) {
	r, err := region(t, "EU868").HopRule(869_420_000, 869_630_000, 100_000, 2, Power{ConductedDBm: 20, AntennaDBi: DipoleDBi})
	if err != nil || r.Allowed() != 360*time.Second {
		t.Errorf("got %v, %v, want 360 s", r.Allowed(), err)
	}
}

// A voice radio behind a TNC is not what Australia and New Zealand mean by digital.
func TestDigitalRowsAreNotForStreamsOnOneChannel(t *testing.T) {
	stream := Modulation{FrequencyHz: 921_500_000, BandwidthHz: 12_500, BitRate: 1200}
	for _, c := range []struct {
		region string
		dBm    float64
		dBi    float64
		says   string // empty: allowed
	}{
		{"AU915", 10, DipoleDBi, "stream of bits on one channel, and there this band is for LoRa or radios that hop"},
		{"NZ915", 27, DipoleDBi, ""},
		{"NZ915", 30, 6, "set power to 24 dBm or less; so much is for (36 dBm EIRP, of which at most 30 dBm into the antenna, only LoRa or radios that hop)"},
	} {
		_, err := region(t, c.region).Rule(stream, Power{ConductedDBm: c.dBm, AntennaDBi: c.dBi})
		if refused := c.says != ""; refused != errors.Is(err, ErrNotAllowed) || refused && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s at %g dBm: got %v, want %q", c.region, c.dBm, err, c.says)
		}
	}
	if r, err := region(t, "AU915").HopRule(915_100_000, 927_900_000, 200_000, 1, Power{ConductedDBm: 10, AntennaDBi: DipoleDBi}); err == nil {
		t.Errorf("got %v for a radio that hops over one channel", r)
	}
}
