package phy

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// checked is the day the sources were read.
const checked = "2026-11-21"

// LookupRegion finds a region by its name, in any case. The error lists the names.
func LookupRegion(name string) (Region, error) {
	if name == "" {
		return Region{}, fmt.Errorf("phy: no region is set, so nothing may be sent: set region to one of %s", strings.Join(Regions(), ", "))
	}
	for _, g := range regions() {
		if strings.EqualFold(g.Name, name) {
			return g, nil
		}
	}
	return Region{}, fmt.Errorf("phy: unknown region %q: use one of %s", name, strings.Join(Regions(), ", "))
}

// Regions lists the names of the regions in which something may be sent.
func Regions() []string {
	var names []string
	for _, g := range regions() {
		if g.Plan.BandwidthHz != 0 {
			names = append(names, g.Name)
		}
	}
	sort.Strings(names)
	return names
}

// regions puts the rows under their names and adds our default plans.
func regions() []Region {
	var out []Region
	for _, r := range rules() {
		if len(out) == 0 || out[len(out)-1].Name != r.Region {
			out = append(out, Region{Name: r.Region})
		}
		g := &out[len(out)-1]
		g.Rules = append(g.Rules, r)
	}
	for i := range out {
		out[i].Plan, out[i].PlanPower = plan(out[i].Name)
	}
	return out
}

// plan is our default: fast enough for bulk, in the band that leaves the most
// airtime, at a power every RNode has. Not one of them needs a person to know more.
func plan(region string) (Modulation, Power) {
	m := Modulation{BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
	p := Power{ConductedDBm: 17, AntennaDBi: DipoleDBi}
	switch region {
	case "EU868":
		m.FrequencyHz = 869_525_000 // the only European sub-band with 10 % and 500 mW
	case "EU433":
		m.FrequencyHz, p.ConductedDBm = 433_925_000, 10
	case "NZ915", "AU915":
		m.FrequencyHz = 921_500_000
	case "US915":
		m.FrequencyHz, m.BandwidthHz = 915_000_000, 500_000 // digital modulation starts at 500 kHz
	case "RU864":
		m.FrequencyHz = 868_950_000
	default:
		return Modulation{}, Power{}
	}
	return m, p
}

// rules is the whole table, one row a band, rows of a region together. A row
// without Denied was seen in the text of the rule or in two independent sources.
func rules() []Rule {
	rows := append(europe(), elsewhere()...)
	for i := range rows {
		rows[i].Checked = checked
	}
	return rows
}

const (
	srcEN  = "Decision 2006/771/EC as amended; EN 300 220-2 V3.3.1"
	srcES  = "ES UN-39; " + srcEN
	srcFCC = "47 CFR 15.247"
	alarms = "kept for alarms (ERC/REC 70-03 annex 10)"
)

func europe() []Rule {
	return []Rule{
		duty("EU868", 863_000_000, 865_000_000, 14, 1_000, srcEN),
		duty("EU868", 865_000_000, 868_000_000, 14, 10_000, srcEN),
		denied("EU868", 865_600_000, 867_600_000, 27, ERP, "500 mW here needs adaptive power control, which we do not have", "CH RIR 1003/10"),
		duty("EU868", 868_000_000, 868_600_000, 14, 10_000, srcES),
		denied("EU868", 868_600_000, 868_700_000, 10, ERP, alarms, "ERC/REC 70-03 annex 10"),
		duty("EU868", 868_700_000, 869_200_000, 14, 1_000, srcES),
		denied("EU868", 869_200_000, 869_400_000, 10, ERP, alarms, "ERC/REC 70-03 annex 10"),
		duty("EU868", 869_400_000, 869_650_000, 27, 100_000, "CH RIR 1008/09; "+srcES),
		denied("EU868", 869_650_000, 869_700_000, 14, ERP, alarms, "ERC/REC 70-03 annex 10"),
		duty("EU868", 869_700_000, 870_000_000, 14, 10_000, srcEN),
		{Region: "EU868", LowHz: 869_700_000, HighHz: 870_000_000, MaxDBm: 7, Reference: ERP, Source: srcEN},

		duty("EU433", 433_050_000, 434_790_000, 10, 100_000, "BNetzA Vfg. 91/2025; "+srcEN),
		{Region: "EU433", LowHz: 433_050_000, HighHz: 434_790_000, MaxDBm: 0, Reference: ERP, MaxBandwidthHz: 250_000, Source: "BNetzA Vfg. 91/2025; " + srcEN},
		{Region: "EU433", LowHz: 434_040_000, HighHz: 434_790_000, MaxDBm: 10, Reference: ERP, MaxBandwidthHz: 20_833, Source: "BNetzA Vfg. 91/2025; " + srcEN},

		{Region: "EU2400", LowHz: 2_400_000_000, HighHz: 2_483_500_000, MaxDBm: 10, Source: "Decision 2006/771/EC as amended; TI SWRA670A on EN 300 440"},
	}
}

func elsewhere() []Rule {
	return []Rule{
		{Region: "US915", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: 30, MinBandwidthHz: 500_000, Source: srcFCC + "(a)(2),(b)(3),(e)",
			Note: "the radio must be certified, or measured: the 6 dB width and the density of 500 kHz LoRa lie near both limits"},
		{Region: "US915", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: -1.25, Source: "47 CFR 15.249(a),(c)"},
		denied("US915", 902_000_000, 928_000_000, 30, EIRP, "narrower than 500 kHz above -1.25 dBm needs frequency hopping, which we do not do", srcFCC+"(a)(1)"),

		{Region: "AU915", LowHz: 915_000_000, HighHz: 928_000_000, MaxDBm: 30, MinBandwidthHz: 125_000, Source: "LIPD Class Licence 2025 schedule 1 table 8 item 6",
			Note: "peak density is limited to 25 mW per 3 kHz: stay well below 30 dBm at 125 kHz"},
		{Region: "AU915", LowHz: 915_000_000, HighHz: 928_000_000, MaxDBm: 27, MinBandwidthHz: 62_500, MaxBandwidthHz: 62_500, Source: "LIPD Class Licence 2025 schedule 1 table 8 item 6"},

		{Region: "NZ915", LowHz: 915_000_000, HighHz: 928_000_000, MaxDBm: 30, Source: "RSM 806-960 MHz review; Gazette 2022-go3100"},
		{Region: "NZ915", LowHz: 920_000_000, HighHz: 928_000_000, MaxDBm: 36, Source: "RSM 806-960 MHz review; Gazette 2022-go3100",
			Note: "above 30 dBm: at most 1 W into the antenna"},
		denied("NZ865", 864_000_000, 868_000_000, 36, EIRP, "only one source names this band", "Meshtastic region table"),

		duty("RU864", 864_000_000, 865_000_000, 14, 1_000, "GKRCh 18-46-03-1 annex 12", "not at airports"),
		duty("RU864", 866_000_000, 868_000_000, 14, 10_000, "GKRCh 18-46-03-1 annex 12", "not at airports"),
		duty("RU864", 868_700_000, 869_200_000, 20, 100_000, "GKRCh 18-46-03-1 annex 12", "base stations of telemetry networks must be registered"),

		denied("IN865", 865_000_000, 868_000_000, 14, ERP, "the rule seen is for hopping over 58 channels of 50 kHz; type approval is needed", "G.S.R. 853(E) of 2021"),
		sensed("JP920", 920_600_000, 923_400_000, 16, 4*time.Second, "each transmission must follow 5 ms of silence under -80 dBm, which no RNode proves", "MIC Notice 123/2019"),
		sensed("JP920", 922_400_000, 928_000_000, 16, 400*time.Millisecond, "each transmission must follow 128 us of silence, which no RNode proves", "MIC Notice 123/2019"),
		sensed("KR920", 920_900_000, 923_300_000, 10, 4*time.Second, "each transmission must follow 5 ms of silence under -65 dBm, which no RNode proves", "LoRaWAN Regional Parameters 1.0.3revA section 2.9.3"),
		denied("CN470", 470_000_000, 510_000_000, 17, ERP, "only civil meters inside one estate may use it", "MIIT Notice 52/2019"),
		denied("AS923", 915_000_000, 928_000_000, 16, EIRP, "AS923 is a plan, not a law: the country's own rule is unchecked", "RP002-1.0.5 table 73"),
		denied("SG923", 917_000_000, 925_000_000, 20, EIRP, "only one source names this band", "Meshtastic region table"),
		denied("TH920", 920_000_000, 925_000_000, 27, EIRP, "only one source names this band", "Meshtastic region table"),
		denied("TW920", 920_000_000, 925_000_000, 27, EIRP, "only one source names this band", "Meshtastic region table"),
		denied("MY919", 919_000_000, 924_000_000, 27, EIRP, "only one source names this band", "Meshtastic region table"),
		denied("PH915", 915_000_000, 918_000_000, 24, EIRP, "only one source names this band", "Meshtastic region table"),
	}
}

func duty(region string, low, high uint32, erpDBm float64, ppm uint32, source string, note ...string) Rule {
	return Rule{Region: region, LowHz: low, HighHz: high, MaxDBm: erpDBm, Reference: ERP, Kind: DutyCycle, DutyPPM: ppm,
		Source: source, Note: strings.Join(note, "; ")}
}

func denied(region string, low, high uint32, dBm float64, ref Reference, why, source string) Rule {
	return Rule{Region: region, LowHz: low, HighHz: high, MaxDBm: dBm, Reference: ref, Denied: why, Source: source}
}

func sensed(region string, low, high uint32, eirpDBm float64, longest time.Duration, why, source string) Rule {
	return Rule{Region: region, LowHz: low, HighHz: high, MaxDBm: eirpDBm, Kind: CarrierSense, MaxTransmit: longest, Denied: why, Source: source}
}
