package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// setupWanted is what the answers want.
type setupWanted struct {
	Region, Name, Radio, Domain, Join string
	Keys                              []string // public keys for SSH

	from, result string
	wait         time.Duration
}

const setupWait = 2 * time.Minute

// given tells that the command line answers something: then nothing is asked.
func (w setupWanted) given() bool {
	return w.Region+w.Name+w.Radio+w.Domain+w.Join+w.from != "" || len(w.Keys) > 0
}

func (a *app) setupCommand() *cobra.Command {
	var w setupWanted
	c := &cobra.Command{
		Use:   "setup",
		Short: "make a gateway of this computer: asks, or takes the answers from flags or a file",
		Long: `Asks for region, name, radio and domain, looks for radios that are plugged in, writes the answers to conf.d/90-setup.toml beside the configuration and
tells the running gateway. With answers on the command line, or where nobody is at a terminal, nothing is asked. Run it again at any time: it changes only
what differs, and it never replaces a region, a radio or a domain that is there.

--from FILE takes the answers from a configuration file, such as packhorse.toml on the boot partition of a card, with a [setup] table for what is done once:

    region = "EU868"
    name = "ridge-2"
    [setup]
    join = "K7QM-2XTD"

Unless it is the configuration itself, a copy becomes conf.d/50-boot.toml. --result writes in plain words what became of it, without secrets.
A domain needs a clock that can be trusted, and a code needs the gateway that shows it: setup waits for both up to --wait, then ends
with exit code 5, and the next run goes on. A code that was used or refused is not tried again, nor one after ` + number(maxTries) + ` runs in vain.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.setup(c.Context(), w) },
	}
	f := c.Flags()
	f.StringVar(&w.Region, "region", "", "whose radio rules apply, such as EU868: packhorse region lists them")
	f.StringVar(&w.Name, "name", "", "what this gateway is called")
	f.StringVar(&w.Radio, "radio", "", "radio `board` (packhorse board list), serial port of an RNode, auto, or none")
	f.StringVar(&w.Domain, "domain", "", "found a domain of this `name`")
	f.StringVar(&w.Join, "join", "", "join a domain by the `code` or invite that packhorse pair shows there, or a file with the invite")
	f.StringArrayVar(&w.Keys, "ssh-key", nil, "public `key` that may give commands over SSH; flash image only, may be repeated")
	f.StringVar(&w.from, "from", "", "take the answers from this `file`")
	f.StringVar(&w.result, "result", "", "write what became of it to this `file`")
	f.DurationVar(&w.wait, "wait", setupWait, "how long to wait for the gateway, its clock and the pairing")
	return c
}

// setup does it, and says what became of it on stdout and in the file of --result, whatever the end.
func (a *app) setup(ctx context.Context, w setupWanted) error {
	r := &setupReport{from: w.from, Law: []string{}, Done: []string{}, Kept: []string{}, Files: []string{}}
	err := a.setupAsked(ctx, w, r)
	r.end(err)
	if w.result != "" {
		err = errors.Join(err, r.write(w.result))
	}
	if err != nil && admin.AsError(err).Code != admin.CodeNotYet {
		return err
	}
	r.Head = a.head("packhorse.setup/1")
	if err != nil && a.json { // what was done must not be lost because of what waits
		if e := lines(a.out, r); e != nil {
			return e
		}
		return saidAlready(admin.CodeNotYet)
	}
	return errors.Join(a.answer(r, func() { a.say("%s", strings.TrimRight(r.text(), "\n")) }), err)
}

func (a *app) setupAsked(ctx context.Context, w setupWanted, r *setupReport) error {
	if err := w.check(); err != nil {
		return err
	}
	var l *config.Loaded
	err := a.alone(ctx, func() (err error) { l, err = a.setupFrom(&w, r); return err })
	if err != nil {
		return err
	}
	s, here, err := a.statusNow(ctx)
	if err != nil {
		return err
	}
	switch {
	case w.given():
	case a.ask == nil || a.json:
		return usage("packhorse setup --region EU868 --name ridge-1 --radio auto --domain ridge", "nobody is at a terminal to be asked, and no answer was given")
	default:
		if w, err = a.askSetup(ctx, l, s, w); err != nil {
			return err
		}
	}
	if w.from != "" && s.Region != "" && l.Region != "" && s.Region != l.Region {
		r.done(fmt.Sprintf("region %s instead of %s, as %s says", l.Region, s.Region, w.from))
	}
	var done changed
	if err = a.alone(ctx, func() (err error) { done, err = a.writeAnswers(ctx, l, s, w, r); return err }); err != nil {
		return err
	}
	if w.result != "" { // who looks while it waits should see what was understood
		if err := r.write(w.result); err != nil {
			return err
		}
	}
	return a.settle(ctx, done.now, w, here, r)
}

// check looks at what needs no file.
func (w setupWanted) check() error {
	switch {
	case w.Domain != "" && w.Join != "":
		return usage("give --domain to found one, or --join to join one", "a domain is either founded or joined")
	case w.Domain != "" && !config.ValidName(w.Domain):
		return usage("use 1 to 24 letters, digits and dashes", "%q is not a name for a domain", w.Domain)
	case w.wait < 0:
		return usage("--wait 2m", "a wait cannot be negative")
	}
	if w.Join != "" {
		text, err := inviteText(w.Join)
		if err == nil {
			err = config.CheckJoin(text)
		}
		if err != nil {
			return usage("copy what packhorse pair shows on the gateway that founded the domain", "--join: %s", strings.TrimPrefix(err.Error(), "domain: "))
		}
	}
	for _, key := range w.Keys {
		if _, err := os.Stat(card.ReleasePath); err != nil {
			return usage("use the SSH server of the system", "--ssh-key is for the flash image: this computer has its own users")
		}
		if !strings.HasPrefix(key, "ssh-") && !strings.HasPrefix(key, "ecdsa-") && !strings.HasPrefix(key, "sk-") {
			return usage("give the line of a file such as ~/.ssh/id_ed25519.pub", "%.20q is no public key for SSH", key)
		}
	}
	return nil
}

// statusNow is what the gateway says, if one runs.
func (a *app) statusNow(ctx context.Context) (s admin.Status, here bool, err error) {
	err = a.with(func(b admin.Client) error {
		s, err = b.Status(ctx)
		return err
	})
	if offline(err) {
		a.gateway = nil
		return s, false, nil
	}
	return s, err == nil, err
}
