package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) contactCommand() *cobra.Command {
	return group("contact", "who may write to us, and whom we may write to",
		a.cardCommand(), a.exportCommand(), a.addCommand(), a.contactsCommand())
}

func (a *app) cardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "card",
		Short: "print our card, for somebody to authorise us by",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				t, err := b.ContactCard(c.Context())
				if err != nil {
					return err
				}
				return a.answer(admin.TextReply{Head: a.head(admin.SchemaText), Text: t}, func() { a.say("%s", t) })
			})
		},
	}
}

func (a *app) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export CARD|FILE|-",
		Short: "let the owner of a card write to us; prints what they need",
		Args:  between(1, 1, "a card, a file that holds one, or - for stdin"),
		RunE: func(c *cobra.Command, args []string) error {
			card, err := a.text(args[0])
			if err != nil {
				return err
			}
			return a.with(func(b admin.Client) error {
				t, err := b.ContactExport(c.Context(), card)
				if err != nil {
					return err
				}
				return a.answer(admin.TextReply{Head: a.head(admin.SchemaText), Text: t}, func() {
					a.say("%s", t)
					a.hint("give this to them: packhorse contact add NAME FILE")
				})
			})
		},
	}
}

func (a *app) addCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME TEXT|FILE|-",
		Short: "take what somebody exported for us",
		Args:  between(2, 2, "a name, and the text, its file or - for stdin"),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := a.text(args[1])
			if err != nil {
				return err
			}
			return a.with(func(b admin.Client) error {
				if err := b.ContactAdd(c.Context(), args[0], text); err != nil {
					return err
				}
				done := struct {
					admin.Head
					Name string `json:"name"`
				}{a.head("packhorse.contact_added/1"), args[0]}
				return a.answer(done, func() { a.say("added %s: packhorse send %s TEXT", cell(args[0]), cell(args[0])) })
			})
		},
	}
}

func (a *app) contactsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "names that send accepts",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error {
				names, err := b.Contacts(c.Context())
				if err != nil {
					return err
				}
				return a.answer(admin.ContactsReply{Head: a.head(admin.SchemaContacts), Contacts: some(names)}, func() {
					for _, n := range names {
						a.say("%s", cell(n))
					}
					if len(names) == 0 {
						a.hint("Nobody yet. Gateways of the domain become contacts by themselves: packhorse domain list")
					}
				})
			})
		},
	}
}

// text is stdin for -, what a file of that name holds, or the argument itself.
func (a *app) text(arg string) (string, error) {
	if arg != "-" {
		return inviteText(arg)
	}
	b, err := io.ReadAll(io.LimitReader(a.in, maxText+1))
	if err == nil && len(b) > maxText {
		err = usage("check what is piped in", "more than %s on stdin", size(maxText))
	}
	if errors.Is(err, os.ErrClosed) {
		err = usage("pipe the text in, or name a file", "nothing on stdin")
	}
	return strings.TrimSpace(string(b)), err
}
