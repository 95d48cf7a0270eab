package main

import (
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) domainCommand() *cobra.Command {
	return group("domain", "the gateways of our domain", a.membersCommand(), a.revokeCommand())
}

func (a *app) membersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "the gateways of the domain, and until when each is a member",
		Long:  "Memberships last 30 days and renew themselves over the mesh while the owner can be reached.",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				m, err := b.Members(c.Context())
				if err != nil {
					return err
				}
				return a.answer(admin.MembersReply{Head: a.head(admin.SchemaMembers), Members: some(m)}, func() { a.showMembers(m) })
			})
		},
	}
}

func (a *app) showMembers(list []admin.Member) {
	if len(list) == 0 {
		a.hint("This gateway is in no domain: packhorse up --domain NAME, or packhorse pair CODE")
		return
	}
	rows := [][]string{{"NAME", "ID", "ROLE", "MEMBER UNTIL"}}
	for _, m := range list {
		rows = append(rows, []string{cell(m.Name), cell(m.ID), roleOf(m), m.Until.Format(time.DateOnly)})
	}
	table(a.out, rows)
}

func roleOf(m admin.Member) string {
	role := "member"
	switch {
	case m.Revoked:
		role = "revoked"
	case m.Owner:
		role = "owner"
	}
	if m.Self {
		role += ", this gateway"
	}
	return role
}

func (a *app) revokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME|ID",
		Short: "take a gateway out of the domain",
		Long: "Works on the gateway that holds the domain's key. All members hear of it and then refuse the gateway, what it\n" +
			"announces, and parcels authorised through it. Those who are away hear of it when they are back. To let the\n" +
			"gateway in again, pair with it anew from an empty state directory.",
		Args: between(1, 1, "the name or id of a gateway: packhorse domain list"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(b admin.Client) error {
				if err := b.Revoke(c.Context(), args[0]); err != nil {
					return err
				}
				done := struct {
					admin.Head
					Name string `json:"name"`
				}{a.head("packhorse.revoked/1"), args[0]}
				return a.answer(done, func() { a.say("revoked %s: the members are being told", cell(args[0])) })
			})
		},
	}
}
