package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/notify"
	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/inetnode"
	"packhorse/gateway/node"
	"packhorse/radio/phy"
	"packhorse/store"
)

func (a *app) runCommand() *cobra.Command {
	simulated := 0
	c := &cobra.Command{
		Use:   "run",
		Short: "run the gateway",
		Long: `Runs the gateway in the foreground until Ctrl-C or SIGTERM. It works without a configuration, says what is
missing, and no radio transmits before a region is set. SIGHUP makes it read its configuration again. Under a service manager it says when it is
ready, how it is, and that it lives (sd_notify, WatchdogSec of systemd). With --sim N it runs N gateways on simulated radios instead,
paired, each in a process of its own; their files go to .packhorse-sim, made anew at each start, whatever --state says.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("sim") {
				return a.runSimulated(c.Context(), simulated)
			}
			return a.runService(c.Context())
		},
	}
	a.keyFlag(c)
	c.Flags().IntVar(&simulated, "sim", 0, "run this `number` of gateways on simulated radios")
	return c
}

// runService runs the gateway; a service manager hears why it ended.
func (a *app) runService(ctx context.Context) error {
	err := a.runGateway(ctx)
	if err != nil && ctx.Err() == nil {
		_ = notify.Find(a.getenv, os.Getpid()).Status("failed: " + admin.AsError(err).Message) // the error itself is printed
	}
	return err
}

func (a *app) runGateway(ctx context.Context) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	a.missing(l)
	vault, err := a.unlock(ctx, l)
	if err != nil {
		return startError(err, l)
	}
	listener, err := admin.Listen(l.Socket, a.socketMode(l))
	if err != nil {
		return startError(err, l)
	}
	log := newLog(a.err, a.getenv("JOURNAL_STREAM") != "")
	if l.GPS != "" {
		a.clock.GPS = &board.GPS{}
	}
	cfg := a.nodeConfig(l, listener, log)
	cfg.Vault = vault
	again := &reloader{app: a, log: log, now: l, asks: make(chan reloadAsk)}
	cfg.Reload = again.ask
	cfg.Beside = besideOf(l, cfg.Clock, log)
	supply := a.newBattery(l, log)
	if supply != nil {
		cfg.Supply = supply.status
	}
	shown, err := a.listenPage(l)
	if err != nil {
		listener.Close()
		return startError(err, l)
	}
	n, err := node.Open(cfg)
	if err != nil {
		listener.Close()
		if shown != nil {
			shown.Close()
		}
		return startError(err, l)
	}
	again.seen.Store(l)
	h := a.newHerald(n, log)
	again.node, again.herald = n, h
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var side sync.WaitGroup
	side.Go(func() {
		if a.sayReady(ctx, n, l) {
			h.start(ctx, &side)
		}
	})
	side.Go(func() { again.listen(ctx, stop) })
	a.page(ctx, &side, shown, pageSource{n.API(), again.seen.Load}, log)
	if l.GPS != "" {
		side.Go(func() { a.readGPS(ctx, l.GPS, a.clock.GPS, log) })
	}
	if supply != nil {
		side.Go(func() { supply.watch(ctx, l.Socket, stop) })
	}
	a.armWatchdog(ctx, &side, n, l, log)
	err = n.Run(ctx)
	stop()
	side.Wait()
	return startError(err, l)
}

// armWatchdog has the hardware restart the board when the gateway hangs. A watchdog that cannot be had is no reason not to run.
func (a *app) armWatchdog(ctx context.Context, side *sync.WaitGroup, n *node.Node, l *config.Loaded, log *slog.Logger) {
	if l.Watchdog == "" {
		return
	}
	d, err := openDog(l.Watchdog)
	if err != nil {
		log.Error("no watchdog", "error", err)
		return
	}
	side.Go(func() { feed(ctx, d, n.Alive, log) })
}

// nodeConfig is what the gateway takes of a configuration.
func (a *app) nodeConfig(l *config.Loaded, listener net.Listener, log *slog.Logger) node.Config {
	c := node.Config{
		StateDir:   l.StateDir,
		Name:       l.Name,
		Region:     l.Region,
		Version:    versionText(),
		PoWeb:      l.PoWeb.Listen,
		Courier:    courierOf(l),
		Admin:      listener,
		Transports: a.transports(l, log),
		Clock:      clockQuality(&a.clock, l.TrustClock),
		ClockKept:  l.TrustClock,
		Log:        log,
		Files:      func() []string { return a.files(l) },
		Store:      store.Options{MaxBytes: l.Store.MaxBytes, Linger: time.Duration(l.Store.LingerMS) * time.Millisecond},
		Limits: gateway.Limits{Parcels: l.Store.MaxParcels, Bytes: l.Store.MaxParcelBytes,
			CargoLife: time.Duration(l.Courier.KeepDays) * 24 * time.Hour, CourierAir: int64(l.Courier.MeshMB) << 20},
	}
	c.Uplinks = node.UplinkConfig{Gateways: l.Uplink.Gateways, DoH: l.Uplink.DoH, Fixed: l.Fixed}
	for _, r := range l.Radio {
		c.Radios = append(c.Radios, r.Name)
	}
	return c
}

// files are those of the configuration as they are now; l is what was read before.
func (a *app) files(l *config.Loaded) []string {
	if next, err := a.load(); err == nil {
		return next.Files
	}
	return l.Files
}

// socketMode lets the group of a system gateway in, and nobody but its user otherwise. A service manager that made a
// directory for the socket (systemd.exec(5), RuntimeDirectory) decides by its mode who comes so far.
func (a *app) socketMode(l *config.Loaded) os.FileMode {
	if run := a.getenv("RUNTIME_DIRECTORY"); a.root || run != "" && filepath.Dir(l.Socket) == run {
		return 0o660
	}
	return 0o600
}

// startError adds what to do to the mistakes that a second gateway on a machine makes.
func startError(err error, l *config.Loaded) error {
	if err == nil {
		return nil
	}
	e := admin.AsError(err)
	switch {
	case errors.Is(err, store.ErrLocked):
		e.Fix = "stop the other gateway, or give this one its own directory with --state"
	case errors.Is(err, syscall.EADDRINUSE):
		e.Message = "another program has " + cmp.Or(takenAddress(err), "an address that this one listens on") + ": " + err.Error()
		e.Fix = "stop it, or give the key that names this address another port: packhorse config show --origin"
	case errors.Is(err, phy.ErrNotAllowed):
		return forbidden(err)
	case errors.Is(err, inetnode.ErrCertificate):
		e.Fix = "see that internet_gateway.tls_cert and tls_key name PEM files that belong together, and that you may read them: packhorse doctor"
	case errors.Is(err, os.ErrPermission):
		e.Fix = "run as a user who may write to " + l.StateDir + ", or choose another directory with --state"
	case e.Fix == "" && unmade(err, l):
		e.Fix = "choose a place where directories can be made, with --state or state_dir: packhorse config show --origin"
	}
	return e
}

// takenAddress is the one that could not be listened on.
func takenAddress(err error) string {
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return ""
}

// unmade tells that there is no place for the state directory or the socket.
func unmade(err error, l *config.Loaded) bool {
	p := (*os.PathError)(nil)
	return errors.As(err, &p) && p.Op == "mkdir" && (strings.HasPrefix(l.StateDir, p.Path) || strings.HasPrefix(l.Socket, p.Path))
}

// forbidden is what the law of the region does not let a radio do.
func forbidden(err error) error {
	return &admin.Error{Code: admin.CodeRegion, Message: err.Error(), Fix: "change the [[radio]] section, or name the region that you are in"}
}

// sayReady waits until the gateway answers, and says in one line on stdout where everything is, and on
// stderr what is missing. It answers false when the gateway ended instead.
func (a *app) sayReady(ctx context.Context, n *node.Node, l *config.Loaded) bool {
	c := admin.Dial(l.Socket)
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		return false // it ended at once, and says why
	}
	a.showReady(s.Name, n.PoWebAddr(), l.Socket)
	for _, p := range s.Problems {
		a.hint("%s: %s; fix: %s", p.Level, clean(p.What), clean(p.Fix))
	}
	return true
}

func (a *app) showReady(name, poweb, socket string) error {
	v := struct {
		admin.Head
		Name   string `json:"name"`
		PoWeb  string `json:"poweb,omitempty"`
		Socket string `json:"socket"`
	}{a.head("packhorse.ready/1"), name, poweb, socket}
	return a.answer(v, func() {
		line := "ready " + name
		if poweb != "" {
			line += " poweb " + poweb
		}
		a.say("%s socket %s", line, socket)
	})
}
