package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/cmd/packhorse/internal/hotspot"
	"packhorse/gateway/admin"
)

// settling is a gateway that founds and joins after so many tries.
type settling struct {
	*fake
	ups, joins []error
	joined     []string
}

func next(list *[]error) (err error) {
	if len(*list) > 0 {
		err, *list = (*list)[0], (*list)[1:]
	}
	return err
}

func (s *settling) Up(_ context.Context, u admin.Up) (admin.Status, error) {
	if u.Name != "" {
		s.status.Name = u.Name
	}
	if u.Domain != "" {
		if err := next(&s.ups); err != nil {
			return s.status, err
		}
		s.status.Domain = u.Domain
	}
	return s.status, nil
}

func (s *settling) JoinPairing(_ context.Context, code string) (admin.PairResult, error) {
	s.joined = append(s.joined, code)
	if err := next(&s.joins); err != nil {
		return admin.PairResult{}, err
	}
	s.status.Domain = "ridge"
	return admin.PairResult{Domain: "ridge", Peer: "ridge-1"}, nil
}

var (
	noClock = &admin.Error{Code: admin.CodeNotYet, Message: "the clock is not trusted enough to make a domain", Fix: "NTP"}
	nobody  = &admin.Error{Code: admin.CodeNotYet, Message: "nobody came within ten minutes", Fix: "packhorse pair"}
	badCode = &admin.Error{Code: admin.CodeRefused, Message: "the code or invite is wrong", Fix: "look again"}
)

// newSettling is a gateway without a region beside a configuration, and a clock of setup that does not run by itself.
func newSettling(t *testing.T, text string) (*settling, *bench, string) {
	t.Helper()
	s := &settling{fake: &fake{status: admin.Status{Name: "box", ID: strings.Repeat("5f", 32)}}}
	b, dir := newConfigured(t, s, text)
	b.env["PACKHORSE_STATE"] = filepath.Join(b.dir, "state")
	b.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return s, b, dir
}

func TestSetupByFlags(t *testing.T) {
	s, b, dir := newSettling(t, "")
	s.ups = []error{noClock, noClock}
	args := []string{"setup", "--region", "eu868", "--name", "ridge-1", "--radio", "/dev/serial/by-id/usb-x", "--domain", "ridge"}
	b.want(0, []string{"region EU868", "founded domain ridge", "name ridge-1", "waits up to 2m: the clock is not trusted", "what helps: NTP", "ok    lora0: 869.525 MHz"}, args...)
	if n := strings.Count(b.err, "waits up to"); n != 1 {
		t.Errorf("it said %d times what it waits for", n)
	}
	want := "name = 'ridge-1'\nregion = 'EU868'\n\n[[radio]]\nname = 'lora0'\nport = '/dev/serial/by-id/usb-x'\n"
	if got := fileText(t, filepath.Join(dir, setupPart)); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	reloads := s.reloads
	b.want(0, []string{"As wanted already", "in domain ridge", "region EU868", "radio lora0"}, args...)
	if s.reloads != reloads {
		t.Error("nothing differs, and the gateway had to read its files again")
	}
	b.want(4, []string{"region EU868 is in force (" + filepath.Join(dir, setupPart) + ":3)", "fix: to change it: packhorse set region US915"}, "setup", "--region", "US915")
	b.want(4, []string{"radio lora0 is configured in", "does not replace"}, "setup", "--radio", "auto")
	b.want(4, []string{"in domain ridge already", "never replaced"}, "setup", "--domain", "valley")
	b.want(4, []string{"in domain ridge already"}, "setup", "--join", "K7QM-2XTD")
}

func TestSetupRefusesARegionBesideTheGatewaysOwn(t *testing.T) {
	s, b, dir := newSettling(t, "")
	s.status.Region = "US915"
	b.want(4, []string{"region US915 is in force"}, "setup", "--region", "EU868")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestSetupReadsNoMoreThanAConfigurationCanBe(t *testing.T) {
	_, b, _ := newSettling(t, "")
	args := boot(t, b, "")
	if err := os.Truncate(args[2], 1<<40); err != nil {
		t.Fatal(err)
	}
	b.want(2, []string{"larger than 1 MiB"}, args...)
}

func TestSetupMistakes(t *testing.T) {
	_, b, dir := newSettling(t, "")
	for _, v := range [][]string{{"no region that we know", "--region", "XX1"}, {"not a name", "--domain", "the ridge"}, {"either founded or joined", "--domain", "a", "--join", "K7QM-2XTD"},
		{"8 characters", "--join", "K7QM"}, {"no board profile", "--radio", "nosuch"}, {"not a name", "--name", "a b"}, {"flash image", "--ssh-key", "ssh-ed25519 AAAA"}, {"nobody is at a terminal"},
		{"cannot be negative", "--wait", "-1s", "--region", "EU868"}, {"is not there", "--from", filepath.Join(b.dir, "none.toml")}} {
		b.want(2, []string{v[0], "fix:"}, append([]string{"setup"}, v[1:]...)...)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestSetupWaitsThenSaysNotYet(t *testing.T) {
	s, b, _ := newSettling(t, "")
	s.ups = slices.Repeat([]error{noClock}, 1000)
	b.want(5, []string{"Not yet: the clock is not trusted", "Next: NTP", "configuration written"}, "setup", "--region", "EU868", "--domain", "ridge", "--wait", "10s")
	if tries := 1000 - len(s.ups); tries != 6 {
		t.Errorf("it tried %d times in ten seconds, want 6", tries)
	}
	b, _ = newConfigured(t, nil, "")
	b.sleep = func(context.Context, time.Duration) error { return nil }
	b.want(5, []string{"the gateway does not answer yet", "systemctl start packhorse"}, "setup", "--region", "EU868", "--domain", "ridge")
	b.want(0, []string{"in force at the next start"}, "setup", "--name", "other")
}

// boot is the file of a boot partition.
func boot(t *testing.T, b *bench, text string) []string {
	t.Helper()
	path := filepath.Join(b.dir, "boot.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"setup", "--from", path, "--result", filepath.Join(b.dir, "result.txt")}
}

func TestSetupFromTheBootPartition(t *testing.T) {
	s, b, dir := newSettling(t, "")
	args := boot(t, b, "\xef\xbb\xbfname = \"ridge-2\"\r\nregion = \"EU868\"\r\n[setup]\r\njoin = \"k7qm 2xtd\"\r\n[ap]\r\npassphrase = \"swordfish\"")
	s.joins = []error{noClock, nobody}
	b.want(0, []string{"joined domain ridge, let in by ridge-1"}, args...)
	result := fileText(t, filepath.Join(b.dir, "result.txt"))
	for _, want := range []string{"Understood of " + args[2], "name    ridge-2", "join    by a code", "joined domain ridge", "ridge-2, id 5f5f", "in domain ridge"} {
		if !strings.Contains(result, want) {
			t.Errorf("the result does not say %q:\n%s", want, result)
		}
	}
	if strings.Contains(strings.ToUpper(result), "2XTD") || strings.Contains(result, "swordfish") || s.status.Name != "ridge-2" {
		t.Errorf("named %s, got\n%s", s.status.Name, result)
	}
	if got := fileText(t, filepath.Join(dir, bootPart)); !strings.Contains(got, "ridge-2") || !strings.Contains(got, "# Copied by") {
		t.Errorf("got %q", got)
	}
	mark := fileText(t, filepath.Join(b.dir, "state", "setup.json"))
	if strings.Contains(strings.ToUpper(mark), "2XTD") || strings.Contains(mark, "ridge") {
		t.Errorf("the mark tells too much: %s", mark)
	}
	joins, reloads := len(s.joined), s.reloads
	s.status.Name = "renamed"
	b.want(0, []string{"in domain ridge"}, args...)
	if len(s.joined) != joins || s.reloads != reloads || s.status.Name != "renamed" {
		t.Errorf("another start tried the code %d times more, reloaded %d times, and named the gateway %s", len(s.joined)-joins, s.reloads-reloads, s.status.Name)
	}
}

func TestSetupOpensTheNetworkOfTheBootPartition(t *testing.T) {
	s, b, dir := newSettling(t, "")
	m := newManager(t, b, aDevice)
	s.ups = []error{noClock}
	args := append(boot(t, b, "name = \"ridge-2\"\nregion = \"EU868\"\n[setup]\ndomain = \"ridge\"\n[ap]\non = true\ncountry = \"DE\"\n"), "--wait", "0s")
	b.want(5, []string{"Done:", "Wi-Fi network ridge-2", "Not yet: the clock"}, args...)
	key := fileText(t, filepath.Join(b.sysroot, hotspot.KeyfilePath))
	set := fileText(t, filepath.Join(dir, setPart))
	_, passphrase, _ := strings.Cut(strings.TrimSpace(set), "passphrase = '")
	passphrase = strings.TrimSuffix(passphrase, "'")
	if !strings.Contains(key, "ssid=ridge-2\n") || passphrase == "" || !strings.Contains(key, "psk="+passphrase+"\n") {
		t.Errorf("got %s and %s", key, set)
	}
	if strings.Contains(b.out+b.err+fileText(t, args[4]), passphrase) {
		t.Error("the passphrase is told where nobody asked for it")
	}
	m.put("calls", "")
	b.want(0, []string{"As wanted already:", "Wi-Fi network ridge-2"}, args...)
	if calls := m.calls(); strings.Contains(calls, "connection up") || strings.Contains(calls, "reload") {
		t.Errorf("a network that is up was opened again:\n%s", calls)
	}
	m.put("active", "")
	m.put("devices", "wlan0:wifi:connected:home\n")
	b.want(4, []string{`wlan0 is in the network "home"`, "--replace"}, args...)
	if result := fileText(t, args[4]); !strings.Contains(result, "WRONG: wlan0 is in") || !strings.Contains(result, "in domain ridge") {
		t.Errorf("the result is %s", result)
	}
	m.put("devices", aDevice)
	b.want(0, []string{"Done:", "Wi-Fi network ridge-2"}, args...)
	b.want(0, nil, "set", "ap", "off")
	m.put("calls", "")
	if b.want(0, nil, args...); strings.Contains(m.calls(), "connection up") {
		t.Error("what somebody has switched off since is opened again")
	}
	b.want(0, nil, "set", "ap.on", "--default")
	b.root = false
	b.want(4, []string{"only root may open a network"}, args...)
}

func TestSetupFromTheConfigurationItselfCopiesNothing(t *testing.T) {
	_, b, dir := newSettling(t, "region = \"EU868\"\n[setup]\ndomain = \"ridge\"\n")
	b.want(0, []string{"founded domain ridge"}, "setup", "--from", filepath.Join(b.dir, "packhorse.toml"))
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestSetupSaysWhatIsWrongWithAFile(t *testing.T) {
	s, b, dir := newSettling(t, "")
	args := boot(t, b, "regoin = \"EU868\"\n[ap]\npassphrase = \"swordfish\"\n[setup]\njoin = \"K7QM-2XTD\"\n")
	b.want(2, []string{args[2] + ":1:1: unknown key", "did you mean region?"}, args...)
	result := fileText(t, filepath.Join(b.dir, "result.txt"))
	for _, want := range []string{"WRONG: " + args[2] + ":1:1", "regoin = ", "~~~", "What to do: did you mean region?", "Nothing was changed."} {
		if !strings.Contains(result, want) {
			t.Errorf("the result does not say %q:\n%s", want, result)
		}
	}
	if strings.Contains(result, "swordfish") || len(s.joined) > 0 {
		t.Errorf("tried %v; the result tells a secret:\n%s", s.joined, result)
	}
	if _, err := os.Stat(filepath.Join(dir, bootPart)); !os.IsNotExist(err) {
		t.Errorf("a mistake was copied: %v", err)
	}
	boot(t, b, "region = \"EU868\"\n[[radio]]\nname = \"a\"\nport = \"/dev/x\"\npower_dbm = 30\n")
	b.want(7, []string{"30 dBm"}, args...)
	boot(t, b, "[setup]\njoin = \"K7QM-2XTD\"\ndomain = \"x\"\n")
	b.want(2, []string{args[2] + ":2", "not both"}, args...)
}

func TestACodeIsNotTriedForEver(t *testing.T) {
	s, b, _ := newSettling(t, "")
	args := append(boot(t, b, "region = \"EU868\"\n[setup]\njoin = \"K7QM-2XTD\"\n"), "--wait", "4s")
	s.joins = slices.Repeat([]error{nobody}, 1000)
	for range maxTries {
		b.want(5, []string{"nobody came"}, args...)
	}
	tried := len(s.joined)
	b.want(4, []string{"came to nothing", "get a new one"}, args...)
	if len(s.joined) != tried {
		t.Error("an old code was tried again")
	}
	boot(t, b, "region = \"EU868\"\n[setup]\njoin = \"AAAA-BBBB\"\n")
	s.joins = []error{badCode}
	b.want(4, []string{"code or invite is wrong"}, args...)
	b.want(4, []string{"came to nothing: the code or invite is wrong"}, args...)
	boot(t, b, "region = \"EU868\"\n[setup]\njoin = \"CCCC-DDDD\"\n")
	b.want(0, []string{"joined domain ridge"}, args...)
}

func TestSetupAsks(t *testing.T) {
	s, b, dir := newSettling(t, "")
	b.typed = []string{}
	b.look = []radioChoice{{"waveshare-sx1262-spi", "SX1262 answers"}, {"/dev/ttyUSB0", "serial port"}}
	b.in = "\nAtlantis\nN\nslov\nslovenia\nridge 2\nridge-2\n7\n1\nx\n2\nK7\nk7qm-2xtd\ny\n"
	b.want(0, []string{"Nothing is chosen beforehand", "neither a region nor a country", "Which of them: Slovakia, Slovenia?", "Use 1 to 24 letters", "joined domain ridge", "EU868  Austria"}, "setup")
	if got := fileText(t, filepath.Join(dir, setupPart)); !strings.Contains(got, "board = 'waveshare-sx1262-spi'") || !strings.Contains(got, "region = 'EU868'") || !slices.Equal(s.joined, []string{"k7qm-2xtd"}) {
		t.Errorf("joined %v, got %q", s.joined, got)
	}
	b.in = "\n\n"
	b.want(0, []string{"Region: EU868 already", "Radio: lora0 is configured already", "Domain: ridge already"}, "setup")
	_, b, dir = newSettling(t, "")
	b.typed, b.in = []string{}, "EU868\n\nnone\n3\nn\n"
	b.want(1, []string{"nothing was changed"}, "setup")
	b.in = "EU868\n"
	b.want(2, []string{"the answers ended"}, "setup")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}
