package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) queueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "queue",
		Short: "what waits here, and why",
		Long: `Lists what this gateway still has to do something about, the most urgent first. KIND: a parcel, cargo for an Internet gateway or from one, or a request
for cargo; the last two are held for others, or go for us (packhorse courier sync --mesh).

WHY says what it waits for. no_route: no way to the recipient's gateway is known yet, it goes when one is heard. no_uplink: it is for the Internet, and no
gateway of the domain reaches that now; it goes when one does, or with a courier or a stick. peer_silent: the next gateway, or the app that it is for, does not
answer. budget: the law allows no more airtime now. custody refused: the next gateway has no room, it is offered again. clock: a clock
cannot be trusted, here or there. contact: an address was asked for, and has not come. moving: nothing, it is on its way.`,
		Args: none,
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
	rows := [][]string{{"ID", "KIND", "TO", "PRI", "SIZE", "STATE", "NEXT", "WHY"}}
	for _, p := range q {
		rows = append(rows, []string{cell(p.ID), cell(cmp.Or(p.Kind, "parcel")), cell(p.To), cell(p.Priority), size(int64(p.SizeBytes)), string(p.State), cell(p.Next), cell(why(p))})
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
	if p.Why == "no_uplink" {
		return "no_uplink: no gateway of the domain reaches the Internet; packhorse courier sync or export takes it there"
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
