package phy

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// LookupRegion finds a region by its name, in any case. The error lists the names.
func LookupRegion(name string) (Region, error) {
	if name == "" {
		return Region{}, fmt.Errorf("phy: no region is set, so nothing may be sent: set region to one of %s", strings.Join(Regions(), ", "))
	}
	for _, g := range regions() {
		if strings.EqualFold(g.Name, name) {
			g.Rules = slices.Clone(g.Rules)
			return g, nil
		}
	}
	return Region{}, fmt.Errorf("phy: unknown region %q: use one of %s", name, strings.Join(Regions(), ", "))
}

// Regions lists the names of the regions for which there is a plan.
func Regions() []string {
	var names []string
	for _, g := range regions() {
		if g.Plan.BandwidthHz != 0 {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}

// AllRegions are all that the table knows, also those in which nothing may be sent, by name.
func AllRegions() []Region {
	all := slices.Clone(regions())
	slices.SortFunc(all, func(a, b Region) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// regions puts the rows under their names and adds our default plans.
var regions = sync.OnceValue(func() []Region {
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
})

// rules is the whole table, one row a band, rows of a region together. What too few sources say is closed.
func rules() []Rule { return denied(slices.Concat(europe(), america(), pacific(), asia())) }

// denied closes the rows that only one source names, whatever else they say.
func denied(rows []Rule) []Rule {
	for i := range rows {
		if r := &rows[i]; r.Seen == OneSource && r.Denied == "" {
			r.Denied = one
		}
	}
	return rows
}

// plan is our default: fast enough for bulk, in the band that leaves the most
// airtime, at a power every radio has. Not one of them needs a person to know more.
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
	case "JP920":
		m.FrequencyHz, p.ConductedDBm = 921_000_000, 13
	case "KR920":
		m.FrequencyHz, p.ConductedDBm = 923_100_000, 11 // above LoRaWAN's three channels
	default:
		return Modulation{}, Power{}
	}
	return m, p
}
