package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	awala "packhorse/gateway/app"
	"packhorse/gateway/pki"
)

// endpointFlags are those of all commands of an endpoint.
type endpointFlags struct{ dir string }

func (a *app) endpointCommand() *cobra.Command {
	var f endpointFlags
	c := group("endpoint", "be an Awala app from the command line: register, authorise, send, receive",
		a.endpointRegisterCommand(&f), a.endpointCardCommand(&f), a.endpointAuthoriseCommand(&f), a.endpointAddCommand(&f),
		a.endpointSendCommand(&f), a.endpointReceiveCommand(&f), a.endpointDeauthoriseCommand(&f), a.endpointListCommand(&f))
	c.Long = `An endpoint of its own, beside the one that is built into the gateway (packhorse send): it talks to a private gateway as apps do,
over PoWeb, so that Awala's own gateways will do as well as packhorse, and needs no rights on this one. It lives in a directory, which one
command has open at a time: make it a second one with --dir. docs/APPS.md shows how two endpoints meet.`
	c.PersistentFlags().StringVar(&f.dir, "dir", "", "`directory` of the endpoint (default packhorse/endpoint in the user's configuration directory)")
	return c
}

// endpointDir is where a user's endpoint is, where nothing else is said.
func (a *app) endpointDir() (string, error) {
	if dir := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "packhorse", "endpoint"), nil
	}
	if home := a.getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "packhorse", "endpoint"), nil
	}
	return "", usage("--dir DIRECTORY", "there is no home directory to keep the endpoint in")
}

// withEndpoint runs f with the endpoint of the flags.
func (a *app) withEndpoint(o *endpointFlags, f func(*awala.Endpoint) error) error {
	dir, err := o.dir, error(nil)
	if dir == "" {
		if dir, err = a.endpointDir(); err != nil {
			return err
		}
	}
	e, err := awala.Open(dir, awala.Options{Report: func(err error) { a.hint("%s", clean(err.Error())) }})
	if err != nil {
		return endpointError(err)
	}
	err = endpointError(f(e))
	return errors.Join(err, endpointError(e.Close()))
}

// endpointCodes joins the reasons of package app to codes, and to what to do at the command line where that is more than it says.
var endpointCodes = map[awala.Reason]struct {
	code admin.Code
	fix  string
}{
	awala.Usage:        {admin.CodeUsage, ""},
	awala.Busy:         {admin.CodeFailed, "end the other command, or give this one its own --dir"},
	awala.NotContact:   {admin.CodeNotFound, "packhorse endpoint list"},
	awala.Unregistered: {admin.CodeRefused, "packhorse endpoint register"},
	awala.Unreachable:  {admin.CodeOffline, "packhorse run, or packhorse endpoint register --gateway URL"},
	awala.NotYet:       {admin.CodeNotYet, ""},
	awala.Refused:      {admin.CodeRefused, ""},
	awala.Full:         {admin.CodeQuota, "free space on the disk"},
	awala.Disk:         {admin.CodeFailed, ""},
}

func endpointError(err error) error {
	var e *awala.Error
	if !errors.As(err, &e) {
		return err
	}
	k := endpointCodes[e.Reason]
	out := &admin.Error{Code: k.code, Message: e.Message, Fix: e.Fix}
	if k.fix != "" {
		out.Fix = k.fix
	}
	return out
}

func (a *app) endpointRegisterCommand(f *endpointFlags) *cobra.Command {
	url := ""
	c := &cobra.Command{
		Use:   "register",
		Short: "register the endpoint with a private gateway, making it first if there is none",
		Long: `Once is enough: it is renewed in time. Whoever was authorised under one gateway cannot reach the endpoint under another
one, and must be authorised anew.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				r, err := e.Register(c.Context(), url)
				if err != nil {
					return err
				}
				return a.answer(endpointReply{a.head("packhorse.endpoint/1"), ownOf(e.ID(), r)}, func() {
					a.say("registered %s with %s until %s", e.ID(), r.URL, r.Until.Format(time.DateOnly))
					a.hint("give others your card: packhorse endpoint card")
				})
			})
		},
	}
	c.Flags().StringVar(&url, "gateway", "", "`URL` of the gateway (default "+awala.DefaultGateway+")")
	return c
}

// endpointOwn is an endpoint and its registration.
type endpointOwn struct {
	ID         pki.NodeID `json:"id"`
	GatewayURL string     `json:"gateway_url,omitempty"` // absent: not registered
	Gateway    pki.NodeID `json:"gateway,omitempty"`
	Address    string     `json:"address,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
}

type endpointReply struct {
	admin.Head
	endpointOwn
}

func ownOf(id pki.NodeID, r awala.Registration) endpointOwn {
	o := endpointOwn{ID: id, GatewayURL: r.URL, Gateway: r.Gateway, Address: r.Address}
	if !r.Until.IsZero() {
		o.Until = &r.Until
	}
	return o
}

func (a *app) endpointCardCommand(f *endpointFlags) *cobra.Command {
	raw := false
	c := &cobra.Command{
		Use:   "card",
		Short: "print the endpoint's card, for somebody to authorise it by",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			return a.withEndpoint(f, func(e *awala.Endpoint) error { return a.handOver(raw, e.Card(), e.Card().String(), "") })
		},
	}
	rawFlag(c, &raw)
	return c
}

func rawFlag(c *cobra.Command, raw *bool) {
	c.Flags().BoolVar(raw, "raw", false, "octets instead of a text, as other Awala libraries read them")
}

// handOver prints what is for somebody else.
func (a *app) handOver(raw bool, octets []byte, text, hint string) error {
	if raw {
		_, err := a.out.Write(octets)
		return err
	}
	return a.answer(admin.TextReply{Head: a.head(admin.SchemaText), Text: text}, func() {
		a.say("%s", text)
		if hint != "" {
			a.hint("%s", hint)
		}
	})
}

// octetsOf are those of stdin for -, of the file of that name, or of the argument itself.
func (a *app) octetsOf(arg string) ([]byte, error) {
	if arg == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, maxText+1))
		if len(b) > maxText {
			return nil, usage("check what is piped in", "more than %s on stdin", size(maxText))
		}
		return b, err
	}
	b, err := readSmall(arg)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrInvalid) {
		if strings.Contains(arg, "/") && !strings.Contains(arg, ":") {
			return nil, usage("check the path, or give the text itself, which begins with packhorse-", "there is no file %.80q", arg)
		}
		return []byte(arg), nil
	}
	return b, err
}

func (a *app) endpointAddCommand(f *endpointFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME CONTACT|FILE|-",
		Short: "take what somebody authorised this endpoint with",
		Long: `NAME is what send knows them by. CONTACT is what packhorse endpoint authorise or packhorse contact export print, or the
octets of an endpoint's connection parameters of another Awala library, also of an endpoint on the Internet.`,
		Args: between(2, 2, "a name, and a contact, a file that holds one or - for stdin"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.octetsOf(args[1])
			if err != nil {
				return err
			}
			contact, err := awala.ParseContact(b)
			if err != nil {
				return endpointError(err)
			}
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				if err := e.AddContact(args[0], contact); err != nil {
					return err
				}
				done := struct {
					admin.Head
					Name string `json:"name"`
				}{a.head("packhorse.contact_added/1"), args[0]}
				return a.answer(done, func() { a.say("added %s: packhorse endpoint send %s FILE", cell(args[0]), cell(args[0])) })
			})
		},
	}
}

// endpointSent tells of a message in JSON.
type endpointSent struct {
	admin.Head
	Message string `json:"message"` // its id
	To      string `json:"to"`
	Posted  bool   `json:"posted"` // the gateway has it
	Why     string `json:"why,omitempty"`
}

func (a *app) endpointSendCommand(f *endpointFlags) *cobra.Command {
	var m awala.Message
	text, ttl := "", ""
	c := &cobra.Command{
		Use:   "send NAME [FILE|-]",
		Short: "send a file, a text or what comes on stdin to a contact",
		Long: `The message is safe on this disk before anything leaves. It ends with exit code 5 when the gateway does not have it yet: it then goes
out with the next send or receive. With --id it is sent once, however often the command is repeated.`,
		Args: between(1, 2, "a contact, and a file or - for stdin"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if m.TTL, err = lifetime(ttl); err != nil {
				return err
			}
			if m.Content, err = a.endpointContent(c, args[1:], text, &m.Type); err != nil {
				return err
			}
			return a.withEndpoint(f, func(e *awala.Endpoint) error { return a.endpointSend(c.Context(), e, args[0], m) })
		},
	}
	c.Flags().StringVar(&text, "text", "", "send this text")
	c.Flags().StringVar(&m.Type, "type", "", "`type` of the content, as the apps agreed (default text/plain for --text, else application/octet-stream)")
	c.Flags().StringVar(&m.ID, "id", "", "`id` of the message, at most 64 characters (default a random one)")
	c.Flags().StringVar(&ttl, "ttl", "14d", "how long gateways try to deliver it")
	return c
}

// endpointContent reads what is to be sent.
func (a *app) endpointContent(c *cobra.Command, args []string, text string, typ *string) ([]byte, error) {
	usual, in := typeFile, a.in
	switch {
	case c.Flags().Changed("text") && len(args) > 0:
		return nil, usage("give one of them", "both a text and a file")
	case c.Flags().Changed("text"):
		usual, in = typeText, nil
	case len(args) > 0 && args[0] != "-":
		file, err := os.Open(args[0])
		if err != nil {
			return nil, usage("check the path, or say it with --text", "%s", err)
		}
		defer file.Close()
		in = file
	}
	if *typ == "" {
		*typ = usual
	}
	if in == nil {
		return []byte(text), nil
	}
	b, err := io.ReadAll(io.LimitReader(in, admin.MaxContent+1))
	if err == nil && len(b) > admin.MaxContent {
		err = usage("send it in parts", "it has more than %s", size(admin.MaxContent))
	}
	return b, err
}

func (a *app) endpointSend(ctx context.Context, e *awala.Endpoint, to string, m awala.Message) error {
	s, err := e.Send(ctx, to, m)
	if err != nil {
		return err
	}
	out := endpointSent{Head: a.head("packhorse.endpoint_sent/1"), Message: s.ID, To: to, Posted: s.Posted}
	if s.Why != nil {
		out.Why = s.Why.Error()
	}
	err = a.answer(out, func() {
		if s.Posted {
			a.say("sent %s to %s: the gateway has it", cell(s.ID), cell(to))
			return
		}
		a.say("saved %s to %s: the gateway does not have it yet", cell(s.ID), cell(to))
		a.hint("%s", clean(out.Why))
	})
	if err == nil && !s.Posted {
		return saidAlready(admin.CodeNotYet)
	}
	return err
}
