package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/roff"
)

// manCommand is for those who build packages.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the manual pages into a directory",
		Hidden: true,
		Args:   between(1, 1, "one directory"),
		RunE: func(c *cobra.Command, args []string) error {
			date, err := manDate(a.getenv("SOURCE_DATE_EPOCH"))
			if err != nil {
				return err
			}
			for name, text := range manual(c.Root(), date, versionText()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// manDate is the date of a page: none where it is not given, so that a page does not depend on when it is made
// (reproducible-builds.org/specs/source-date-epoch).
func manDate(epoch string) (string, error) {
	if epoch == "" {
		return "", nil
	}
	s, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return "", usage("give seconds since 1970, as git log -1 --format=%ct does", "SOURCE_DATE_EPOCH is %q", epoch)
	}
	return time.Unix(s, 0).UTC().Format(time.DateOnly), nil
}

// manual is every page by its file name: packhorse(1), one for each subcommand, packhorse.toml(5).
func manual(root *cobra.Command, date, version string) map[string]string {
	pages := map[string]string{"packhorse.1": mainPage(root, date, version), "packhorse.toml.5": configPage(date, version)}
	for _, c := range subcommands(root) {
		pages["packhorse-"+c.Name()+".1"] = commandPage(c, date, version)
	}
	return pages
}

// subcommands are the subcommands that people are to know of.
func subcommands(c *cobra.Command) (list []*cobra.Command) {
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			list = append(list, sub)
		}
	}
	return list
}

func newPage(title, section, date, version, manual string) *roff.Page {
	return roff.New(strings.ToUpper(title), section, date, "packhorse "+version, manual)
}

func mainPage(root *cobra.Command, date, version string) string {
	p := newPage("packhorse", "1", date, version, "User Commands")
	p.Section("NAME")
	p.Text("packhorse - " + root.Short)
	p.Section("SYNOPSIS")
	p.Line("packhorse [FLAGS] COMMAND [ARGUMENTS]")
	p.Section("DESCRIPTION")
	p.Text(about)
	p.Section("COMMANDS")
	for _, c := range subcommands(root) {
		p.Term("packhorse-"+c.Name()+"(1)", sentence(c.Short))
	}
	p.Section("OPTIONS")
	flags(p, root.PersistentFlags())
	p.Section("EXIT STATUS")
	p.Text(strings.TrimPrefix(strings.TrimSpace(exits), "Exit codes: "))
	p.Section("ENVIRONMENT")
	p.Term("PACKHORSE_CONFIG, PACKHORSE_STATE, PACKHORSE_SOCKET, PACKHORSE_KEY_FILE", "stand for the flags of these names.")
	p.Section("FILES")
	p.Term(config.DefaultPath, "the configuration; conf.d and boards.d are beside it: packhorse.toml(5).")
	p.Term("/var/lib/packhorse", "keys, parcels and ledgers of the system's gateway.")
	p.Term(systemSocket, "its local API, for root and the group packhorse.")
	p.Section("SEE ALSO")
	p.Text("packhorse-run(1), packhorse-up(1), packhorse-pair(1), packhorse-send(1), packhorse-status(1), packhorse.toml(5)")
	return p.String()
}

// commandPage is the page of a command and all below it.
func commandPage(c *cobra.Command, date, version string) string {
	p := newPage("packhorse-"+c.Name(), "1", date, version, "User Commands")
	p.Section("NAME")
	p.Text("packhorse-" + c.Name() + " - " + c.Short)
	p.Section("SYNOPSIS")
	for _, s := range synopses(c) {
		p.Line(s)
	}
	p.Section("DESCRIPTION")
	p.Text(description(c))
	options(p, c, p.Section)
	for _, sub := range subcommands(c) {
		below(p, sub)
	}
	p.Section("SEE ALSO")
	p.Text("packhorse(1), packhorse.toml(5)")
	return p.String()
}

func synopses(c *cobra.Command) (list []string) {
	if len(subcommands(c)) == 0 || c.Name() == "completion" {
		return []string{c.UseLine()}
	}
	for _, sub := range subcommands(c) {
		list = append(list, synopses(sub)...)
	}
	return list
}

// below describes a command inside the page of the one above it.
func below(p *roff.Page, c *cobra.Command) {
	p.Section(strings.TrimPrefix(c.CommandPath(), "packhorse "))
	p.Text(description(c))
	options(p, c, p.Part)
	for _, sub := range subcommands(c) {
		below(p, sub)
	}
}

func description(c *cobra.Command) string {
	if c.Long == "" {
		return sentence(c.Short)
	}
	return sentence(c.Short) + "\n\n" + c.Long
}

// options writes the flags and the example of a command under titles of the given kind.
func options(p *roff.Page, c *cobra.Command, title func(string)) {
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		title("OPTIONS")
		flags(p, c.LocalNonPersistentFlags())
	}
	if c.Example != "" {
		title("EXAMPLES")
		p.Example(c.Example)
	}
}

func flags(p *roff.Page, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, meaning := pflag.UnquoteUsage(f)
		if d := f.DefValue; d != "" && d != "0" && d != "false" && d != "[]" {
			meaning += fmt.Sprintf(" (default %s)", d)
		}
		p.Term(strings.TrimSpace("--"+f.Name+" "+kind), sentence(meaning))
	})
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

func configPage(date, version string) string {
	p := newPage("packhorse.toml", "5", date, version, "File Formats")
	p.Section("NAME")
	p.Text("packhorse.toml - configuration of a packhorse gateway")
	p.Section("SYNOPSIS")
	p.Line(config.DefaultPath)
	p.Line(filepath.Dir(config.DefaultPath) + "/conf.d/*.toml")
	p.Section("DESCRIPTION")
	p.Text("A gateway works without any of these files. They are TOML; those of conf.d are read after the main one, in the order of their\n" +
		"names, and a later value wins. Flags win over the environment, and both over the files. An unknown key or a value out of range\n" +
		"is an error that names file and line: `packhorse config check` looks, `packhorse config show --origin` says where each value\n" +
		"comes from, and SIGHUP (systemctl reload packhorse) has a running gateway read them again.")
	p.Section("KEYS")
	for _, k := range config.Keys {
		p.Term(k.Name, keyText(k))
	}
	p.Section("EXAMPLE")
	p.Example("region = \"EU868\"\n\n[[radio]]\nname = \"lora0\"\nport = \"/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0\"")
	p.Section("SEE ALSO")
	p.Text("packhorse(1), packhorse-config(1), packhorse-doctor(1)")
	return p.String()
}

func keyText(k config.Key) string {
	text := sentence(k.Meaning) + "\nDefault: " + k.Default
	return text + unitText(k.Unit) + "."
}

// unitText tells what a number is in; other units name the kind of a word, which the meaning tells too.
func unitText(unit string) string {
	if unit == "" || slices.Contains([]string{"path", "address", "URL", "hex"}, unit) {
		return ""
	}
	return "; in " + unit
}
