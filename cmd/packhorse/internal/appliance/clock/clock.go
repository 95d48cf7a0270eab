// Package clock keeps the appliance's time: by NTP (RFC 5905), and over a restart by a file, because a Raspberry Pi has
// no clock with a battery. What NTP servers say is not signed: where that matters the gateway holds each reading
// against the time that it knew.
package clock

import (
	"context"
	"log/slog"
	"time"
)

// Config says where the time comes from.
type Config struct {
	Servers []string        // of the configuration; none: what is offered, else Pool
	Offered <-chan []string // servers that the network names, each time that it changes; nil: it never does
	File    string          // keeps the last known time over a restart; empty: none
}

// Pool are the servers where nobody names one.
const Pool = "pool.ntp.org"

// A year outside of these is no time of ours.
const (
	firstPlausible = 2026
	lastPlausible  = 2099
)

// plausible tells whether a clock can show t.
func plausible(t time.Time) bool { return t.Year() >= firstPlausible && t.Year() <= lastPlausible }

// Run keeps the clock until ctx ends; then it saves the time and returns nil. Once servers agree the kernel counts as
// synchronised, and it ceases to by itself some hours after the last answer (adjtimex(2), STA_UNSYNC).
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	k := &keeper{cfg: cfg, log: log, clock: kernel{}, lookup: lookup, query: query, offered: cfg.Offered}
	return k.run(ctx)
}
