package main

import (
	"context"
	"log/slog"
	"time"

	"packhorse/board"
)

// watchdogTimeout is how long the board may live with a gateway that hangs. A disk that is slow for a while must not
// restart it.
const watchdogTimeout = 60 * time.Second

// dog is the hardware of board.OpenWatchdog.
type dog interface {
	Feed() error
	Timeout() time.Duration
	Close() error
}

func openDog(path string) (dog, error) {
	w, err := board.OpenWatchdog(path, watchdogTimeout)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// feed feeds the watchdog until ctx ends, each time that the gateway answered before. A gateway that is stopped on purpose
// disarms it.
func feed(ctx context.Context, d dog, alive func(context.Context) bool, log *slog.Logger) {
	defer func() {
		if err := d.Close(); err != nil {
			log.Error("the watchdog may restart this board", "error", err)
		}
	}()
	tick := time.NewTicker(max(d.Timeout()/4, time.Second))
	defer tick.Stop()
	for {
		if answers(ctx, d.Timeout()/2, alive) {
			if err := d.Feed(); err != nil {
				log.Error("the watchdog takes no food", "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// answers asks the gateway's owner, which everything goes through.
func answers(ctx context.Context, limit time.Duration, alive func(context.Context) bool) bool {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	return alive(ctx)
}
