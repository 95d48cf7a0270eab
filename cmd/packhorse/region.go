package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

const notAdvice = "This is what we read of the law and when. It is no legal advice."

func (a *app) regionCommand() *cobra.Command {
	c := group("region", "the law of the air: what may be sent where, and why", a.regionShow(), a.regionCheck())
	c.Long = `Lists the regions that the table knows: open ones, in which something may be sent, and closed ones with the
reason. ` + notAdvice
	c.RunE = func(*cobra.Command, []string) error { return a.listRegions() }
	return c
}

// regionLine is one region of the list.
type regionLine struct {
	Name        string   `json:"name"`
	Open        bool     `json:"open"`
	LowHz       uint32   `json:"low_hz"`
	HighHz      uint32   `json:"high_hz"`
	Bands       int      `json:"bands"`
	FrequencyHz uint32   `json:"frequency_hz,omitempty"`
	PowerDBm    *float64 `json:"power_dbm,omitempty"`
	Why         string   `json:"why,omitempty"`
}

func (a *app) listRegions() error {
	v := struct {
		admin.Head
		Regions []regionLine `json:"regions"`
	}{Head: a.head("packhorse.regions/1")}
	rows := [][]string{{"REGION", "STATE", "MHZ", "BANDS", "PLAN"}}
	for _, g := range phy.AllRegions() {
		line, plan := summary(g)
		v.Regions = append(v.Regions, line)
		state := map[bool]string{true: "open", false: "closed"}[line.Open]
		rows = append(rows, []string{g.Name, state, megahertz(line.LowHz, line.HighHz), number(line.Bands), plan})
	}
	return a.answer(v, func() {
		table(a.out, rows)
		a.hint("%s More: packhorse region show REGION", notAdvice)
	})
}

// summary is a region in one line, and its plan or the reason why there is none.
func summary(g phy.Region) (regionLine, string) {
	line := regionLine{Name: g.Name, Open: g.Open()}
	line.LowHz, line.HighHz = extent(g)
	for _, r := range g.Rules {
		if r.Open() {
			line.Bands++
		}
	}
	switch {
	case !line.Open:
		line.Why = g.Closed()
		return line, line.Why
	case g.Plan.BandwidthHz == 0:
		return line, "none: say frequency, bandwidth and power"
	}
	line.FrequencyHz, line.PowerDBm = g.Plan.FrequencyHz, &g.PlanPower.ConductedDBm
	return line, fmt.Sprintf("%s, %g dBm", g.Plan, g.PlanPower.ConductedDBm)
}

// extent is from the lowest to the highest row.
func extent(g phy.Region) (low, high uint32) {
	low = math.MaxUint32
	for _, r := range g.Rules {
		low, high = min(low, r.LowHz), max(high, r.HighHz)
	}
	return low, high
}

func megahertz(low, high uint32) string {
	return fmt.Sprintf("%s-%s", inMHz(low), inMHz(high))
}

// inMHz writes MHz without the unit.
func inMHz(hz uint32) string { return fmt.Sprint(float64(hz) / 1e6) }

func (a *app) regionCheck() *cobra.Command {
	var region string
	c := &cobra.Command{
		Use:   "check",
		Short: "ask the law about every configured radio",
		Long: `Says of every [[radio]] of the configuration which rule allows it, or why none does. It ends with exit code 7 when one
may not send, or when no region is set.`,
		Args: none,
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load()
			if err != nil {
				return err
			}
			if region == "" {
				region = l.Region
			}
			g, err := a.lookup(region)
			if err != nil {
				return err
			}
			return a.showLaw(g, l)
		},
	}
	c.Flags().StringVar(&region, "region", "", "another `region` than the configured one")
	return c
}

// lookup finds a region; none is no mistake of the command line but a law that nobody named.
func (a *app) lookup(name string) (phy.Region, error) {
	g, err := phy.LookupRegion(name)
	switch {
	case err == nil:
		return g, nil
	case name == "":
		return g, &admin.Error{Code: admin.CodeRegion, Exit: admin.CodeRegion.Exit(), Message: "no region is configured, so nothing may be sent",
			Fix: "set region in the configuration, or name one: packhorse region"}
	}
	return g, usage("packhorse region lists them all", "there is no region %q in the table", name)
}

// radioLaw is what the law says of a configured radio.
type radioLaw struct {
	Name        string  `json:"name"`
	Allowed     bool    `json:"allowed"`
	FrequencyHz uint32  `json:"frequency_hz,omitempty"`
	PowerDBm    float64 `json:"power_dbm"`
	EIRPDBm     float64 `json:"eirp_dbm"`
	Rule        string  `json:"rule,omitempty"`
	AirtimeS    float64 `json:"airtime_allowed_s,omitempty"`
	Why         string  `json:"why,omitempty"`
}

func (a *app) showLaw(g phy.Region, l *config.Loaded) error {
	v := struct {
		admin.Head
		Region string     `json:"region"`
		Radios []radioLaw `json:"radios"`
	}{a.head("packhorse.region_check/1"), g.Name, []radioLaw{}}
	bad := false
	var say []string
	for _, r := range l.Radio {
		line, text := a.law(g.Name, l, r)
		bad = bad || !line.Allowed
		v.Radios, say = append(v.Radios, line), append(say, text)
	}
	err := a.answer(v, func() {
		for _, s := range say {
			a.say("%s", s)
		}
		if len(say) == 0 {
			a.hint("No radio is configured.")
		}
	})
	if err == nil && bad {
		return lawForbids{}
	}
	return err
}

// law is what is said of one radio.
func (a *app) law(region string, l *config.Loaded, r config.Radio) (radioLaw, string) {
	p, err := a.radioPlan(region, l, r)
	line := radioLaw{Name: r.Name, Allowed: err == nil, FrequencyHz: p.Modulation.FrequencyHz, PowerDBm: p.Power().ConductedDBm, EIRPDBm: hundredth(p.Power().EIRPDBm())}
	if errors.Is(err, errSearch) {
		err = fmt.Errorf("radio %s: %w", r.Name, err)
	}
	if err != nil {
		line.Why = err.Error()
		return line, "fail  " + err.Error()
	}
	line.Rule, line.AirtimeS = p.Rule.String(), p.Rule.Allowed().Seconds()
	text := fmt.Sprintf("ok    %s: %s, %g dBm into %g dBi; %s", r.Name, p.Modulation, line.PowerDBm, p.Power().AntennaDBi, p.Rule)
	if p.Chain.PAGainDB != 0 {
		text += "; " + p.Chain.String()
	}
	return line, text
}

func hundredth(x float64) float64 { return math.Round(100*x) / 100 }
