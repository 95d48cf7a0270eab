package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/notify"
	"packhorse/gateway/admin"
)

// serviceManager is a socket as systemd's.
type serviceManager struct {
	*net.UnixConn
	t    *testing.T
	path string
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &serviceManager{c, t, path}
}

func (m *serviceManager) env(more map[string]string) func(string) string {
	return func(k string) string {
		if k == "NOTIFY_SOCKET" {
			return m.path
		}
		return more[k]
	}
}

// next waits for one datagram.
func (m *serviceManager) next() string {
	m.t.Helper()
	b := make([]byte, 4096)
	m.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := m.Read(b)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b[:n])
}

// heard is what was said by now; everything in the bubble waits.
func (m *serviceManager) heard() (all []string) {
	m.t.Helper()
	synctest.Wait()
	raw, err := m.SyscallConn()
	if err != nil {
		m.t.Fatal(err)
	}
	raw.Read(func(fd uintptr) bool {
		for {
			b := make([]byte, 4096)
			n, _, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
			if err != nil {
				return true
			}
			all = append(all, string(b[:n]))
		}
	})
	return all
}

// told is a gateway that answers what a test put into it.
type told struct {
	running, working int
	status           admin.Status
	events           chan admin.Event
	hangs            bool
	err              error // of status
}

func (g *told) heralded() heralded {
	return heralded{
		links:  func() (int, int) { return g.running, g.working },
		status: func(context.Context) (admin.Status, error) { return g.status, g.err },
		events: func(context.Context) (<-chan admin.Event, error) { return g.events, nil },
		alive: func(ctx context.Context) bool {
			if g.hangs {
				<-ctx.Done()
			}
			return !g.hangs
		},
	}
}

// heralding plays a herald for g, with a watchdog of a minute if so, and tells the test what is heard.
func heralding(t *testing.T, g *told, watchdog string, play func(m *serviceManager, h *herald, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newServiceManager(t)
		g.events = make(chan admin.Event)
		h := &herald{manager: notify.Find(m.env(map[string]string{"WATCHDOG_USEC": watchdog}), 1), of: g.heralded(), log: quiet}
		ctx, stop := context.WithCancel(t.Context())
		var side sync.WaitGroup
		h.start(ctx, &side)
		play(m, h, stop)
		stop()
		side.Wait()
	})
}

// configFile writes a configuration for b.
func configFile(t *testing.T, b *bench, text string) string {
	t.Helper()
	path := filepath.Join(b.dir, "packhorse.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantHeard(t *testing.T, m *serviceManager, want ...string) {
	t.Helper()
	if got := m.heard(); !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

const calm = "STATUS=0 neighbours, 0 parcels waiting"

func TestReadyIsSaidOnceALinkWorks(t *testing.T) {
	g := &told{running: 2}
	heralding(t, g, "", func(m *serviceManager, _ *herald, stop func()) {
		time.Sleep(10 * time.Second)
		wantHeard(t, m)
		g.working = 1
		time.Sleep(linkLook)
		wantHeard(t, m, "READY=1\n"+calm)
		stop()
		wantHeard(t, m, "STOPPING=1")
	})
}

func TestAGatewayWithoutLinksIsReadyAtOnce(t *testing.T) {
	heralding(t, &told{}, "", func(m *serviceManager, _ *herald, _ func()) { wantHeard(t, m, "READY=1\n"+calm) })
}

func TestReadyIsSaidWithoutAStatusToo(t *testing.T) {
	heralding(t, &told{err: context.DeadlineExceeded}, "", func(m *serviceManager, _ *herald, _ func()) { wantHeard(t, m, "READY=1") })
}

func TestAnUnpluggedRadioDoesNotHoldUpTheStart(t *testing.T) {
	g := &told{running: 1, status: admin.Status{Region: "EU868", Problems: []admin.Problem{{Level: "warn", What: "clock"}, {Level: "fail", What: "lora0: no such\nport"}}}}
	heralding(t, g, "", func(m *serviceManager, _ *herald, _ func()) {
		time.Sleep(linkPatience - time.Second)
		wantHeard(t, m)
		time.Sleep(time.Second)
		wantHeard(t, m, "READY=1\nSTATUS=EU868, 0 neighbours, 0 parcels waiting; fail: lora0: no such port")
	})
}

func TestAGatewayThatEndsEarlyIsNeverReady(t *testing.T) {
	heralding(t, &told{running: 1}, "", func(m *serviceManager, h *herald, stop func()) {
		h.reloading()()
		stop()
		wantHeard(t, m, "STOPPING=1")
	})
}

func TestTheStatusFollowsNeighbours(t *testing.T) {
	g := &told{}
	heralding(t, g, "", func(m *serviceManager, _ *herald, _ func()) {
		m.heard()
		g.status.Peers = []admin.PeerInfo{{Ports: []string{"lora0"}}, {Ports: []string{"lora0"}, Silent: true}, {}}
		g.status.Queue.Parcels = 3
		g.events <- admin.Event{Type: "parcel"}
		wantHeard(t, m)
		g.events <- admin.Event{Type: "peer"}
		wantHeard(t, m, "STATUS=1 neighbour, 3 parcels waiting")
		g.events <- admin.Event{Type: "peer"}
		wantHeard(t, m)
		close(g.events) // a reader that was too slow
		g.events = make(chan admin.Event)
		g.status.Queue.Parcels = 4
		time.Sleep(statusEvery)
		wantHeard(t, m, "STATUS=1 neighbour, 4 parcels waiting")
	})
}

func TestTheManagerSeesAGatewayThatHangs(t *testing.T) {
	g := &told{}
	heralding(t, g, "60000000", func(m *serviceManager, _ *herald, _ func()) {
		time.Sleep(time.Minute)
		if fed := strings.Count(strings.Join(m.heard(), "\n"), "WATCHDOG=1"); fed < 3 {
			t.Errorf("fed %d times in a minute", fed)
		}
		g.hangs = true
		time.Sleep(time.Minute)
		m.heard()
		time.Sleep(4 * time.Minute) // the socket holds ten datagrams
		wantHeard(t, m)
	})
}

func TestReloadingIsSaid(t *testing.T) {
	heralding(t, &told{}, "", func(m *serviceManager, h *herald, _ func()) {
		m.heard()
		done := h.reloading()
		if got := m.heard(); len(got) != 1 || !strings.HasPrefix(got[0], "RELOADING=1\nMONOTONIC_USEC=") {
			t.Errorf("heard %q", got)
		}
		done()
		wantHeard(t, m, "READY=1")
	})
}

// TestAServiceSpeaksToItsManager runs a whole gateway.
func TestAServiceSpeaksToItsManager(t *testing.T) {
	m, b := newServiceManager(t), newBench(t, nil)
	b.env["NOTIFY_SOCKET"], b.env["WATCHDOG_USEC"] = m.path, "60000000"
	b.env["STATE_DIRECTORY"], b.env["PACKHORSE_CONFIG"] = b.dir, configFile(t, b, "[poweb]\nlisten = \"\"\n")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- b.runIn(ctx, "run") }()
	said := map[string]bool{}
	for !said["READY=1"] || !said["WATCHDOG=1"] {
		first, _, _ := strings.Cut(m.next(), "\n")
		said[first] = true
	}
	stop()
	if code := <-ended; code != 0 && code != exitInterrupted {
		t.Errorf("exit %d: %s", code, b.err)
	}
	for m.next() != "STOPPING=1" {
	}
}

func TestAServiceThatCannotStartSaysWhy(t *testing.T) {
	m, b := newServiceManager(t), newBench(t, nil)
	b.env["NOTIFY_SOCKET"], b.env["PACKHORSE_CONFIG"] = m.path, configFile(t, b, "nonsense = 1\n")
	if code := b.run("run"); code == 0 {
		t.Error("it ran")
	}
	if got := m.next(); !strings.HasPrefix(got, "STATUS=failed: ") || !strings.Contains(got, "nonsense") {
		t.Errorf("got %q", got)
	}
}

func TestTheManagersDirectoryLetsItsGroupIn(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		made, socket string
		want         uint32
	}{{dir, dir + "/packhorse.sock", 0o660}, {dir, "/elsewhere/packhorse.sock", 0o600}, {"", dir + "/packhorse.sock", 0o600}} {
		a := &app{getenv: func(string) string { return c.made }}
		if got := a.socketMode(&config.Loaded{Config: config.Config{Socket: c.socket}}); uint32(got) != c.want {
			t.Errorf("%+v: got %o", c, got)
		}
	}
}
