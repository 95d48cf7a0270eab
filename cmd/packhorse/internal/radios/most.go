package radios

import (
	"math"

	"packhorse/radio/phy"
)

// Most is the most that the law lets the radio put into its antenna, and the most that radio and board can, both in whole dBm
// at the antenna socket; false where the law has no single figure for it, as for radios that hop.
func (p Plan) Most() (law, radio int, ok bool) {
	radio = int(math.Floor(float64(p.kind.most) + p.kind.gainDB))
	g, err := phy.LookupRegion(p.Rule.Region)
	if err != nil || p.kind.rule != nil {
		return 0, radio, false
	}
	most, ok := g.MostDBm(p.Modulation, p.Power().AntennaDBi)
	return int(math.Floor(most)), radio, ok
}
