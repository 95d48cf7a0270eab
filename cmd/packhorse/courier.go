package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

func (a *app) courierCommand() *cobra.Command {
	return group("courier", "cargo that phones, laptops and sticks carry", a.courierStatusCommand(), a.courierSyncCommand(), a.courierExportCommand(), a.courierImportCommand())
}

// courierOf is what a configuration says of cargo.
func courierOf(l *config.Loaded) node.Courier {
	return node.Courier{Listen: l.Courier.Listen, AnyAddress: l.Courier.AnyAddress, Internet: l.Courier.Internet}
}

func (a *app) courierStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "what is carried for others, and whether a courier is on this network",
		Long:  "A courier is looked for where phones are that share their connection: at the default gateway of this network.",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				s, err := b.Courier(c.Context())
				if err != nil {
					return err
				}
				return a.answer(admin.CourierReply{Head: a.head(admin.SchemaCourier), CourierState: s}, func() { a.showCourier(s) })
			})
		},
	}
}

func (a *app) showCourier(s admin.CourierState) {
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateTime) + " UTC"
	}
	a.sayPart("listens", s.Listen, "no: courier.listen is empty")
	a.sayPart("courier", s.Found, "none on this network")
	a.sayPart("visited", when(s.Synced), "never: packhorse courier sync")
	a.say("%-9s %s, %s", "holds", count(s.Waiting, "item")+" of others", size(s.Bytes))
	a.say("%-9s %d cargo to the Internet, %d from it", "carried", s.Delivered, s.Collected)
	a.sayPart("internet", when(s.Internet), "not reached with cargo yet")
	if s.Problem != "" {
		a.say("warn      %s", clean(s.Problem))
	}
}

func (a *app) courierSyncCommand() *cobra.Command {
	to, mesh := "", false
	c := &cobra.Command{
		Use:   "sync",
		Short: "exchange cargo with the courier on this network",
		Long: `Fetches our cargo from a courier, waits five seconds, and gives it ours and what this gateway holds for others. The courier is a phone
with Awala's courier app, or another gateway that listens for cargo. Parcels stay here until the Internet has acknowledged them, which the
next visits bring: until then each visit gives them again.

With --mesh no courier is needed: the request for our cargo goes over the mesh to the nearest gateway that reaches the Internet, and the cargo comes
back the same way. The request is 3.5 kB on each radio hop, and the cargo what it weighs; a second one is refused until the cargo came, or
for a day after the first left. Parcels of ours need no request: they go by the mesh to that gateway by themselves.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if mesh && to != "" {
				return usage("packhorse courier sync --mesh", "--mesh asks no courier, --to names one")
			}
			return a.with(func(b admin.Client) error {
				if mesh {
					return a.requestCargo(c.Context(), b)
				}
				return a.syncCourier(c.Context(), b, to)
			})
		},
	}
	c.Flags().BoolVar(&mesh, "mesh", false, "ask for our cargo over the mesh, for 3.5 kB of airtime on each hop")
	c.Flags().StringVar(&to, "to", "", "IP `address` of the courier, if it is not the default gateway")
	return c
}

func (a *app) syncCourier(ctx context.Context, b admin.Client, to string) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	if events, err := b.Events(inner); err == nil {
		told := make(chan struct{})
		go func() {
			defer close(told)
			for e := range events {
				if e.Type == "courier" {
					a.hint("%s", clean(e.Text))
				}
			}
		}()
		defer func() { stop(); <-told }()
	}
	s, err := b.SyncCourier(ctx, to)
	if err != nil {
		return err
	}
	return a.answer(admin.CourierSyncReply{Head: a.head(admin.SchemaCourierSync), CourierSync: s}, func() { a.showSync(s) })
}

func (a *app) showSync(s admin.CourierSync) {
	a.say("fetched  %d cargo: %s, %s", s.CargoIn, count(s.ParcelsIn, "parcel"), count(s.AcksIn, "acknowledgement"))
	a.say("gave     %d cargo: %s, %s", s.CargoOut, count(s.ParcelsOut, "parcel"), count(s.AcksOut, "acknowledgement"))
	if s.RelayedOut+s.RelayedIn > 0 {
		a.say("others'  gave %d cargo, fetched %d", s.RelayedOut, s.RelayedIn)
	}
	if s.Refused > 0 {
		a.say("warn     %s passed over: malformed, expired or not for us", count(s.Refused, "item"))
	}
}

func (a *app) requestCargo(ctx context.Context, b admin.Client) error {
	r, err := b.RequestCargo(ctx)
	if err != nil {
		return err
	}
	return a.answer(admin.CargoRequestReply{Head: a.head(admin.SchemaCargo), CargoRequest: r}, func() { a.showRequest(r) })
}

func (a *app) showRequest(r admin.CargoRequest) {
	line := fmt.Sprintf("asked for our cargo over the mesh through %s, %s", cell(r.Exit), size(int64(r.SizeBytes)))
	if r.AirtimeS > 0 {
		line += ", about " + span(seconds(r.AirtimeS)) + " of our air"
	}
	a.say("%s", line)
	if r.ID == "" {
		a.say("it was answered at once")
		return
	}
	a.say("%s to %s; cargo can come until %s UTC", cell(r.ID), cell(r.To), r.Expires.Format(time.DateTime))
}
