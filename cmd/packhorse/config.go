package main

import (
	"errors"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "look at the configuration; setup and set change it",
		a.configCheck(), a.configShow(), a.configPath())
}

func (a *app) configCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "read every file and say what is wrong",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load()
			if err == nil {
				err = a.lawful(l)
			}
			if err != nil {
				return err
			}
			v := struct {
				admin.Head
				Files []string `json:"files"`
			}{a.head("packhorse.config_check/1"), some(l.Files)}
			return a.answer(v, func() {
				a.say("OK, %s read, %s, %s", count(len(l.Files), "file"), count(len(l.Radio), "radio"), count(len(l.Internet.Peer), "internet peer"))
				a.missing(l)
			})
		},
	}
}

// lawful asks the rules of the configured region about every radio. Without one there it is left to the start.
func (a *app) lawful(l *config.Loaded) error {
	if l.Region == "" {
		return nil
	}
	for _, r := range l.Radio {
		_, err := a.radioPlan(l.Region, l, r)
		if errors.Is(err, errSearch) {
			a.hint("note: radio %s: %v", r.Name, err)
		} else if err != nil {
			return planError(err)
		}
	}
	return nil
}

// missing tells on stderr what a gateway with this configuration will not do.
func (a *app) missing(l *config.Loaded) {
	if len(l.Files) == 0 {
		a.hint("note: no configuration at %s: running with defaults", l.Path)
	}
	if len(l.Radio) == 0 && l.Internet.Listen == "" && len(l.Internet.Peer) == 0 {
		a.hint("note: no radio: add a [[radio]] section with name, and port or board (docs/CONFIG.md)")
	}
}

func (a *app) configShow() *cobra.Command {
	var origin, secrets bool
	c := &cobra.Command{
		Use:   "show",
		Short: "print every value in force",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load()
			if err != nil {
				return err
			}
			list := l.Lines()
			if !secrets {
				list = masked(list)
			}
			v := struct {
				admin.Head
				Values []config.Line `json:"values"`
			}{a.head("packhorse.config/1"), some(list)}
			return a.answer(v, func() { a.showConfig(list, origin) })
		},
	}
	c.Flags().BoolVar(&origin, "origin", false, "say where each value came from")
	c.Flags().BoolVar(&secrets, "secrets", false, "show passphrases and codes too")
	return c
}

func (a *app) showConfig(list []config.Line, origin bool) {
	var rows [][]string
	for _, line := range list {
		row := []string{line.Key, "= " + line.Value}
		if origin {
			row = append(row, "# "+line.Origin)
		}
		rows = append(rows, row)
	}
	table(a.out, rows)
}

func (a *app) configPath() *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "print the files that are read, in order",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load()
			if err != nil {
				return err
			}
			v := struct {
				admin.Head
				Files []string `json:"files"`
			}{a.head("packhorse.config_path/1"), some(l.Files)}
			return a.answer(v, func() {
				for _, f := range l.Files {
					a.say("%s", f)
				}
				if len(l.Files) == 0 {
					a.hint("no file is there; %s would be read first", l.Path)
				}
			})
		},
	}
}
