package main

import (
	"context"
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
	to := ""
	c := &cobra.Command{
		Use:   "sync",
		Short: "exchange cargo with the courier on this network",
		Long: `Fetches our cargo from a courier, waits five seconds, and gives it ours and what this gateway holds for others. The courier is a phone
with Awala's courier app, or another gateway that listens for cargo. Parcels stay here until the Internet has acknowledged them, which the
next visits bring: until then each visit gives them again.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error { return a.syncCourier(c.Context(), b, to) })
		},
	}
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
