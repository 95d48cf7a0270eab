package phy

import "time"

const (
	srcEU    = "Decision 2006/771/EC as amended; EN 300 220-2 V3.3.1"
	srcES    = "ES UN-39; " + srcEU
	src433   = "BNetzA Vfg. 91/2025; Decision 2006/771/EC as amended"
	srcAlarm = "ERC/REC 70-03 annex 10; CH RIR 1008/20"
	alarms   = "kept for alarms (ERC/REC 70-03 annex 10)"
	adaptive = "500 mW here needs adaptive power control, which we do not have"
	polite   = "polite access needs another channel when this one is busy (AFA), which we do not do; listening alone keeps the duty cycle"
)

// europe is the law of the European Union, and of the countries that follow it.
func europe() []Rule {
	return []Rule{
		{Region: "EU868", Item: "K, 46a", LowHz: 863_000_000, HighHz: 865_000_000, MaxDBm: 14, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 1_000, Seen: TwoSources, Source: srcEU, Checked: "2026-11-21"},
		{Region: "EU868", Item: "L, 47", LowHz: 865_000_000, HighHz: 868_000_000, MaxDBm: 14, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 10_000, Seen: TwoSources, Source: srcEU, Checked: "2026-11-21"},
		{Region: "EU868", Item: "46b", LowHz: 865_600_000, HighHz: 865_800_000, MaxDBm: 27, Reference: ERP, MaxBandwidthHz: 200_000,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: Text, Source: "CH RIR 1003/10", Checked: "2026-11-21", Denied: adaptive},
		{Region: "EU868", Item: "46b", LowHz: 866_200_000, HighHz: 866_400_000, MaxDBm: 27, Reference: ERP, MaxBandwidthHz: 200_000,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: Text, Source: "CH RIR 1003/10", Checked: "2026-11-21", Denied: adaptive},
		{Region: "EU868", Item: "46b", LowHz: 866_800_000, HighHz: 867_000_000, MaxDBm: 27, Reference: ERP, MaxBandwidthHz: 200_000,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: Text, Source: "CH RIR 1003/10", Checked: "2026-11-21", Denied: adaptive},
		{Region: "EU868", Item: "46b", LowHz: 867_400_000, HighHz: 867_600_000, MaxDBm: 27, Reference: ERP, MaxBandwidthHz: 200_000,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: Text, Source: "CH RIR 1003/10", Checked: "2026-11-21", Denied: adaptive},
		{Region: "EU868", Item: "M, 48", LowHz: 868_000_000, HighHz: 868_600_000, MaxDBm: 14, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 10_000, Seen: Text, Source: srcES, Checked: "2026-11-21"},
		{Region: "EU868", LowHz: 868_600_000, HighHz: 868_700_000, MaxDBm: 10, Reference: ERP, MaxBandwidthHz: 25_000,
			Seen: Text, Source: srcAlarm, Checked: "2026-11-21", Denied: alarms},
		{Region: "EU868", Item: "N, 50", LowHz: 868_700_000, HighHz: 869_200_000, MaxDBm: 14, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 1_000, Seen: Text, Source: srcES, Checked: "2026-11-21"},
		{Region: "EU868", LowHz: 869_200_000, HighHz: 869_400_000, MaxDBm: 10, Reference: ERP, MaxBandwidthHz: 25_000,
			Seen: Text, Source: srcAlarm, Checked: "2026-11-21", Denied: alarms},
		{Region: "EU868", Item: "O (P before V3.3.1), 54", LowHz: 869_400_000, HighHz: 869_650_000, MaxDBm: 27, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: Text, Source: "CH RIR 1008/09; " + srcES, Checked: "2026-11-21",
			Note: "the useful band for a gateway; 250 kHz leave no room for the crystal"},
		{Region: "EU868", LowHz: 869_650_000, HighHz: 869_700_000, MaxDBm: 14, Reference: ERP, MaxBandwidthHz: 25_000,
			Seen: Text, Source: srcAlarm, Checked: "2026-11-21", Denied: alarms},
		{Region: "EU868", Item: "Q, 56b", LowHz: 869_700_000, HighHz: 870_000_000, MaxDBm: 14, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 10_000, Seen: TwoSources, Source: srcEU, Checked: "2026-11-21"},
		{Region: "EU868", Item: "P, 56a", LowHz: 869_700_000, HighHz: 870_000_000, MaxDBm: 7, Reference: ERP,
			Seen: TwoSources, Source: srcEU, Checked: "2026-11-21"},
		politely("K", 863_000_000, 865_000_000, 14),
		politely("L", 865_000_000, 868_000_000, 14),
		politely("M", 868_000_000, 868_600_000, 14),
		politely("N", 868_700_000, 869_200_000, 14),
		politely("O", 869_400_000, 869_650_000, 27),
		politely("Q", 869_700_000, 870_000_000, 14),

		{Region: "EU433", Item: "44b", LowHz: 433_050_000, HighHz: 434_790_000, MaxDBm: 10, Reference: ERP,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: TwoSources, Source: src433, Checked: "2026-11-21"},
		{Region: "EU433", Item: "44a", LowHz: 433_050_000, HighHz: 434_790_000, MaxDBm: 0, Reference: ERP, MaxBandwidthHz: 250_000,
			Seen: TwoSources, Source: src433, Checked: "2026-11-21", Note: "wider than 250 kHz at most -13 dBm in 10 kHz: not used"},
		{Region: "EU433", Item: "45c", LowHz: 434_040_000, HighHz: 434_790_000, MaxDBm: 10, Reference: ERP, MaxBandwidthHz: 25_000,
			Seen: TwoSources, Source: src433, Checked: "2026-11-21"},

		{Region: "EU2400", Item: "57a", LowHz: 2_400_000_000, HighHz: 2_483_500_000, MaxDBm: 10,
			Seen: TwoSources, Source: "Decision 2006/771/EC as amended; TI SWRA670A on EN 300 440", Checked: "2026-11-21"},
		{Region: "EU2400", Item: "annex 6 b", LowHz: 2_400_000_000, HighHz: 2_483_500_000, MaxDBm: 20, Density: Density{DBm: 10, PerHz: 1_000_000},
			Kind: CarrierSense, Seen: Text, Source: "ERC/REC 70-03 annex 6", Checked: "2026-11-21",
			Denied: "more than 10 mW needs detect-and-avoid or listening after EN 300 328, which we do not have"},
	}
}

// politely is polite spectrum access in place of a band's duty cycle. It would give 100 s an hour for each 200 kHz: more
// than 0.1 or 1 %, less than 10 %. The threshold is that of a channel of 125 kHz; from 100 mW on it may be 11 dB lower.
func politely(item string, low, high uint32, erpDBm float64) Rule {
	const sensitivity125 = 21 - 117 // 10 log10(kHz) - 117 dBm
	threshold := float64(sensitivity125 + 15)
	if erpDBm > 20 {
		threshold -= 11
	}
	return Rule{Region: "EU868", Item: item + ", polite", LowHz: low, HighHz: high, MaxDBm: erpDBm, Reference: ERP, MaxBandwidthHz: 200_000,
		Kind: CarrierSense, DutyPPM: 27_777, MaxTransmit: time.Second,
		Sensing: Sensing{For: 160 * time.Microsecond, BelowDBm: threshold, Rest: 100 * time.Millisecond},
		Seen:    TwoSources, Source: "EN 300 220-2 V3.3.1 table 18; EN 300 220-1 V3.1.1 clause 5.21", Checked: "2026-11-21", Denied: polite}
}
