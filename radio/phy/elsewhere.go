package phy

import "time"

const (
	srcLIPD  = "LIPD Class Licence 2025 schedule 1 table 8 item 6; LIPD 2015"
	srcRSM   = "RSM 806-960 MHz review; Gazette 2022-go3100"
	srcGKRCh = "GKRCh 18-46-03-1 annex 12"
	srcIndia = "G.S.R. 853(E) of 10 December 2021"
	srcMIC   = "MIC Notice 123/2019; ARIB STD-T108 by secondary sources"
	srcKorea = "LoRaWAN Regional Parameters 1.0.3revA section 2.9.3 and national secondary sources"
	one      = "only one source names this band"
	plan923  = "AS923 is a plan, not a law: the country's own rule is unchecked"
	counting = "it is counted in 20 s, and our ledger counts hours"
)

// pacific is the law of Australia and New Zealand.
func pacific() []Rule {
	return []Rule{
		{Region: "AU915", Item: "digital", LowHz: 915_000_000, HighHz: 928_000_000, MaxDBm: 30, Density: Density{DBm: 13.9, PerHz: 3_000}, Digital: true,
			Seen: TwoSources, Source: srcLIPD, Checked: "2026-11-21",
			Note: "the power is taken to be spread evenly; the peak of a chirp is not measured, so prefer 500 kHz or stay some dB below"},
		{Region: "NZ915", LowHz: 915_000_000, HighHz: 928_000_000, MaxDBm: 30, Seen: Text, Source: srcRSM, Checked: "2026-11-21"},
		{Region: "NZ915", LowHz: 920_000_000, HighHz: 928_000_000, MaxDBm: 36, SocketDBm: 30, Digital: true, Seen: TwoSources, Source: srcRSM, Checked: "2026-11-21"},
		{Region: "NZ865", LowHz: 864_000_000, HighHz: 868_000_000, MaxDBm: 36, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
	}
}

// asia is the law of countries in Asia, and of Russia.
func asia() []Rule {
	return []Rule{
		{Region: "RU864", LowHz: 864_000_000, HighHz: 865_000_000, MaxDBm: 14, Reference: ERP, Kind: DutyCycle, DutyPPM: 1_000,
			Seen: TwoSources, Source: srcGKRCh, Checked: "2026-11-21", Note: "not at airports"},
		{Region: "RU864", LowHz: 866_000_000, HighHz: 868_000_000, MaxDBm: 14, Reference: ERP, Density: Density{DBm: 30, PerHz: 1_000_000},
			Kind: DutyCycle, DutyPPM: 10_000, Seen: TwoSources, Source: srcGKRCh, Checked: "2026-11-21", Note: "not at airports"},
		{Region: "RU864", LowHz: 868_700_000, HighHz: 869_200_000, MaxDBm: 20, Reference: ERP, Kind: DutyCycle, DutyPPM: 100_000,
			Seen: TwoSources, Source: srcGKRCh, Checked: "2026-11-21", Note: "base stations of telemetry networks must be registered"},

		{Region: "IN865", Item: "table I", LowHz: 865_000_000, HighHz: 868_000_000, MaxDBm: 14, Reference: ERP, MaxBandwidthHz: 50_000, Kind: DutyCycle, DutyPPM: 10_000,
			Hopping: Hopping{Channels: 58}, Seen: TwoSources, Source: srcIndia, Checked: "2026-11-21",
			Denied: "the rule seen is for hopping over 58 channels of 50 kHz; type approval is needed"},
		{Region: "IN865", Item: "table II, data acquisition", LowHz: 865_000_000, HighHz: 868_000_000, MaxDBm: 27, Reference: ERP, MaxBandwidthHz: 200_000,
			Kind: DutyCycle, DutyPPM: 100_000, Seen: TwoSources, Source: srcIndia, Checked: "2026-11-21", Denied: adaptive + "; type approval is needed"},

		{Region: "JP920", Item: "long listening", LowHz: 920_500_000, HighHz: 922_300_000, MaxDBm: 13, Reference: Conducted, FreeGainDBi: 3,
			ChannelHz: 200_000, Kind: CarrierSense, MaxTransmit: 4 * time.Second,
			Sensing: Sensing{For: 5 * time.Millisecond, BelowDBm: -80, Rest: 50 * time.Millisecond},
			Seen:    TwoSources, Source: srcMIC, Checked: "2026-11-21",
			Note: "certified (giteki) radios only; channels 24 to 32, for above them sources differ about so long transmissions"},
		{Region: "JP920", Item: "short listening", LowHz: 922_300_000, HighHz: 928_100_000, MaxDBm: 13, Reference: Conducted, FreeGainDBi: 3,
			ChannelHz: 200_000, Kind: CarrierSense, DutyPPM: 100_000, MaxTransmit: 400 * time.Millisecond,
			Sensing: Sensing{For: 128 * time.Microsecond, BelowDBm: -80, Rest: 2 * time.Millisecond},
			Seen:    TwoSources, Source: srcMIC, Checked: "2026-11-21", Note: "certified (giteki) radios only; channels 33 to 61"},
		{Region: "JP920", Item: "250 mW", LowHz: 920_500_000, HighHz: 923_500_000, MaxDBm: 24, Reference: Conducted, FreeGainDBi: 3, Kind: CarrierSense,
			Seen: Text, Source: "MIC Notice 123/2019", Checked: "2026-11-21", Denied: "this class needs a registered station"},

		{Region: "KR920", Item: "channels 20 to 25", LowHz: 920_800_000, HighHz: 922_000_000, MaxDBm: 10, ChannelHz: 200_000,
			Kind: CarrierSense, MaxTransmit: 4 * time.Second, Sensing: Sensing{For: 5 * time.Millisecond, BelowDBm: -65, Rest: 50 * time.Millisecond},
			Seen: TwoSources, Source: srcKorea, Checked: "2026-11-21"},
		{Region: "KR920", Item: "channels 26 to 32", LowHz: 922_000_000, HighHz: 923_400_000, MaxDBm: 14, ChannelHz: 200_000,
			Kind: CarrierSense, MaxTransmit: 4 * time.Second, Sensing: Sensing{For: 5 * time.Millisecond, BelowDBm: -65, Rest: 50 * time.Millisecond},
			Seen: TwoSources, Source: srcKorea, Checked: "2026-11-21"},
		{Region: "KR920", Item: "2 % without listening", LowHz: 920_800_000, HighHz: 923_400_000, MaxDBm: 10, ChannelHz: 200_000, Kind: DutyCycle, DutyPPM: 20_000,
			MaxTransmit: 400 * time.Millisecond, Seen: TwoSources, Source: srcKorea, Checked: "2026-11-21", Denied: counting},
		{Region: "KR920", Item: "FHSS", LowHz: 920_800_000, HighHz: 923_400_000, MaxDBm: 10, MaxBandwidthHz: 200_000, Kind: Dwell,
			Hopping: Hopping{Channels: 16, Dwell: 400 * time.Millisecond},
			Seen:    TwoSources, Source: srcKorea, Checked: "2026-11-21"},

		{Region: "CN470", LowHz: 470_000_000, HighHz: 510_000_000, MaxDBm: 17, Reference: ERP, MaxTransmit: time.Second, Seen: TwoSources,
			Source: "MIIT Notice 52/2019 by a test laboratory", Checked: "2026-11-21", Denied: "only civil meters inside one estate may use it"},
		planned("AS923", "-1", 915_000_000, 928_000_000),
		planned("AS923", "-2", 920_000_000, 923_000_000),
		planned("AS923", "-3", 915_000_000, 921_000_000),
		planned("AS923", "-4", 917_000_000, 920_000_000),
		{Region: "SG923", LowHz: 917_000_000, HighHz: 925_000_000, MaxDBm: 20, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
		{Region: "TH920", LowHz: 920_000_000, HighHz: 925_000_000, MaxDBm: 27, Kind: DutyCycle, DutyPPM: 100_000, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
		{Region: "TW920", LowHz: 920_000_000, HighHz: 925_000_000, MaxDBm: 27, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
		{Region: "MY919", LowHz: 919_000_000, HighHz: 924_000_000, MaxDBm: 27, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
		{Region: "PH915", LowHz: 915_000_000, HighHz: 918_000_000, MaxDBm: 24, Source: "Meshtastic region table", Checked: "2026-11-21", Denied: one},
	}
}

// planned is a band of the LoRaWAN plan AS923.
func planned(region, group string, low, high uint32) Rule {
	return Rule{Region: region, Item: region + group, LowHz: low, HighHz: high, MaxDBm: 16, Kind: DutyCycle, DutyPPM: 10_000, MaxTransmit: 400 * time.Millisecond,
		Seen: TwoSources, Source: "RP002-1.0.5 table 73", Checked: "2026-11-21", Denied: plan923}
}
