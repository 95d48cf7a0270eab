package network

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"packhorse/cmd/packhorse/internal/appliance/network/dhcp"
	"packhorse/cmd/packhorse/internal/appliance/network/linklocal"
)

// lookAgain is how often the interfaces are looked at when the kernel tells of no change.
const lookAgain = time.Minute

// netif is an interface as the kernel shows it.
type netif struct {
	index              int
	name               string
	mac                net.HardwareAddr
	ethernet, loopback bool
	up, carrier        bool
}

// ours tells whether an interface gets an address from us: built-in Ethernet, adapters on USB and phones that share
// their connection, by the names that kernel and udev give them. Not Wi-Fi, bridges and tunnels.
func (n netif) ours() bool {
	return n.ethernet && len(n.mac) == 6 && slices.ContainsFunc([]string{"eth", "end", "enp", "eno", "ens", "enx", "usb"}, func(p string) bool { return strings.HasPrefix(n.name, p) })
}

// order puts built-in interfaces before those on USB, whatever comes first.
func order(a, b netif) int {
	rank := func(n netif) int {
		if strings.HasPrefix(n.name, "usb") || strings.HasPrefix(n.name, "enx") {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.name, b.name))
}

// report is what became of an interface.
type report struct {
	index int
	link  Link
}

// running is a station with its goroutine.
type running struct {
	netif   netif
	link    Link
	fixed   bool
	carrier chan bool // the last word on the cable; holds one
	stop    context.CancelFunc
	done    chan struct{}
}

// ended tells whether the station gave up.
func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// manager starts and ends stations. One goroutine owns it.
type manager struct {
	cfg      Config
	log      *slog.Logger
	kernel   *routes
	stations map[int]*running
	reports  chan report
	wait     sync.WaitGroup
	written  string // what is in the file of name servers
}

func (m *manager) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer m.end(cancel)
	news, lost := make(chan struct{}, 1), make(chan error, 1)
	go func() { lost <- m.listen(news) }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-lost:
			return fmt.Errorf("network: netlink: %w", err)
		case r := <-m.reports:
			m.heard(r)
			continue
		case <-news:
		case <-timer.C:
		}
		list, err := m.kernel.interfaces()
		if err != nil {
			return err
		}
		m.look(ctx, list)
		timer.Reset(lookAgain)
	}
}

func (m *manager) listen(news chan<- struct{}) error {
	for {
		if err := m.kernel.wait(); err != nil {
			return err
		}
		select {
		case news <- struct{}{}:
		default:
		}
	}
}

// end waits until all stations have given their leases back.
func (m *manager) end(cancel context.CancelFunc) {
	cancel()
	done := make(chan struct{})
	go func() { m.wait.Wait(); close(done) }()
	for {
		select {
		case <-m.reports:
		case <-done:
			return
		}
	}
}

// look compares what there is with what is known.
func (m *manager) look(ctx context.Context, list []netif) {
	list = slices.Clone(list)
	slices.SortFunc(list, order)
	there, first := map[int]bool{}, true
	for _, n := range list {
		if (n.loopback || n.ours()) && !n.up {
			if err := m.kernel.bringUp(n.index); err != nil {
				m.log.Warn("an interface stays off", "interface", n.name, "error", err)
			}
		}
		if !n.ours() {
			continue
		}
		fixed := first && m.cfg.Address.IsValid()
		there[n.index], first = true, false
		m.see(ctx, n, fixed)
	}
	for index := range m.stations {
		if !there[index] {
			m.forget(index)
		}
	}
}

// see starts a station for an interface that is new, and tells the cable's state. An interface that another one comes
// before loses the fixed address to it.
func (m *manager) see(ctx context.Context, n netif, fixed bool) {
	if s := m.stations[n.index]; s != nil && (s.ended() || s.fixed != fixed || s.netif.name != n.name || !bytes.Equal(s.netif.mac, n.mac)) {
		m.forget(n.index)
	}
	s := m.stations[n.index]
	if s == nil {
		s = m.start(ctx, n, fixed)
	}
	select {
	case <-s.carrier: // an older word
	default:
	}
	s.carrier <- n.up && n.carrier
}

func (m *manager) start(ctx context.Context, n netif, fixed bool) *running {
	ctx, stop := context.WithCancel(ctx)
	s := &running{netif: n, link: Link{Name: n.name}, fixed: fixed, carrier: make(chan bool, 1), stop: stop, done: make(chan struct{})}
	m.stations[n.index] = s
	st := &station{index: n.index, link: s.link, dhcp: dhcp.New(n.mac, m.cfg.Hostname, rand.Uint32), claim: linklocal.New(n.mac), kernel: m.kernel, log: m.log}
	if fixed {
		st.fixed, st.router = m.cfg.Address, m.cfg.Router
	}
	m.wait.Go(func() {
		defer close(s.done)
		defer survive(m.log, n.name)
		if err := serve(ctx, st, s.carrier, m.reports); err != nil {
			m.log.Debug("an interface is gone", "interface", n.name, "error", err)
		}
	})
	return s
}

// survive ends a station that panics, which begins anew when the interfaces are looked at next: the process is the init, and
// its end would be the board's.
func survive(log *slog.Logger, name string) {
	if p := recover(); p != nil {
		log.Error("an interface panicked", "interface", name, "panic", p, "stack", string(debug.Stack()))
	}
}

// forget ends a station and waits until it has given up its address.
func (m *manager) forget(index int) {
	s := m.stations[index]
	delete(m.stations, index)
	s.stop()
	for {
		select {
		case r := <-m.reports:
			m.note(r)
		case <-s.done:
			m.tell()
			return
		}
	}
}

func (m *manager) heard(r report) {
	if m.note(r) {
		m.tell()
	}
}

// note keeps a report and tells whether it is news.
func (m *manager) note(r report) bool {
	s := m.stations[r.index]
	if s == nil || s.link.same(r.link) {
		return false
	}
	s.link = r.link
	return true
}

// tell writes the name servers down and tells who listens.
func (m *manager) tell() {
	s := m.state()
	if text := resolvConf(s.DNS); text != m.written {
		if err := writeFile(m.cfg.Resolv, text); err != nil {
			m.log.Warn("the name servers are not written", "error", err)
		} else {
			m.written = text
		}
	}
	if m.cfg.Changed != nil {
		m.cfg.Changed(s)
	}
}

func (m *manager) state() State {
	var all []*running
	for _, s := range m.stations {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *running) int { return order(a.netif, b.netif) })
	st := State{DNS: slices.Clone(m.cfg.DNS)}
	for _, s := range all {
		st.Links = append(st.Links, s.link)
		for _, n := range s.link.NTP {
			if !slices.Contains(st.NTP, n) {
				st.NTP = append(st.NTP, n)
			}
		}
		for _, d := range s.link.DNS {
			if len(m.cfg.DNS) == 0 && !slices.Contains(st.DNS, d) {
				st.DNS = append(st.DNS, d)
			}
		}
	}
	return st
}

// resolvConf is the file of resolv.conf(5), which knows three servers.
func resolvConf(dns []netip.Addr) string {
	var b strings.Builder
	for _, d := range dns[:min(len(dns), 3)] {
		b.WriteString("nameserver " + d.String() + "\n")
	}
	return b.String()
}

// writeFile replaces a small file in one step.
func writeFile(path, text string) error {
	err := os.WriteFile(path+".new", []byte(text), 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network: %s: %w", path, err)
	}
	return err
}
