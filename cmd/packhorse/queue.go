package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) queueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "queue",
		Short: "what waits here, and why",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				q, err := b.Queue(c.Context())
				if err != nil {
					return err
				}
				return a.answer(admin.QueueReply{Head: a.head(admin.SchemaQueue), Parcels: some(q)}, func() { a.showQueue(q) })
			})
		},
	}
}

// some is never nil, so that JSON shows [].
func some[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func (a *app) showQueue(q []admin.Parcel) {
	if len(q) == 0 {
		a.say("All delivered: nothing waits here.")
		return
	}
	rows := [][]string{{"ID", "TO", "PRI", "SIZE", "STATE", "NEXT", "WHY"}}
	for _, p := range q {
		rows = append(rows, []string{cell(p.ID), cell(strings.TrimLeft(p.Kind+" "+p.To, " ")), cell(p.Priority), size(int64(p.SizeBytes)), string(p.State), cell(p.Next), cell(why(p))})
	}
	table(a.out, rows)
}

// why is a parcel's reason to wait, with how far it is when it moves.
func why(p admin.Parcel) string {
	if p.Why == "moving" && p.Total > 0 {
		return "moving: " + percent(p) + arrival(p)
	}
	if p.Why == "budget" {
		return "budget: " + percent(p) + arrival(p)
	}
	if p.Why == "quota" {
		return "custody refused: full"
	}
	if p.By != "" {
		return p.Why + " by " + p.By + " for " + span(time.Since(p.Since))
	}
	return p.Why
}

// arrival says in plain words when the next gateway will have a parcel, as far as that can be told.
func arrival(p admin.Parcel) string {
	if p.ETAS <= 0 {
		return ""
	}
	text := ", in about " + inWords(seconds(p.ETAS))
	if p.LawS > 0 {
		text += fmt.Sprintf(" (the law allows %.3g s of sending an hour)", p.LawS)
	}
	return text
}
