package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/web"
)

// pageSocket is the name of the socket that a service manager opens for the page (FileDescriptorName= of systemd.socket(5)):
// port 80 needs no right of the gateway's own then.
const pageSocket = "page"

// listenPage answers nil where no page is wanted.
func (a *app) listenPage(l *config.Loaded) (net.Listener, error) {
	sockets := a.sockets
	if sockets == nil {
		sockets = activation.ListenersWithNames
	}
	given, err := sockets()
	if err != nil {
		return nil, err
	}
	for _, s := range given[pageSocket] {
		if s != nil {
			return s, nil
		}
	}
	if l.Page.Listen == "" {
		return nil, nil
	}
	return net.Listen("tcp", l.Page.Listen)
}

// page shows the page until ctx ends. The gateway does not stop with it.
func (a *app) page(ctx context.Context, side *sync.WaitGroup, l net.Listener, s web.Source, log *slog.Logger) {
	if l == nil {
		return
	}
	side.Go(func() {
		if err := web.Serve(ctx, l, s); err != nil {
			log.Error("the page is no longer shown", "error", err)
		}
	})
}

// pageSource tells strangers how the gateway is.
type pageSource struct {
	api admin.Backend
	now func() *config.Loaded // in force
}

// Facts leaves out all that is private.
func (p pageSource) Facts(ctx context.Context) (web.Facts, error) {
	s, err := p.api.Status(ctx)
	if err != nil {
		return web.Facts{}, err
	}
	f := factsOf(s)
	f.WiFi = wifiOf(p.now(), s.Name)
	if c, ok := p.api.(admin.ClockTeller); ok {
		f.Clock = c.ClockQuality()
	}
	if f.Courier != "" && f.WiFi != nil {
		_, port, _ := net.SplitHostPort(f.Courier)
		f.Courier = net.JoinHostPort(apAddress, port)
	}
	return f, nil
}

// factsOf is what of a status everybody may know.
func factsOf(s admin.Status) web.Facts {
	f := web.Facts{Name: s.Name, Version: s.Version, UptimeS: s.UptimeS, Waiting: s.Queue.Parcels, Region: s.Region, Radios: len(s.Radios), PoWeb: s.PoWeb}
	for _, p := range s.Peers {
		if p.Path == "direct" && !p.Silent {
			f.Neighbours++
		}
	}
	for _, u := range s.Uplinks {
		f.Internet = f.Internet || u.Live
	}
	if s.Courier != nil {
		f.Courier = s.Courier.Listen
	}
	f.Level, f.Verdict = publicVerdict(s, f)
	return f
}

// publicVerdict says how the gateway is without naming what is wrong: names are in that.
func publicVerdict(s admin.Status, f web.Facts) (web.Level, string) {
	fails, warns := 0, 0
	for _, p := range s.Problems {
		if p.Level == "fail" {
			fails++
		} else {
			warns++
		}
	}
	var say []string
	switch {
	case s.Domain == "":
		return web.Unready, "It is in no domain yet, so it carries nothing. Its owner can run: packhorse setup"
	case s.Region == "" && f.Radios > 0:
		return web.Unready, "No region is set, so no radio transmits. Its owner can run: packhorse setup"
	case f.Neighbours == 0:
		say = append(say, "It hears no other gateway now; what is handed to it waits here.")
	default:
		say = append(say, "It hears "+count(f.Neighbours, "other gateway")+".")
	}
	switch {
	case fails > 0:
		say = append(say, "Something does not work: whoever looks after it can see what, with packhorse status.")
		return web.Fail, strings.Join(say, " ")
	case warns > 0:
		say = append(say, "Whoever looks after it should have a look: packhorse status.")
		return web.Warn, strings.Join(say, " ")
	}
	return web.OK, strings.Join(say, " ")
}

// wifiOf is the network of the box as it is configured; nil: off.
func wifiOf(l *config.Loaded, name string) *web.WiFi {
	if !l.AP.On {
		return nil
	}
	return &web.WiFi{SSID: ssidOf(l, name), Passphrase: l.AP.Passphrase}
}
