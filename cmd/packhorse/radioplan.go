package main

import (
	"fmt"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio/phy"
)

// leastPower is the lowest transmit power that is tried, in dBm.
const leastPower = -9

// radioPlan is what a radio is set to: the region's plan where the configuration says
// nothing, as strong as the law lets this antenna be, and the rule that allows it.
func radioPlan(regionName string, r config.Radio) (phy.Modulation, phy.Power, phy.Rule, error) {
	region, err := phy.LookupRegion(regionName)
	if err != nil {
		return phy.Modulation{}, phy.Power{}, phy.Rule{}, err
	}
	m := overlay(region.Plan, r)
	p := phy.Power{AntennaDBi: *r.AntennaGainDBi}
	if r.PowerDBm != nil {
		p.ConductedDBm = float64(*r.PowerDBm)
		rule, err := region.Rule(m, p)
		return m, p, rule, named(r, err)
	}
	var rule phy.Rule
	for dBm := int(region.PlanPower.ConductedDBm); dBm >= leastPower; dBm-- {
		p.ConductedDBm = float64(dBm)
		if rule, err = region.Rule(m, p); err == nil {
			break
		}
	}
	return m, p, rule, named(r, err)
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
	return m
}

func named(r config.Radio, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("radio %s: %w", r.Name, err)
}
