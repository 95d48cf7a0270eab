package hil

import (
	"regexp"
	"time"
)

// Prompt is what the appliance's console shows when it takes a line.
const Prompt = "packhorse> "

// Banner is what an appliance says when its gateway is ready.
type Banner struct {
	Name, Version string
	Slot          string        // "A" or "B"
	Uptime        time.Duration // of the kernel
}

var (
	bannerLine = regexp.MustCompile(`packhorse: ready (\S+) (\S+) slot ([AB]) uptime ([0-9.]+) s`)
	// started is any line that tells how a start ended.
	started = regexp.MustCompile(`packhorse: (ready|failed) .*\n|Kernel panic.*\n`)
	exited  = regexp.MustCompile(`(?m)^\[exit (\d+)\]\n`)
	prompt  = regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(Prompt))
)

// ParseBanner finds the banner in a line of a console.
func ParseBanner(line string) (Banner, bool) {
	m := bannerLine.FindStringSubmatch(line)
	if m == nil {
		return Banner{}, false
	}
	uptime, err := time.ParseDuration(m[4] + "s")
	return Banner{m[1], m[2], m[3], uptime}, err == nil
}
