package main

import (
	"context"
	"log/slog"
	"time"

	"packhorse/board"
	"packhorse/gateway/pki"
)

// clockQuality asks the board. A plausible clock that nothing vouches for counts as a
// neighbour's word, unless the configuration says that it is kept. The gateway still holds
// each reading against the time that it knew.
func clockQuality(s *board.ClockSource, trusted bool) func() pki.Quality {
	return func() pki.Quality { return qualityOf(s.Quality(), trusted) }
}

func qualityOf(q board.ClockQuality, trusted bool) pki.Quality {
	switch {
	case q == board.ClockNone:
		return pki.ClockNone
	case q == board.ClockRTC:
		return pki.ClockRTC
	case q == board.ClockGPS:
		return pki.ClockGPS
	case q == board.ClockNTP || trusted:
		return pki.ClockNTP
	}
	return pki.ClockNeighbour
}

const (
	gpsBaud  = 9600 // NMEA 0183 receivers, as they come
	gpsAgain = 30 * time.Second
)

// readGPS takes the time from a receiver until ctx ends. One that is unplugged is looked for again.
func (a *app) readGPS(ctx context.Context, path string, g *board.GPS, log *slog.Logger) {
	for said := false; ctx.Err() == nil; {
		port, err := a.devices().Serial(path, gpsBaud)
		if err == nil {
			said = false
			stop := context.AfterFunc(ctx, func() { port.Close() })
			err = g.Read(port)
			stop()
			port.Close()
		}
		if err != nil && !said && ctx.Err() == nil {
			log.Warn("no time by satellite", "error", err)
			said = true
		}
		timer := time.NewTimer(gpsAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}
