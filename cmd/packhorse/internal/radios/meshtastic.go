package radios

import (
	"context"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/meshtastic"
	"packhorse/radio/phy"
)

// meshtasticKind is a node, which is never set from here: it must be set to what is allowed.
func meshtasticKind(r config.Radio, plan phy.Modulation) (kind, error) {
	m, err := meshtastic.Modulation(r.Preset, or(r.FrequencyHz, plan.FrequencyHz))
	if err != nil {
		return kind{}, err
	}
	return kind{
		modulation: m, least: 1, most: 30, anyPower: true, overhead: 90, // at most: its headers, and a signature
		open: func(ctx context.Context, h Host, _ Plan) (radio.Radio, error) {
			m, err := openNode(ctx, h, r.Port)
			return opened(m, err)
		},
		probe: func(ctx context.Context, h Host, p Plan) (string, error) {
			m, err := openNode(ctx, h, r.Port)
			if err != nil {
				return "", err
			}
			defer m.Close()
			return m.Info().String(), m.Configure(ctx, p.Modulation, p.PowerDBm)
		},
	}, nil
}

func openNode(ctx context.Context, h Host, path string) (*meshtastic.Modem, error) {
	port, err := h.Serial(path, rnodeBaud)
	if err != nil {
		return nil, err
	}
	return meshtastic.Open(ctx, port, meshtastic.Opts{})
}
