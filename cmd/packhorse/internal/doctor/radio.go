package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
)

// probeLimit is longer than any modem takes to answer or not to.
const probeLimit = 40 * time.Second

// radio asks law and hardware about one radio.
func (p Patient) radio(ctx context.Context, r config.Radio, b *board.Profile) []board.Finding {
	if r.Board != "" && b == nil {
		return nil // which was said
	}
	region := p.region()
	if region == "" {
		return []board.Finding{fail(r.Name+" law", "set the region first", "without a region nothing may be sent, so it is not looked at")}
	}
	plan, err := radios.New(region, r, b)
	if err != nil {
		return []board.Finding{fail(r.Name+" law", "change the [[radio]] section; packhorse region show "+region+" explains the law", "%v", err)}
	}
	found := []board.Finding{ok(r.Name+" law", "%s, %s; %s", plan.Modulation, strength(plan), plan.Rule)}
	if what, fix := plan.Unverified(); what != "" {
		found = append(found, warn(r.Name+" settings", fix, "%s", what))
	}
	if p.Gateway != nil {
		return append(found, p.working(r))
	}
	if p.Absent != nil {
		return append(found, warn(r.Name, "run as root, or as a user who may ask the gateway", "a gateway may have it, so it is left alone"))
	}
	return append(found, p.probe(ctx, plan))
}

// strength is the power in words, with the amplifier where there is one.
func strength(p radios.Plan) string {
	if p.Chain.PAGainDB != 0 {
		return p.Chain.String()
	}
	return fmt.Sprintf("%d dBm into %g dBi, %.2f dBm EIRP", p.PowerDBm, p.Power().AntennaDBi, p.Power().EIRPDBm())
}

// working asks the gateway.
func (p Patient) working(r config.Radio) board.Finding {
	for _, v := range p.Gateway.Radios {
		if v.Name != r.Name {
			continue
		}
		if v.OK {
			return ok(r.Name, "works: %s, %d frames heard, %d sent", v.Modulation, v.FramesIn, v.FramesOut)
		}
		for _, problem := range p.Gateway.Problems {
			if strings.Contains(problem.What, r.Name) {
				return fail(r.Name, problem.Fix, "does not work: %s", problem.What)
			}
		}
		return fail(r.Name, "packhorse status; or stop the gateway and ask again: the radio is looked at directly then", "does not work yet")
	}
	return warn(r.Name, "systemctl reload packhorse, or start it anew", "the gateway does not know it: the configuration was changed since")
}

// probe opens the radio for a moment.
func (p Patient) probe(ctx context.Context, plan radios.Plan) board.Finding {
	p.Progress("%s: asking the radio ...", plan.Radio.Name)
	ctx, stop := context.WithTimeout(ctx, probeLimit)
	defer stop()
	said, err := plan.Probe(ctx, p.Devices)
	if err != nil {
		what, fix := radios.Explain(err, plan.Radio.Kind)
		return fail(plan.Radio.Name+" radio", fix, "%s", oneLine(what))
	}
	return ok(plan.Radio.Name+" radio", "%s", said)
}

// oneLine joins what several errors said.
func oneLine(s string) string { return strings.ReplaceAll(fmt.Sprint(s), "\n", "; ") }
