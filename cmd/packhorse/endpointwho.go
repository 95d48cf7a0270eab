package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	awala "packhorse/gateway/app"
	"packhorse/gateway/pki"
)

func (a *app) endpointAuthoriseCommand(f *endpointFlags) *cobra.Command {
	limit, until, raw := "", "", false
	c := &cobra.Command{
		Use:   "authorise CARD|FILE|-",
		Short: "let the owner of a card write to this endpoint; prints what they need",
		Long: `CARD is what packhorse endpoint card or packhorse contact card print, or the public key (DER SubjectPublicKeyInfo) of an endpoint of
another Awala library. What is printed is no secret, but of use to them alone.`,
		Args: between(1, 1, "a card, a file that holds one, or - for stdin"),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := endpointTerms(limit, until)
			if err != nil {
				return err
			}
			b, err := a.octetsOf(args[0])
			if err != nil {
				return err
			}
			card, err := awala.ParseCard(b)
			if err != nil {
				return endpointError(err)
			}
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				contact, err := e.Authorise(card, t)
				if err != nil {
					return err
				}
				return a.handOver(raw, contact, contact.String(), "give this to them: packhorse endpoint add NAME FILE")
			})
		},
	}
	c.Flags().StringVar(&limit, "limit", "", "at most so many messages in a time, as `N/PERIOD` such as 10/24h; gateways enforce it")
	c.Flags().StringVar(&until, "for", "", "how `long`, such as 30d (default as long as the registration lasts)")
	rawFlag(c, &raw)
	return c
}

// endpointTerms reads the flags of authorise.
func endpointTerms(limit, until string) (t awala.Terms, err error) {
	if until != "" {
		d, err := lifetime(until)
		if err != nil {
			return t, err
		}
		t.Until = time.Now().Add(d)
	}
	if limit == "" {
		return t, nil
	}
	n, period, ok := strings.Cut(limit, "/")
	count, err := strconv.ParseUint(n, 10, 31)
	if !ok || err != nil || count == 0 {
		return t, usage("--limit 10/24h", "%q is no number of messages in a time", limit)
	}
	d, err := lifetime(period)
	t.Limit = &pki.RateLimit{Limit: int(count), Period: d}
	return t, err
}

func (a *app) endpointDeauthoriseCommand(f *endpointFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "deauthorise NAME|ID",
		Short: "take back what an endpoint was allowed",
		Long: `From now on nothing of theirs is shown here, and the gateway stops it on its way as soon as it knows. It ends with exit
code 5 when the gateway does not know yet: the next send or receive tells it. Gateways of others know no deauthorisations: exit code 4.`,
		Args: between(1, 1, "a contact or the id of an endpoint"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				id := pki.NodeID(args[0])
				for _, k := range e.Contacts() {
					if k.Name == args[0] {
						id = k.ID
					}
				}
				known, err := e.Deauthorise(c.Context(), id)
				if err != nil {
					return err
				}
				return a.saidDeauthorised(id, known)
			})
		},
	}
}

func (a *app) saidDeauthorised(id pki.NodeID, known bool) error {
	out := struct {
		admin.Head
		ID    pki.NodeID `json:"id"`
		Known bool       `json:"known"` // to the gateway
	}{a.head("packhorse.endpoint_deauthorised/1"), id, known}
	err := a.answer(out, func() {
		if known {
			a.say("%s may no longer write; the gateway knows", id)
		} else {
			a.say("%s may no longer write; the gateway does not know yet", id)
		}
	})
	if err == nil && !known {
		return saidAlready(admin.CodeNotYet)
	}
	return err
}

// What list shows, in JSON.
type (
	endpointLimit struct {
		Parcels int     `json:"parcels"`
		PeriodS float64 `json:"period_s"`
	}
	endpointContact struct {
		Name     string         `json:"name"`
		ID       pki.NodeID     `json:"id"`
		Internet bool           `json:"internet"`
		Until    time.Time      `json:"until"`
		Limit    *endpointLimit `json:"limit,omitempty"`
	}
	endpointPermission struct {
		ID    pki.NodeID     `json:"id"`
		Until time.Time      `json:"until"`
		Limit *endpointLimit `json:"limit,omitempty"`
	}
	endpointListed struct {
		admin.Head
		endpointOwn
		Contacts    []endpointContact    `json:"contacts"`
		Permissions []endpointPermission `json:"permissions"`
		Waiting     []string             `json:"waiting_messages"`
	}
)

func limitOf(r *pki.RateLimit) *endpointLimit {
	if r == nil {
		return nil
	}
	return &endpointLimit{r.Limit, r.Period.Seconds()}
}

func (a *app) endpointListCommand(f *endpointFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "show the endpoint, whom it may write to and who may write to it",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				l := a.endpointList(e)
				return a.answer(l, func() { a.showEndpoint(l) })
			})
		},
	}
}

func (a *app) endpointList(e *awala.Endpoint) endpointListed {
	r, _ := e.Registration()
	l := endpointListed{Head: a.head("packhorse.endpoint_list/1"), endpointOwn: ownOf(e.ID(), r), Waiting: e.Waiting(),
		Contacts: []endpointContact{}, Permissions: []endpointPermission{}}
	for _, k := range e.Contacts() {
		l.Contacts = append(l.Contacts, endpointContact{k.Name, k.ID, k.Internet, k.Until, limitOf(k.Limit)})
	}
	for _, p := range e.Permissions() {
		l.Permissions = append(l.Permissions, endpointPermission{p.ID, p.Until, limitOf(p.Limit)})
	}
	return l
}

func (a *app) showEndpoint(l endpointListed) {
	a.say("%-9s %s", "endpoint", l.ID)
	a.sayPart("gateway", l.GatewayURL, "none: packhorse endpoint register")
	if l.Until != nil {
		a.say("%-9s %s", "until", l.Until.Format(time.DateOnly))
	}
	a.say("%-9s %s", "waiting", count(len(l.Waiting), "message"))
	rows := [][]string{{"WHO", "MAY", "UNTIL", "LIMIT", "ID"}}
	for _, k := range l.Contacts {
		rows = append(rows, []string{cell(k.Name), "be written to", k.Until.Format(time.DateOnly), k.Limit.String(), string(k.ID)})
	}
	for _, p := range l.Permissions {
		rows = append(rows, []string{l.nameOf(p.ID), "write to us", p.Until.Format(time.DateOnly), p.Limit.String(), string(p.ID)})
	}
	if len(rows) > 1 {
		table(a.out, rows)
	}
}

func (l *endpointListed) nameOf(id pki.NodeID) string {
	if i := slices.IndexFunc(l.Contacts, func(k endpointContact) bool { return k.ID == id }); i >= 0 {
		return cell(l.Contacts[i].Name)
	}
	return "-"
}

// String is the limit as --limit takes it.
func (l *endpointLimit) String() string {
	if l == nil {
		return "-"
	}
	return strconv.Itoa(l.Parcels) + "/" + span(seconds(l.PeriodS))
}
