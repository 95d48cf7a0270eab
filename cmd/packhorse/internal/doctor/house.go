package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"packhorse/board"
	"packhorse/store"
)

// clock is how far the time can be trusted.
func (p Patient) clock() board.Finding {
	if p.Gateway != nil && p.Gateway.Clock != "" {
		switch p.Gateway.Clock {
		case "none":
			return warn("clock", "connect the gateway to the Internet once, or to a neighbour that knows the time, or give the board a battery clock", "the gateway does not know the time: it carries, and lets nothing expire")
		case "neighbour":
			return warn("clock", "synchronise it (NTP, or chrony with a GPS), or set trust_clock = true where a clock chip or the host keeps the time", "the gateway does not trust it: it carries, lets nothing expire and registers nobody")
		}
		return ok("clock", "the gateway trusts it as %s", p.Gateway.Clock)
	}
	switch p.Clock {
	case board.ClockNone:
		return warn("clock", "let it synchronise over the Internet once, or set it: sudo date -s; a battery clock or a satellite receiver keeps it", "it was never set")
	case board.ClockSet:
		return warn("clock", "nothing, if it is right; trust_clock = true if something keeps it; else NTP, a battery clock, or gps in the configuration", "nothing here vouches for it")
	}
	return ok("clock", "kept by %s", p.Clock)
}

const (
	little = 500 << 20 // octets free: a card that fills up wears faster
	tooFew = 100 << 20 // of which the store keeps most for itself
	// light is how large a store is read as a whole.
	light = 64 << 20
)

// store is the room on the card, and whether what is kept is whole.
func (p Patient) store() []board.Finding {
	dir := p.Config.StateDir
	found := []board.Finding{p.space(dir)}
	if s := p.Store; s != nil {
		if s.Damaged > 0 || s.Quarantine > 0 {
			return append(found, fail("store", "packhorse store check says what, packhorse store repair mends it while the gateway is stopped", "%d damaged and %d put aside of its files", s.Damaged, s.Quarantine))
		}
		return append(found, ok("store", "%d values, %d kB live", s.Values, s.LiveBytes/1000))
	}
	if p.Gateway != nil {
		return found
	}
	return append(found, p.inspect(filepath.Join(dir, "store")))
}

func (p Patient) space(dir string) board.Finding {
	for ; ; dir = filepath.Dir(dir) { // it may not be made yet
		free, err := p.Free(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			return warn("disk", "check that the disk is mounted", "%s: %v", dir, err)
		case free < tooFew:
			return fail("disk", "remove what is not needed, or use a larger card", "%d MB free on the disk of %s: no parcels are taken", free/1_000_000, dir)
		case free < little:
			return warn("disk", "remove what is not needed, or use a larger card", "%d MB free on the disk of %s", free/1_000_000, dir)
		}
		return ok("disk", "%d MB free on the disk of %s", free/1_000_000, dir)
	}
}

// inspect reads a small store, and of a large one whether it may be read.
func (p Patient) inspect(dir string) board.Finding {
	size := int64(0)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("store", "none yet: the gateway makes it at its first start")
	case err != nil:
		return warn("store", "run as root, or as the user of the gateway", "cannot be looked at: %v", err)
	}
	for _, e := range entries {
		if i, err := e.Info(); err == nil {
			size += i.Size()
		}
	}
	if size > light {
		return ok("store", "%d MB; packhorse store check reads all of it", size/1_000_000)
	}
	p.Progress("store: reading %d kB ...", size/1000)
	r, err := store.Check(dir)
	switch {
	case err != nil:
		return warn("store", "packhorse store check", "%v", err)
	case !r.OK():
		return fail("store", "packhorse store check says what, packhorse store repair mends it", "%d places in it are damaged", len(r.Damage))
	case r.InUse:
		return warn("store", "stop the other gateway, or name its socket with --socket", "a gateway uses it, and listens on another socket")
	}
	return ok("store", "%d records, all whole", r.Records)
}

// listener is an address that the configuration has the gateway listen on.
type listener struct{ subject, network, address, key string }

func (p Patient) listeners() (all []listener) {
	g := p.Config.Gateway
	all = []listener{{"poweb", "tcp", p.Config.PoWeb.Listen, "poweb.listen"}, {"internet", "udp", p.Config.Internet.Listen, "internet.listen"},
		{"courier", "tcp", p.Config.Courier.Listen, "courier.listen"}}
	if g.Address == "" {
		return all
	}
	all = append(all, listener{"internet_gateway poweb", "tcp", g.PoWeb, "internet_gateway.poweb"}, listener{"internet_gateway cogrpc", "tcp", g.CogRPC, "internet_gateway.cogrpc"})
	if g.PoHTTP != g.PoWeb {
		all = append(all, listener{"internet_gateway pohttp", "tcp", g.PoHTTP, "internet_gateway.pohttp"})
	}
	return all
}

// addresses are those that the gateway listens on.
func (p Patient) addresses() (found []board.Finding) {
	for _, a := range p.listeners() {
		switch {
		case a.address == "":
		case p.Gateway == nil:
			found = append(found, p.free(a))
		case a.subject == "courier" && p.Gateway.Courier == nil:
			found = append(found, warn(a.subject, "restart the gateway: it takes changes of "+a.key+" at its start", "the gateway does not listen on %s", a.address))
		default:
			found = append(found, ok(a.subject, "the gateway has %s", a.address))
		}
	}
	return found
}

// free is whether nobody else has an address.
func (p Patient) free(a listener) board.Finding {
	if err := p.Listen(a.network, a.address); err != nil {
		return fail(a.subject, "stop the program that has it (sudo ss -lnp), or change "+a.key, "%s cannot be listened on: %v", a.address, err)
	}
	return ok(a.subject, "%s is free", a.address)
}

// extras are devices that are configured beside radios. A watchdog is not opened: that would arm it.
func (p Patient) extras() (found []board.Finding) {
	for _, d := range []struct{ key, path, missing string }{
		{"watchdog", p.Config.Watchdog, "enable it (Raspberry Pi: dtparam=watchdog=on in config.txt), or take watchdog out of the configuration"},
		{"gps", p.Config.GPS, "plug the receiver in, or correct gps: packhorse board serial lists the ports"},
	} {
		if d.path == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join("/", p.Host.Root, d.path)); err != nil {
			found = append(found, fail(d.key, d.missing, "there is no %s", d.path))
			continue
		}
		found = append(found, ok(d.key, "%s is there", d.path))
	}
	return found
}
