package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// made is a package of this tree for p, and a function that packs the same binary as another version with more in its default
// configuration.
func made(t *testing.T, p port) (first string, again func(version, more string) string) {
	t.Helper()
	c, err := readCommit(top(t))
	if err != nil {
		t.Fatal(err)
	}
	j := job{top: top(t), work: t.TempDir(), files: filepath.Join(top(t), "tools", "deb", "files"), squeeze: "gzip", commit: c, upstream: "1.0", version: "1.0"}
	out := t.TempDir()
	if err := j.generate(); err != nil {
		t.Fatal(err)
	}
	if first, err = j.one(p, out); err != nil {
		t.Fatal(err)
	}
	return first, func(version, more string) string {
		j := j
		j.version, j.files = version, filepath.Join(t.TempDir(), "files")
		if err := os.CopyFS(j.files, os.DirFS(filepath.Join(top(t), "tools", "deb", "files"))); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(j.files, "packhorse.toml"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(more)
			f.Close()
		}
		path := filepath.Join(out, "packhorse_"+version+".deb")
		if err == nil {
			err = j.pack(p, path)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// put copies a package into the machine.
func (m *machine) put(path string) (inside string) {
	m.t.Helper()
	inside = "/var/tmp/" + filepath.Base(path)
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(m.root, inside), b, 0o644)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return inside
}

// id is the gateway's identity, by its local API.
func (m *machine) id() string {
	m.t.Helper()
	var s struct{ ID string }
	if err := json.Unmarshal([]byte(m.run("packhorse status --json")), &s); err != nil || len(s.ID) != 64 {
		m.t.Fatalf("got %+v (%v)", s, err)
	}
	return s.ID
}

// files are the names of all files but those of the package manager, of logs and of what is gone at the next start.
func (m *machine) files() []string {
	m.t.Helper()
	return strings.Split(m.run(`find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /var/tmp -o -path /var/log -o -path /var/lib/dpkg -o -path /var/cache \) -prune -o -print | sort`), "\n")
}

// TestAPackagesLifeInDebian boots a Debian and does with the package what people do.
func TestAPackagesLifeInDebian(t *testing.T) {
	first, again := made(t, ports[3])
	m := boot(t, debian(t, release, "amd64"))
	before := m.files()

	installed(m, m.put(first))
	people(m)
	hardened(m)
	radio(m)
	battery(m)
	pages(m)
	prepared(m)
	shown(m)
	id := m.id()
	m.run(`echo 'name = "mine"' >>/etc/packhorse/packhorse.toml; echo '# of somebody' >/etc/packhorse/conf.d/10-mine.toml`)
	upgraded(m, m.put(again("1.1", "# new in 1.1\n")), id)
	m.run("dpkg -i --force-confold " + m.put(first)) // back
	m.want("1.0", "dpkg-query -W -f '${Version}' packhorse")
	if m.id() != id {
		t.Error("the gateway is another one after a downgrade")
	}
	stays(m, m.put(first), id)

	m.says("dpkg --purge packhorse", "Purging")
	for _, f := range m.files() {
		// Making users takes copies and locks (systemd-sysusers(8)); useradd is the test's.
		if !slices.Contains(before, f) && !regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow)-$|^/etc/\.pwd\.lock$|^/etc/sub[ug]id-?$`).MatchString(f) {
			t.Errorf("purging leaves %s", f)
		}
	}
	m.want("", "systemctl list-unit-files --no-legend 'packhorse*' || true")
}

// installed: the service runs as its user at once, is ready, and is enabled.
func installed(m *machine, path string) {
	m.t.Helper()
	m.says("dpkg -i "+path, "adduser USER packhorse")
	m.want("active", "systemctl is-active packhorse")
	m.want("enabled", "systemctl is-enabled packhorse")
	m.want("enabled", "systemctl is-enabled packhorse-setup")
	m.says("systemctl show -p StatusText packhorse", "0 neighbours, 0 parcels waiting")
	m.want("packhorse", "ps -o user= -p $(systemctl show -p MainPID --value packhorse) 2>/dev/null || stat -c %U /proc/$(systemctl show -p MainPID --value packhorse)")
	m.want("660 packhorse packhorse", "stat -c '%a %U %G' /run/packhorse/packhorse.sock")
	m.want("750 packhorse packhorse", "stat -c '%a %U %G' /run/packhorse")
	m.want("700 packhorse packhorse", "stat -c '%a %U %G' /var/lib/packhorse")
	m.want("2750 root packhorse", "stat -c '%a %U %G' /etc/packhorse/conf.d")
	m.want("spi gpio i2c dialout", "for g in spi gpio i2c dialout; do getent group $g; done | cut -d: -f1 | xargs")
	pid := m.run("systemctl show -p MainPID --value packhorse")
	m.run("systemctl reload packhorse && sleep 0.2")
	m.want("active", "systemctl is-active packhorse")
	m.want(strings.TrimSpace(pid), "systemctl show -p MainPID --value packhorse")
	m.says("journalctl -o cat --no-pager -p info..info -u packhorse", "\nconfiguration read again") // the level came with the line, and was taken off
}

// people: who is in the group may use the gateway, another may not, and is told why.
func people(m *machine) {
	m.t.Helper()
	m.run("useradd alice; useradd bob; usermod -aG packhorse alice")
	m.says("cd /; runuser -u alice -- packhorse status", "in no domain")
	if out, err := m.command("cd /; runuser -u bob -- packhorse status 2>&1").CombinedOutput(); err == nil || !strings.Contains(string(out), "fix: ") {
		m.t.Errorf("a stranger: %v\n%s", err, out)
	}
}

// hardened: systemd finds no fault with the units, and its measure of exposure is low. The service still does what it is for.
func hardened(m *machine) {
	m.t.Helper()
	if out := m.run("systemd-analyze verify --man=no packhorse.service packhorse-setup.service packhorse-poweroff.path packhorse-poweroff.service packhorse-page.socket 2>&1 || true"); strings.Contains(out, "packhorse") {
		m.t.Errorf("systemd-analyze verify says: %s", out)
	}
	out := m.run("systemd-analyze security --no-pager packhorse.service | tail -1")
	score := regexp.MustCompile(`: ([0-9.]+) `).FindStringSubmatch(out)
	if score == nil {
		m.t.Fatalf("got %s", out)
	}
	if v, err := strconv.ParseFloat(score[1], 64); err != nil || v > 2.5 {
		m.t.Errorf("exposure level %s, want 2.5 at most", score[1])
	}
	m.t.Logf("exposure level %s", score[1])
	m.run("bash -c 'exec 3<>/dev/tcp/127.0.0.1/13276'") // PoWeb
}

// radio: a modem behind a serial port of the group dialout works from inside the service's sandbox.
func radio(m *machine) {
	m.t.Helper()
	m.run("systemd-run -q --unit=air --property=StandardInput=null packhorse sim air --dir /run/air")
	m.await("simulated modems", func() bool { return m.ok("test -e /run/air/rnode0") })
	m.run("chgrp dialout $(readlink -f /run/air/rnode0); chmod 660 $(readlink -f /run/air/rnode0)")
	m.run(`printf 'region = "EU868"\n[[radio]]\nname = "lora0"\nport = "/run/air/rnode0"\n' >/etc/packhorse/conf.d/20-radio.toml`)
	m.run("systemctl reload packhorse")
	m.await("the radio to work", func() bool { return m.ok("packhorse status --json | grep -q '\"name\":\"lora0\",\"ok\":true'") })
	m.run("rm /etc/packhorse/conf.d/20-radio.toml; systemctl reload packhorse; systemctl stop air")
}

// battery: the gateway's wish to be switched off is heard.
func battery(m *machine) {
	m.t.Helper()
	d := "/run/systemd/system/packhorse-poweroff.service.d"
	m.run("mkdir -p " + d + "; printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"rm /run/packhorse/poweroff; touch /run/off\"\\n' >" + d + "/test.conf; systemctl daemon-reload")
	if m.ok("cd /; runuser -u alice -- touch /run/packhorse/poweroff") {
		m.t.Error("a member of the group can have the board switched off")
	}
	m.run("cd /; runuser -u packhorse -- touch /run/packhorse/poweroff")
	m.await("the board to be switched off", func() bool { return m.ok("test -e /run/off") })
	m.run("rm -r " + d + "; systemctl daemon-reload")
}

// pages: the completion of bash is one, and what is written by the binary is in place.
func pages(m *machine) {
	m.t.Helper()
	m.run("bash -n /usr/share/bash-completion/completions/packhorse")
	m.says("zcat /usr/share/man/man1/packhorse-run.1.gz", ".SH \"NAME\"")
	m.run("packhorse config check")
	m.says("packhorse version", "1.0")
	m.want("alice", "getent group packhorse | cut -d: -f4")
}

// prepared: the answers on the boot partition are taken, and the result is written beside them. A mistake is told there, and nobody
// tries it again and again.
func prepared(m *machine) {
	m.t.Helper()
	const boot = "/boot/firmware/packhorse"
	m.run(`mkdir -p /boot/firmware; printf 'name = "ridge-7"\nregion = "EU868"\n' >` + boot + `.toml; systemctl start packhorse-setup`)
	m.await("the answers to be taken", func() bool { return m.ok("systemctl show -p ActiveState --value packhorse-setup | grep -qx inactive") })
	m.want("success", "systemctl show -p Result --value packhorse-setup")
	m.says("cat "+boot+"-result.txt", "Understood of "+boot+".toml", "ridge-7", "region  EU868")
	m.says("packhorse status --json", `"region":"EU868"`, `"name":"ridge-7"`)
	m.want("640 root packhorse", "stat -c '%a %U %G' /etc/packhorse/conf.d/50-boot.toml")
	m.run(`echo 'regoin = "US915"' >` + boot + `.toml; systemctl start packhorse-setup`)
	m.await("the mistake to be found", func() bool { return m.ok("systemctl is-failed packhorse-setup") })
	m.want("2", "systemctl show -p ExecMainStatus --value packhorse-setup")
	m.want("0", "systemctl show -p NRestarts --value packhorse-setup")
	m.says("cat "+boot+"-result.txt", "WRONG: "+boot+".toml:1", "did you mean region?")
	m.says("packhorse status --json", `"region":"EU868"`)
	m.run("rm -r /boot/firmware /etc/packhorse/conf.d/50-boot.toml; systemctl reset-failed packhorse-setup; systemctl reload packhorse")
}

// shown: port 80 is opened for the page where that is wanted, and not by itself.
func shown(m *machine) {
	m.t.Helper()
	m.want("disabled", "systemctl is-enabled packhorse-page.socket || true")
	m.run("systemctl stop packhorse; systemctl enable --now packhorse-page.socket; systemctl start packhorse")
	m.says(`bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" >&3; cat <&3'`, "200 OK", "What this box is")
}

// upgraded: the new package restarts the gateway, and what the owner wrote stays.
func upgraded(m *machine, path, id string) {
	m.t.Helper()
	old := m.run("systemctl show -p MainPID --value packhorse")
	m.run("dpkg -i --force-confold " + path)
	m.want("active", "systemctl is-active packhorse")
	if m.run("systemctl show -p MainPID --value packhorse") == old {
		m.t.Error("the old binary runs on after an upgrade")
	}
	m.says("cat /etc/packhorse/packhorse.toml", `name = "mine"`)
	m.says("cat /etc/packhorse/packhorse.toml.dpkg-dist", "# new in 1.1")
	m.says("cat /etc/packhorse/conf.d/10-mine.toml", "# of somebody")
	if m.id() != id {
		m.t.Error("the gateway is another one after an upgrade")
	}
}

// stays: removing the package stops the gateway and keeps configuration and keys, and installing it again goes on with them. What
// was switched off stays off.
func stays(m *machine, path, id string) {
	m.t.Helper()
	const network = "/etc/NetworkManager/system-connections/packhorse-ap.nmconnection"
	m.run("mkdir -p " + filepath.Dir(network) + "; echo >" + network)
	m.says("dpkg -r packhorse", "/var/lib/packhorse stays")
	m.run("test ! -e " + network + "; rm -r /etc/NetworkManager")
	m.want("", "ls /etc/packhorse/conf.d | grep -v -e 10-mine -e 90-set || true")
	if m.ok("systemctl is-active packhorse") || m.ok("test -e /usr/bin/packhorse") {
		m.t.Error("it runs on after it was removed")
	}
	m.says("cat /etc/packhorse/packhorse.toml", `name = "mine"`)
	m.run("test -e /var/lib/packhorse/store -a -e /etc/packhorse/conf.d/10-mine.toml")
	m.run("dpkg -i --force-confold " + path)
	if m.id() != id {
		m.t.Error("the gateway is another one after it was removed and installed again")
	}
	m.run("systemctl disable --now packhorse 2>&1; dpkg -i --force-confold " + path)
	if m.ok("systemctl is-enabled packhorse") || m.ok("systemctl is-active packhorse") {
		m.t.Error("an upgrade switches on what was switched off")
	}
	m.run("dpkg -r packhorse")
}

// TestPackagesAreReproducible packs everything twice, from other directories.
func TestPackagesAreReproducibleInDebian(t *testing.T) {
	var all [2][]byte
	for i := range all {
		paths, err := build(top(t), "v1.0-rc1", filepath.Join(t.TempDir(), fmt.Sprint("out", i)), ports[3:])
		if err != nil {
			t.Fatal(err)
		}
		if all[i], err = os.ReadFile(paths[0]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("two builds of one source differ")
	}
}
