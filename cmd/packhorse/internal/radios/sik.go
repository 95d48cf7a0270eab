package radios

import (
	"context"
	"fmt"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sik"
)

const (
	sikBaud = 57600
	sikRate = 64_000
)

// sikKind is one of a pair that talk all the time, which no ledger of ours sees: the radio itself must keep the duty cycle.
func sikKind(r config.Radio, plan phy.Modulation) (kind, error) {
	rate, hz := or(r.BitRate, sikRate), or(r.FrequencyHz, plan.FrequencyHz)
	kbps := rate / 1000
	if rate%1000 != 0 || sik.Bandwidth(kbps) == 0 {
		return kind{}, fmt.Errorf("bit_rate: a SiK radio has no %d bit/s: use 2000, 4000, 8000, 16000, 19000, 24000, 32000, 48000, 64000, 96000, 128000, 192000 or 250000", rate)
	}
	o := &sik.Opts{NetID: r.NetID, Channels: r.Channels, SpanHz: r.SpanHz, Baud: or(r.Baud, sikBaud)}
	if err := o.Validate(); err != nil {
		return kind{}, err
	}
	k := kind{
		modulation: o.Modulation(hz, kbps), least: 1, most: 30,
		keep: func(p *Plan) error {
			if err := keepDuty(o, kbps, p.Rule); err != nil {
				return err
			}
			return o.Check(p.Modulation, p.PowerDBm)
		},
		open: func(ctx context.Context, h Host, _ Plan) (radio.Radio, error) {
			m, err := openSiK(ctx, h, r.Port, *o)
			return opened(m, err)
		},
		probe: func(ctx context.Context, h Host, _ Plan) (string, error) {
			m, err := openSiK(ctx, h, r.Port, *o)
			if err != nil {
				return "", err
			}
			return m.Info().Banner, m.Close()
		},
	}
	if r.Channels > 1 {
		k.rule = func(g phy.Region, p phy.Power) (phy.Rule, error) {
			low, high := span(hz, r.SpanHz, sik.Bandwidth(kbps), r.Channels)
			return g.HopRule(low, high, sik.Bandwidth(kbps), r.Channels, p)
		}
	}
	return k, nil
}

func openSiK(ctx context.Context, h Host, path string, o sik.Opts) (*sik.Modem, error) {
	port, err := h.Serial(path, o.Baud)
	if err != nil {
		return nil, err
	}
	return sik.Open(ctx, port, o)
}

// span is what a hopping radio occupies. Its channels are apart by the span divided by two more than their number, and the first is
// half of that above the lower end (ArduPilot/SiK, main.c), so a wide one reaches beyond.
func span(hz, spanHz, channelHz uint32, channels int) (low, high uint32) {
	step := spanHz / uint32(channels+2)
	beyond := uint32(0)
	if channelHz > step {
		beyond = (channelHz - step + 1) / 2
	}
	return hz - spanHz/2 - beyond, hz + spanHz/2 + beyond
}

// keepDuty gives the radio the highest duty cycle with which it stays below the law's, for it exceeds the one that it is given
// (sik.Opts.OwnDutyPPM), or refuses where that does not even leave what the pair sends to stay together.
func keepDuty(o *sik.Opts, kbps uint32, rule phy.Rule) error {
	if rule.DutyPPM == 0 {
		return nil
	}
	for o.DutyPercent = int(rule.DutyPPM / 10_000); o.DutyPercent > 0 && o.OwnDutyPPM() > rule.DutyPPM; {
		o.DutyPercent--
	}
	if o.DutyPercent < 1 {
		return fmt.Errorf("%s allows %g %% of the time, and a SiK radio can be held to no limit so low: use a band that allows 10 %% or more, or another radio: %w",
			rule.SubBand(), float64(rule.DutyPPM)/10_000, phy.ErrNotAllowed)
	}
	if idle := o.Idle(kbps); float64(o.DutyPercent)/100 < idle {
		return fmt.Errorf("a pair of SiK radios sends %.1f %% of the time at %d kbit/s with nothing to carry, and %s allows %g %%, of which its own limit of whole percent keeps %d %%: use another band, or a faster bit_rate: %w",
			100*idle, kbps, rule.SubBand(), float64(rule.DutyPPM)/10_000, o.DutyPercent, phy.ErrNotAllowed)
	}
	return nil
}
