package main

import (
	"strings"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) upCommand() *cobra.Command {
	var u admin.Up
	c := &cobra.Command{
		Use:   "up",
		Short: "set the region, found a domain, name the gateway",
		Long: `Sets what a gateway needs before it may transmit. What is not named stays as it is.
A gateway that is to join somebody's domain needs only --region, then "packhorse pair CODE".`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				s, err := b.Up(c.Context(), u)
				if err != nil {
					return err
				}
				return a.answer(s, func() { a.showUp(s) })
			})
		},
	}
	c.Flags().StringVar(&u.Region, "region", "", "whose radio rules apply, such as EU868")
	c.Flags().StringVar(&u.Domain, "domain", "", "found a domain of this `name`; this gateway then owns it")
	c.Flags().StringVar(&u.Name, "name", "", "what this gateway is called")
	return c
}

func (a *app) showUp(s admin.Status) {
	where := []string{cell(s.Name)}
	if s.Domain != "" {
		where = append(where, "in domain "+cell(s.Domain)+",")
	} else {
		where = append(where, "in no domain,")
	}
	region := "no region: no radio transmits"
	if s.Region != "" {
		region = s.Region
	}
	a.say("up: %s %s", strings.Join(where, " "), region)
	if s.Domain == "" {
		a.hint("next: packhorse up --domain NAME founds a domain, packhorse pair CODE joins one")
	}
}
