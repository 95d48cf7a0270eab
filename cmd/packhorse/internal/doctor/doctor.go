// Package doctor looks at a computer, its radios and a gateway's surroundings, and says of each thing whether it is well
// or what to do. It transmits nothing by radio and changes nothing; where a gateway runs, its radios are left alone and it is asked.
package doctor

import (
	"context"
	"fmt"
	"strings"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/admin"
)

// Patient is what is looked at, and how.
type Patient struct {
	Config  *config.Loaded // nil: Mistake says why there is none
	Mistake error
	Gateway *admin.Status    // nil: none answers
	Store   *admin.StoreInfo // of Gateway; nil: it did not say
	Absent  error            // why none answers, where it is something else than that none runs
	Clock   board.ClockQuality

	Host    board.Host
	Devices radios.Host
	// Board gives the board of a radio, and looks for it where that is configured.
	Board func(config.Radio) (*board.Profile, error)
	// Listen tries whether an address is free, and lets go of it.
	Listen func(network, address string) error
	// Free is how many octets a file system has left for us.
	Free func(dir string) (uint64, error)
	Calls
	// Progress is told before something that takes seconds.
	Progress func(format string, a ...any)
}

// Examine makes all checks, in an order that does not change. No finding has an empty field, but that what is well has
// nothing to fix.
func (p Patient) Examine(ctx context.Context) []board.Finding {
	found := p.gateway()
	found = append(found, p.config()...)
	if p.Config == nil {
		return append(found, p.computer(nil)...)
	}
	boards, missing := p.boards()
	found = append(found, p.computer(boards)...)
	found = append(found, missing...)
	for _, r := range p.Config.Radio {
		found = append(found, p.radio(ctx, r, boards[r.Name])...)
	}
	found = append(found, p.noRadio()...)
	found = append(found, p.clock())
	found = append(found, p.store()...)
	found = append(found, p.addresses()...)
	found = append(found, p.internet(ctx)...)
	return append(found, p.extras()...)
}

func ok(subject, format string, a ...any) board.Finding {
	return board.Finding{Level: board.OK, Subject: subject, What: fmt.Sprintf(format, a...)}
}

func warn(subject, fix, format string, a ...any) board.Finding {
	return board.Finding{Level: board.Warn, Subject: subject, What: fmt.Sprintf(format, a...), Fix: fix}
}

func fail(subject, fix, format string, a ...any) board.Finding {
	return board.Finding{Level: board.Fail, Subject: subject, What: fmt.Sprintf(format, a...), Fix: fix}
}

// gateway is whether one runs, and what it complains of.
func (p Patient) gateway() []board.Finding {
	switch {
	case p.Absent != nil:
		return []board.Finding{warn("gateway", "run as root, or as a user who may use its socket", "it cannot be asked: %v", p.Absent)}
	case p.Gateway == nil:
		return []board.Finding{ok("gateway", "does not run, so its radios are looked at directly")}
	}
	found := []board.Finding{ok("gateway", "%s runs, version %s", p.Gateway.Name, p.Gateway.Version)}
	for _, problem := range p.Gateway.Problems {
		make := warn
		if problem.Level == "fail" {
			make = fail
		}
		fix := problem.Fix
		if fix == "" {
			fix = "packhorse status"
		}
		found = append(found, make("gateway", fix, "%s", problem.What))
	}
	return found
}

func (p Patient) config() []board.Finding {
	if p.Mistake != nil {
		fix := "packhorse config check"
		if e, is := p.Mistake.(*config.Error); is && e.Fix != "" {
			fix = e.Fix
		}
		return []board.Finding{fail("config", fix, "%v", p.Mistake)}
	}
	if len(p.Config.Files) == 0 {
		return []board.Finding{warn("config", "write "+p.Config.Path+" (docs/CONFIG.md)", "there is none: the gateway runs with its defaults, and has no radio")}
	}
	found := []board.Finding{ok("config", "%s", strings.Join(p.Config.Files, " "))}
	switch region := p.region(); {
	case region == "" && len(p.Config.Radio) > 0 && p.Gateway == nil:
		return append(found, warn("region", "write region in the configuration, or start the gateway and ask again",
			"no file names one; what packhorse up set is known to the gateway alone"))
	case region == "" && len(p.Config.Radio) > 0:
		return append(found, fail("region", "packhorse up --region EU868, or whose rules apply where you are", "none is set, so no radio transmits"))
	case region != "":
		return append(found, ok("region", "%s", region))
	}
	return found
}

// region is whose law applies.
func (p Patient) region() string {
	if p.Config != nil && p.Config.Region != "" {
		return p.Config.Region
	}
	if p.Gateway != nil {
		return p.Gateway.Region
	}
	return ""
}
