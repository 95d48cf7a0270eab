//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"packhorse/radio/phy"
)

// airtimes is what each modem has transmitted so far, as the simulated channel saw it.
func (s *story) airtimes(ctx context.Context) ([]time.Duration, error) {
	counts, err := s.v.Air.Counts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]time.Duration, len(counts))
	for i, c := range counts {
		out[i] = c.Airtime
	}
	return out, nil
}

// physical is how long an RNode transmits at least to carry n octets over one hop: full
// packets back to back, without headers of ours.
func physical(m phy.Modulation, n int) time.Duration {
	const packet = 255
	m = phy.RNodeModulation(m)
	air := m.TimeOnAir(packet) * time.Duration(n/packet)
	if rest := n % packet; rest > 0 {
		air += m.TimeOnAir(rest)
	}
	return air
}

// fewOctets is a content so small that certificates and signatures are most of its
// parcel: comparing it with the limit says nothing.
const fewOctets = 1000

// report prints airtime per gateway since before, and what the ledgers say.
func (s *story) report(ctx context.Context, octets int, took time.Duration, before []time.Duration) error {
	after, err := s.airtimes(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"  NODE", "AIRTIME", "LEDGER, LAST HOUR", "FRAMES SENT/RECEIVED"}}
	var sum time.Duration
	for i, n := range s.v.Nodes {
		st, err := n.Client.Status(ctx)
		if err != nil {
			return err
		}
		used := after[i] - before[i]
		sum += used
		row := []string{"  " + n.Name, fmt.Sprintf("%.2f s", used.Seconds()), "-", "-"}
		if len(st.Radios) > 0 {
			r := st.Radios[0]
			row[2], row[3] = airtime(r), fmt.Sprintf("%d/%d", r.FramesOut, r.FramesIn)
		}
		rows = append(rows, row)
	}
	table(s.app.out, rows)
	if octets < fewOctets {
		return nil
	}
	hops := len(s.v.Nodes) - 1
	limit := time.Duration(hops) * physical(s.plan, octets)
	s.app.say("  PHY limit: %s over %d hops take %.1f s of air in full packets on the plan's setting; all used %.1f s, which is %.0f %% of the limit (more than 100 where faster settings held); %.0f B/s end to end",
		size(int64(octets)), hops, limit.Seconds(), sum.Seconds(), 100*limit.Seconds()/sum.Seconds(), float64(octets)/took.Seconds())
	return nil
}
