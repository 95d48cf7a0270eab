package radios

import (
	"context"
	"fmt"
	"math/rand/v2"

	"periph.io/x/conn/v3/physic"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sx126x"
	"packhorse/radio/sx127x"
)

// chipKind is what the chips on SPI have in common.
func chipKind(r config.Radio, p *board.Profile, plan phy.Modulation, driver func(*board.Hardware) (chip.Driver, error)) kind {
	k := kind{
		modulation: overlay(plan, r), most: p.Radio.MaxChipDBm, gainDB: p.Radio.PAGainDB, senses: true, ladder: true,
		open: func(ctx context.Context, h Host, plan Plan) (radio.Radio, error) {
			return withBoard(h, plan.Board, func(hw *board.Hardware) (radio.Radio, error) {
				d, err := driver(hw)
				if err != nil {
					return nil, err
				}
				c, err := chip.Open(ctx, d, hw.IRQ, chip.Opts{})
				if err != nil {
					return nil, err
				}
				return compatible(c, r), nil
			})
		},
		probe: func(ctx context.Context, h Host, plan Plan) (string, error) { return probeChip(ctx, h, plan, driver) },
		rest:  func(ctx context.Context, h Host, p *board.Profile) error { return restChip(ctx, h, p, driver) },
	}
	if r.SpeaksRNode() {
		k.rnode, k.overhead = true, 1
	}
	return k
}

// compatible lets a chip speak with RNodes.
func compatible(c *chip.Radio, r config.Radio) radio.Radio {
	if !r.SpeaksRNode() {
		return c
	}
	return rnode.Compatible(c, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
}

// Pins are the lines of a board as a driver takes them.
func Pins(hw *board.Hardware) chip.Pins {
	p := chip.Pins{Reset: hw.Reset, IRQ: hw.IRQ, Busy: hw.Busy}
	if hw.Select != nil {
		p.Select = hw.Select
	}
	if hw.TxEnable != nil {
		p.TxEnable = hw.TxEnable
	}
	if hw.RxEnable != nil {
		p.RxEnable = hw.RxEnable
	}
	for _, pin := range hw.Power {
		p.Power = append(p.Power, pin)
	}
	return p
}

func sx127xKind(r config.Radio, p *board.Profile, plan phy.Modulation) (kind, error) {
	if p == nil {
		return kind{}, errNoBoard
	}
	o, err := opts127x(p)
	if err != nil {
		return kind{}, err
	}
	k := chipKind(r, p, plan, func(hw *board.Hardware) (chip.Driver, error) { return sx127x.New(hw.SPI, Pins(hw), o) })
	k.can, k.least = o.Check, 2 // PA_BOOST: SX1276 datasheet section 5.4.2
	if o.Output == sx127x.RFO {
		k.least = -4
	}
	return k, nil
}

// opts127x is what a profile says to the driver.
func opts127x(p *board.Profile) (sx127x.Opts, error) {
	model, ok := map[string]sx127x.Model{"sx1276": sx127x.SX1276, "sx1277": sx127x.SX1277, "sx1278": sx127x.SX1278, "sx1279": sx127x.SX1279}[p.Radio.Chip]
	if !ok {
		return sx127x.Opts{}, fmt.Errorf("the board %s has an %s, which has other registers and is not driven", p.Name, p.Radio.Chip)
	}
	o := sx127x.Opts{Model: model, MaxDBm: p.Radio.MaxChipDBm, Clock: clock(p)}
	if p.Radio.Output == "rfo" {
		o.Output = sx127x.RFO
	}
	return o, nil
}

func sx126xKind(r config.Radio, p *board.Profile, plan phy.Modulation) (kind, error) {
	if p == nil {
		return kind{}, errNoBoard
	}
	o, err := Opts126x(p)
	if err != nil {
		return kind{}, err
	}
	k := chipKind(r, p, plan, func(hw *board.Hardware) (chip.Driver, error) { return sx126x.New(hw.SPI, Pins(hw), o) })
	k.can, k.least = o.Check, -9 // SX1261/2 datasheet section 13.4.4
	if o.Model == sx126x.SX1261 {
		k.least = -17
	}
	return k, nil
}

// Opts126x is what a profile says to the driver.
func Opts126x(p *board.Profile) (sx126x.Opts, error) {
	model, ok := map[string]sx126x.Model{"sx1261": sx126x.SX1261, "sx1262": sx126x.SX1262, "sx1268": sx126x.SX1268, "llcc68": sx126x.LLCC68}[p.Radio.Chip]
	if !ok {
		return sx126x.Opts{}, fmt.Errorf("the board %s has an %s, which is not driven", p.Name, p.Radio.Chip)
	}
	return sx126x.Opts{Model: model, Clock: clock(p), TCXOMillivolts: int(p.Radio.TCXOVolts*1000 + 0.5), DIO2Switch: p.Radio.DIO2Switch, MaxPowerDBm: p.Radio.MaxChipDBm}, nil
}

func clock(p *board.Profile) physic.Frequency { return physic.Frequency(p.SPI.ClockHz) * physic.Hertz }
