package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/appliance/clock"
	"packhorse/cmd/packhorse/internal/appliance/devices"
	"packhorse/cmd/packhorse/internal/appliance/network"
	"packhorse/cmd/packhorse/internal/appliance/power"
	"packhorse/cmd/packhorse/internal/appliance/session"
	"packhorse/cmd/packhorse/internal/appliance/sshd"
	"packhorse/cmd/packhorse/internal/config"
)

// clockFile keeps the time over a restart.
const clockFile = card.DataDir + "/clock"

// serve starts what runs beside the gateway, whether there is one or not.
func (b *box) serve() {
	ctx, stop := context.WithCancel(context.Background())
	b.services = stop
	a, offered := b.settings.Appliance, make(chan []string, 1)
	net := network.Config{Hostname: b.name, Changed: b.changed(offered)}
	if err := fix(&net, a); err != nil {
		b.complain("the fixed address is not used", err)
	}
	b.service(ctx, "network", func(ctx context.Context, log *slog.Logger) error { return network.Run(ctx, net, log) })
	b.service(ctx, "clock", func(ctx context.Context, log *slog.Logger) error {
		return clock.Run(ctx, clock.Config{Servers: a.NTP, Offered: offered, File: clockFile}, log)
	})
	b.service(ctx, "devices", func(ctx context.Context, log *slog.Logger) error {
		return devices.Run(ctx, devices.Config{UID: userID, GID: groupID}, log)
	})
	b.service(ctx, "power", func(ctx context.Context, log *slog.Logger) error {
		return power.Run(ctx, power.Config{Governor: a.Governor, HDMI: a.HDMI}, log)
	})
	b.service(ctx, "ssh", func(ctx context.Context, log *slog.Logger) error {
		return sshd.Run(ctx, sshd.Config{Listen: a.SSHListen, Keys: a.SSHKeys, HostKey: card.DataDir + "/ssh_host_ed25519_key", Name: b.name, Run: b.overSSH, Console: b.promptOverSSH}, log)
	})
}

// Pauses before a service that failed is started again.
const servicePause, longServicePause = time.Second, time.Minute

// service runs one, again and again. What panics in its own goroutine does not end the box.
func (b *box) service(ctx context.Context, name string, run func(context.Context, *slog.Logger) error) {
	log := b.log.With("service", name)
	b.serving.Go(func() {
		for pause := servicePause; ; pause = min(2*pause, longServicePause) {
			err := guarded(ctx, log, run)
			if ctx.Err() != nil {
				return
			}
			log.Warn("started again", "error", err, "after", pause)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

func guarded(ctx context.Context, log *slog.Logger, run func(context.Context, *slog.Logger) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run(ctx, log)
}

// changed tells the clock about time servers, and whoever is at the box about addresses.
func (b *box) changed(offered chan []string) func(network.State) {
	said := ""
	return func(s network.State) {
		select {
		case <-offered: // nobody has taken the last ones yet
		default:
		}
		offered <- s.NTP
		if now := addresses(s); now != said && now != "" {
			said = now
			b.say("%s", now)
		}
	}
}

// addresses is a line about them.
func addresses(s network.State) string {
	var all []string
	for _, l := range s.Links {
		if l.Address != (netip.Prefix{}) {
			all = append(all, fmt.Sprintf("%s %s (%s)", l.Name, l.Address, l.How))
		}
	}
	return strings.Join(all, ", ")
}

// overSSH runs a command of somebody who is not at the box.
func (b *box) overSSH(ctx context.Context, c sshd.Command) int {
	b.log.Info("command over SSH", "from", c.From, "line", c.Line)
	return b.host.Run(ctx, session.Command{Line: c.Line, In: c.Stdin, Out: c.Stdout, Err: c.Stderr, Terminal: c.Terminal})
}

// promptOverSSH takes lines from somebody who is not at the box.
func (b *box) promptOverSSH(ctx context.Context, c sshd.Command, line io.ReadWriter) error {
	b.log.Info("prompt over SSH", "from", c.From)
	if err := session.NewRemote(&b.host, line).Run(ctx); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// fix gives the network the addresses of the configuration.
func fix(n *network.Config, a config.Appliance) (err error) {
	var fixed network.Config
	if a.Address != "" {
		if fixed.Address, err = netip.ParsePrefix(a.Address); err != nil {
			return fmt.Errorf("appliance.address: %w; write it with its prefix, such as 192.168.1.9/24", err)
		}
	}
	if a.Router != "" {
		if fixed.Router, err = netip.ParseAddr(a.Router); err != nil {
			return fmt.Errorf("appliance.router: %w", err)
		}
	}
	for _, s := range a.DNS {
		d, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("appliance.dns: %w", err)
		}
		fixed.DNS = append(fixed.DNS, d)
	}
	n.Address, n.Router, n.DNS = fixed.Address, fixed.Router, fixed.DNS
	return nil
}
