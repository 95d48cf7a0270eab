package phy

import (
	"fmt"
	"math"
)

// Power is what leaves the radio and the antenna it goes into.
type Power struct {
	ConductedDBm float64 // at the antenna socket
	AntennaDBi   float64 // gain less cable loss; DipoleDBi when nobody said
}

// EIRPDBm is what an isotropic antenna would need to be as strong.
func (p Power) EIRPDBm() float64 { return p.ConductedDBm + p.AntennaDBi }

// Chain is the way from the chip to the air.
type Chain struct {
	ChipDBm     float64 // what the chip is set to
	PAGainDB    float64 // of an amplifier behind it on the board
	CableLossDB float64
	AntennaDBi  float64
}

// Power is what the law looks at.
func (c Chain) Power() Power {
	return Power{ConductedDBm: c.ChipDBm + c.PAGainDB, AntennaDBi: c.AntennaDBi - c.CableLossDB}
}

// String is the sum in words.
func (c Chain) String() string {
	s := fmt.Sprintf("%g dBm of the chip", c.ChipDBm)
	if c.PAGainDB != 0 {
		s += fmt.Sprintf(" + %g dB of its amplifier", c.PAGainDB)
	}
	s += fmt.Sprintf(" + %g dBi of the antenna", c.AntennaDBi)
	if c.CableLossDB != 0 {
		s += fmt.Sprintf(" - %g dB of cable", c.CableLossDB)
	}
	return fmt.Sprintf("%s = %.2f dBm EIRP", s, c.Power().EIRPDBm())
}

// MostChipDBm is the strongest whole setting of the chip that the law allows in this chain; false where it allows none.
func (g Region) MostChipDBm(m Modulation, c Chain) (dBm int, ok bool) {
	most, ok := g.MostDBm(m, c.Power().AntennaDBi)
	return int(math.Floor(most - c.PAGainDB + hair)), ok
}

// ChainRule is Rule for a chip with what lies between it and the air. Its error names the strongest setting of the chip.
func (g Region) ChainRule(m Modulation, c Chain) (Rule, error) {
	r, err := g.Rule(m, c.Power())
	if err == nil || m.Validate() != nil {
		return r, err
	}
	if most, ok := g.MostChipDBm(m, c); ok {
		return Rule{}, g.refuse("%s is too strong at %s: set the chip to %d dBm or less%s", c, m, most, g.orElse(m, c.Power()))
	}
	return Rule{}, err
}
