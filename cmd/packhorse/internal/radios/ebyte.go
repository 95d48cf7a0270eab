package radios

import (
	"context"
	"fmt"
	"strings"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/ebyte"
	"packhorse/radio/phy"
)

const (
	ebyteRate = 9600
	wattDBm   = 27 // a board that gives so much has a module of one watt
)

// module is an Ebyte module, as its name or its board tell.
type module struct {
	e32, watt bool
	band      ebyte.Band
}

// moduleOf takes the band from the name, or from the frequency where only the board is known.
func moduleOf(r config.Radio, p *board.Profile) (module, error) {
	m := module{e32: strings.HasPrefix(r.Module, "e32"), watt: strings.HasSuffix(r.Module, "30")}
	name := r.Module
	if p != nil {
		m, name = module{e32: p.Radio.Chip == "e32", watt: p.Radio.MaxChipDBm >= wattDBm}, p.Radio.Chip
	}
	for _, b := range m.bands() {
		if p != nil && b.Reaches(r.FrequencyHz) != nil || p == nil && !strings.Contains(r.Module, bandNames[b]) {
			continue
		}
		m.band = b
		return m, b.Reaches(r.FrequencyHz)
	}
	if p == nil {
		return m, fmt.Errorf("module: %q is not a module that we know", r.Module)
	}
	return m, fmt.Errorf("frequency_hz: no %s has a channel at %s: %w", name, phy.MHz(r.FrequencyHz), m.bands()[0].Reaches(r.FrequencyHz))
}

var bandNames = map[ebyte.Band]string{ebyte.E22Band900: "-900", ebyte.E22Band400: "-400", ebyte.E32Band868: "-868", ebyte.E32Band915: "-915", ebyte.E32Band433: "-433"}

func (m module) bands() []ebyte.Band {
	if m.e32 {
		return []ebyte.Band{ebyte.E32Band868, ebyte.E32Band915, ebyte.E32Band433}
	}
	return []ebyte.Band{ebyte.E22Band900, ebyte.E22Band400}
}

func (m module) modulation(hz, rate uint32) (phy.Modulation, error) {
	if m.e32 {
		return ebyte.E32Modulation(hz, rate)
	}
	return ebyte.Modulation(hz, rate)
}

func ebyteKind(r config.Radio, p *board.Profile) (kind, error) {
	m, err := moduleOf(r, p)
	if err != nil {
		return kind{}, err
	}
	mod, err := m.modulation(r.FrequencyHz, or(r.BitRate, ebyteRate))
	if err != nil {
		return kind{}, err
	}
	steps := m.band.Powers(m.watt)
	open := func(ctx context.Context, h Host, plan Plan) (radio.Radio, error) {
		o := ebyte.Opts{Band: m.band, Watt: m.watt, Halved: r.RSSIHalved, Baud: r.Baud}
		if plan.Board == nil {
			o.LBT = !m.e32 // its mode pins are tied to ground: it cannot be asked what it hears
			return m.open(ctx, h, r.Port, o)
		}
		return withBoard(h, plan.Board, func(hw *board.Hardware) (radio.Radio, error) {
			o.M0, o.M1, o.AUX = hw.M0, hw.M1, hw.AUX
			return m.open(ctx, h, plan.Board.UART.Device, o)
		})
	}
	probe := func(ctx context.Context, h Host, plan Plan) (string, error) {
		modem, err := open(ctx, h, plan)
		if err != nil {
			return "", err
		}
		defer modem.Close()
		if plan.Board == nil {
			return "the port opens; a module whose mode pins are tied cannot be asked how it is set", nil
		}
		return "a module answers and takes its settings", modem.Configure(ctx, plan.Modulation, plan.PowerDBm)
	}
	k := kind{modulation: mod, least: steps[len(steps)-1], most: steps[0], steps: steps, open: open, probe: probe}
	if p == nil {
		k.unverified, k.blind = m.unverified()
	}
	return k, nil
}

// unverified is what is believed of a module whose mode pins are tied.
func (m module) unverified() (what, fix string) {
	more := ""
	if !m.e32 {
		more = ", and that it listens before it sends (LBT),"
	}
	return "the module has no wired mode pins and cannot be asked how it is set: that its frequency, air rate and power are those of the configuration" + more + " is not verified",
		"wire M0 and M1 to GPIO lines and name the board, or set the module with its maker's program and check these settings there"
}

const ebyteBaud = 9600 // of the configuration mode

func (m module) open(ctx context.Context, h Host, path string, o ebyte.Opts) (radio.Radio, error) {
	port, err := h.Serial(path, or(o.Baud, ebyteBaud))
	if err != nil {
		return nil, err
	}
	if m.e32 {
		e, err := ebyte.OpenE32(ctx, port, o)
		return opened(e, err)
	}
	e, err := ebyte.OpenE22(ctx, port, o)
	return opened(e, err)
}
