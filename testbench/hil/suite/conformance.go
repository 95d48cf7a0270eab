package suite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// conformance is what can be asked of radios behind a gateway.
var conformance = Suite{"conformance", "radios do what their drivers say, and what the law says", []Case{
	{"silent without region", "a node that was told no region sends nothing", 4 * time.Second, silent},
	{"law", "a region closed to us is refused, the configured radios are lawful", time.Second, law},
	{"doctor", "doctor finds nothing that is broken", 17 * time.Second, doctor},
	{"power", "no radio sends stronger than the bench bears", time.Second, strength},
	{"two radios", "each of several radios works", time.Second, several},
	{"frames both ways", "frames leave and arrive at both nodes, with signal figures", 14 * time.Second, bothWays},
	{"attenuation", "20 dB more between the antennas are 20 dB less at the receiver", 27 * time.Second, attenuation},
}}

// silence is how long a node without a region is watched; beacons come more often.
const silence = 3 * time.Second

func silent(ctx context.Context, b *Bench) error {
	for _, p := range b.peers {
		s, err := p.status(ctx)
		if err != nil {
			return err
		}
		if s.Region != "" {
			return &hil.Unable{What: "watch " + p.Name() + " without a region", Why: "it has one already: reset it"}
		}
	}
	if err := rest(ctx, silence); err != nil {
		return err
	}
	for _, p := range b.peers {
		if sent, _, err := p.frames(ctx); err != nil || sent > 0 {
			return errors.Join(err, fmt.Errorf("%s has sent %d frames without a region", p.Name(), sent))
		}
	}
	return nil
}

// closedRegion is one in which nothing may be sent (docs/REGIONS.md).
const closedRegion = "CN470"

func law(ctx context.Context, b *Bench) error {
	for _, p := range b.peers {
		r, err := p.Run(ctx, "region", "show", closedRegion, "--json")
		if err != nil {
			return err
		}
		if want := admin.CodeRegion.Exit(); r.Exit != want {
			return p.wrong([]string{"region", "show", closedRegion}, fmt.Sprintf("exit %d, want %d: %s", r.Exit, want, cut(r.Output)))
		}
		if r, err = p.Run(ctx, "region", "check", "--region", b.Params.Region, "--json"); err != nil || r.Exit != 0 {
			return errors.Join(err, p.wrong([]string{"region", "check"}, failure(lastJSON(r.Output), r)))
		}
	}
	return nil
}

// checkup is the part of doctor's answer that counts.
type checkup struct {
	Checks []struct{ Level, Subject, What, Fix string } `json:"checks"`
}

func doctor(ctx context.Context, b *Bench) error {
	if err := b.together(ctx); err != nil { // without a region it says so
		return err
	}
	var broken []string
	for _, p := range b.peers {
		r, err := p.Run(ctx, "doctor", "--json")
		if err != nil {
			return err
		}
		r.Exit = 0 // what it finds is in the answer
		d, err := answer[checkup](p, r, []string{"doctor"})
		if err != nil {
			return err
		}
		if len(d.Checks) == 0 {
			return p.wrong([]string{"doctor"}, "it looked at nothing: "+cut(r.Output))
		}
		for _, c := range d.Checks {
			if c.Level == "fail" {
				broken = append(broken, fmt.Sprintf("%s: %s: %s (%s)", p.Name(), c.Subject, c.What, c.Fix))
			}
		}
	}
	if len(broken) > 0 {
		return errors.New(strings.Join(broken, "; "))
	}
	return nil
}

func strength(ctx context.Context, b *Bench) error {
	if b.Params.MaxPowerDBm == nil {
		return &hil.Unable{What: "hold the radios' power against a limit", Why: "no bench file names one"}
	}
	return b.radios(ctx, func(p *Peer, r admin.RadioInfo) error {
		if r.PowerDBm > *b.Params.MaxPowerDBm {
			return fmt.Errorf("%s: %s sends with %d dBm, and the bench bears %d: set power_dbm in its packhorse.toml", p.Name(), r.Name, r.PowerDBm, *b.Params.MaxPowerDBm)
		}
		return nil
	})
}

func several(ctx context.Context, b *Bench) error {
	most := 0
	err := b.radios(ctx, func(p *Peer, r admin.RadioInfo) error {
		s, err := p.status(ctx)
		most = max(most, len(s.Radios))
		if err == nil && !r.OK {
			err = fmt.Errorf("%s: %s does not work", p.Name(), r.Name)
		}
		return err
	})
	if err == nil && most < 2 {
		return &hil.Unable{What: "try several radios on one node", Why: "each node has one radio only"}
	}
	return err
}

// radios asks something of every radio.
func (b *Bench) radios(ctx context.Context, f func(*Peer, admin.RadioInfo) error) error {
	if err := b.together(ctx); err != nil {
		return err
	}
	for _, p := range b.peers {
		s, err := p.status(ctx)
		if err == nil && len(s.Radios) == 0 {
			err = fmt.Errorf("%s has no radio", p.Name())
		}
		for _, r := range s.Radios {
			err = errors.Join(err, f(p, r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func bothWays(ctx context.Context, b *Bench) error {
	if err := b.together(ctx); err != nil {
		return err
	}
	for i, p := range b.peers[:2] {
		other := b.peers[1-i]
		sent, _, err := p.frames(ctx)
		if err != nil {
			return err
		}
		_, got, err := other.frames(ctx)
		if err != nil {
			return err
		}
		if err := b.exchange(ctx, p, other); err != nil {
			return err
		}
		sentNow, _, err := p.frames(ctx)
		_, gotNow, also := other.frames(ctx)
		if err := errors.Join(err, also); err != nil {
			return err
		}
		if sentNow <= sent || gotNow <= got {
			return fmt.Errorf("a text went from %s to %s, and their radios count %d frames sent and %d received", p.Name(), other.Name(), sentNow-sent, gotNow-got)
		}
		level, err := other.level(ctx, p)
		if err != nil {
			return err
		}
		b.Figures["rssi_at_"+other.Name()+"_dbm"] = level
	}
	return nil
}

// exchange sends a text and waits for its receipt, so that frames have gone both ways.
func (b *Bench) exchange(ctx context.Context, from, to *Peer) error {
	l, err := b.sendText(ctx, from, to, text(b.random(), b.Params.TextBytes))
	if err != nil {
		return err
	}
	return l.delivered(ctx)
}

// level is the signal strength at which a node heard another one last, in dBm.
func (p *Peer) level(ctx context.Context, from *Peer) (float64, error) {
	i, err := p.peer(ctx, from)
	if err != nil {
		return 0, err
	}
	for _, path := range i.Paths {
		if path.RSSIdBm != nil {
			return *path.RSSIdBm, nil
		}
	}
	return 0, &hil.Unable{What: fmt.Sprintf("measure how strong %s hears %s", p.Name(), from.Name()), Why: "its radio does not tell"}
}

// step is by how much the attenuation is changed, slack what the radio's own measure may be off; a chip's datasheet
// allows about 2 dB.
const (
	base, step, slack = 100, 20, 4
)

func attenuation(ctx context.Context, b *Bench) error {
	x, y, err := b.two()
	if err != nil {
		return err
	}
	var levels [2]float64
	for i, dB := range []float64{base, base + step} {
		if err := b.Rig.Air().Attenuate(ctx, x.Name(), y.Name(), dB); err != nil {
			return err
		}
		if err := b.together(ctx); err != nil {
			return err
		}
		// The figure follows slowly: some frames move it.
		for range 2 {
			if err := b.exchange(ctx, x, y); err != nil {
				return err
			}
		}
		if levels[i], err = y.level(ctx, x); err != nil {
			return err
		}
	}
	fell := levels[0] - levels[1]
	b.Figures["fell_db"] = fell
	if err := b.Rig.Air().Attenuate(ctx, x.Name(), y.Name(), base); err != nil {
		return err
	}
	if math.Abs(fell-step) > slack {
		return fmt.Errorf("%d dB more attenuation made %.1f dB less at %s: check pads and cables", step, fell, y.Name())
	}
	return nil
}
