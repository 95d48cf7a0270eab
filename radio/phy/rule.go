package phy

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Kind is what a rule limits besides power. The kinds are never reduced to one
// percentage: they are different duties.
type Kind uint8

const (
	NoLimit      Kind = iota
	DutyCycle         // airtime per hour on the sub-band
	Dwell             // time on one channel, of a radio that hops over several
	CarrierSense      // listen before each transmission
)

// Reference is what a power limit is measured against.
type Reference uint8

const (
	EIRP      Reference = iota // an isotropic antenna
	ERP                        // a half-wave dipole, 2.15 dB more than EIRP in the same number
	Conducted                  // the antenna socket; gain above Rule.FreeGainDBi is taken off
)

// String is the unit behind dBm.
func (r Reference) String() string { return [...]string{"EIRP", "ERP", "conducted"}[r] }

// Evidence is how far a row of the table can be trusted. What only one source says is never used.
type Evidence uint8

const (
	OneSource  Evidence = iota // or recalled: the row is closed
	TwoSources                 // at least two independent secondary sources agree
	Text                       // the text of the rule, or a regulator's own page, was read
)

// String says it in words.
func (e Evidence) String() string {
	return [...]string{"one source only", "two independent sources", "text of the rule"}[e]
}

// DipoleDBi is the gain of a half-wave dipole: the difference of ERP and EIRP,
// and what we assume of an antenna nobody described.
const DipoleDBi = 2.15

// CrystalPPM is the frequency error allowed for when a band edge is near: a
// crystal of 10 ppm, its age, and the cold.
const CrystalPPM = 20

// JoinGap is the silence up to which two bursts count as one transmission, the silence too (EN 300 220-1, disregard time).
const JoinGap = 5 * time.Millisecond

// Rule is what the law of one region allows in one band. It is data, not legal
// advice: Source names where it was read, Checked when.
type Rule struct {
	Region         string
	Item           string // what its source calls the band, if it has a name
	LowHz, HighHz  uint32
	MaxDBm         float64
	Reference      Reference
	FreeGainDBi    float64 // Conducted: the antenna may have so much without loss of power
	SocketDBm      float64 // besides MaxDBm, at most this into the antenna; 0: no such limit
	Density        Density
	Kind           Kind
	DutyPPM        uint32        // parts per million of any hour; 0: no limit
	MaxTransmit    time.Duration // longest single transmission; 0 = no limit
	MinBandwidthHz uint32        // at 6 dB down
	MaxBandwidthHz uint32        // 0 = as wide as the band
	// ChannelHz divides the band, from LowHz on, into channels that a transmission may not leave; 0: it is not divided.
	ChannelHz uint32
	// Digital closes the row to streams of bits on one channel: of those nobody knows whether the modem or a voice radio sends them.
	Digital         bool
	Sensing         Sensing // CarrierSense: how
	Hopping         Hopping // what a radio must do with its channel; zero: nothing
	Note            string  // a condition that only a person can check
	Seen            Evidence
	Source, Checked string
	Denied          string // why this band is not used; empty = usable
}

// Density is the most power in any stretch of the band, against the Reference of MaxDBm. Zero: no limit.
type Density struct {
	DBm   float64
	PerHz uint32
}

// Sensing is the listening that the law wants before each transmission, and the silence after it.
type Sensing struct {
	For      time.Duration // the whole channel must be heard free this long without a break; zero: good manners decide
	BelowDBm float64       // free is less than this in the channel, at a dipole
	Rest     time.Duration // the transmitter is silent this long after each transmission
}

// Hopping is what the law wants of a radio that changes its channel by itself, in equal use and without a pattern.
type Hopping struct {
	Channels  int           // at least so many; 0: no hopping is wanted
	Dwell     time.Duration // at most so long on one channel
	Period    time.Duration // in any such time
	SpacingHz uint32        // from channel to channel at least this, and the width of one
	WidthHz   uint32        // a channel is at least this wide, at 20 dB down; narrower ones fall under another rule
}

// Window is the time over which duty cycles count: any hour, not the clock's
// (EN 300 220-1, duty cycle definition).
const Window = time.Hour

// SubBand names the rule in ledgers and in `packhorse status`.
func (r Rule) SubBand() string {
	return fmt.Sprintf("%s %s-%s", r.Region, strings.TrimSuffix(MHz(r.LowHz), " MHz"), MHz(r.HighHz))
}

// Allowed is the airtime per hour; 0 = no limit.
func (r Rule) Allowed() time.Duration { return Window / 1_000_000 * time.Duration(r.DutyPPM) }

// Listens tells whether the law wants the channel heard free before each transmission.
func (r Rule) Listens() bool { return r.Kind == CarrierSense || r.Sensing.For > 0 }

// Open tells whether the rule may be used at all.
func (r Rule) Open() bool { return r.Denied == "" }

// String is the rule in words.
func (r Rule) String() string {
	return strings.Join(append([]string{r.SubBand(), r.Power()}, r.Conditions()...), ", ")
}

// Power is the limit of power in words.
func (r Rule) Power() string {
	s := fmt.Sprintf("%g dBm %s", r.MaxDBm, r.Reference)
	if r.Reference == Conducted {
		s += fmt.Sprintf(" less the gain above %g dBi", r.FreeGainDBi)
	}
	if r.SocketDBm != 0 {
		s += fmt.Sprintf(", of which at most %g dBm into the antenna", r.SocketDBm)
	}
	if d := r.Density; d.PerHz != 0 {
		s += fmt.Sprintf(", %g dBm in any %s kHz", d.DBm, kHz(d.PerHz))
	}
	return s
}

// Conditions are the other limits in words.
func (r Rule) Conditions() (all []string) {
	add := func(want bool, format string, a ...any) {
		if want {
			all = append(all, fmt.Sprintf(format, a...))
		}
	}
	add(r.DutyPPM > 0, "%g %% of any hour", float64(r.DutyPPM)/10_000)
	add(r.Sensing.For > 0, "%s heard free below %g dBm before each transmission", span(r.Sensing.For), r.Sensing.BelowDBm)
	add(r.MaxTransmit > 0, "at most %s each", span(r.MaxTransmit))
	add(r.Sensing.Rest > 0, "then %s of silence", span(r.Sensing.Rest))
	add(r.MinBandwidthHz > 0, "bandwidth %s kHz or wider", kHz(r.MinBandwidthHz))
	add(r.MaxBandwidthHz > 0, "bandwidth up to %s kHz", kHz(r.MaxBandwidthHz))
	add(r.ChannelHz > 0, "inside one channel of %s kHz", kHz(r.ChannelHz))
	add(r.Digital, "only LoRa or radios that hop")
	return append(all, r.Hopping.words()...)
}

func (h Hopping) words() []string {
	s := fmt.Sprintf("hopping over %d channels or more", h.Channels)
	switch {
	case h.Channels == 0:
		return nil
	case h.Period > 0:
		s += fmt.Sprintf(", at most %s on each in %s", span(h.Dwell), span(h.Period))
	case h.Dwell > 0:
		s += fmt.Sprintf(", at most %s on each", span(h.Dwell))
	}
	if h.WidthHz > 0 {
		s += fmt.Sprintf(", of %s kHz or wider", kHz(h.WidthHz))
	}
	return []string{s}
}

// span writes a time of the law: "128 us", "5 ms", "4 s".
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d us", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

// MostDBm is the most that the radio may put into an antenna of this gain, the power being spread evenly over the bandwidth.
func (r Rule) MostDBm(bandwidthHz uint32, antennaDBi float64) float64 {
	most := r.MaxDBm
	if d := r.Density; d.PerHz != 0 {
		most = min(most, d.DBm+10*math.Log10(float64(bandwidthHz)/float64(d.PerHz)))
	}
	switch r.Reference {
	case ERP:
		most -= antennaDBi - DipoleDBi
	case Conducted:
		most -= max(0, antennaDBi-r.FreeGainDBi)
	default:
		most -= antennaDBi
	}
	if r.SocketDBm != 0 {
		most = min(most, r.SocketDBm)
	}
	return most
}

// hair is less than any radio can be set by: it keeps sums of decibels from failing at the limit itself.
const hair = 0.001

func (r Rule) allowsPower(bandwidthHz uint32, p Power) bool {
	return p.ConductedDBm <= r.MostDBm(bandwidthHz, p.AntennaDBi)+hair
}

// holds tells whether the occupied band lies inside the rule's, and inside one of its channels.
func (r Rule) holds(low, high int64) bool {
	if low < int64(r.LowHz) || high > int64(r.HighHz) {
		return false
	}
	return r.ChannelHz == 0 || (low-int64(r.LowHz))/int64(r.ChannelHz) == (high-int64(r.LowHz)-1)/int64(r.ChannelHz)
}

// Occupied is what a transmission takes of the band: half the bandwidth to either side, and the error of the crystal.
func Occupied(m Modulation) (low, high int64) {
	f, half := int64(m.FrequencyHz), int64(m.BandwidthHz/2+1)
	return f - half - drift(f), f + half + drift(f)
}

func drift(hz int64) int64 { return (hz*CrystalPPM + 999_999) / 1_000_000 }

// allowsBandwidth never finds a stream wide enough: of one only the occupied band is known, which is wider than that at 6 dB.
func (r Rule) allowsBandwidth(m Modulation) bool {
	if m.Stream() && r.MinBandwidthHz > 0 {
		return false
	}
	return m.BandwidthHz >= r.MinBandwidthHz && (r.MaxBandwidthHz == 0 || m.BandwidthHz <= r.MaxBandwidthHz)
}

// leastListening is what a program can measure; where the law is content with less, it listens longer than it must.
const leastListening = 5 * time.Millisecond

// at is the rule for an antenna of this gain. The threshold of listening is given at a dipole: an antenna with more gain reaches
// farther, one with less hears less, so both must listen harder.
func (r Rule) at(antennaDBi float64) Rule {
	if r.Sensing.For > 0 {
		r.Sensing.For = max(r.Sensing.For, leastListening)
		r.Sensing.BelowDBm -= math.Abs(antennaDBi - DipoleDBi)
	}
	return r
}

// generosity orders rules by the airtime they leave.
func (r Rule) generosity() time.Duration {
	if r.DutyPPM == 0 {
		return Window
	}
	return r.Allowed()
}

// ErrNotAllowed is inside every error that refuses a transmission by law.
var ErrNotAllowed = errors.New("not allowed here")
