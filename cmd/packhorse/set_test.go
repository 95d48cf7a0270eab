package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"packhorse/board/card"
	"packhorse/gateway/admin"
)

// flashed makes a bench one that runs from the flash image.
func flashed(t *testing.T, b *bench) {
	t.Helper()
	b.sysroot = filepath.Join(b.dir, "flashed")
	path := filepath.Join(b.sysroot, card.ReleasePath)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// newConfigured is a bench with a configuration of its own.
func newConfigured(t *testing.T, b admin.Backend, text string) (*bench, string) {
	t.Helper()
	w := newBench(t, b)
	main := filepath.Join(w.dir, "packhorse.toml")
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env["PACKHORSE_CONFIG"] = main
	return w, filepath.Join(w.dir, "conf.d")
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

const euRadio = "region = \"EU868\"\n[[radio]]\nname = \"lora0\"\nport = \"/nonexistent/tty\"\n"

func TestSetChangesOneKeyAndSaysSinceWhen(t *testing.T) {
	f := &fake{}
	b, dir := newConfigured(t, f, euRadio)
	set := filepath.Join(dir, "90-set.toml")
	b.want(0, []string{"17 dBm (not set: the region's plan) (law allows 27, the radio 30)", "from default"}, "get", "lora0.power")
	b.want(0, []string{"lora0.power_dbm = 14 dBm\n", "in force\n"}, "set", "lora0.power", "14dBm")
	if f.reloads != 1 {
		t.Errorf("the gateway was asked %d times to read its files", f.reloads)
	}
	b.want(0, []string{"14 dBm (law allows 27, the radio 30)", "from " + set + ":4"}, "get", "lora0.power_dbm")
	f.restart = []string{"poweb.listen"}
	b.want(0, []string{"poweb.listen = (empty)", "in force at the next start\n", "next: sudo systemctl restart packhorse"}, "set", "poweb.listen", "")
	flashed(t, b)
	b.want(0, []string{"in force at the next start\nnext: reboot\n"}, "set", "poweb.listen", "")
	b.want(0, []string{"in force\n"}, "set", "lora0.spreading_factor", "9")
	b.want(0, nil, "set", "lora0.spreading_factor", "--default")
	f.restart = nil
	b.want(0, []string{"this one is renamed by"}, "set", "name", "x")
	b.want(0, nil, "set", "name", "--default")
	b.want(0, []string{"it was so already; in force"}, "set", "lora0.power", "14")
	if fi, err := os.Stat(set); err != nil || fi.Mode().Perm()&^0o004 != 0o640 {
		t.Errorf("%v, %v: want a file for its group", fi, err)
	}
	b.want(0, []string{"lora0.power_dbm = (not set)"}, "set", "lora0.power", "--default")
	b.want(0, []string{"127.0.0.1:13276"}, "set", "poweb.listen", "--default")
	if _, err := os.Stat(set); !os.IsNotExist(err) {
		t.Errorf("nothing is set, and the file is there: %v", err)
	}
	if got := fileText(t, filepath.Join(b.dir, "packhorse.toml")); got != euRadio {
		t.Errorf("the owner's file was changed: %q", got)
	}
}

func TestSetChangesNothingByMistake(t *testing.T) {
	f := &fake{}
	b, dir := newConfigured(t, f, euRadio)
	set := filepath.Join(dir, "90-set.toml")
	b.want(0, nil, "set", "lora0.power", "10")
	was := fileText(t, set)
	b.want(7, []string{"30 dBm", "fix:"}, "set", "lora0.power", "30")
	b.want(2, []string{"out of reach"}, "set", "lora0.power", "99")
	b.want(2, []string{"no value for it"}, "set", "lora0.power", "loud")
	b.want(2, []string{"did you mean lora0", "fix"}[1:], "set", "lora0.pwr_dbm", "3")
	b.want(2, []string{"fix: docs/CONFIG.md lists every key"}, "set", "nosuchkey", "1")
	b.want(2, []string{"fix: name one of its keys, such as page."}, "get", "page")
	b.want(2, []string{"fix: packhorse set"}, "set", "lora0.power")
	b.want(2, []string{"fix: packhorse set"}, "set", "lora0.power", "3", "--default")
	b.want(2, []string{"no passphrase for WPA2"}, "set", "ap.passphrase", "tooshrt")
	if strings.Contains(b.out+b.err, "tooshrt") {
		t.Errorf("a secret was repeated: %s%s", b.out, b.err)
	}
	f.reloadErr = &admin.Error{Code: admin.CodeRegion, Message: "not allowed here", Fix: "less"}
	b.want(7, []string{"not allowed here"}, "set", "lora0.power", "12")
	if got := fileText(t, set); got != was || f.reloads != 2 {
		t.Errorf("got %q after %d reloads, want what was there", got, f.reloads)
	}
	if err := os.WriteFile(set, []byte("[adjust.lora0]\npower = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(2, []string{set + ":2:1: unknown key", "power = 3", "fix:"}, "set", "name", "x")
}

func TestTwoCommandsAtOnceLoseNothing(t *testing.T) {
	b, dir := newConfigured(t, nil, euRadio)
	b.want(0, nil, "set", "lora0.power", "10")
	other, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	b.sleep = func(context.Context, time.Duration) error { return nil }
	b.want(1, []string{"another command is changing the configuration", "fix:"}, "set", "lora0.power", "12")
	looks := 0
	b.sleep = func(context.Context, time.Duration) error {
		if looks++; looks < 3 {
			return nil
		}
		defer other.Close()
		return os.WriteFile(filepath.Join(dir, setPart), []byte("name = \"other\"\n"), 0o640)
	}
	b.want(0, []string{"12 dBm"}, "set", "lora0.power", "12")
	if got := fileText(t, filepath.Join(dir, setPart)); looks != 3 || !strings.Contains(got, "name = 'other'") || !strings.Contains(got, "power_dbm = 12") {
		t.Errorf("after %d looks: the change of the other command is lost: %s", looks, got)
	}
}

func TestSetWithoutAGateway(t *testing.T) {
	b, dir := newConfigured(t, nil, "")
	b.want(0, []string{"name = ridge-1", "no gateway runs: in force at the next start"}, "set", "name", "ridge-1")
	if err := os.WriteFile(filepath.Join(dir, "95-mine.toml"), []byte("name = \"other\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"name = other", "95-mine.toml:1 wins over it"}, "set", "name", "ridge-2")
}

func TestSecretsAreNotShown(t *testing.T) {
	b, _ := newConfigured(t, nil, "[setup]\njoin = \"K7QM-2XTD\"\n")
	b.want(0, []string{"ap.passphrase = (hidden)"}, "set", "ap.passphrase", "swordfish 9")
	shows := func(want bool, args ...string) {
		t.Helper()
		b.want(0, nil, args...)
		if got := strings.Contains(b.out+b.err, "swordfish 9"); got != want {
			t.Errorf("%v: shows the passphrase: %v, want %v\n%s%s", args, got, want, b.out, b.err)
		}
	}
	shows(false, "get", "ap.passphrase")
	shows(false, "get", "ap.passphrase", "--json")
	shows(true, "get", "ap.passphrase", "--secrets")
	shows(false, "config", "show")
	if strings.Contains(b.out, "K7QM") {
		t.Errorf("the code is shown: %s", b.out)
	}
	shows(false, "config", "show", "--json")
	shows(true, "config", "show", "--secrets")
}

func TestMistakesTellNoSecretOfTheirLinesOrOthers(t *testing.T) {
	for _, text := range []string{"[ap]\npassphrase = swordfish\n", "[ap]\npassphrase = \"swordfish\"\nopen = 1\n", "[ap]\n\"passphrase\" = \"swordfish\"\non = 3\n",
		"ap = { passphrase = \"swordfish\", on = 3 }\n", "[setup]\njoin=\"swordfish\"\ndomain = 7\n", "[setup]\njoin = [\"swordfish\"]\n"} {
		b, _ := newConfigured(t, nil, text)
		b.want(2, []string{"(hidden)"}, "config", "check")
		if strings.Contains(b.out+b.err, "swordfish") {
			t.Errorf("%q: a secret goes to the screen, and into the log of a gateway that starts: %s", text, b.err)
		}
	}
}

// saySettings runs what changes the configuration.
func saySettings(t *testing.T, s *schemas) {
	b, _ := newConfigured(t, full(), euRadio)
	for _, line := range []string{"set name ridge-1", "set name --default", "get lora0.power", "get ap.passphrase"} {
		b.want(0, nil, append(strings.Fields(line), "--json")...)
		s.check(line, b.out)
	}
	_, b, _ = newSettling(t, "")
	b.want(0, nil, "setup", "--region", "EU868", "--radio", "/dev/x", "--domain", "ridge", "--json")
	s.check("setup", b.out)
	w, b, _ := newSettling(t, "")
	w.ups = []error{noClock}
	b.want(5, nil, "setup", "--region", "EU868", "--domain", "ridge", "--wait", "0s", "--json")
	s.check("setup that waits", b.out)
	b.want(2, nil, "setup", "--domain", "the ridge", "--json")
	s.check("setup with a mistake", b.out)
}
