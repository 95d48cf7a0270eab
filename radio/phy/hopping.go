package phy

import "math"

// HopRule is the most generous rule that allows a modem to hop by itself: over so many channels of channelHz each, in
// equal use, that lie between lowHz and highHz. The whole span must be inside one band. A rule that wants listening
// is none: nobody hears what such a modem does before it sends.
func (g Region) HopRule(lowHz, highHz, channelHz uint32, channels int, p Power) (Rule, error) {
	switch {
	case !g.Open():
		return Rule{}, g.refuse("closed to us: %s", g.Closed())
	case channels < 1 || channelHz == 0 || lowHz >= highHz || uint64(channels)*uint64(channelHz) > uint64(highHz-lowHz):
		return Rule{}, g.refuse("%d channels of %s kHz do not fit between %s and %s", channels, kHz(channelHz), MHz(lowHz), MHz(highHz))
	}
	s := hops{int64(lowHz) - drift(int64(lowHz)), int64(highHz) + drift(int64(highHz)), channelHz, channels, (highHz - lowHz) / uint32(channels+spareChannels)}
	var best *Rule
	for i, r := range g.Rules {
		if r.allowsHops(s) && r.allowsPower(channelHz, p) && (best == nil || r.generosity() > best.generosity()) {
			best = &g.Rules[i]
		}
	}
	if best == nil {
		return Rule{}, g.refusalOfHops(s, p)
	}
	return *best, nil
}

// spareChannels is by how many parts more than channels SiK's firmware divides its span (radio_init of main.c): its
// channels are closer than the span tells. Other modems' are farther apart.
const spareChannels = 2

// hops is what a modem hops over, crystal error included.
type hops struct {
	low, high int64
	channelHz uint32
	channels  int
	apartHz   uint32 // from channel to channel, crystal error left out
}

func (r Rule) allowsHops(s hops) bool {
	switch {
	case !r.Open() || r.Listens() || r.Digital && s.channels < 2 || s.low < int64(r.LowHz) || s.high > int64(r.HighHz):
		return false
	case r.MinBandwidthHz > 0 || r.MaxBandwidthHz > 0 && s.channelHz > r.MaxBandwidthHz: // the first is measured at 6 dB, which is not known
		return false
	}
	h := r.Hopping
	if s.channels < h.Channels || s.channelHz < h.WidthHz {
		return false
	}
	return h.SpacingHz == 0 || s.apartHz >= max(h.SpacingHz, s.channelHz)
}

func (g Region) refusalOfHops(s hops, p Power) error {
	most, found := math.Inf(-1), false
	for _, r := range g.Rules {
		if r.allowsHops(s) {
			most, found = max(most, r.MostDBm(s.channelHz, p.AntennaDBi)), true
		}
	}
	if found {
		return g.refuse("%g dBm into a %g dBi antenna is too strong for %d channels of %s kHz: set power to %.0f dBm or less%s",
			p.ConductedDBm, p.AntennaDBi, s.channels, kHz(s.channelHz), math.Floor(most+hair), g.forMoreChannels(s))
	}
	return g.refuse("%d channels of %s kHz from %s to %s with crystal error are not inside one band for such a modem%s; %s",
		s.channels, kHz(s.channelHz), MHz(uint32(s.low)), MHz(uint32(s.high)), g.forMoreChannels(s), g.allowed())
}

// forMoreChannels names the rules for modems that hop more widely.
func (g Region) forMoreChannels(s hops) (text string) {
	for _, r := range g.Rules {
		if r.Open() && r.Hopping.Channels > 0 && !r.allowsHops(s) {
			text += "; more is for " + r.String()
		}
	}
	return text
}
