package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/hotspot"
	"packhorse/gateway/admin"
)

// fakeManager stands for NetworkManager and the kernel: programs of these names that note how they are called. devices is what
// nmcli tells of them, fails the beginning of a call that fails.
type fakeManager struct {
	t      *testing.T
	dir    string
	script string
}

const aDevice = "wlan0:wifi:disconnected:\neth0:ethernet:connected:Wired\n"

func newManager(t *testing.T, b *bench, devices string) *fakeManager {
	t.Helper()
	m := &fakeManager{t: t, dir: t.TempDir()}
	m.script = `#!/bin/sh
d=` + m.dir + `
me=${0##*/}
echo "$me $*" >> $d/calls
if [ -s $d/fails ] && read -r bad < $d/fails; then case "$me $*" in "$bad"*) echo "Error: it failed" >&2; exit 4;; esac; fi
case "$me $*" in
"nmcli -t -f RUNNING general") cat $d/running;;
"nmcli -t -f DEVICE"*) cat $d/devices;;
"nmcli -t -f NAME connection show --active") cat $d/active;;
"nmcli --wait 30 connection up "*) echo packhorse-ap > $d/active;;
"nmcli connection down "*) : > $d/active;;
esac
`
	for _, name := range []string{"nmcli", "iw", "dnsmasq"} {
		m.program(name)
	}
	m.put("devices", devices)
	m.put("running", "running\n")
	m.put("active", "")
	m.put("calls", "")
	t.Setenv("PATH", m.dir+":/usr/bin:/bin")
	b.root, b.sysroot = true, filepath.Join(b.dir, "sys")
	return m
}

// program puts another one there.
func (m *fakeManager) program(name string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(m.script), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *fakeManager) put(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *fakeManager) calls() string { return fileText(m.t, filepath.Join(m.dir, "calls")) }

// systemFiles are all files below a directory.
func systemFiles(t *testing.T, root string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, strings.TrimPrefix(path, root))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAccessPointOnAndOff(t *testing.T) {
	f := &fake{status: admin.Status{Name: "ridge-1"}}
	b, dir := newConfigured(t, f, "region = \"EU868\"\n[page]\nlisten = \":80\"\n")
	m := newManager(t, b, aDevice)
	b.want(2, []string{"region EU868 is in several", "--country DE"}, "set", "ap", "on")
	b.want(0, []string{"on: ridge-1 on wlan0, country DE", "page        http://packhorse.internal, also http://10.42.47.1", "\u2588"}, "set", "ap", "on", "--country", "de")
	_, passphrase, _ := strings.Cut(b.out, "passphrase  ")
	passphrase, _, _ = strings.Cut(passphrase, "\n")
	if len(passphrase) != 14 {
		t.Errorf("got passphrase %q", passphrase)
	}
	key := filepath.Join(b.sysroot, hotspot.KeyfilePath)
	if text := fileText(t, key); !strings.Contains(text, "psk="+passphrase+"\n") || !strings.Contains(text, "ssid=ridge-1\n") {
		t.Errorf("got %s", text)
	}
	if fi, err := os.Stat(key); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v: NetworkManager passes over files that others may read", err)
	}
	if got := fileText(t, filepath.Join(b.sysroot, hotspot.DNSPath)); !strings.Contains(got, "address=/#/10.42.47.1\n") {
		t.Errorf("got %q", got)
	}
	if got := fileText(t, filepath.Join(b.sysroot, hotspot.CountryPath)); !strings.Contains(got, "ieee80211_regdom=DE\n") {
		t.Errorf("got %q", got)
	}
	calls := m.calls()
	reg, up := strings.Index(calls, "iw reg set DE"), strings.Index(calls, "connection up packhorse-ap")
	if reload := strings.Index(calls, "connection reload"); reg < 0 || reload < reg || up < reload {
		t.Errorf("got calls\n%s", calls)
	}
	b.want(0, []string{"on: ridge-1 on wlan0", passphrase}, "set", "ap", "on") // country and passphrase stay
	b.want(0, []string{"on: ridge-1 on wlan0", passphrase}, "get", "ap")
	m.put("active", "")
	b.want(0, []string{"on, but not up", "fix: sudo packhorse set ap on"}, "get", "ap")
	m.put("active", "packhorse-ap\n")
	b.want(0, []string{"off\n"}, "set", "ap", "off")
	if left := systemFiles(t, b.sysroot); len(left) > 0 || !strings.Contains(m.calls(), "connection down packhorse-ap") {
		t.Errorf("left are %v", left)
	}
	b.want(0, []string{"off\n"}, "set", "ap", "off")
	b.want(0, []string{"off\n"}, "get", "ap")
	b.want(0, []string{passphrase}, "set", "ap", "on")
	if got := fileText(t, filepath.Join(dir, setPart)); !strings.Contains(got, "on = true") || !strings.Contains(got, "country = 'DE'") {
		t.Errorf("got %s", got)
	}
}

func TestAccessPointOfOddNamesAndOpenOnes(t *testing.T) {
	b, _ := newConfigured(t, nil, "region = \"US915\"\n[ap]\nssid = \"a;b\"\npassphrase = \"\"\n")
	newManager(t, b, aDevice)
	b.want(0, []string{"on: a;b on wlan0, country US", "none: anybody may join", "no gateway runs"}, "set", "ap", "on")
	b.want(0, []string{`WIFI:T:nopass;S:a\\;b;;`, `"open":true`}, "get", "ap", "--json")
	if text := fileText(t, filepath.Join(b.sysroot, hotspot.KeyfilePath)); strings.Contains(text, "wifi-security") || !strings.Contains(text, "ssid=97;59;98;\n") {
		t.Errorf("got %s", text)
	}
}

func TestAccessPointSaysWhyNot(t *testing.T) {
	for name, v := range map[string]struct {
		code             int
		devices, running string
		fails, says, fix string
		args             string
	}{
		"no device":       {code: 1, devices: "eth0:ethernet:connected:Wired\n", says: "no Wi-Fi device", fix: "dmesg"},
		"another device":  {code: 1, devices: "wlx1:wifi:disconnected:\n", says: "no Wi-Fi device wlan0, but wlx1", fix: "packhorse set ap.interface wlx1"},
		"busy":            {code: 4, devices: "wlan0:wifi:connected:Caf\\: home\n", says: `"Caf: home"`, fix: "--replace"},
		"busy, given up":  {code: 0, devices: "wlan0:wifi:connected:home\n", args: "--replace"},
		"ours already":    {code: 0, devices: "wlan0:wifi:connected:packhorse-ap\n"},
		"unmanaged":       {code: 1, devices: "wlan0:wifi:unmanaged:\n", says: "not managed", fix: "managed yes"},
		"not running":     {code: 1, running: "not running\n", says: "NetworkManager does not run", fix: "systemctl"},
		"no answer":       {code: 1, fails: "nmcli -t -f RUNNING", says: "NetworkManager does not run", fix: "systemctl"},
		"no kernel Wi-Fi": {code: 1, fails: "iw reg", says: "country DE cannot be set: iw: Error: it failed", fix: "wireless-regdb"},
		"does not read":   {code: 1, fails: "nmcli connection reload", says: "does not read", fix: "journalctl"},
		"not an AP":       {code: 1, fails: "nmcli --wait", says: "does not come up: nmcli: Error: it failed", fix: "iw list"},
		"wrong country":   {code: 2, args: "--country US", says: "United States is not in region EU868", fix: "packhorse get region"},
		"no country":      {code: 2, args: "--country Germany", says: `"GERMANY" is no code`, fix: "--country DE"},
	} {
		b, dir := newConfigured(t, nil, "region = \"EU868\"\n[ap]\ncountry = \"DE\"\n")
		if v.devices == "" {
			v.devices = aDevice
		}
		m := newManager(t, b, v.devices)
		if v.running != "" {
			m.put("running", v.running)
		}
		if v.fails != "" {
			m.put("fails", v.fails+"\n")
		}
		b.want(v.code, []string{v.says, v.fix}, append([]string{"set", "ap", "on"}, strings.Fields(v.args)...)...)
		if v.code == 0 {
			continue
		}
		if left := append(systemFiles(t, b.sysroot), systemFiles(t, dir)...); len(left) > 0 {
			t.Errorf("%s: left are %v", name, left)
		}
	}
	b, _ := newConfigured(t, nil, "")
	newManager(t, b, aDevice)
	b.want(2, []string{"no region is set"}, "set", "ap", "on")
	b.want(2, []string{"neither on nor off"}, "set", "ap", "up")
	b.want(2, []string{"are for packhorse set ap on"}, "set", "name", "x", "--country", "DE")
	t.Setenv("PATH", b.dir)
	b.want(1, []string{"nmcli is not there", "apt install network-manager"}, "set", "ap", "on", "--country", "DE")
	b.root = false
	b.want(4, []string{"only root", "sudo packhorse set ap on"}, "set", "ap", "on")
	flashed(t, b)
	b.want(4, []string{"the flash image has no Wi-Fi", "Ethernet"}, "set", "ap", "on")
}

func TestAnotherCountryOnTheKernelsCommandLine(t *testing.T) {
	b, _ := newConfigured(t, nil, "region = \"NZ915\"\n")
	m := newManager(t, b, aDevice)
	path := filepath.Join(b.sysroot, "proc/cmdline")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("quiet cfg80211.ieee80211_regdom=GB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"country NZ", "says country GB, which wins over NZ"}, "set", "ap", "on")
	m.program("raspi-config")
	b.want(0, []string{"said country GB; raspi-config has put NZ there"}, "set", "ap", "on")
	if !strings.Contains(m.calls(), "raspi-config nonint do_wifi_country NZ\n") {
		t.Errorf("got calls\n%s", m.calls())
	}
	m.put("fails", "raspi-config\n")
	b.want(0, []string{"says country GB, which wins over NZ"}, "set", "ap", "on")
}

// texts are the files below directories with what they hold.
func texts(t *testing.T, roots ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, root := range roots {
		for _, path := range systemFiles(t, root) {
			all[path] = fileText(t, root+path)
		}
	}
	return all
}

func TestAnAccessPointThatWasThereOutlivesAMistake(t *testing.T) {
	f := &fake{status: admin.Status{Name: "ridge-1"}}
	b, dir := newConfigured(t, f, "region = \"EU868\"\n")
	m := newManager(t, b, aDevice)
	b.want(0, nil, "set", "ap", "on", "--country", "DE")
	before := texts(t, b.sysroot, dir)
	for _, fails := range []string{"iw reg set FR", "nmcli connection reload", "nmcli --wait"} {
		m.put("fails", fails+"\n")
		m.put("calls", "")
		b.want(1, []string{"it failed"}, "set", "ap", "on", "--country", "FR")
		if after := texts(t, b.sysroot, dir); !maps.Equal(before, after) {
			t.Errorf("%s: got %v, want what was there", fails, after)
		}
		if calls := m.calls(); !strings.Contains(calls, "iw reg set DE\n") || !strings.HasSuffix(calls, "connection up packhorse-ap\n") {
			t.Errorf("%s: the network that was up is not again:\n%s", fails, calls)
		}
	}
	m.put("fails", "")
	f.reloadErr = &admin.Error{Code: admin.CodeFailed, Message: "not now"}
	b.want(1, []string{"not now"}, "set", "ap", "on", "--country", "FR")
	if after := texts(t, b.sysroot, dir); !maps.Equal(before, after) {
		t.Errorf("got %v, want what was there", after)
	}
}

// sayAP runs what answers about the access point.
func sayAP(t *testing.T, s *schemas) {
	b, _ := newConfigured(t, full(), "region = \"NZ915\"\n")
	newManager(t, b, aDevice)
	for _, line := range []string{"set ap on", "get ap", "set ap off"} {
		b.want(0, nil, append(strings.Fields(line), "--json")...)
		s.check(line, b.out)
	}
}
