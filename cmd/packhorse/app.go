package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/term"
	"periph.io/x/conn/v3/i2c"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/admin"
)

// app is one run of the command: its streams, its environment and the flags that every
// subcommand takes. stdout carries the answer, stderr progress and hints.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	host     string
	root     bool // running as the superuser

	ask func(ctx context.Context, prompt string) ([]byte, error) // reads a passphrase; nil: nobody is there

	json                  bool
	config, state, socket string
	keyFile               string

	gateway admin.Client // the one that was asked, if any

	sleep func(ctx context.Context, d time.Duration) error // between tries of setup; nil: real time
	look  func() []radioChoice                             // for radios that are plugged in; nil: on this computer

	box     *ownBox                                   // the appliance that updates go to; nil: this computer, if it is one
	sysroot string                                    // stands for / of the system's files; empty: they are there
	sockets func() (map[string][]net.Listener, error) // given by a service manager, by name; nil: asked of systemd

	hands  *radios.Host // how devices are opened; nil: those of this computer
	boards *radios.Finder
	buses  func(path string) (i2c.BusCloser, error) // how I2C is opened; nil: that of this computer
	clock  board.ClockSource                        // what vouches for the clock of a gateway that runs here
}

// devices is how the devices of this computer are opened.
func (a *app) devices() radios.Host {
	if a.hands == nil {
		return radios.Computer()
	}
	return *a.hands
}

// load reads the configuration as the flags and the environment say.
func (a *app) load() (*config.Loaded, error) {
	return config.Load(a.configOptions())
}

func (a *app) configOptions() config.Options {
	return config.Options{Path: a.config, State: a.state, Socket: a.socket, Key: a.keyFile, Getenv: a.getenv, Root: a.root, Host: a.host}
}

// systemSocket is where a gateway that was started as a service listens.
const systemSocket = "/run/packhorse/packhorse.sock"

// dial makes the client of the running gateway. A user without a gateway of their own
// reaches the one of the system.
func (a *app) dial() (admin.Client, error) {
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	path := l.Socket
	if _, err := os.Stat(path); err != nil && l.Origin("socket") == "default" && l.Origin("state_dir") == "default" {
		if _, err := os.Stat(systemSocket); err == nil {
			path = systemSocket
		}
	}
	return admin.Dial(path), nil
}

// with runs f with a client.
func (a *app) with(f func(admin.Client) error) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	a.gateway = c
	return f(c)
}

// head begins a JSON answer: with what the gateway that was asked says of its clock, or of
// itself this board.
func (a *app) head(schema string) admin.Head {
	if a.gateway != nil {
		return admin.NewHead(schema, a.gateway.ClockQuality())
	}
	return admin.NewHead(schema, boardClock())
}

// boardClock is the quality of the board's own clock, in the gateway's words.
func boardClock() string {
	q := board.Clock()
	if q == board.ClockSet {
		return "neighbour" // plausible, but nothing here vouches for it
	}
	return q.String()
}

// answer prints v as JSON with --json, or what text prints.
func (a *app) answer(v any, text func()) error {
	if !a.json {
		text()
		return nil
	}
	return lines(a.out, v)
}

func (a *app) say(format string, v ...any)  { fmt.Fprintf(a.out, format+"\n", v...) }
func (a *app) hint(format string, v ...any) { fmt.Fprintf(a.err, format+"\n", v...) }

// terminal tells whether a stream is one that a person looks at.
func terminal(s any) bool {
	f, ok := s.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// run executes a command line and answers the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	a.json = a.json || slices.Contains(args, "--json") // a mistake before that flag kept it from being read
	if err != nil && ctx.Err() != nil {
		return exitInterrupted
	}
	return a.fail(err)
}
