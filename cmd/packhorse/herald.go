package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/cmd/packhorse/internal/notify"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

const (
	// linkPatience is how long a start waits for the first radio or link: a gateway whose radio is unplugged still serves its
	// apps, and whoever started it must not wait for ever.
	linkPatience = 30 * time.Second
	linkLook     = 50 * time.Millisecond
	// statusEvery is how often the line for the service manager is made anew while nothing happens.
	statusEvery = 30 * time.Second
)

// heralded is what the herald asks of a gateway: node.Node has it.
type heralded struct {
	links  func() (running, working int)
	status func(context.Context) (admin.Status, error)
	events func(context.Context) (<-chan admin.Event, error)
	alive  func(context.Context) bool
}

func heraldedOf(n *node.Node) heralded {
	return heralded{n.Links, n.API().Status, n.API().Events, n.Alive}
}

// herald tells the service manager when the gateway is ready, how it is, and that it ends (sd_notify(3)).
type herald struct {
	manager *notify.Manager
	of      heralded
	log     *slog.Logger
	said    string // the line that was said last
	ready   atomic.Bool
}

func (a *app) newHerald(n *node.Node, log *slog.Logger) *herald {
	return &herald{manager: notify.Find(a.getenv, os.Getpid()), of: heraldedOf(n), log: log}
}

// start goes on until ctx ends, in goroutines of side. Call it once the API answers.
func (h *herald) start(ctx context.Context, side *sync.WaitGroup) {
	if !h.manager.There() {
		return
	}
	if h.manager.Timeout() > 0 {
		side.Go(func() { feed(ctx, h.manager, h.of.alive, h.log) })
	}
	side.Go(func() { h.run(ctx) })
}

func (h *herald) run(ctx context.Context) {
	h.awaitLink(ctx)
	if ctx.Err() == nil {
		h.ready.Store(true)
		h.tell(ctx, "READY=1")
	}
	h.follow(ctx)
	h.check(h.manager.Say("STOPPING=1"))
}

// awaitLink waits for the first radio or link that works, where there is to be one.
func (h *herald) awaitLink(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, linkPatience)
	defer stop()
	t := time.NewTicker(linkLook)
	defer t.Stop()
	for {
		if running, working := h.of.links(); running == 0 || working > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// follow keeps the line up to date until ctx ends: at once when a neighbour or radio changed, else now and then.
func (h *herald) follow(ctx context.Context) {
	t := time.NewTicker(statusEvery)
	defer t.Stop()
	var events <-chan admin.Event
	for {
		if events == nil { // at the start, and after a time when there was more than could be read
			events, _ = h.of.events(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			h.tell(ctx)
		case e, ok := <-events:
			switch {
			case !ok:
				events = nil
				sleep(ctx, time.Second)
			case e.Type == "peer" || e.Type == "radio" || e.Type == "pairing":
				h.tell(ctx)
			}
		}
	}
}

// tell says how the gateway is, unless that was said before.
func (h *herald) tell(ctx context.Context, more ...string) {
	s, err := h.of.status(ctx)
	if err != nil {
		if len(more) > 0 && ctx.Err() == nil { // a manager that never hears of READY kills what works
			h.check(h.manager.Say(more...))
		}
		return
	}
	if line := statusLine(s); line != h.said || len(more) > 0 {
		h.said = line
		h.check(h.manager.Status(line, more...))
	}
}

// reloading tells that the configuration is read again; the answer is to be called when that is done.
func (h *herald) reloading() (done func()) {
	if !h.ready.Load() {
		return func() {}
	}
	h.check(h.manager.Reloading())
	return func() { h.check(h.manager.Say("READY=1")) }
}

func (h *herald) check(err error) {
	if err != nil {
		h.log.Warn("the service manager was not told", "error", err)
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// statusLine is how a gateway is, in one line: neighbours that are heard, what waits, and the worst that is wrong.
func statusLine(s admin.Status) string {
	heard := 0
	for _, p := range s.Peers {
		if len(p.Ports) > 0 && !p.Silent {
			heard++
		}
	}
	parts := []string{count(heard, "neighbour"), count(s.Queue.Parcels, "parcel") + " waiting"}
	if s.Region != "" {
		parts = append([]string{s.Region}, parts...)
	}
	line := strings.Join(parts, ", ")
	for _, level := range []string{"fail", "warn"} {
		for _, p := range s.Problems {
			if p.Level == level {
				return line + "; " + level + ": " + clean(p.What)
			}
		}
	}
	return line
}
