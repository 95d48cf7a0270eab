package radios

import (
	"context"
	"io"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/kiss"
	"packhorse/radio/phy"
)

const kissBaud = 9600

// kissKind is a TNC. Everything about its transmitter is what the configuration states.
func kissKind(r config.Radio) kind {
	o := kiss.Opts{LicenceFree: r.LicenceFree, Callsign: r.Callsign}
	return kind{
		modulation: o.Modulation(r.FrequencyHz, r.BandwidthHz, r.BitRate), least: -9, most: 36,
		can: func(phy.Modulation, int) error { return o.Validate() },
		open: func(ctx context.Context, h Host, _ Plan) (radio.Radio, error) {
			m, err := openKISS(ctx, h, r, o)
			return opened(m, err)
		},
		probe: func(ctx context.Context, h Host, _ Plan) (string, error) {
			m, err := openKISS(ctx, h, r, o)
			if err != nil {
				return "", err
			}
			return "the port opens; whether a TNC in KISS mode is behind it shows only when it hears somebody", m.Close()
		},
	}
}

func openKISS(ctx context.Context, h Host, r config.Radio, o kiss.Opts) (*kiss.Modem, error) {
	port, err := kissPort(ctx, h, r)
	if err != nil {
		return nil, err
	}
	return kiss.Open(ctx, port, o)
}

func kissPort(ctx context.Context, h Host, r config.Radio) (io.ReadWriteCloser, error) {
	if strings.HasPrefix(r.Port, "tcp://") {
		return h.Dial(ctx, r.Port)
	}
	return h.Serial(r.Port, or(r.Baud, kissBaud))
}

// or is a number, or another where it is 0.
func or[T int | uint32](n, other T) T {
	if n == 0 {
		return other
	}
	return n
}
