package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/link"
)

func (a *app) statusCommand() *cobra.Command {
	var watch, check bool
	every := 2 * time.Second
	c := &cobra.Command{
		Use:   "status",
		Short: "how the gateway is: verdict, problems and their fixes, radios, peers, queue",
		Long: `Says first whether all is well, then what is wrong and how to mend it, then a line for each radio and each neighbour.

Radios: AIRTIME 1H is what was sent in the last hour, of what the law allows; LEFT is the rest. Both, BAND, MOD and POWER, at the antenna socket, are of the setting in force:
while a transfer is on a faster one, the ledger shown may be that of another band. BUSY is the share of the last seconds in which the channel was
in use, by this radio or others, and NOISE the level in it while nobody sends, where the radio measures them.
Neighbours: SNR in dB and RSSI in dBm of what was heard from it last; LOSS is the share of our frames that do not arrive, and ETX how often one is sent
until it does; AIR/KB is our airtime for 1,000 octets, repairs included; RATE is the faster setting that is in use now; CLOCK is what it trusts its own clock by;
LAST is how long ago it was heard; QUEUE is what waits here for it. "has Internet" in PATH: by its own word it reaches an Internet gateway.
Then a line for each Internet gateway of this one, for the courier server and for the role of an Internet gateway, where there are any.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if watch && every < 100*time.Millisecond {
				return usage("--interval 2s", "an interval of %s is too short", every)
			}
			return a.with(func(b admin.Client) error {
				if watch {
					return a.watchStatus(c.Context(), b, every)
				}
				return a.oneStatus(c.Context(), b, check)
			})
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "print it again and again until Ctrl-C")
	c.Flags().DurationVar(&every, "interval", every, "how often --watch asks")
	c.Flags().BoolVar(&check, "check", false, "end with exit code 6 when there is a problem")
	return c
}

func (a *app) oneStatus(ctx context.Context, b admin.Client, check bool) error {
	s, err := b.Status(ctx)
	if offline(err) && !a.json {
		a.showDown()
	}
	if err != nil {
		return err
	}
	if err := a.answer(s, func() { a.showStatus(s) }); err != nil {
		return err
	}
	if check && len(s.Problems) > 0 {
		return problem{len(s.Problems)}
	}
	return nil
}

// watchStatus goes on when the gateway goes away, and says so.
func (a *app) watchStatus(ctx context.Context, b admin.Client, every time.Duration) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if terminal(a.out) && !a.json {
			fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		}
		if err := a.oneStatus(ctx, b, false); err != nil && ctx.Err() == nil {
			a.fail(err)
		}
		if !a.json {
			a.say("")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

func (a *app) showStatus(s admin.Status) {
	a.say("%s", verdict(s))
	for _, p := range s.Problems {
		a.say("%-4s  %s", p.Level, clean(p.What))
		if p.Fix != "" {
			a.say("      fix: %s", clean(p.Fix))
		}
	}
	if len(s.Radios) > 0 {
		table(a.out, radioRows(s.Radios))
	}
	if len(s.Peers) > 0 {
		table(a.out, peerRows(s.Peers))
	} else {
		a.say("No neighbours yet.")
	}
	if s.Queue.Parcels > 0 {
		a.say("%s waiting, %s: packhorse queue", count(s.Queue.Parcels, "parcel"), size(s.Queue.Bytes))
	}
	if s.BatteryVolts > 0 {
		a.say("Battery: %.2f V", s.BatteryVolts)
	}
	a.showUplinks(s.Uplinks)
	if c := s.Courier; c != nil {
		a.say("Courier: takes cargo on %s, holds %s of others, %s", cell(c.Listen), count(c.Waiting, "item"), size(c.Bytes))
	}
	a.showInternetGateway(s.InternetGateway)
	if bad := notable(s.Dropped); bad != "" {
		a.say("Dropped since the start: %s; every reason: packhorse status --json", bad)
	}
}

// notable are drops behind which somebody may be. The others belong to a radio: losses, repetitions, what is not for us.
func notable(dropped map[string]uint64) string {
	var all []string
	for _, why := range []link.Drop{link.DropForged, link.DropForeign, link.DropPoison, link.DropBadBody} {
		if n := dropped[why.Key()]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, why))
		}
	}
	return strings.Join(all, ", ")
}

// verdict is the first line: all that matters when one line is all there is.
func verdict(s admin.Status) string {
	var w, f int
	for _, p := range s.Problems {
		if p.Level == "fail" {
			f++
		} else {
			w++
		}
	}
	head := "OK"
	switch {
	case f > 0:
		head = "NOT OK, " + count(f, "problem")
	case w > 0:
		head = "OK, " + count(w, "warning")
	}
	where := "in no domain"
	if s.Domain != "" {
		where = "in domain " + cell(s.Domain)
	}
	region := "no region"
	if s.Region != "" {
		region = s.Region
	}
	return fmt.Sprintf("%s. %s (%s) %s, %s, up %s, clock %s", head, cell(s.Name), cell(s.Version), where, region,
		span(time.Duration(s.UptimeS)*time.Second), cell(s.Clock))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func radioRows(rs []admin.RadioInfo) [][]string {
	rows := [][]string{{"RADIO", "STATE", "BAND", "MOD", "POWER", "AIRTIME 1H", "LEFT", "FREE IN", "BUSY", "NOISE", "FRAMES IN/OUT"}}
	for _, r := range rs {
		state, free, left := "ok", "now", "-"
		if r.AirtimeAllowedS > 0 {
			left = fmt.Sprintf("%.1f s", r.AirtimeLeftS)
		}
		if !r.OK {
			state = "down"
		}
		if r.FreeInS > 0 {
			free = span(seconds(r.FreeInS))
		}
		rows = append(rows, []string{cell(r.Name), state, cell(r.Band), cell(r.Modulation), fmt.Sprintf("%d dBm", r.PowerDBm), airtime(r), left, free,
			maybe(r.BusyRatio, 100, "%.0f %%"), maybe(r.NoiseDBm, 1, "%.0f dBm"), fmt.Sprintf("%d/%d", r.FramesIn, r.FramesOut)})
	}
	return rows
}

// maybe is a measure in a unit of which there are so many, "-" where there is none.
func maybe(v *float64, times float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v*times)
}

// airtime is the ledger's "used of allowed".
func airtime(r admin.RadioInfo) string {
	if r.AirtimeAllowedS == 0 {
		return fmt.Sprintf("%.1f s, no limit", r.AirtimeUsedS)
	}
	return fmt.Sprintf("%.1f of %.0f s", r.AirtimeUsedS, r.AirtimeAllowedS)
}

func peerRows(ps []admin.PeerInfo) [][]string {
	rows := [][]string{{"PEER", "PATH", "SNR", "RSSI", "LOSS", "ETX", "AIR/KB", "RATE", "CLOCK", "LAST", "QUEUE"}}
	for _, p := range ps {
		path, snr, waits, last := p.Path, "-", "-", "-"
		switch {
		case p.Silent && p.LastS != nil:
			path += ", silent " + span(seconds(*p.LastS))
		case p.Silent:
			path += ", silent"
		case len(p.Ports) > 0:
			path += " " + strings.Join(p.Ports, ", ")
		}
		if p.SNRdB != nil {
			snr = fmt.Sprintf("%.1f dB", *p.SNRdB)
		}
		if p.Parcels > 0 {
			waits = count(p.Parcels, "parcel") + ", " + size(p.Bytes)
		}
		if p.LastS != nil {
			last = span(seconds(*p.LastS))
		}
		if p.ShunnedS > 0 {
			path += ", shunned for " + span(seconds(p.ShunnedS))
		}
		if len(p.Uplinks) > 0 {
			path += ", has Internet"
		}
		q := quality(p)
		rows = append(rows, []string{cell(p.Name), cell(path), snr, q.rssi, q.loss, q.etx, q.cost, q.rate, cell(p.Clock), last, waits})
	}
	return rows
}

// pathCells are what one line tells of how a neighbour is reached.
type pathCells struct{ rssi, loss, etx, cost, rate string }

// quality is that of the cheapest path that works.
func quality(p admin.PeerInfo) pathCells {
	c := pathCells{"-", "-", "-", "-", "-"}
	best := -1
	for i, v := range p.Paths {
		if v.Up && (best < 0 || p.Paths[best].Silent || !v.Silent && v.CostS < p.Paths[best].CostS) {
			best = i
		}
	}
	if best < 0 {
		return c
	}
	v := p.Paths[best]
	if v.RSSIdBm != nil {
		c.rssi = fmt.Sprintf("%.0f dBm", *v.RSSIdBm)
	}
	c.loss, c.etx, c.cost = fmt.Sprintf("%.0f %%", 100*v.Loss), fmt.Sprintf("%.2f", v.ETX), span(seconds(v.CostS))
	if v.Rate != "" {
		c.rate = cell(v.Rate)
	}
	return c
}
