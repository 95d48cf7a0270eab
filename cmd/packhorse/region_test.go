package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/radio/phy"
)

func TestRegionListsOpenAndClosed(t *testing.T) {
	b := newBench(t, nil)
	b.want(0, []string{"EU868   open    863-870", "869.525 MHz SF7 BW125 CR4/5, 17 dBm", "CN470   closed", "only civil meters", "no legal advice"}, "region")
	for _, g := range phy.AllRegions() {
		if !strings.Contains(b.out, "\n"+g.Name+" ") {
			t.Errorf("%s is not in the list", g.Name)
		}
	}
	b.want(2, []string{"did you mean packhorse region show?"}, "region", "shwo")
}

func TestRegionShowExplains(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		line string
		code int
		says []string
	}{
		{"EU868", 0, []string{"869.525           |                                    ^^  |", "EIRP           = 19.15 dBm", "ALLOWED by EU868 869.4-869.65 MHz, 27 dBm ERP, 10 % of any hour", "CH RIR 1008/09", "checked 2026-11-21", "360 s of any hour", "SF7   255 octets     416ms   865"}},
		{"eu868 --frequency 868.3 --power 10 --pa-gain 8 --antenna-gain 5 --cable-loss 1", 7, []string{"= 18 dBm", "- 1 dB", "EIRP           = 22 dBm", "be set to 4 dBm at most", "NOT ALLOWED", "set the chip to 4 dBm or less"}},
		{"EU868 --frequency 868.3 --power 4 --pa-gain 8 --antenna-gain 5 --cable-loss 1", 0, []string{"36 s of any hour"}},
		{"EU868 --frequency 869.3", 7, []string{"869.2-869.4 MHz is closed to us: kept for alarms"}},
		{"EU868 --bandwidth 250", 7, []string{"with crystal error"}},
		{"EU868 --bandwidth 7.8 --spreading-factor 12", 0, []string{"SF12 BW7.812"}},
		{"US915 --bandwidth 125 --power 20", 7, []string{"set the chip to -4 dBm or less; so much is for (30 dBm conducted"}},
		{"JP920", 0, []string{"5 ms heard free below -80 dBm", "SF12  90 octets", "no limit per hour"}},
		{"JP920 --radio rnode", 7, []string{"decides by itself when it sends: use a chip on SPI"}},
		{"JP920 --frequency 925", 0, []string{"360 s of any hour", "at most 400 ms each"}},
		{"CN470", 7, []string{"|xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx| closed: only civil meters", "nothing may be sent here"}},
		{"EU2400", 0, []string{"say --frequency"}},
		{"EU2400 --frequency 2403 --power 5", 0, []string{"ALLOWED by EU2400"}},
		{"EU868 --frequency 868100000", 2, []string{"give MHz"}},
		{"EU868 --frequency -1", 2, []string{"give MHz"}},
		{"EU868 --bandwidth 125000", 2, []string{"give kHz"}},
		{"EU868 --bandwidth NaN", 2, []string{"give kHz"}},
		{"EU868 --spreading-factor 13", 2, []string{"give 5 to 12"}},
		{"EU868 --radio lora", 2, []string{`"lora" is not a kind of radio`, "use one of rnode"}},
		{"XX", 2, []string{`there is no region "XX"`, "packhorse region lists them all"}},
	} {
		b.want(c.code, c.says, append([]string{"region", "show"}, strings.Fields(c.line)...)...)
		for _, r := range b.out {
			if r > 126 {
				t.Errorf("%s: %q is no plain letter", c.line, r)
			}
		}
	}
	b.want(2, nil, "region", "show")
}

func TestRegionShowSaysTheSameInJSON(t *testing.T) {
	b := newBench(t, nil)
	b.want(0, nil, "region", "show", "EU868", "--json")
	var v struct {
		Bands   []bandInfo
		Setting settingInfo
	}
	if err := json.Unmarshal([]byte(b.out), &v); err != nil {
		t.Fatal(err)
	}
	if s := v.Setting; !s.Allowed || s.AirtimeS != 360 || s.EIRPDBm != 19.15 || s.MostChipDBm == nil || *s.MostChipDBm != 27 || len(s.Frames) != 6 || len(v.Bands) < 20 {
		t.Errorf("got %+v with %d bands", s, len(v.Bands))
	}
}

func TestRegionCheckAsksForEveryRadio(t *testing.T) {
	b, s := newBench(t, nil), loadSchemas(t)
	file := filepath.Join(b.dir, "a.toml")
	radio := func(name, more string) string {
		return fmt.Sprintf("[[radio]]\nname = %q\nport = \"/dev/%s\"\n%s\n", name, name, more)
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(radio("lora0", "") + radio("lora1", "power_dbm = 30\nantenna_gain_dbi = 9.0"))
	b.want(7, []string{"no region is configured", "fix: set region"}, "region", "check", "--config", file)
	b.want(7, []string{"ok    lora0: 869.525 MHz SF7 BW125 CR4/5, 17 dBm into 2.15 dBi; EU868 869.4-869.65 MHz", "fail  radio lora1: region EU868: 30 dBm into a 9 dBi antenna is too strong", "20 dBm or less"},
		"region", "check", "--region", "EU868", "--config", file)
	b.want(7, nil, "region", "check", "--region", "EU868", "--config", file, "--json")
	s.check("region check", b.out)
	b.want(7, []string{"fail  radio lora0: JP920", "decides by itself"}, "region", "check", "--region", "JP920", "--config", file)
	write("region = \"EU868\"\n" + radio("lora0", ""))
	b.want(0, []string{"ok    lora0"}, "region", "check", "--config", file)
	write("region = \"JP920\"\n" + radio("lora0", ""))
	b.want(7, []string{"decides by itself when it sends"}, "config", "check", "--config", file)
	b.want(0, []string{"No radio is configured"}, "region", "check", "--region", "EU868")
}

// TestEveryRegionIsDocumented writes docs/REGIONS.md with -update.
func TestEveryRegionIsDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# The law of the air

What the program holds itself to, row by row, as ` + "`packhorse region show`" + ` explains it. **Software defaults are not legal advice**: whoever transmits
answers for it, and the law may have changed since the day in the last column. This file is generated from the table in radio/phy.

A row is open when the text of the rule, or a regulator's own page, was read (text), or at least two independent sources agree (two). All others
are closed, and so is every frequency that is in no row. Nothing can be switched on by configuration.

- *Band.* What a transmission occupies lies inside it: half the bandwidth to either side, and 20 ppm for the crystal. A modem that hops needs
  the whole span of its channels in one band.
- *Power.* ERP + 2.15 dB = EIRP; conducted is at the antenna socket. EIRP = chip + amplifier - cable + antenna; settings are rounded downwards to whole dB.
- *Duty cycle.* Exact time on air, or what the chip measured where that is longer, of each transmitter in each sub-band in any hour; it is counted before it is sent, kept over restarts, and counts
  when sending fails too. Silence of up to 5 ms joins two bursts, and counts.
- *Listening.* The whole channel is heard free, below the level, for the time given and at least 5 ms before every single frame; then the station rests. The
  level is lowered by as much as the antenna differs from a dipole. Modems that send when they like are refused there.
- *Hopping.* Only modems that hop by themselves have it; LoRa radios here stay on a channel.
`)
	for _, g := range phy.AllRegions() {
		fmt.Fprintf(&b, "\n## %s\n\n", g.Name)
		if _, plan := summary(g); g.Open() {
			fmt.Fprintf(&b, "Plan: %s\n\n", plan)
		} else {
			b.WriteString("Closed: nothing is sent.\n\n")
		}
		b.WriteString("| MHz | item | power | limits | used | seen | source | checked |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, r := range g.Rules {
			used := "yes"
			if !r.Open() {
				used = "no: " + r.Denied
			}
			if r.Note != "" {
				used += "; mind: " + r.Note
			}
			seen := map[phy.Evidence]string{phy.OneSource: "one", phy.TwoSources: "two", phy.Text: "text"}[r.Seen]
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", megahertz(r.LowHz, r.HighHz), r.Item, r.Power(), strings.Join(r.Conditions(), ", "), used, seen, r.Source, r.Checked)
		}
	}
	path := filepath.Join("..", "..", "docs", "REGIONS.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/REGIONS.md is stale: make docs")
	}
}
