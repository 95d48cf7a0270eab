package node

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
	"packhorse/link/port"
	"packhorse/radio/phy"
)

// problems is what status finds wrong, in one text.
func problems(t *testing.T, r running) string {
	t.Helper()
	var all []string
	for _, p := range must[admin.Status](t)(r.Status(t.Context())).Problems {
		all = append(all, p.What)
	}
	return strings.Join(all, "; ")
}

func TestInternetRunsWithoutARegion(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		wire, _ := newCable()
		both := func(Info) ([]port.Transport, error) { return []port.Transport{wire}, nil }
		n := start(t, Config{StateDir: dir, Name: "hq", Transports: both}, nil)
		synctest.Wait()
		if *wire.starts != 1 {
			t.Errorf("the Internet link ran %d times before a region is set, want 1", *wire.starts)
		}
		if got := problems(t, n); strings.Contains(got, "region") {
			t.Errorf("got %q, want no word of a region: nothing here needs one", got)
		}
		n.stop()
	})
}

// idleRole runs, and does nothing.
type idleRole struct{}

func (idleRole) Run(ctx context.Context) error         { <-ctx.Done(); return nil }
func (idleRole) Status(context.Context, *admin.Status) {}

func TestAnInternetGatewayAloneNeedsNoRegion(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := start(t, Config{StateDir: dir, Name: "gw", Beside: func(Shared) (Role, error) { return idleRole{}, nil }}, nil)
		synctest.Wait()
		if got := problems(t, n); strings.Contains(got, "region") || strings.Contains(got, "neither") {
			t.Errorf("got %q, want nothing about radios", got)
		}
		n.stop()
	})
}

func TestStatusSaysWhatKeepsItOffTheAir(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		offline := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("offline") }
		n := start(t, Config{StateDir: dir, Name: "box", dialUplink: offline}, nil)
		synctest.Wait()
		if _, err := n.JoinPairing(t.Context(), "K7QM-2XTD"); code(err) != admin.CodeRegion {
			t.Errorf("joining without a region: got %v, want code region", err)
		}
		for _, want := range []string{"no region is set", "neither a radio nor an Internet link", "in no domain"} {
			if got := problems(t, n); !strings.Contains(got, want) {
				t.Errorf("bare: got %q, want %q in it", got, want)
			}
		}
		radio, _ := newCable()
		uplink := UplinkConfig{Gateways: []string{"one.example"}, Fixed: []discovery.Fixed{{Name: "one.example", PoWeb: "127.0.0.1:1", Plain: true}}}
		if err := n.n.Reload(Config{Uplinks: uplink}); err != nil {
			t.Fatal(err)
		}
		if got := problems(t, n); strings.Contains(got, "region") || strings.Contains(got, "neither") {
			t.Errorf("with an Internet gateway alone: got %q, want nothing about radios", got)
		}
		if err := n.n.Reload(Config{Radios: []string{"lora0"}, Transports: radio.inRegion}); err != nil {
			t.Fatal(err)
		}
		if got := problems(t, n); !strings.Contains(got, "no region is set") || strings.Contains(got, "neither") {
			t.Errorf("with a radio: got %q, want only the region missing", got)
		}
		n.stop()
	})
}

func TestReloadChangesTransportsOrNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		old, _ := newCable()
		n := start(t, Config{StateDir: dir, Name: "ada", Region: "NZ915"}, old)
		synctest.Wait()
		broken := errors.New("no such modem")
		err := n.n.Reload(Config{Region: "EU868", Transports: func(Info) ([]port.Transport, error) { return nil, broken }})
		synctest.Wait()
		if s := must[admin.Status](t)(n.Status(t.Context())); !errors.Is(err, broken) || s.Region != "NZ915" || *old.starts != 1 {
			t.Errorf("broken: got %v, region %s, %d starts, want the old region and transport untouched", err, s.Region, *old.starts)
		}
		if err := n.n.Reload(Config{Region: "XX"}); code(err) != admin.CodeUsage {
			t.Errorf("unknown region: got %v, want a usage error", err)
		}
		next, _ := newCable()
		if err := n.n.Reload(Config{Region: "EU868", Transports: next.inRegion}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := must[admin.Status](t)(n.Status(t.Context())); s.Region != "EU868" || *next.starts != 1 || *old.starts != 1 {
			t.Errorf("got region %s, %d new starts, %d old, want EU868, 1 and 1", s.Region, *next.starts, *old.starts)
		}
		if _, err := n.Up(t.Context(), admin.Up{Region: "NZ915"}); code(err) != admin.CodeUsage || !strings.Contains(err.Error(), "EU868") {
			t.Errorf("up against the file: got %v, want the file's region named", err)
		}
		n.stop()
		if err := n.n.Reload(Config{Region: "EU868"}); err == nil {
			t.Error("a stopped gateway took a new configuration")
		}
	})
}

// A region in which a radio may not work as configured is not kept: the next start would fail.
func TestARegionThatForbidsARadioIsNotKept(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := start(t, Config{StateDir: dir, Name: "ada", Radios: []string{"lora0"}, Transports: func(i Info) ([]port.Transport, error) {
			if i.Region == "EU868" {
				return nil, phy.ErrNotAllowed
			}
			return nil, nil
		}}, nil)
		synctest.Wait()
		if _, err := n.Up(t.Context(), admin.Up{Region: "EU868"}); code(err) != admin.CodeRegion {
			t.Errorf("got %v, want code region", err)
		}
		if s := must[admin.Status](t)(n.Status(t.Context())); s.Region != "" {
			t.Errorf("got region %s, want none", s.Region)
		}
		n.stop()
	})
}
