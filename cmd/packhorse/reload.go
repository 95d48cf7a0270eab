package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// reloader reads the configuration again when SIGHUP asks for it.
type reloader struct {
	*app
	node *node.Node
	log  *slog.Logger
	now  *config.Loaded // in force
	asks chan reloadAsk
	seen atomic.Pointer[config.Loaded] // now, for other goroutines

	herald *herald
}

// reloadAsk is somebody who asks by the API and waits for the end of it.
type reloadAsk chan reloadEnd

type reloadEnd struct {
	restart []string
	err     error
}

// ask has the configuration read again and waits for it.
func (r *reloader) ask(ctx context.Context) (admin.Reloaded, error) {
	a := make(reloadAsk, 1)
	select {
	case r.asks <- a:
	case <-ctx.Done():
		return admin.Reloaded{}, ctx.Err()
	}
	select {
	case end := <-a:
		return admin.Reloaded{Restart: end.restart}, end.err
	case <-ctx.Done():
		return admin.Reloaded{}, ctx.Err()
	}
}

// listen takes signals until ctx ends. A terminal that was closed sends the same signal:
// then the gateway ends.
func (r *reloader) listen(ctx context.Context, stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	watched := terminal(r.err)
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-r.asks:
			a <- r.heralded()
			continue
		case <-hup:
		}
		if watched && !terminal(r.err) {
			stop()
			return
		}
		r.heralded()
	}
}

// heralded reloads, and the service manager hears that.
func (r *reloader) heralded() reloadEnd {
	defer r.herald.reloading()()
	keys, err := r.reload()
	return reloadEnd{keys, err}
}

// reload applies what may change while the gateway runs. With a mistake in it, the old
// configuration stays in force as a whole. It answers the keys that only a new start takes up.
func (r *reloader) reload() (later []string, err error) {
	next, err := r.load()
	if err != nil {
		return nil, r.refuse(err)
	}
	later = needRestart(r.now, next)
	for _, key := range later {
		r.log.Warn("this change takes effect at the next start", "key", key)
	}
	next = keep(next, r.now)
	if !moved(r.now, next) {
		r.now = next
		r.seen.Store(next)
		r.log.Info("configuration read again: radios and links are as before")
		return later, nil
	}
	if err := r.node.Reload(r.nodeConfig(next, nil, r.log)); err != nil {
		return nil, r.refuse(err)
	}
	r.now = next
	r.seen.Store(next)
	r.log.Info("configuration reloaded", "files", strings.Join(next.Files, " "))
	return later, nil
}

// refuse says in the log why the old configuration stays, and answers it for who asked.
func (r *reloader) refuse(err error) error {
	fix := "packhorse config check"
	var c *config.Error
	if errors.As(err, &c) && c.Fix != "" {
		fix = c.Fix
	}
	r.log.Error("configuration not reloaded, the old one stays in force", "error", err, "fix", fix)
	e := admin.AsError(err)
	if c != nil {
		e = &admin.Error{Code: admin.CodeUsage, Message: c.Error(), Fix: fix}
	}
	return e
}

// moved tells whether the transports and uplinks have to be made anew.
func moved(a, b *config.Loaded) bool {
	return a.Region != b.Region || !reflect.DeepEqual(a.Radio, b.Radio) || !reflect.DeepEqual(a.Boards, b.Boards) || !reflect.DeepEqual(a.Internet, b.Internet) ||
		!reflect.DeepEqual(a.Uplink, b.Uplink) || !reflect.DeepEqual(a.Fixed, b.Fixed)
}

// needRestart names the changed keys that only a new start takes up. The name is none: it is that of a new gateway.
func needRestart(a, b *config.Loaded) (keys []string) {
	for _, k := range []struct {
		name    string
		changed bool
	}{
		{"state_dir", a.StateDir != b.StateDir}, {"socket", a.Socket != b.Socket},
		{"trust_clock", a.TrustClock != b.TrustClock}, {"gps", a.GPS != b.GPS}, {"watchdog", a.Watchdog != b.Watchdog}, {"poweb.listen", a.PoWeb != b.PoWeb}, {"courier", a.Courier != b.Courier}, {"internet_gateway", !reflect.DeepEqual(a.Gateway, b.Gateway)}, {"store.max_bytes", a.Store.MaxBytes != b.Store.MaxBytes},
		{"store.max_parcels", a.Store.MaxParcels != b.Store.MaxParcels}, {"store.max_parcel_bytes", a.Store.MaxParcelBytes != b.Store.MaxParcelBytes},
		{"store.linger_ms", a.Store.LingerMS != b.Store.LingerMS},
		{"store.encrypt", a.Store.Encrypt != b.Store.Encrypt}, {"store.key_file", a.Store.KeyFile != b.Store.KeyFile},
		{"page.listen", a.Page != b.Page}, {"appliance", !reflect.DeepEqual(a.Appliance, b.Appliance)}, {"battery", a.Battery != b.Battery},
	} {
		if k.changed {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// keep is the configuration to put in force: what needs a restart stays the old.
func keep(next, old *config.Loaded) *config.Loaded {
	out := *next
	out.StateDir, out.Socket, out.TrustClock, out.PoWeb, out.Store = old.StateDir, old.Socket, old.TrustClock, old.PoWeb, old.Store
	out.GPS, out.Watchdog, out.Courier, out.Gateway, out.Page = old.GPS, old.Watchdog, old.Courier, old.Gateway, old.Page
	out.Appliance, out.Battery = old.Appliance, old.Battery
	return &out
}
