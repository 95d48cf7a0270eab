package main

import (
	"errors"
	"fmt"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// Exit codes that no admin.Code stands for.
const (
	exitProblem     = 6 // a check found a problem
	exitInterrupted = 130
)

// usage is a mistake in the command line.
func usage(fix, format string, v ...any) error {
	return &admin.Error{Code: admin.CodeUsage, Message: fmt.Sprintf(format, v...), Fix: fix}
}

// refused is what is not done because something else is there.
func refused(fix, format string, v ...any) error {
	return &admin.Error{Code: admin.CodeRefused, Message: fmt.Sprintf(format, v...), Fix: fix}
}

// problem is the end of a check that found something; what it found is printed already.
type problem struct{ count int }

func (p problem) Error() string {
	if p.count == 1 {
		return "1 problem found"
	}
	return fmt.Sprintf("%d problems found", p.count)
}

// saidAlready is the end of what did not get all done; what is missing is printed already.
type saidAlready admin.Code

func (s saidAlready) Error() string { return string(s) }

// fail says what went wrong, why, and what to do, and answers the exit code.
func (a *app) fail(err error) int {
	if err == nil {
		return 0
	}
	var found problem
	if errors.As(err, &found) {
		return exitProblem
	}
	var no lawForbids
	if errors.As(err, &no) {
		return admin.CodeRegion.Exit()
	}
	var said saidAlready
	if errors.As(err, &said) {
		return admin.Code(said).Exit()
	}
	e := admin.AsError(err)
	excerpt := ""
	var c *config.Error
	if errors.As(err, &c) {
		*e = admin.Error{Code: admin.CodeUsage, Exit: admin.CodeUsage.Exit(), Message: c.Error(), Fix: c.Fix}
		excerpt = c.Excerpt
	}
	if a.json {
		lines(a.out, admin.ErrorReply{Error: e})
		return e.Exit
	}
	a.hint("packhorse: %s", clean(e.Message))
	if excerpt != "" {
		a.hint("%s", strings.TrimRight(excerpt, "\n"))
	}
	if e.Fix != "" {
		a.hint("fix: %s", e.Fix)
	}
	return e.Exit
}
