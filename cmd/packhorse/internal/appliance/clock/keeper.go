package clock

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	saveEvery  = time.Hour // a card lives by few writes
	firstPoll  = 64 * time.Second
	longPoll   = 2048 * time.Second
	firstRetry = 4 * time.Second
	longRetry  = 512 * time.Second
	banned     = time.Hour // a server that asked us to go away is left alone for so long
	maxServers = 8         // asked in a round
	maxNames   = 8         // of those that the network offers
	perName    = 4         // addresses taken of one name
)

// keeper asks, decides and adjusts. One goroutine owns it.
type keeper struct {
	cfg     Config
	log     *slog.Logger
	offered <-chan []string
	clock   interface {
		settable
		adjust(adjustment) error
	}
	lookup func(ctx context.Context, name string) ([]netip.AddrPort, error)
	query  func(ctx context.Context, server netip.AddrPort) (sample, error)

	names  []string // offered last
	poll   time.Duration
	fails  int
	alone  int
	synced bool
	said   error // what was last complained of
	bans   map[netip.AddrPort]time.Time
}

func (k *keeper) run(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	hourly := time.NewTicker(saveEvery)
	defer hourly.Stop()
	for {
		select {
		case <-ctx.Done():
			k.save()
			return nil
		case names, open := <-k.offered:
			if k.hear(names, open) {
				next.Reset(0)
			}
		case <-hourly.C:
			k.save()
		case <-next.C:
			next.Reset(k.round(ctx))
		}
	}
}

// hear takes new servers. It tells whether to ask now: they are others, or a network may have come that was missing.
func (k *keeper) hear(names []string, open bool) bool {
	if !open {
		k.offered = nil
		return false
	}
	names = slices.Clone(names[:min(len(names), maxNames)])
	changed := !slices.Equal(names, k.names)
	k.names = names
	if changed || k.fails > 0 {
		k.fails = 0
	}
	return changed || !k.synced
}

// servers are the names to ask now. Those of the network may lead nowhere: then the pool has every other turn.
func (k *keeper) servers() []string {
	switch {
	case len(k.cfg.Servers) > 0:
		return k.cfg.Servers
	case len(k.names) > 0 && k.fails%2 == 0:
		return k.names
	}
	return []string{Pool}
}

// round asks once and answers how long to wait for the next.
func (k *keeper) round(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	samples, asked := k.ask(ctx, k.resolve(ctx, k.servers()))
	best, err := agree(samples, asked, k.alone)
	if err == nil && !plausible(k.clock.now().Add(best.offset)) {
		err = errDisagree
	}
	if k.alone++; !errors.Is(err, errAlone) {
		k.alone = 0
	}
	poll := min(max(2*k.poll, firstPoll), longPoll)
	if err == nil {
		err = k.clock.adjust(plan(best, poll))
	}
	if err != nil {
		return k.failed(ctx, err)
	}
	k.succeeded(best, poll)
	return poll
}

func (k *keeper) failed(ctx context.Context, err error) time.Duration {
	if !errors.Is(err, k.said) && !errors.Is(ctx.Err(), context.Canceled) {
		k.log.Warn("the clock is not kept", "error", err)
	}
	k.said = cause(err)
	k.fails = min(k.fails+1, 30)
	return min(firstRetry<<min(k.fails-1, 10), longRetry)
}

// cause is what an error is about, without the figures that change each time.
func cause(err error) error {
	for _, known := range []error{errSilent, errAlone, errDisagree} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// succeeded counts on. A clock that had to be set is looked at again soon, and saved: it may have been wrong for long.
func (k *keeper) succeeded(s sample, poll time.Duration) {
	stepped := s.offset.Abs() > stepBeyond
	if !k.synced || stepped || k.said != nil {
		k.log.Info("the clock is kept by NTP", "server", s.server, "offset", s.offset.Round(time.Millisecond), "set", stepped)
	}
	if !k.synced || stepped {
		k.save()
	}
	k.synced, k.fails, k.said, k.poll = true, 0, nil, poll
	if stepped {
		k.poll = 0
	}
}

func (k *keeper) save() {
	if k.cfg.File == "" || !plausible(k.clock.now()) {
		return
	}
	if err := save(k.cfg.File, k.clock.now()); err != nil {
		k.log.Warn("the time is not saved", "error", err)
	}
}

// resolve turns names into addresses, a few of each, without those that are banned.
func (k *keeper) resolve(ctx context.Context, names []string) (out []netip.AddrPort) {
	for _, name := range names {
		found, err := k.lookup(ctx, name)
		if err != nil {
			k.log.Debug("no address of a time server", "name", name, "error", err)
		}
		for _, a := range found[:min(len(found), perName)] {
			if len(out) < maxServers && !slices.Contains(out, a) && !k.isBanned(a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (k *keeper) isBanned(a netip.AddrPort) bool {
	until, ok := k.bans[a]
	if ok && time.Now().After(until) {
		delete(k.bans, a)
		return false
	}
	return ok
}

// ask asks all at once. What they answer is in the order of the servers.
func (k *keeper) ask(ctx context.Context, servers []netip.AddrPort) (samples []sample, asked int) {
	answers, errs := make([]sample, len(servers)), make([]error, len(servers))
	var wait sync.WaitGroup
	for i, s := range servers {
		wait.Go(func() { answers[i], errs[i] = k.query(ctx, s) })
	}
	wait.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			samples = append(samples, answers[i])
		case errors.Is(err, errGoAway):
			k.ban(servers[i])
		}
		if err != nil {
			k.log.Debug("no time", "server", servers[i], "error", err)
		}
	}
	return samples, len(servers)
}

func (k *keeper) ban(a netip.AddrPort) {
	if k.bans == nil || len(k.bans) >= 4*maxServers {
		k.bans = map[netip.AddrPort]time.Time{}
	}
	k.bans[a] = time.Now().Add(banned)
}
