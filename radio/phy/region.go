package phy

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Region is a set of rules under the name a person configures.
type Region struct {
	Name  string
	Rules []Rule
	// Plan is what we use there when nobody says otherwise; its bandwidth is zero
	// where we know of no band that we may use.
	Plan      Modulation
	PlanPower Power
}

// Open tells whether anything may be sent in the region.
func (g Region) Open() bool { return slices.ContainsFunc(g.Rules, Rule.Open) }

// Closed is why nothing may be sent in it: the reasons of its rows.
func (g Region) Closed() string {
	var why []string
	for _, r := range g.Rules {
		if !slices.Contains(why, r.Denied) {
			why = append(why, r.Denied)
		}
	}
	return strings.Join(why, "; ")
}

// Rule is the most generous rule that allows a radio to stay on one channel with this modulation at this power. What no rule
// allows is refused, and the error says what would be allowed.
func (g Region) Rule(m Modulation, p Power) (Rule, error) {
	if !g.Open() {
		return Rule{}, g.refuse("closed to us: %s", g.Closed())
	}
	if err := m.Validate(); err != nil {
		return Rule{}, err
	}
	var best *Rule
	for i, r := range g.Rules {
		if r.fits(m) && r.allowsPower(m.BandwidthHz, p) && (best == nil || r.generosity() > best.generosity()) {
			best = &g.Rules[i]
		}
	}
	if best == nil {
		return Rule{}, g.refusal(m, p)
	}
	return best.at(p.AntennaDBi), nil
}

// fits tells whether the rule would allow the modulation at some power, to a radio that stays on one channel.
func (r Rule) fits(m Modulation) bool {
	return r.Open() && r.Hopping.Channels == 0 && !(r.Digital && m.Stream()) && r.holds(Occupied(m)) && r.allowsBandwidth(m)
}

// MostDBm is the most that the radio may put into an antenna of this gain; false where the modulation is not allowed at all.
func (g Region) MostDBm(m Modulation, antennaDBi float64) (dBm float64, ok bool) {
	dBm = math.Inf(-1)
	for _, r := range g.Rules {
		if r.fits(m) {
			dBm, ok = max(dBm, r.MostDBm(m.BandwidthHz, antennaDBi)), true
		}
	}
	return dBm, ok
}

// refusal explains why nothing fits, nearest reason first.
func (g Region) refusal(m Modulation, p Power) error {
	low, high := Occupied(m)
	if most, ok := g.MostDBm(m, p.AntennaDBi); ok {
		return g.refuse("%g dBm into a %g dBi antenna is too strong at %s: set power to %.0f dBm or less%s",
			p.ConductedDBm, p.AntennaDBi, m, math.Floor(most+hair), g.orElse(m, p))
	}
	for _, r := range g.Rules {
		if r.Open() && r.Hopping.Channels == 0 && r.holds(low, high) {
			if r.Digital && m.Stream() {
				return g.refuse("%s is a stream of bits on one channel, and there this band is for LoRa or radios that hop (%s)", m, r)
			}
			return g.refuse("bandwidth %s kHz at %s does not fit (%s)", kHz(m.BandwidthHz), MHz(m.FrequencyHz), r)
		}
	}
	for _, r := range g.Rules {
		if !r.Open() && r.near(m.FrequencyHz) && !g.usable(m.FrequencyHz) {
			return g.refuse("%s is closed to us: %s; %s", r.SubBand(), r.Denied, g.allowed())
		}
	}
	for _, r := range g.Rules {
		if r.Open() && r.ChannelHz != 0 && low >= int64(r.LowHz) && high <= int64(r.HighHz) {
			return g.refuse("%s leaves its channel of %s kHz: with at most this width the centre would be %s", m, kHz(r.ChannelHz), MHz(r.centre(m.FrequencyHz)))
		}
	}
	return g.refuse("%s occupies %s to %s with crystal error, which is not inside one allowed band; %s",
		m, MHz(uint32(low)), MHz(uint32(high)), g.allowed())
}

// centre of the channel in which a frequency is.
func (r Rule) centre(hz uint32) uint32 {
	return r.LowHz + (hz-r.LowHz)/r.ChannelHz*r.ChannelHz + r.ChannelHz/2
}

func (g Region) refuse(format string, a ...any) error {
	return fmt.Errorf("region %s: %s: %w", g.Name, fmt.Sprintf(format, a...), ErrNotAllowed)
}

func (r Rule) near(hz uint32) bool { return hz >= r.LowHz && hz <= r.HighHz }

func (g Region) usable(hz uint32) bool {
	return slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.Open() && r.Hopping.Channels == 0 && r.near(hz) })
}

// orElse names the rules that would allow so much power at this frequency to another bandwidth, or to a radio that hops.
func (g Region) orElse(m Modulation, p Power) string {
	var all []string
	for _, r := range g.Rules {
		if r.Open() && r.near(m.FrequencyHz) && !r.fits(m) && r.allowsPower(max(m.BandwidthHz, r.MinBandwidthHz), p) {
			all = append(all, "("+strings.Join(append([]string{r.Power()}, r.Conditions()...), ", ")+")")
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; so much is for " + strings.Join(all, " or ")
}

func (g Region) allowed() string {
	var s []string
	for _, r := range g.Rules {
		if r.Open() && r.Hopping.Channels == 0 {
			s = append(s, r.String())
		}
	}
	return "allowed: " + strings.Join(s, "; ")
}
