package main

import (
	"strings"

	"github.com/spf13/cobra"

	"packhorse/board"
)

const about = `Packhorse carries parcels where roads end: over LoRa radios and whatever Internet is left.

Start a gateway with "packhorse run", give it a region and a domain with "packhorse up", join a
second one with "packhorse pair", and write with "packhorse send". "packhorse demo" shows it all
on this machine, without a radio.`

const exits = `
Exit codes: 0 done, 1 failed, 2 usage, 3 gateway not reachable, 4 refused, 5 not yet (still queued),
6 problem found, 7 region not set or law forbids, 130 interrupted.`

// command is the tree of all subcommands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "packhorse",
		Short:         "a delay-tolerant gateway for Awala parcels over radio",
		Long:          about + "\n" + exits,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          none,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(c.CommandPath()+" --help", "%s", err)
	})
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "answer in JSON")
	f.StringVar(&a.config, "config", "", "configuration `file` (default /etc/packhorse/packhorse.toml)")
	f.StringVar(&a.state, "state", "", "state `directory`")
	f.StringVar(&a.socket, "socket", "", "`path` of the gateway's local API")
	root.AddCommand(a.runCommand(), a.upCommand(), a.statusCommand(), a.sendCommand(), a.inboxCommand(), a.queueCommand(),
		a.pairCommand(), a.contactCommand(), a.domainCommand(), a.courierCommand(), a.endpointCommand(), a.configCommand(), a.storeCommand(), a.backupCommand(), a.restoreCommand(), a.boardCommand(), a.regionCommand(), a.doctorCommand(board.Host{}), a.versionCommand(), a.setupCommand(), a.setCommand(), a.getCommand())
	root.AddCommand(a.manCommand(), a.updateCommand())
	root.AddCommand(a.labCommands()...)
	root.SuggestionsMinimumDistance = 2
	strict(root)
	return root
}

// strict makes mistakes of the commands that come with the library: without it they print help and
// end with 0.
func strict(root *cobra.Command) {
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "how to use a command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usage("packhorse --help", "there is no command %q", strings.Join(args, " "))
			}
			return c.Help()
		},
	})
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short, c.Args = "generate the completion script of a shell: bash, zsh, fish or powershell", none
			c.RunE = func(c *cobra.Command, _ []string) error {
				return usage("packhorse completion bash", "%s needs to know the shell", c.CommandPath())
			}
		}
	}
}

// none refuses arguments, in words.
func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		fix := c.CommandPath() + " --help"
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			fix = "did you mean " + c.CommandPath() + " " + near[0] + "?"
		}
		return usage(fix, "%q is not something that %s knows", args[0], c.CommandPath())
	}
	return nil
}

// between takes from min to max arguments; what names them.
func between(min, max int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < min || len(args) > max {
			return usage(c.CommandPath()+" --help", "%s takes %s", c.CommandPath(), what)
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, SuggestionsMinimumDistance: 2, Args: none, RunE: func(c *cobra.Command, _ []string) error {
		return usage(c.CommandPath()+" --help", "%s needs to know what to do", c.CommandPath())
	}}
	c.AddCommand(sub...)
	return c
}
