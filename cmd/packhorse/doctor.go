package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/doctor"
	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
)

func (a *app) doctorCommand(host board.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "look at board, radios, law, clock, disk and the way to the Internet, and say what is wrong and how to mend it",
		Long: `Looks at the computer, its supply, overlays, pins and who holds them, at each configured radio, the law that it is under, clock, store and
ports; where they are configured it also asks the resolver for a signed answer, calls each Internet gateway, and reads the TLS files of
[internet_gateway]. Each line is ok, warn or fail, with what to do. It transmits nothing by radio. While the gateway runs its radios are left alone and it is
asked; otherwise they are opened for a moment: chips are reset, set and listen, modems tell their firmware. An RNode's settings change
until the next start, a node's or a SiK radio's do not. It ends with exit code 6 when a line is fail.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.examine(c.Context(), host) },
	}
}

// callsOf reaches the Internet as the gateway does.
func callsOf(l *config.Loaded) (doctor.Calls, error) {
	r, err := discovery.New(discovery.Options{DoH: l.Uplink.DoH, Fixed: l.Fixed})
	if err != nil {
		return doctor.Calls{}, err
	}
	return doctor.Calls{Lookup: r.Lookup, Dial: (&net.Dialer{}).DialContext, Now: time.Now()}, nil
}

// check is a line of the doctor's.
type check struct {
	Level   string `json:"level"`
	Subject string `json:"subject"`
	What    string `json:"what"`
	Fix     string `json:"fix,omitempty"`
}

func (a *app) examine(ctx context.Context, host board.Host) error {
	p := doctor.Patient{Host: host, Devices: a.devices(), Listen: listenOnce, Free: freeSpace, Progress: a.hint, Clock: board.Clock()}
	p.Config, p.Mistake = a.load()
	if p.Mistake == nil {
		if p.Calls, p.Mistake = callsOf(p.Config); p.Mistake != nil {
			return p.Mistake
		}
		a.askGateway(ctx, &p)
		p.Board = func(r config.Radio) (*board.Profile, error) {
			return a.findBoard(p.Config, r, p.Gateway == nil && p.Absent == nil)
		}
	} else {
		p.Config = nil
	}
	v := struct {
		admin.Head
		OK      bool    `json:"ok"`
		Running bool    `json:"running"`
		Checks  []check `json:"checks"`
	}{a.head("packhorse.doctor/1"), true, p.Gateway != nil, []check{}}
	bad := 0
	for _, f := range p.Examine(ctx) {
		v.Checks = append(v.Checks, check{f.Level.String(), f.Subject, f.What, f.Fix})
		if f.Level == board.Fail {
			bad++
		}
	}
	v.OK = bad == 0
	if err := a.answer(v, func() { a.sayChecks(v.Checks) }); err != nil {
		return err
	}
	if bad > 0 {
		return problem{bad}
	}
	return nil
}

func (a *app) sayChecks(all []check) {
	for _, c := range all {
		a.say("%-4s  %s: %s", c.Level, clean(c.Subject), plain(c.What))
		if c.Fix != "" {
			a.say("      fix: %s", plain(c.Fix))
		}
	}
}

// plain is clean text in letters that every terminal has.
func plain(s string) string { return strings.ReplaceAll(clean(s), "°C", "C") }

// askGateway has the gateway that runs tell of itself.
func (a *app) askGateway(ctx context.Context, p *doctor.Patient) {
	c, err := a.dial()
	if err != nil {
		p.Absent = err
		return
	}
	defer c.Close()
	s, err := c.Status(ctx)
	switch {
	case err == nil:
		p.Gateway, a.gateway = &s, c
	case !offline(err):
		p.Absent = err
		return
	default:
		return
	}
	if stored, err := c.Store(ctx); err == nil {
		p.Store = &stored
	}
}

// findBoard is boardOf that looks for the board where it may.
func (a *app) findBoard(l *config.Loaded, r config.Radio, look bool) (*board.Profile, error) {
	p, err := a.boardOf(l, r)
	if p != nil || err != nil {
		return p, err
	}
	if !look {
		return nil, fmt.Errorf("the board of %s is found by reading its chip, which the gateway has now: stop it and ask again", r.Name)
	}
	a.hint("%s: looking for its board ...", r.Name)
	return a.boards.Find(l.Boards, r.Kind, l.Taken(r))
}

// listenOnce tries an address.
func listenOnce(network, address string) error {
	if strings.HasPrefix(network, "udp") {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// freeSpace is what the file system leaves to those who are not root.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}
