package phy

import "time"

// america is the law of the United States.
func america() []Rule {
	const note = "the radio must be certified, or measured"
	return []Rule{
		{Region: "US915", Item: "digital", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: 30, Reference: Conducted, FreeGainDBi: 6,
			Density: Density{DBm: 8, PerHz: 3_000}, MinBandwidthHz: 500_000,
			Seen: TwoSources, Source: "47 CFR 15.247(a)(2),(b)(3),(b)(4),(e)", Checked: "2026-11-21",
			Note: note + ": the 6 dB width and the density of 500 kHz LoRa lie near both limits"},
		{Region: "US915", Item: "FHSS, 50 channels", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: 30, Reference: Conducted, FreeGainDBi: 6,
			MaxBandwidthHz: 249_999, Kind: Dwell,
			Hopping: Hopping{Channels: 50, Dwell: 400 * time.Millisecond, Period: 20 * time.Second, SpacingHz: 25_000},
			Seen:    Text, Source: "47 CFR 15.247(a)(1),(a)(1)(i),(b)(2),(b)(4)", Checked: "2026-11-21", Note: note + "; the receiver hops too"},
		{Region: "US915", Item: "FHSS, 25 channels", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: 24, Reference: Conducted, FreeGainDBi: 6,
			MaxBandwidthHz: 500_000, Kind: Dwell,
			Hopping: Hopping{Channels: 25, Dwell: 400 * time.Millisecond, Period: 10 * time.Second, SpacingHz: 25_000, WidthHz: 250_000},
			Seen:    Text, Source: "47 CFR 15.247(a)(1),(a)(1)(i),(b)(2),(b)(4)", Checked: "2026-11-21", Note: note + "; the receiver hops too"},
		{Region: "US915", Item: "hybrid", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: 21, Reference: Conducted, FreeGainDBi: 6,
			Density: Density{DBm: 8, PerHz: 3_000}, Kind: Dwell,
			Hopping: Hopping{Channels: 2, Dwell: 400 * time.Millisecond, Period: 800 * time.Millisecond},
			Seen:    TwoSources, Source: "47 CFR 15.247(f); Helium FCC application note", Checked: "2026-11-21",
			Denied: "a hybrid system hops (one channel is none) and is certified as a whole; no LoRa radio of ours hops"},
		{Region: "US915", Item: "any other", LowHz: 902_000_000, HighHz: 928_000_000, MaxDBm: -1.25,
			Seen: Text, Source: "47 CFR 15.249(a),(c)", Checked: "2026-11-21", Note: "50 mV/m at 3 m; harmonics 500 uV/m"},
	}
}
