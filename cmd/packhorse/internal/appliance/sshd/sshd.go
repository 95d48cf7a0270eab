// Package sshd takes the appliance's commands over SSH (RFC 4251 to 4254). There is no shell behind it, no file
// transfer and no forwarding: a line is a packhorse command.
package sshd

import (
	"context"
	"io"
	"log/slog"
)

// Command is one line that somebody gave, and where its words go.
type Command struct {
	Line           string // as typed; whoever runs it splits the words
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool // somebody sits at a terminal of Columns by Rows; Stdout takes \n for a new line all the same
	Columns, Rows  int
	User, From     string // who, and from which address
}

// Config is what the server needs.
type Config struct {
	Listen  string   // address; empty: no server
	Keys    []string // lines of authorized_keys; none: no server
	HostKey string   // file of the server's key; made where there is none
	Name    string   // of the gateway, greets at a terminal
	// Run runs a command until it ends or ctx does, and returns its exit code. It is called concurrently.
	Run func(ctx context.Context, c Command) int
}

// Run serves until ctx ends; then it ends the sessions and returns nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	<-ctx.Done()
	return nil
}
