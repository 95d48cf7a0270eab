package main

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"packhorse/gateway/admin"
)

func (a *app) pairCommand() *cobra.Command {
	var square bool
	c := &cobra.Command{
		Use:   "pair [CODE | INVITE | FILE]",
		Short: "let one gateway into our domain, or join one",
		Long: `Without an argument, the gateway that founded the domain opens a pairing: it prints a code to type and an
invite to scan or copy, and waits until somebody has joined. Either is good once and for ten minutes.
With a code, an invite, or a file that holds an invite, this gateway joins the domain of whoever printed it.`,
		Args: between(0, 1, "a code, an invite, a file with an invite, or nothing"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(b admin.Client) error {
				if len(args) == 0 {
					return a.openPairing(c, b, square)
				}
				return a.joinPairing(c, b, args[0])
			})
		},
	}
	c.Flags().BoolVar(&square, "qr", true, "show the invite as a QR square (on stderr)")
	return c
}

func (a *app) openPairing(c *cobra.Command, b admin.Client, square bool) error {
	o, err := b.OpenPairing(c.Context())
	if err != nil {
		return err
	}
	if square && !a.json {
		if s, err := halfBlocks(o.Invite); err == nil {
			a.hint("%s", s)
		}
	}
	offer := admin.PairOfferReply{Head: a.head(admin.SchemaOffer), PairOffer: o}
	err = a.answer(offer, func() {
		a.say("code    %s", o.Code)
		a.say("invite  %s", o.Invite)
	})
	if err != nil {
		return err
	}
	a.hint("Good once, for %s. On the other gateway: packhorse pair %s", span(time.Until(o.Until).Round(time.Second)), o.Code)
	r, err := b.Pairing(c.Context())
	if err != nil {
		return err
	}
	return a.answer(admin.PairResultReply{Head: a.head(admin.SchemaPaired), PairResult: r}, func() { a.say("paired: %s is now in domain %s", cell(r.Peer), cell(r.Domain)) })
}

func (a *app) joinPairing(c *cobra.Command, b admin.Client, arg string) error {
	text, err := inviteText(arg)
	if err != nil {
		return err
	}
	a.hint("looking for the gateway that shows this code; this can take some beacons")
	r, err := b.JoinPairing(c.Context(), text)
	if err != nil {
		return err
	}
	return a.answer(admin.PairResultReply{Head: a.head(admin.SchemaPaired), PairResult: r}, func() {
		a.say("paired: this gateway is now in domain %s, let in by %s", cell(r.Domain), cell(r.Peer))
	})
}

// maxText bounds what is read of a file that should hold an invite or a card.
const maxText = 48 << 10

// inviteText is the argument itself, or what the file of that name holds.
func inviteText(arg string) (string, error) {
	b, err := readSmall(arg)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrInvalid) {
		return strings.TrimSpace(arg), nil
	}
	return strings.TrimSpace(string(b)), err
}

// readSmall reads a regular file of at most maxText octets. A name no file can have
// (an invite is longer than that) counts as missing.
func readSmall(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, os.ErrNotExist
	}
	if !fi.Mode().IsRegular() {
		return nil, os.ErrInvalid
	}
	if fi.Size() > maxText {
		return nil, usage("check the path", "%s is too large (%s) for what is wanted here", path, size(fi.Size()))
	}
	return os.ReadFile(path)
}

// halfBlocks draws a QR code with two modules a character, and its quiet zone of four.
// Dark modules are blank, so that it scans from a dark terminal.
func halfBlocks(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", err
	}
	const quiet = 4
	light := func(x, y int) bool { return !code.Black(x, y) } // outside the code is light
	var s strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := light(x, y), light(x, y+1)
			switch {
			case upper && lower:
				s.WriteString("\u2588")
			case upper:
				s.WriteString("\u2580")
			case lower:
				s.WriteString("\u2584")
			default:
				s.WriteString(" ")
			}
		}
		s.WriteString("\n")
	}
	return s.String(), nil
}
