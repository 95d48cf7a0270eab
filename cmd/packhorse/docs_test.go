package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var rewrite = flag.Bool("update", false, "write docs/CLI.md anew")

// reference writes every command with its flags.
func reference(b *strings.Builder, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Parent().Name() == "completion" {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s.\n", sub.UseLine(), strings.ToUpper(sub.Short[:1])+sub.Short[1:])
		if sub.Long != "" && sub.Name() != "completion" {
			fmt.Fprintf(b, "\n%s\n", sub.Long)
		}
		rows := ""
		sub.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				rows += flagRow(f)
			}
		})
		if rows != "" {
			fmt.Fprintf(b, "\n| flag | default | meaning |\n| --- | --- | --- |\n%s", rows)
		}
		reference(b, sub)
	}
}

func flagRow(f *pflag.Flag) string {
	kind, meaning := pflag.UnquoteUsage(f)
	return fmt.Sprintf("| `%s` | %s | %s |\n", strings.TrimSpace("--"+f.Name+" "+kind), f.DefValue, meaning)
}

func TestEveryCommandIsDocumented(t *testing.T) {
	root := (&app{}).command()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	fmt.Fprintf(&b, "# The command line\n\n%s\n\nEvery command takes these flags:\n\n| flag | default | meaning |\n| --- | --- | --- |\n", root.Long)
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { b.WriteString(flagRow(f)) })
	b.WriteString("\nstdout carries the answer, stderr progress and hints.\n\n" +
		"With `--json` each answer is one line on stdout that names its schema: docs/schema holds a file for each message.\n" +
		"Version 1 only grows: take keys that you do not know. What goes on (`status --watch`, `sim run`, `pair`, `/v1/events`) is JSON Lines.\n" +
		"Times are UTC, and `clock` says how far they can be trusted; units are in the names; ids are hex; arrays are never null; what is\n" +
		"not known is absent. A failure is `{\"error\":{\"code\",\"message\",\"fix\",\"exit\",\"retry_after_s\"}}`, also for a mistake in the command line.\n\n" +
		"The gateway's API is the same over its unix socket: HTTP paths under `/v1` (see the documentation of package gateway/admin).\n")
	reference(&b, root)
	path := filepath.Join("..", "..", "docs", "CLI.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/CLI.md is stale: make docs")
	}
}
