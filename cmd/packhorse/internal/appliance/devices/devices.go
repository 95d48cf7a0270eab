// Package devices does for the appliance what udev does elsewhere: it gives device nodes to the gateway's user and
// names serial ports after what is plugged in, at the start and for what is plugged in later. The names are udev's, so
// that a configuration written on Debian means the same device here.
package devices

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Config says whose the devices shall be.
type Config struct {
	UID, GID int
	Root     string // what stands for "/"; empty: "/"
}

// Settle goes through the devices that there are. Call it before the gateway starts. The error joins what could not be
// done; the rest is done all the same.
func Settle(cfg Config, log *slog.Logger) error {
	t := tree{root: cfg.Root}
	var errs []error
	for _, path := range t.nodes() {
		errs = append(errs, t.give(path, cfg.UID, cfg.GID))
	}
	links, lost := choose(t.ports(), t.links())
	for _, l := range lost {
		log.Debug("two devices have the same name", "name", l.name, "device", l.device)
	}
	return errors.Join(append(errs, t.link(links))...)
}

const (
	quiet = 100 * time.Millisecond // a device that is plugged in is told of in several events
	again = time.Minute            // should an event have been missed
)

// Run listens for devices that come and go, settles what is there, and goes on until ctx ends; then it returns nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	events, err := listen()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { events.Close() })()
	changed := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() { ended <- watch(events, changed) }()
	said := ""
	settleOn(ctx, changed, func() {
		if err := Settle(cfg, log); err == nil {
			said = ""
		} else if err.Error() != said {
			said = err.Error()
			log.Warn("not all devices are ready", "error", err)
		}
	}, ended)
	events.Close()
	err = <-ended
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// settleOn settles at once, a moment after each change, and from time to time, until ctx ends
// or the events do.
func settleOn(ctx context.Context, changed <-chan struct{}, settle func(), ended chan error) {
	timer, soon := time.NewTimer(0), true
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			ended <- err
			return
		case <-changed:
			if !soon { // else a device that comes and goes all the time would put it off for ever
				timer.Reset(quiet)
				soon = true
			}
		case <-timer.C:
			soon = false
			settle()
			timer.Reset(again)
		}
	}
}
