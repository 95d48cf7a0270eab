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

func rnodeKind(r config.Radio, plan phy.Modulation) kind {
	return kind{
		modulation: overlay(plan, r), least: 0, most: 30, overhead: 1, ladder: true, rnode: true,
		open: func(ctx context.Context, h Host, p Plan) (radio.Radio, error) {
			port, err := h.Serial(r.Port, rnodeBaud)
			if err != nil {
				return nil, err
			}
			return rnode.Open(ctx, port, rnode.Opts{})
		},
	}
}
