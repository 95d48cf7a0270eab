package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/cmd/internal/stamp"
	"packhorse/gateway/admin"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/lock"
)

// version is stamped by the Makefile.
var version = ""

// app is one run of the program. stdout carries the answer, stderr progress and hints.
type app struct {
	out, err io.Writer
	getenv   func(string) string
	json     bool
}

const about = `Takes suites of tests through benches of gateways with radios: "sim" (processes on this machine with simulated
radios), "virtual" (virtual machines that boot the flash image) and real boards that a bench file describes.

Each run locks the bench, switches the boards on, waits until their gateways are ready, deploys what is to be tested, runs
the suites, collects logs, switches off, and writes report.json, junit.xml and report.html.

Exit codes: 0 nothing failed, 1 a case or a check failed, 2 usage, 4 somebody else has the bench (in run that is a case), 130 interrupted. What was skipped
is counted and named, and is no failure.`

// Exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitHeld        = 4
	exitInterrupted = 130
)

func (a *app) command() *cobra.Command {
	root := &cobra.Command{Use: "packhorse-bench", Short: "tests gateways on simulated, virtual and real benches", Long: about,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "answer in JSON")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c.CommandPath()+" --help", "%s", err) })
	root.AddCommand(a.runCommand(), a.checkCommand(), a.lockCommand(), a.unlockCommand(), a.statusCommand(), a.suitesCommand(), a.tryCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	return a.fail(ctx, root.ExecuteContext(ctx))
}

// usage is a mistake in the command line.
func usage(fix, format string, v ...any) error {
	return &admin.Error{Code: admin.CodeUsage, Exit: exitUsage, Message: fmt.Sprintf(format, v...), Fix: fix}
}

// someFailed is the end of a run in which cases failed; they are printed already.
type someFailed int

func (n someFailed) Error() string { return fmt.Sprintf("%d failed", int(n)) }

// fail says what went wrong and what to do, and answers the exit code.
func (a *app) fail(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	var cases someFailed
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &cases):
		return exitFailed
	}
	e, excerpt := explain(err)
	if a.json {
		a.say(admin.ErrorReply{Error: e})
		return e.Exit
	}
	fmt.Fprintf(a.err, "packhorse-bench: %s\n", e.Message)
	if excerpt != "" {
		fmt.Fprintln(a.err, strings.TrimRight(excerpt, "\n"))
	}
	if e.Fix != "" {
		fmt.Fprintf(a.err, "fix: %s\n", e.Fix)
	}
	return e.Exit
}

// explain makes one kind of error of all.
func explain(err error) (e *admin.Error, excerpt string) {
	var file *benchfile.Error
	var held *lock.HeldError
	switch {
	case errors.As(err, &e):
		return e, ""
	case errors.As(err, &file):
		return &admin.Error{Code: admin.CodeUsage, Exit: exitUsage, Message: file.Error(), Fix: file.Fix}, file.Excerpt
	case errors.As(err, &held):
		return &admin.Error{Code: admin.CodeRefused, Exit: exitHeld, Message: held.Error(), Fix: held.Remedy()}, ""
	}
	return &admin.Error{Code: admin.CodeFailed, Exit: exitFailed, Message: err.Error()}, ""
}

// head begins a JSON answer.
func head(schema string) admin.Head { return admin.NewHead(schema, clock()) }

// say prints one line of JSON.
func (a *app) say(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		fmt.Fprintln(a.err, err)
		return
	}
	fmt.Fprintf(a.out, "%s\n", b)
}

// versionText is the stamped version, or what the build knows of its commit.
func versionText() string { return stamp.Version(version) }
