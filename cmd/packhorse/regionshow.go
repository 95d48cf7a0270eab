package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// asked is the setting that somebody asks about; what is not said is the region's plan.
type asked struct {
	megahertz, kilohertz float64
	factor               uint8
	kind                 string
	chain                phy.Chain
	power                bool // the power was said
}

func (a *app) regionShow() *cobra.Command {
	var q asked
	c := &cobra.Command{
		Use:   "show REGION",
		Short: "what is allowed in a region, and whether and why a setting is",
		Long: `Draws the bands of a region with their rules, sources and the day they were read, and then says of a setting (the region's
plan, where nothing else is said) what it occupies, how strong it is on the air, which rule allows it and how much airtime
that leaves, or what refuses it and what would be allowed. It ends with exit code 7 when the law forbids it.`,
		Args: between(1, 1, "the name of a region"),
		RunE: func(c *cobra.Command, args []string) error {
			g, err := a.lookup(args[0])
			if err != nil {
				return err
			}
			if err := q.check(); err != nil {
				return err
			}
			q.power = c.Flags().Changed("power")
			return a.showRegion(g, q)
		},
	}
	f := c.Flags()
	f.Float64Var(&q.megahertz, "frequency", 0, "carrier in `MHz`, such as 869.525")
	f.Float64Var(&q.kilohertz, "bandwidth", 0, "LoRa bandwidth in `kHz`, such as 125")
	f.Uint8Var(&q.factor, "spreading-factor", 0, "LoRa spreading `factor`, 5 to 12")
	f.Float64Var(&q.chain.ChipDBm, "power", 0, "what the chip or modem is set to, in `dBm`")
	f.Float64Var(&q.chain.PAGainDB, "pa-gain", 0, "`dB` of an amplifier behind the chip")
	f.Float64Var(&q.chain.CableLossDB, "cable-loss", 0, "`dB` lost between radio and antenna")
	f.Float64Var(&q.chain.AntennaDBi, "antenna-gain", phy.DipoleDBi, "gain of the antenna in `dBi`")
	f.StringVar(&q.kind, "radio", "sx126x", "`kind` of radio, such as rnode: some laws want one that can listen")
	return c
}

// check finds other units and radios that there are not: the law has nothing to say about them.
func (q asked) check() error {
	switch {
	case !(q.megahertz >= 0 && q.megahertz < 4000):
		return usage("give MHz, such as --frequency 869.525", "no radio of ours sends on %g MHz", q.megahertz)
	case !(q.kilohertz >= 0 && q.kilohertz < 4000):
		return usage("give kHz, such as --bandwidth 125", "no radio of ours has a bandwidth of %g kHz", q.kilohertz)
	case q.factor != 0 && (q.factor < 5 || q.factor > 12):
		return usage("give 5 to 12", "there is no spreading factor %d", q.factor)
	case !slices.Contains(config.Kinds, q.kind):
		return usage("use one of "+strings.Join(config.Kinds, ", "), "%q is not a kind of radio", q.kind)
	}
	return nil
}

// modulation is the plan with what was asked over it.
func (q asked) modulation(g phy.Region) phy.Modulation {
	m := g.Plan
	if m.BandwidthHz == 0 {
		m = phy.Modulation{BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
	}
	if q.megahertz != 0 {
		m.FrequencyHz = uint32(math.Round(q.megahertz * 1e6))
	}
	if q.kilohertz != 0 {
		m.BandwidthHz = bandwidth(q.kilohertz)
	}
	if q.factor != 0 {
		m.SpreadingFactor = q.factor
	}
	m.PreambleSymbols = map[bool]uint16{true: 12, false: 8}[m.SpreadingFactor < 7]
	return m
}

// bandwidth is the LoRa bandwidth that people write so: 7.8 for 7812 Hz.
func bandwidth(kHz float64) uint32 {
	for _, hz := range []uint32{7_812, 10_416, 15_625, 20_833, 31_250, 41_666, 62_500, 125_000, 250_000, 500_000} {
		if math.Abs(kHz*1000-float64(hz)) < 100 {
			return hz
		}
	}
	return uint32(kHz * 1000)
}

// bandInfo is one row of the table.
type bandInfo struct {
	LowHz    uint32  `json:"low_hz"`
	HighHz   uint32  `json:"high_hz"`
	Open     bool    `json:"open"`
	Item     string  `json:"item,omitempty"`
	MaxDBm   float64 `json:"max_dbm"`
	Against  string  `json:"against"`
	AirtimeS float64 `json:"airtime_allowed_s,omitempty"`
	LongestS float64 `json:"longest_s,omitempty"`
	ListenS  float64 `json:"listen_s,omitempty"`
	Rule     string  `json:"rule"`
	Note     string  `json:"note,omitempty"`
	Why      string  `json:"why,omitempty"`
	Seen     string  `json:"seen"`
	Source   string  `json:"source"`
	Checked  string  `json:"checked"`
}

func bandOf(r phy.Rule) bandInfo {
	return bandInfo{r.LowHz, r.HighHz, r.Open(), r.Item, r.MaxDBm, strings.ToLower(r.Reference.String()), r.Allowed().Seconds(),
		r.MaxTransmit.Seconds(), r.Sensing.For.Seconds(), r.String(), r.Note, r.Denied, seenCode(r.Seen), r.Source, r.Checked}
}

func seenCode(e phy.Evidence) string {
	return map[phy.Evidence]string{phy.OneSource: "one_source", phy.TwoSources: "two_sources", phy.Text: "text"}[e]
}

// settingInfo is the answer about a setting.
type settingInfo struct {
	Modulation  string      `json:"modulation"`
	FrequencyHz uint32      `json:"frequency_hz"`
	BandwidthHz uint32      `json:"bandwidth_hz"`
	LowHz       int64       `json:"low_hz"`
	HighHz      int64       `json:"high_hz"`
	ChipDBm     float64     `json:"chip_dbm"`
	PAGainDB    float64     `json:"pa_gain_db"`
	CableLossDB float64     `json:"cable_loss_db"`
	AntennaDBi  float64     `json:"antenna_gain_dbi"`
	EIRPDBm     float64     `json:"eirp_dbm"`
	MostChipDBm *int        `json:"most_chip_dbm,omitempty"`
	Allowed     bool        `json:"allowed"`
	Rule        string      `json:"rule,omitempty"`
	AirtimeS    float64     `json:"airtime_allowed_s,omitempty"`
	Why         string      `json:"why,omitempty"`
	Frames      []frameInfo `json:"frames"`
	rule        phy.Rule
	chain       phy.Chain
}

// frameInfo is the longest frame at a spreading factor, and how many go in an hour.
type frameInfo struct {
	SpreadingFactor uint8   `json:"spreading_factor"`
	SizeBytes       int     `json:"size_bytes"`
	AirtimeS        float64 `json:"airtime_s"`
	PerHour         int     `json:"frames_per_hour"`
}

// judge asks the law about a setting; nil where there is none: nobody named a frequency, and we have no plan.
func judge(g phy.Region, q asked) *settingInfo {
	m, c := q.modulation(g), q.chain
	if m.FrequencyHz == 0 {
		return nil
	}
	most, ok := g.MostChipDBm(m, c)
	if !q.power {
		c.ChipDBm = math.Floor(g.PlanPower.ConductedDBm - c.PAGainDB)
		if ok {
			c.ChipDBm = min(c.ChipDBm, float64(most))
		}
	}
	s := &settingInfo{Modulation: m.String(), FrequencyHz: m.FrequencyHz, BandwidthHz: m.BandwidthHz, ChipDBm: c.ChipDBm, PAGainDB: c.PAGainDB,
		CableLossDB: c.CableLossDB, AntennaDBi: c.AntennaDBi, EIRPDBm: hundredth(c.Power().EIRPDBm()), Frames: []frameInfo{}, chain: c}
	s.LowHz, s.HighHz = phy.Occupied(m)
	s.LowHz = max(0, s.LowHz)
	if ok {
		s.MostChipDBm = &most
	}
	rule, err := g.ChainRule(m, c)
	if err == nil && rule.Listens() && !radios.Senses(q.kind) {
		err = radios.NotListening(q.kind, rule)
	}
	if err != nil {
		s.Why = err.Error()
		return s
	}
	s.Allowed, s.rule, s.Rule, s.AirtimeS = true, rule, rule.String(), rule.Allowed().Seconds()
	s.Frames = frames(m, rule)
	return s
}

// frames are the longest ones that the law allows at each spreading factor, with the preamble that RNodes and we use.
func frames(m phy.Modulation, r phy.Rule) []frameInfo {
	list := []frameInfo{}
	for sf := uint8(7); sf <= 12; sf++ {
		m.SpreadingFactor = sf
		m = phy.RNodeModulation(m)
		n := 255
		if r.MaxTransmit > 0 {
			n = m.MaxFrame(r.MaxTransmit)
		}
		if n < 1 {
			continue
		}
		air, hour := m.TimeOnAir(n), time.Hour
		if r.Allowed() > 0 {
			hour = r.Allowed()
		}
		list = append(list, frameInfo{sf, n, air.Seconds(), int(hour / (air + r.Sensing.For + r.Sensing.Rest))})
	}
	return list
}

func (a *app) showRegion(g phy.Region, q asked) error {
	s := judge(g, q)
	v := struct {
		admin.Head
		Region  string       `json:"region"`
		Open    bool         `json:"open"`
		Bands   []bandInfo   `json:"bands"`
		Setting *settingInfo `json:"setting,omitempty"`
	}{a.head("packhorse.region/1"), g.Name, g.Open(), []bandInfo{}, s}
	for _, r := range g.Rules {
		v.Bands = append(v.Bands, bandOf(r))
	}
	err := a.answer(v, func() {
		a.drawBands(g, s)
		a.saySetting(g, s)
		a.hint("%s", notAdvice)
	})
	if err == nil && (!g.Open() || s != nil && !s.Allowed) {
		return lawForbids{}
	}
	return err
}

const scaleWidth = 40

// stretch draws from low to high on a scale from left to right.
func stretch(left, right, low, high int64, mark byte) string {
	at := func(hz int64) int { return int(min(max(0, (hz-left)*scaleWidth/max(1, right-left)), scaleWidth-1)) }
	from, to := at(low), max(at(low), at(high-1))
	return strings.Repeat(" ", from) + strings.Repeat(string(mark), to-from+1) + strings.Repeat(" ", scaleWidth-1-to)
}

// drawBands shows the table, lowest band first, with the setting's place below it.
func (a *app) drawBands(g phy.Region, s *settingInfo) {
	low, high := extent(g)
	left, right := int64(low), int64(high)
	rules := slices.Clone(g.Rules)
	slices.SortStableFunc(rules, func(a, b phy.Rule) int { return int(int64(a.LowHz) - int64(b.LowHz)) })
	a.say("%s, %s MHz: = open, x closed, ^ the setting", g.Name, megahertz(low, high))
	for _, r := range rules {
		mark := byte('=')
		if !r.Open() {
			mark = 'x'
		}
		a.say("%-17s |%s| %s", megahertz(r.LowHz, r.HighHz), stretch(left, right, int64(r.LowHz), int64(r.HighHz), mark), limits(r))
	}
	if s != nil && s.HighHz > left && s.LowHz < right {
		a.say("%-17s |%s| %s", inMHz(s.FrequencyHz), stretch(left, right, s.LowHz, s.HighHz, '^'), s.Modulation)
	}
	a.say("")
}

// limits are a rule's in words, or why it is closed.
func limits(r phy.Rule) string {
	item := ""
	if r.Item != "" {
		item = " [" + r.Item + "]"
	}
	if !r.Open() {
		return "closed: " + r.Denied + item
	}
	return strings.Join(append([]string{r.Power()}, r.Conditions()...), ", ") + item
}

// saySetting is the answer about the setting.
func (a *app) saySetting(g phy.Region, s *settingInfo) {
	switch {
	case !g.Open():
		a.say("NOT ALLOWED: nothing may be sent here: %s", g.Closed())
	case s == nil:
		a.hint("There is no plan for %s: say --frequency, --bandwidth and --power to ask about a setting.", g.Name)
	default:
		a.sayPower(s)
		a.sayVerdict(s)
	}
}

// sayPower adds up what reaches the air.
func (a *app) sayPower(s *settingInfo) {
	p := s.chain.Power()
	table(a.out, [][]string{
		{"occupied", phy.MHz(uint32(s.LowHz)) + " to " + phy.MHz(uint32(s.HighHz)), "with the error of the crystal"},
		{"chip", decibel(s.ChipDBm) + " dBm", ""},
		{"amplifier", "+ " + decibel(s.PAGainDB) + " dB", ""},
		{"at the socket", "= " + decibel(p.ConductedDBm) + " dBm", ""},
		{"cable", "- " + decibel(s.CableLossDB) + " dB", ""},
		{"antenna", "+ " + decibel(s.AntennaDBi) + " dBi", ""},
		{"EIRP", "= " + decibel(p.EIRPDBm()) + " dBm", decibel(p.EIRPDBm()-phy.DipoleDBi) + " dBm ERP"},
	})
	if s.MostChipDBm != nil {
		a.say("The law lets the chip be set to %d dBm at most, with this antenna and bandwidth.", *s.MostChipDBm)
	}
}

// decibel writes a level to the hundredth.
func decibel(x float64) string { return strconv.FormatFloat(hundredth(x), 'f', -1, 64) }

// sayVerdict tells which rule allows it and what that leaves, or what refuses it.
func (a *app) sayVerdict(s *settingInfo) {
	if !s.Allowed {
		a.say("\nNOT ALLOWED: %s", s.Why)
		return
	}
	a.say("\nALLOWED by %s", s.rule)
	a.say("source   %s (%s), checked %s", s.rule.Source, s.rule.Seen, s.rule.Checked)
	if s.rule.Note != "" {
		a.say("mind     %s", s.rule.Note)
	}
	if s.AirtimeS > 0 {
		a.say("airtime  %g s of any hour for each transmitter", s.AirtimeS)
	} else {
		a.say("airtime  no limit per hour")
	}
	rows := [][]string{{"AT", "LONGEST FRAME", "TAKES", "IN AN HOUR"}}
	for _, f := range s.Frames {
		rows = append(rows, []string{"SF" + number(int(f.SpreadingFactor)), number(f.SizeBytes) + " octets",
			seconds(f.AirtimeS).Round(time.Millisecond).String(), number(f.PerHour)})
	}
	table(a.out, rows)
}
