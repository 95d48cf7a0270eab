package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"packhorse/board"
	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// interview asks a person at the terminal, line by line.
type interview struct {
	*app
	ctx   context.Context
	lines *bufio.Reader
}

// errNobody: the terminal was closed in the middle of a question.
var errNobody = &admin.Error{Code: admin.CodeUsage, Message: "the answers ended before the questions did; nothing was changed", Fix: "packhorse setup asks again"}

// ask puts a question until check takes the answer.
func (i *interview) ask(prompt string, check func(string) error) error {
	for {
		fmt.Fprint(i.err, prompt)
		type typed struct {
			s   string
			err error
		}
		answer := make(chan typed, 1)
		go func() {
			s, err := i.lines.ReadString('\n')
			answer <- typed{s, err}
		}()
		var t typed
		select {
		case t = <-answer:
		case <-i.ctx.Done():
			return i.ctx.Err()
		}
		if t.err == io.EOF && t.s == "" {
			return errNobody
		}
		err := check(strings.TrimSpace(t.s))
		if err == nil {
			return nil
		}
		e := admin.AsError(err)
		i.hint("%s", clean(e.Message))
		if e.Fix != "" {
			i.hint("%s", clean(e.Fix))
		}
		if t.err != nil {
			return errNobody
		}
	}
}

// askSetup asks step by step what is not known yet.
func (a *app) askSetup(ctx context.Context, l *config.Loaded, s admin.Status, w setupWanted) (setupWanted, error) {
	i := &interview{app: a, ctx: ctx, lines: bufio.NewReader(a.in)}
	steps := []func(*config.Loaded, admin.Status, *setupWanted) error{i.region, i.name, i.radio, i.domain, i.keys, i.consent}
	for _, step := range steps {
		if err := step(l, s, &w); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (i *interview) region(l *config.Loaded, s admin.Status, w *setupWanted) error {
	if was := cmp.Or(l.Region, s.Region); was != "" {
		i.hint("Region: %s already.", was)
		return nil
	}
	i.hint("Whose radio rules apply here? Nothing is transmitted before this is answered.")
	for _, name := range phy.Regions() {
		i.hint("  %-6s %s", name, cmp.Or(strings.Join(countriesIn(name), ", "), "another band of a country above; type its name for radios of that band"))
	}
	i.hint("%s", notAdvice)
	return i.ask("Region, or the country where the box stands: ", func(s string) error {
		name, err := regionMeant(s)
		w.Region = name
		return err
	})
}

// regionMeant reads a region, or a country that has one.
func regionMeant(text string) (string, error) {
	if g, err := phy.LookupRegion(text); err == nil {
		if !g.Open() {
			return "", usage("", "%s is closed to us: %s", g.Name, g.Closed())
		}
		return g.Name, nil
	}
	found := regionsOf(text)
	switch {
	case len(found) == 1:
		return found[0].region, nil
	case len(found) > 1:
		var names []string
		for _, c := range found {
			names = append(names, c.name)
		}
		return "", usage("", "Which of them: %s?", strings.Join(names, ", "))
	case text == "":
		return "", usage("", "Nothing is chosen beforehand: name one.")
	}
	return "", usage("", "%q is neither a region nor a country of the list. For other countries we have read no law: see packhorse region.", text)
}

func (i *interview) name(l *config.Loaded, s admin.Status, w *setupWanted) error {
	now := cmp.Or(s.Name, l.Name)
	return i.ask("Name of this gateway ["+now+"]: ", func(s string) error {
		w.Name = cmp.Or(s, now)
		if !config.ValidName(w.Name) {
			return usage("", "Use 1 to 24 letters, digits and dashes, no dash at either end.")
		}
		return nil
	})
}

// radioChoice is something that may be the radio.
type radioChoice struct{ value, words string }

func (i *interview) radio(l *config.Loaded, _ admin.Status, w *setupWanted) error {
	if len(l.Radio) > 0 {
		i.hint("Radio: %s is configured already.", l.Radio[0].Name)
		return nil
	}
	i.hint("Looking for radios; nothing is transmitted...")
	choices := append(i.findRadios(), radioChoice{"auto", "a board that is found at each start, by its EEPROM or its chip"}, radioChoice{"none", "no radio now"})
	for n, c := range choices {
		i.hint("  %d  %s: %s", n+1, clean(c.value), clean(c.words))
	}
	return i.ask("Radio, by number, board or port: ", func(s string) error {
		w.Radio = s
		for n, c := range choices {
			if s == number(n+1) {
				w.Radio = c.value
			}
		}
		return i.knownRadio(l, w.Radio)
	})
}

// knownRadio tells whether the configuration could have it.
func (i *interview) knownRadio(l *config.Loaded, what string) error {
	switch {
	case what == "":
		return usage("", "Choose one; none is an answer too.")
	case what == "none" || what == config.Auto || strings.HasPrefix(what, "/"):
		return nil
	}
	list, err := i.profiles()
	if err == nil {
		_, err = board.FindProfile(list, what)
	}
	if err != nil {
		return usage("", "%s", strings.TrimPrefix(err.Error(), "board: "))
	}
	return nil
}

// findRadios looks where the gateway may already be at work: what it holds is not found, and nobody is disturbed.
func (i *interview) findRadios() (out []radioChoice) {
	find := i.look
	if find == nil {
		find = i.lookAround
	}
	return find()
}

func (a *app) lookAround() (out []radioChoice) {
	if list, err := a.profiles(); err == nil {
		found, _ := board.Scan(list, a.devices().Hardware)
		for _, f := range found {
			out = append(out, radioChoice{f.Profile.Name, f.Chip.Name + " answers on " + f.Profile.SPI.Device + ", " + f.Profile.Title})
		}
	}
	for _, p := range (board.Host{}).SerialPorts() {
		words := "serial port"
		if len(p.Likely) > 0 {
			words += ", likely " + strings.Join(p.Likely, " or ")
		}
		if p.HeldBy != "" {
			words += ", held by the " + p.HeldBy
		}
		out = append(out, radioChoice{p.Path, words + "; taken for an RNode, other kinds need a [[radio]] section (docs/RADIOS.md)"})
	}
	return out
}

func (i *interview) domain(_ *config.Loaded, s admin.Status, w *setupWanted) error {
	if s.Domain != "" {
		i.hint("Domain: %s already.", s.Domain)
		return nil
	}
	i.hint("A domain is the gateways that trust each other. This one can")
	i.hint("  1  found a new one")
	i.hint("  2  join one, by the code or invite that packhorse pair shows there")
	i.hint("  3  stay alone for now")
	what := ""
	err := i.ask("Domain [1, 2 or 3]: ", func(s string) error {
		if what = s; s != "1" && s != "2" && s != "3" {
			return usage("", "Type 1, 2 or 3.")
		}
		return nil
	})
	switch {
	case err != nil || what == "3":
		return err
	case what == "1":
		return i.ask("Name of the domain: ", func(s string) error {
			if w.Domain = s; !config.ValidName(s) {
				return usage("", "Use 1 to 24 letters, digits and dashes, no dash at either end.")
			}
			return nil
		})
	}
	return i.ask("Code or invite: ", func(s string) error {
		w.Join = s
		if err := config.CheckJoin(s); err != nil {
			return usage("", "%s", strings.TrimPrefix(err.Error(), "domain: "))
		}
		return nil
	})
}

// keys asks for what only the flash image has.
func (i *interview) keys(l *config.Loaded, _ admin.Status, w *setupWanted) error {
	if _, err := os.Stat(card.ReleasePath); err != nil || len(l.Appliance.SSHKeys) > 0 {
		return nil
	}
	return i.ask("Public key for SSH (empty: none): ", func(s string) error {
		if s == "" {
			return nil
		}
		w.Keys = []string{s}
		return w.check()
	})
}

func (i *interview) consent(_ *config.Loaded, _ admin.Status, w *setupWanted) error {
	yes := true
	err := i.ask("Write this and tell the gateway? [Y/n]: ", func(s string) error {
		switch strings.ToLower(s) {
		case "", "y", "yes":
		case "n", "no":
			yes = false
		default:
			return usage("", "Type y or n.")
		}
		return nil
	})
	if err == nil && !yes {
		return &admin.Error{Code: admin.CodeFailed, Message: "nothing was changed", Fix: "packhorse setup asks again"}
	}
	return err
}
