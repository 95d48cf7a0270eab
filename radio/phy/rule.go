package phy

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what a rule limits besides power. The kinds are never reduced to one
// percentage: they are different duties.
type Kind uint8

const (
	NoLimit      Kind = iota
	DutyCycle         // airtime per hour on the sub-band
	Dwell             // length of one transmission
	CarrierSense      // listen before each transmission
)

// Reference is what a power limit is measured against.
type Reference uint8

const (
	EIRP Reference = iota // an isotropic antenna
	ERP                   // a half-wave dipole, 2.15 dB more than EIRP in the same number
)

// DipoleDBi is the gain of a half-wave dipole: the difference of ERP and EIRP,
// and what we assume of an antenna nobody described.
const DipoleDBi = 2.15

// CrystalPPM is the frequency error allowed for when a band edge is near: a
// crystal of 10 ppm, its age, and the cold.
const CrystalPPM = 20

// Rule is what the law of one region allows in one band. It is data, not legal
// advice: Source names where it was read, Checked when.
type Rule struct {
	Region          string
	LowHz, HighHz   uint32
	MaxDBm          float64
	Reference       Reference
	Kind            Kind
	DutyPPM         uint32        // DutyCycle: parts per million of any hour
	MaxTransmit     time.Duration // longest single transmission; 0 = no limit
	MinBandwidthHz  uint32
	MaxBandwidthHz  uint32  // 0 = as wide as the band
	Sensing         Sensing // CarrierSense: how
	Hopping         Hopping // what a radio must do with its channel; zero: nothing
	Note            string  // a condition that only a person can check
	Source, Checked string
	Denied          string // why this band is not used; empty = usable
}

// Sensing is the listening that the law wants before each transmission, and the silence after it.
type Sensing struct {
	For      time.Duration // the whole channel must be heard free this long without a break; zero: good manners decide
	BelowDBm float64       // free is less than this in the channel, at a dipole
	Rest     time.Duration // the transmitter is silent this long after each transmission
}

// Hopping is what the law wants of a radio that changes its channel by itself, in equal use and without a pattern.
type Hopping struct {
	Channels int           // at least so many; 0: no hopping is wanted
	Dwell    time.Duration // at most so long on one channel
	Period   time.Duration // in any such time
}

// Window is the time over which duty cycles count: any hour, not the clock's
// (EN 300 220-1, duty cycle definition).
const Window = time.Hour

// SubBand names the rule in ledgers and in `packhorse status`.
func (r Rule) SubBand() string {
	return fmt.Sprintf("%s %s-%s", r.Region, strings.TrimSuffix(MHz(r.LowHz), " MHz"), MHz(r.HighHz))
}

// Allowed is the airtime per hour; 0 = no limit.
func (r Rule) Allowed() time.Duration {
	if r.Kind != DutyCycle {
		return 0
	}
	return Window / 1_000_000 * time.Duration(r.DutyPPM)
}

// String is the rule in words.
func (r Rule) String() string {
	ref := "EIRP"
	if r.Reference == ERP {
		ref = "ERP"
	}
	s := fmt.Sprintf("%s, %g dBm %s", r.SubBand(), r.MaxDBm, ref)
	if r.Kind == DutyCycle {
		s += fmt.Sprintf(", %g %% of any hour", float64(r.DutyPPM)/10_000)
	}
	if r.MaxTransmit > 0 {
		s += fmt.Sprintf(", at most %s each", r.MaxTransmit)
	}
	if r.MinBandwidthHz > 0 {
		s += fmt.Sprintf(", bandwidth %s kHz or wider", kHz(r.MinBandwidthHz))
	}
	if r.MaxBandwidthHz > 0 {
		s += fmt.Sprintf(", bandwidth up to %s kHz", kHz(r.MaxBandwidthHz))
	}
	return s
}

// Power is what leaves the radio and the antenna it goes into.
type Power struct {
	ConductedDBm float64 // at the antenna socket
	AntennaDBi   float64 // gain less cable loss; DipoleDBi when nobody said
}

func (r Rule) allowsPower(p Power) bool {
	return p.ConductedDBm <= r.MaxConductedDBm(p.AntennaDBi)+0.001
}

// MaxConductedDBm is the most the radio may put into an antenna of this gain.
func (r Rule) MaxConductedDBm(antennaDBi float64) float64 {
	if r.Reference == ERP {
		antennaDBi -= DipoleDBi
	}
	return r.MaxDBm - antennaDBi
}

// holds tells whether the occupied band, half the bandwidth to either side plus
// crystal error, lies inside the rule's band.
func (r Rule) holds(m Modulation) bool {
	low, high := occupied(m)
	return low >= int64(r.LowHz) && high <= int64(r.HighHz)
}

func occupied(m Modulation) (low, high int64) {
	f, half := int64(m.FrequencyHz), int64(m.BandwidthHz+1)/2
	drift := (f*CrystalPPM + 999_999) / 1_000_000
	return f - half - drift, f + half + drift
}

func (r Rule) allowsBandwidth(m Modulation) bool {
	return m.BandwidthHz >= r.MinBandwidthHz && (r.MaxBandwidthHz == 0 || m.BandwidthHz <= r.MaxBandwidthHz)
}

// Region is a set of rules under the name a person configures.
type Region struct {
	Name  string
	Rules []Rule
	// Plan is what we use there when nobody says otherwise; its bandwidth is zero
	// where we know of no band that we may use.
	Plan      Modulation
	PlanPower Power
}

// ErrNotAllowed is inside every error that refuses a transmission by law.
var ErrNotAllowed = errors.New("not allowed here")

// Rule is the most generous rule that allows this modulation at this power.
// What no rule allows is refused, and the error says what would be allowed.
func (g Region) Rule(m Modulation, p Power) (Rule, error) {
	if err := m.Validate(); err != nil {
		return Rule{}, err
	}
	var best *Rule
	for i := range g.Rules {
		r := &g.Rules[i]
		if r.Denied != "" || !r.holds(m) || !r.allowsBandwidth(m) || !r.allowsPower(p) {
			continue
		}
		if best == nil || r.generosity() > best.generosity() {
			best = r
		}
	}
	if best == nil {
		return Rule{}, g.refusal(m, p)
	}
	return *best, nil
}

// generosity orders rules by the airtime they leave.
func (r Rule) generosity() time.Duration {
	if r.Kind != DutyCycle {
		return Window
	}
	return r.Allowed()
}

// refusal explains why nothing fits, nearest reason first.
func (g Region) refusal(m Modulation, p Power) error {
	for _, r := range g.Rules {
		if r.Denied == "" && r.holds(m) && r.allowsBandwidth(m) {
			return g.refuse("%g dBm into a %g dBi antenna is too strong at %s: set power to %.0f dBm or less",
				p.ConductedDBm, p.AntennaDBi, m, g.mostPower(m, p.AntennaDBi))
		}
	}
	for _, r := range g.Rules {
		if r.Denied == "" && r.holds(m) {
			return g.refuse("bandwidth %s kHz at %s does not fit (%s)", kHz(m.BandwidthHz), MHz(m.FrequencyHz), r)
		}
	}
	for _, r := range g.Rules {
		if r.Denied != "" && m.FrequencyHz >= r.LowHz && m.FrequencyHz <= r.HighHz && !g.usable(m.FrequencyHz) {
			return g.refuse("%s is closed to us: %s; %s", r.SubBand(), r.Denied, g.allowed())
		}
	}
	low, high := occupied(m)
	return g.refuse("%s occupies %s to %s with crystal error, which is not inside one allowed band; %s",
		m, MHz(uint32(low)), MHz(uint32(high)), g.allowed())
}

func (g Region) refuse(format string, a ...any) error {
	return fmt.Errorf("region %s: %s: %w", g.Name, fmt.Sprintf(format, a...), ErrNotAllowed)
}

func (g Region) usable(hz uint32) bool {
	for _, r := range g.Rules {
		if r.Denied == "" && hz >= r.LowHz && hz <= r.HighHz {
			return true
		}
	}
	return false
}

func (g Region) mostPower(m Modulation, antennaDBi float64) float64 {
	most, found := 0.0, false
	for _, r := range g.Rules {
		if r.Denied != "" || !r.holds(m) || !r.allowsBandwidth(m) {
			continue
		}
		if p := r.MaxConductedDBm(antennaDBi); !found || p > most {
			most, found = p, true
		}
	}
	return floor(most)
}

func floor(x float64) float64 {
	f := float64(int64(x))
	if f > x {
		f--
	}
	return f
}

func (g Region) allowed() string {
	var s []string
	for _, r := range g.Rules {
		if r.Denied == "" {
			s = append(s, r.String())
		}
	}
	if len(s) == 0 {
		return "no band of this region may be used yet"
	}
	return "allowed: " + strings.Join(s, "; ")
}
