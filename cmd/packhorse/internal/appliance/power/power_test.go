package power

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// board is a tree of files.
type board struct {
	t *testing.T
	*saver
}

func newBoard(t *testing.T, cfg Config) board {
	cfg.Root = t.TempDir()
	return board{t, &saver{cfg: cfg, resting: map[string]bool{}}}
}

func (b board) put(path, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(path)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.path(path), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b board) want(what string, files map[string]string) {
	b.t.Helper()
	for path, want := range files {
		if got := text(b.path(path)); got != want {
			b.t.Errorf("%s: %s is %q, want %q", what, path, got, want)
		}
	}
}

const policy = "/sys/devices/system/cpu/cpufreq/policy0/"

func TestGovernor(t *testing.T) {
	for _, c := range []struct{ governor, want, err string }{{"powersave", "powersave", ""}, {"", "ondemand", ""}, {"turbo", "ondemand", "one of ondemand, powersave"}} {
		b := newBoard(t, Config{Governor: c.governor})
		b.put(policy+"scaling_available_governors", "ondemand powersave \n")
		b.put(policy+"scaling_governor", "ondemand\n")
		err := b.apply()
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v", c.governor, err)
		}
		b.want(c.governor, map[string]string{policy + "scaling_governor": c.want})
	}
}

func TestScreen(t *testing.T) {
	const blank, hdmi, dsi = "/sys/class/graphics/fb0/blank", "/sys/class/drm/card0-HDMI-A-1/status", "/sys/class/drm/card0-DSI-1/status"
	for on, want := range map[bool]map[string]string{true: {blank: "0", hdmi: "connected", dsi: "connected"}, false: {blank: "4", hdmi: "off", dsi: "connected"}} {
		b := newBoard(t, Config{HDMI: on})
		b.put(blank, "0")
		b.put(hdmi, "connected")
		b.put(dsi, "connected")
		if err := b.apply(); err != nil {
			t.Error(err)
		}
		b.want("at the start", want)
		b.put(blank, "0")
		if err := b.apply(); err != nil {
			t.Error(err)
		}
		b.want("somebody woke it", map[string]string{blank: "0"})
	}
}

const usb = "/sys/bus/usb/devices/"

func (b board) plug(name, class string, driven bool) {
	b.put(usb+name+"/idVendor", "10c4")
	b.put(usb+name+"/bDeviceClass", class)
	b.put(usb+name+"/power/control", "on")
	b.put(usb+name+"/"+name+":1.0/bInterfaceNumber", "00")
	b.put(usb+name+":1.0/bInterfaceNumber", "00")
	if driven {
		b.put(usb+name+"/"+name+":1.0/driver", "")
	}
}

func TestUSB(t *testing.T) {
	b := newBoard(t, Config{})
	b.plug("1-1", "00", true)
	b.plug("1-2", "00", false)
	b.plug("usb1", hubClass, false)
	control := func(name string) string { return usb + name + "/power/control" }
	for range 2 {
		if err := b.apply(); err != nil {
			t.Error(err)
		}
		b.want("plugged in", map[string]string{control("1-1"): "on", control("1-2"): "auto", control("usb1"): "on"})
	}
	b.put(usb+"1-2/1-2:1.0/driver", "")
	if err := b.apply(); err != nil {
		t.Error(err)
	}
	b.want("a driver came", map[string]string{control("1-2"): "on"})
	b.plug("1-3", "ff", false)
	if err := b.apply(); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(b.path(usb + "1-3")); err != nil {
		t.Fatal(err)
	}
	if err := b.apply(); err != nil || len(b.resting) != 0 {
		t.Errorf("unplugged: %v, %v", err, b.resting)
	}
}

func TestABoardThatOffersNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Config{Governor: "powersave", Root: t.TempDir()}, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}
