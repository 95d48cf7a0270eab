package radios

import (
	"context"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
)

// rnodeBaud is the rate of every RNode's serial port, and of Meshtastic nodes.
const rnodeBaud = 115200

// rnodeKind is a modem that waits for a free channel by itself.
func rnodeKind(r config.Radio, plan phy.Modulation) kind {
	return kind{
		modulation: overlay(plan, r), least: 0, most: 30, overhead: 1, ladder: true, rnode: true,
		open: func(ctx context.Context, h Host, _ Plan) (radio.Radio, error) {
			m, err := openRNode(ctx, h, r.Port)
			return opened(m, err)
		},
		probe: probeRNode,
	}
}

func openRNode(ctx context.Context, h Host, path string) (*rnode.Modem, error) {
	port, err := h.Serial(path, rnodeBaud)
	if err != nil {
		return nil, err
	}
	return rnode.Open(ctx, port, rnode.Opts{})
}

func probeRNode(ctx context.Context, h Host, p Plan) (string, error) {
	m, err := openRNode(ctx, h, p.Radio.Port)
	if err != nil {
		return "", err
	}
	defer m.Close()
	return m.Info().String(), m.Configure(ctx, p.Modulation, p.PowerDBm)
}
