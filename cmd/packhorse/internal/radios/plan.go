// Package radios makes radios of their configuration: what each is set to, which rule of the law allows it, and how it
// is opened. One file a kind says what is special about it.
package radios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// Plan is what a configured radio is set to, and the rule that allows it.
type Plan struct {
	Radio      config.Radio
	Board      *board.Profile // nil: the radio is behind a port
	Modulation phy.Modulation // as it goes out, preamble included
	PowerDBm   int            // at the antenna socket
	Chain      phy.Chain      // ChipDBm is what chip or module are set to
	Rule       phy.Rule
	Ladder     []phy.Setting // what it may change to for a while

	kind kind
}

// Power is what the law looks at.
func (p Plan) Power() phy.Power { return p.Chain.Power() }

// Unverified says what the radio cannot be asked, and what can be done about it. Both are empty where it can be asked.
func (p Plan) Unverified() (what, fix string) { return p.kind.unverified, p.kind.blind }

// kind is what a kind of radio, as it is configured, can do.
type kind struct {
	modulation phy.Modulation
	// What chip or module can be set to, in dBm. steps: only these, strongest first.
	least, most int
	steps       []int
	gainDB      float64 // of the amplifier behind it
	// anyPower: without a configured power the law alone bounds it, not the region's plan.
	anyPower bool
	senses   bool // it hears the channel free before it sends, as some laws want
	overhead int  // octets that it adds to a frame on LoRa
	ladder   bool // may change its modulation, and tells the SNR
	rnode    bool // its frames are an RNode's
	// can says what chip or module cannot be set to; nil: nothing.
	can func(m phy.Modulation, dBm int) error
	// rule is the law for radios that hop; nil: those on one channel.
	rule func(g phy.Region, p phy.Power) (phy.Rule, error)
	// keep fits the radio to its rule, or refuses; nil: nothing is to be done.
	keep func(*Plan) error
	// unverified is what the radio is only believed to be set to, and blind what can be done about it; empty: nothing.
	unverified, blind string
	open              func(ctx context.Context, h Host, p Plan) (radio.Radio, error)
	// probe opens the radio for a moment, transmits nothing, and says what is there.
	probe func(ctx context.Context, h Host, p Plan) (string, error)
	// rest leaves the radio asleep; nil: it cannot be told to.
	rest func(ctx context.Context, h Host, p *board.Profile) error
}

// New plans a radio in a region. p is its board, nil where it is behind a port. What the law forbids is
// phy.ErrNotAllowed. Nothing is opened.
func New(region string, r config.Radio, p *board.Profile) (Plan, error) {
	plan, err := newPlan(region, r, p)
	if err != nil {
		return plan, fmt.Errorf("radio %s: %w", r.Name, err)
	}
	return plan, nil
}

func newPlan(region string, r config.Radio, p *board.Profile) (Plan, error) {
	plan := Plan{Radio: r, Board: p}
	g, err := phy.LookupRegion(region)
	if err != nil {
		return plan, err
	}
	if plan.kind, err = kindOf(r, p, g.Plan); err != nil {
		return plan, err
	}
	plan.Modulation = plan.kind.modulation
	if err := plan.setPower(g); err != nil {
		return plan, err
	}
	if err := plan.useful(); err != nil {
		return plan, err
	}
	if k := plan.kind.keep; k != nil {
		if err := k(&plan); err != nil {
			return plan, err
		}
	}
	plan.climb(g)
	return plan, nil
}

// kindOf asks the file of the kind.
func kindOf(r config.Radio, p *board.Profile, m phy.Modulation) (kind, error) {
	switch r.Kind {
	case config.RNode:
		return rnodeKind(r, m), nil
	case config.SX127x:
		return sx127xKind(r, p, m)
	case config.SX126x:
		return sx126xKind(r, p, m)
	case config.KISS:
		return kissKind(r), nil
	case config.SiK:
		return sikKind(r, m)
	case config.EByte:
		return ebyteKind(r, p)
	case config.Meshtastic:
		return meshtasticKind(r, m)
	}
	return kind{}, fmt.Errorf("%q is not a kind of radio", r.Kind)
}

// setPower takes the configured power, or the strongest that plan, law and radio allow.
func (p *Plan) setPower(g phy.Region) error {
	if p.Radio.PowerDBm != nil {
		return p.try(g, *p.Radio.PowerDBm)
	}
	most := int(math.Floor(float64(p.kind.most) + p.kind.gainDB))
	if !p.kind.anyPower {
		most = min(most, int(g.PlanPower.ConductedDBm))
	}
	least := int(math.Ceil(float64(p.kind.least) + p.kind.gainDB))
	if most < least {
		return p.try(g, least)
	}
	var first error
	for dBm := most; dBm >= least; dBm-- {
		err := p.try(g, dBm)
		if err == nil || p.Rule.Region != "" { // allowed, but not to this radio
			return err
		}
		if first == nil || !errors.Is(first, phy.ErrNotAllowed) {
			first = err // what the law says is worth more than a step that the module lacks
		}
	}
	return first
}

// try asks radio and law about a power at the antenna socket.
func (p *Plan) try(g phy.Region, dBm int) error {
	k := p.kind
	chip := k.chipDBm(dBm)
	p.PowerDBm = dBm
	p.Chain = phy.Chain{ChipDBm: float64(chip), PAGainDB: k.gainDB, AntennaDBi: *p.Radio.AntennaGainDBi, CableLossDB: p.Radio.CableLossDB}
	if err := k.reaches(dBm); err != nil {
		return err
	}
	if k.can != nil {
		if err := k.can(p.Modulation, chip); err != nil {
			return err
		}
	}
	var err error
	if k.rule != nil {
		p.Rule, err = k.rule(g, p.Power())
	} else if k.gainDB != 0 {
		p.Rule, err = g.ChainRule(p.Modulation, p.Chain)
	} else {
		p.Rule, err = g.Rule(p.Modulation, p.Power())
	}
	if err == nil && p.Rule.Listens() && !k.senses {
		err = NotListening(p.Radio.Kind, p.Rule)
	}
	return err
}

// chipDBm is what the chip is set to for a power at the antenna socket: never so much that it would be more.
func (k kind) chipDBm(socket int) int { return int(math.Floor(float64(socket) - k.gainDB)) }

// reaches tells whether the radio can be set to a power at the antenna socket.
func (k kind) reaches(dBm int) error {
	chip := k.chipDBm(dBm)
	switch {
	case k.steps != nil && !slices.Contains(k.steps, chip):
		return fmt.Errorf("power_dbm: this module has no %d dBm: it takes %v", dBm, k.steps)
	case chip < k.least || chip > k.most:
		behind := ""
		if k.gainDB != 0 {
			behind = fmt.Sprintf(", with %g dB of its amplifier", k.gainDB)
		}
		return fmt.Errorf("power_dbm: this radio gives no %d dBm at the antenna socket: %g to %g dBm%s", dBm, float64(k.least)+k.gainDB, float64(k.most)+k.gainDB, behind)
	}
	return nil
}

// NotListening is why a radio that decides by itself when it sends is refused where the law wants the channel heard free before.
func NotListening(kind string, rule phy.Rule) error {
	return fmt.Errorf("%s wants %v heard free below %g dBm before each transmission, and a radio of kind %q decides by itself when it sends: use a chip on SPI, kind sx126x or sx127x: %w",
		rule.SubBand(), rule.Sensing.For, rule.Sensing.BelowDBm, kind, phy.ErrNotAllowed)
}

// Senses tells whether a kind of radio hears the channel free before it sends, as some laws want.
func Senses(kind string) bool { return config.OnBoard(kind) }

// useful refuses settings on which the law leaves no frame that the link could use.
func (p *Plan) useful() error {
	limit := p.Rule.MaxTransmit
	if limit == 0 {
		return nil
	}
	if n := p.Modulation.MaxFrame(limit) - p.kind.overhead; n < link.MinMTU {
		return fmt.Errorf("a frame of %s may last %v at most, which leaves %d octets at %s, and the link needs %d: use a faster modulation: %w",
			p.Rule.SubBand(), limit, max(0, n), p.Modulation, link.MinMTU, phy.ErrNotAllowed)
	}
	return nil
}

// climb lists the settings that the radio may change to, without those that it cannot do.
func (p *Plan) climb(g phy.Region) {
	if !p.kind.ladder || p.Radio.Rates == config.RatesOff {
		return
	}
	at := phy.Power{ConductedDBm: float64(p.PowerDBm), AntennaDBi: p.Power().AntennaDBi}
	p.Ladder = slices.DeleteFunc(phy.Ladder(g, p.Modulation, at, p.kind.rnode), func(s phy.Setting) bool { return !p.kind.suits(s) })
}

// suits tells whether the radio can be changed to a setting, and may be.
func (k kind) suits(s phy.Setting) bool {
	if k.reaches(s.PowerDBm) != nil || s.Rule.Listens() && !k.senses {
		return false
	}
	return k.can == nil || k.can(s.Modulation, k.chipDBm(s.PowerDBm)) == nil
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
	return phy.RNodeModulation(m) // nobody can configure the preamble, and who has another does not hear the slowest RNode
}
