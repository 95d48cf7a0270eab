package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"packhorse/cmd/packhorse/internal/hotspot"
	"packhorse/gateway/admin"
)

// manager is NetworkManager, by its command, and the kernel's Wi-Fi rules.
type manager struct{ *app }

func (a *app) manager() manager { return manager{a} }

// How long the programs that are asked may take.
const (
	toolTime = 10 * time.Second
	upTime   = 40 * time.Second
)

// tool runs a program and answers what it printed. Its error says what it said.
func tool(ctx context.Context, limit time.Duration, name string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C") // the words that are read
	c.WaitDelay = time.Second
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("no answer within %s", limit)
	}
	if err == nil {
		return string(out), nil
	}
	text := strings.TrimSpace(said.String())
	if text == "" {
		text = err.Error()
	}
	return string(out), fmt.Errorf("%s: %s", name, text)
}

func failed(fix, format string, v ...any) error {
	return &admin.Error{Code: admin.CodeFailed, Message: fmt.Sprintf(format, v...), Fix: fix}
}

// ready tells whether a network can be opened on a device.
func (m manager) ready(ctx context.Context, device string, replace bool) error {
	for _, need := range []struct{ program, pkg string }{{"nmcli", "network-manager"}, {"iw", "iw"}, {"dnsmasq", "dnsmasq-base"}} {
		if _, err := exec.LookPath(need.program); err != nil {
			return failed("apt install "+need.pkg, "%s is not there: the access point is made by NetworkManager, with iw and dnsmasq", need.program)
		}
	}
	if out, err := tool(ctx, toolTime, "nmcli", "-t", "-f", "RUNNING", "general"); err != nil || strings.TrimSpace(out) != "running" {
		return failed("systemctl enable --now NetworkManager; on Raspberry Pi OS before bookworm, raspi-config chooses it", "NetworkManager does not run")
	}
	out, err := tool(ctx, toolTime, "nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CONNECTION", "device")
	if err != nil {
		return failed("nmcli device", "%v", err)
	}
	return free(hotspot.Devices(out), device, replace)
}

// free tells whether the device is there and not in another network.
func free(list []hotspot.Device, device string, replace bool) error {
	var others []string
	for _, d := range list {
		switch {
		case d.Type != "wifi":
		case d.Name != device:
			others = append(others, d.Name)
		case d.State == "unmanaged":
			return failed("nmcli device set "+device+" managed yes, and see what keeps it from NetworkManager: /etc/network/interfaces, or a file in /etc/NetworkManager/conf.d", "%s is not managed by NetworkManager", device)
		case strings.HasPrefix(d.State, "connect") && d.Connection != hotspot.Connection && !replace:
			return refused("packhorse set ap on --replace, best from a cable or the screen", "%s is in the network %q, and a device can be in one alone: who works over it would be cut off", device, d.Connection)
		default:
			return nil
		}
	}
	if len(others) > 0 {
		return failed("packhorse set ap.interface "+others[0], "there is no Wi-Fi device %s, but %s", device, strings.Join(others, ", "))
	}
	return failed("plug in an adapter, or see dmesg for missing firmware", "this computer has no Wi-Fi device that NetworkManager knows")
}

// open writes the files and brings the network up. It answers what is to be known besides.
func (m manager) open(ctx context.Context, n hotspot.Network, country string) (notes []string, err error) {
	notes, err = m.country(ctx, country)
	if err != nil {
		return notes, err
	}
	if err := writeSystem(m.at(hotspot.DNSPath), hotspot.DNS(), 0o644); err != nil {
		return notes, err
	}
	if err := writeSystem(m.at(hotspot.KeyfilePath), n.Keyfile(), 0o600); err != nil {
		return notes, err
	}
	if _, err := tool(ctx, toolTime, "nmcli", "radio", "wifi", "on"); err != nil {
		return notes, failed("rfkill unblock wifi", "Wi-Fi cannot be switched on: %v", err)
	}
	if _, err := tool(ctx, toolTime, "nmcli", "connection", "reload"); err != nil {
		return notes, failed("journalctl -u NetworkManager", "NetworkManager does not read its files again: %v", err)
	}
	if _, err := tool(ctx, upTime, "nmcli", "--wait", "30", "connection", "up", hotspot.Connection); err != nil {
		return notes, failed("journalctl -u NetworkManager says why; iw list shows under \"Supported interface modes\" whether the device can be an AP", "the network does not come up: %v", err)
	}
	return notes, nil
}

// country sets whose rules the kernel keeps, now and from the next start on.
func (m manager) country(ctx context.Context, code string) (notes []string, err error) {
	if _, err := tool(ctx, toolTime, "iw", "reg", "set", code); err != nil {
		return nil, failed("apt install wireless-regdb, and see that the kernel has Wi-Fi", "the country %s cannot be set: %v", code, err)
	}
	if line, err := os.ReadFile(m.at("/proc/cmdline")); err == nil {
		for word := range strings.FieldsSeq(string(line)) {
			if v, ok := strings.CutPrefix(word, "cfg80211.ieee80211_regdom="); ok && v != code {
				notes = append(notes, m.commandLine(ctx, v, code))
			}
		}
	}
	return notes, writeSystem(m.at(hotspot.CountryPath), hotspot.Country(code), 0o644)
}

// commandLine has raspi-config, which writes countries there, put code in the place of another on the kernel's command line.
func (m manager) commandLine(ctx context.Context, was, code string) (note string) {
	if _, err := exec.LookPath("raspi-config"); err == nil {
		if _, err = tool(ctx, toolTime, "raspi-config", "nonint", "do_wifi_country", code); err == nil {
			return fmt.Sprintf("the kernel's command line said country %s; raspi-config has put %s there for the next start", was, code)
		}
	}
	return fmt.Sprintf("the kernel's command line says country %s, which wins over %s at the next start: correct cfg80211.ieee80211_regdom there", was, code)
}

// apFiles are those of the network, with their modes.
var apFiles = []struct {
	path string
	mode os.FileMode
}{{hotspot.KeyfilePath, 0o600}, {hotspot.DNSPath, 0o644}, {hotspot.CountryPath, 0o644}}

// apBefore is the network that was there before another one was tried.
type apBefore struct {
	files map[string][]byte // nil: not there
	up    bool
}

func (m manager) before(ctx context.Context) (b apBefore, err error) {
	b.files = map[string][]byte{}
	for _, f := range apFiles {
		if b.files[f.path], err = current(m.at(f.path)); err != nil {
			return b, fmt.Errorf("read %s: %w", f.path, err)
		}
	}
	b.up = b.files[hotspot.KeyfilePath] != nil && m.active(ctx)
	return b, nil
}

// putBack brings back the network that was there, or none, although whoever asked has gone.
func (m manager) putBack(ctx context.Context, b apBefore) error {
	ctx = context.WithoutCancel(ctx)
	if b.files[hotspot.KeyfilePath] == nil {
		return m.remove(ctx)
	}
	var failures error
	for _, f := range apFiles {
		if err := replaceAs(m.at(f.path), b.files[f.path], f.mode); err != nil && !errors.Is(err, os.ErrNotExist) {
			failures = errors.Join(failures, unwritable(f.path, err))
		}
	}
	if code := hotspot.CountryOf(b.files[hotspot.CountryPath]); code != "" {
		_, _ = tool(ctx, toolTime, "iw", "reg", "set", code)
	}
	_, _ = tool(ctx, toolTime, "nmcli", "connection", "reload")
	if b.up {
		_, _ = tool(ctx, upTime, "nmcli", "--wait", "30", "connection", "up", hotspot.Connection)
	}
	return failures
}

// remove takes away what open made, and no more. What is not there is no mistake.
func (m manager) remove(ctx context.Context) error {
	if m.active(ctx) {
		_, _ = tool(ctx, upTime, "nmcli", "connection", "down", hotspot.Connection) // it goes with its file too
	}
	var failures error
	for _, f := range apFiles {
		if err := os.Remove(m.at(f.path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			failures = errors.Join(failures, unwritable(f.path, err))
		}
	}
	if _, err := exec.LookPath("nmcli"); err == nil {
		_, _ = tool(ctx, toolTime, "nmcli", "connection", "reload")
	}
	return failures
}

func (m manager) active(ctx context.Context) bool {
	out, err := tool(ctx, toolTime, "nmcli", "-t", "-f", "NAME", "connection", "show", "--active")
	return err == nil && hotspot.Active(out)
}
