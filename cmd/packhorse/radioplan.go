package main

import (
	"fmt"
	"math"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// radioPlan is what a radio is set to: the region's plan where the configuration says
// nothing, as strong as the law lets this antenna be, and the rule that allows it.
func radioPlan(regionName string, r config.Radio) (phy.Modulation, phy.Power, phy.Rule, error) {
	region, err := phy.LookupRegion(regionName)
	if err != nil {
		return phy.Modulation{}, phy.Power{}, phy.Rule{}, err
	}
	m := overlay(region.Plan, r)
	p := phy.Power{AntennaDBi: *r.AntennaGainDBi - r.CableLossDB}
	if r.PowerDBm != nil {
		p.ConductedDBm = float64(*r.PowerDBm)
	} else {
		p.ConductedDBm = strongest(region, m, p.AntennaDBi)
	}
	rule, err := region.Rule(m, p)
	if err == nil {
		err = listens(r.Kind, rule)
	}
	return m, p, rule, named(r, err)
}

// strongest is the plan's power, or less where the law allows less.
func strongest(g phy.Region, m phy.Modulation, antennaDBi float64) float64 {
	most, ok := g.MostDBm(m, antennaDBi)
	if !ok {
		return g.PlanPower.ConductedDBm
	}
	return min(g.PlanPower.ConductedDBm, math.Floor(most))
}

// listens refuses a radio that decides by itself when it sends, where the law wants the channel heard free before. Kinds
// that nobody knows are taken for such.
func listens(kind string, rule phy.Rule) error {
	if !rule.Listens() || strings.HasPrefix(kind, "sx12") {
		return nil
	}
	return fmt.Errorf("%s wants %v heard free below %g dBm before each transmission, and a radio of kind %q decides by itself when it sends: use a chip on SPI, kind sx126x or sx127x: %w",
		rule.SubBand(), rule.Sensing.For, rule.Sensing.BelowDBm, kind, phy.ErrNotAllowed)
}

// overlay puts what the configuration says over the region's plan.
func overlay(m phy.Modulation, r config.Radio) phy.Modulation {
	if r.FrequencyHz != 0 {
		m.FrequencyHz = r.FrequencyHz
	}
	if r.BandwidthHz != 0 {
		m.BandwidthHz = r.BandwidthHz
	}
	if r.SpreadingFactor != 0 {
		m.SpreadingFactor = r.SpreadingFactor
	}
	if r.CodingRate != 0 {
		m.CodingRate = r.CodingRate
	}
	m.PreambleSymbols = max(m.PreambleSymbols, phy.RNode(m).PreambleSymbols) // nobody can configure it, and SF5 and SF6 need a longer one
	return m
}

func named(r config.Radio, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("radio %s: %w", r.Name, err)
}

// lawForbids is the end of a question that was answered: with no.
type lawForbids struct{}

func (lawForbids) Error() string { return string(admin.CodeRegion) }
