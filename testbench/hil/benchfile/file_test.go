package benchfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP5XLCCxOAN6YS/tUc4YR5ovBDyq23RNvfFo6Shej4w5"

// attic is a bench with all there is.
const attic = `[bench]
name = "attic"
lock_dir = "locks"
region = "EU868"
max_power_dbm = 10

[[node]]
name = "a"
board = "Raspberry Pi 4"
console = { port = "/dev/serial/by-id/usb-console-a" }
ssh = { address = "10.0.0.2", key = "bench_key", host_key = "` + hostKey + `" }
power = { kind = "uhubctl", location = "1-1", port = 2 }
[[node.radio]]
name = "lora0"
kind = "sx126x"
board = "waveshare-sx1262-spi"
[[node.radio]]
name = "lora1"
kind = "rnode"
port = "/dev/serial/by-id/usb-rnode"

[[node]]
name = "b"
system = "deb"
ssh = { address = "10.0.0.3:2222", user = "pi", key = "/k", host_key = "` + hostKey + `" }
power = { kind = "gpio", line = "GPIO17", active_low = true }
[[node.radio]]
name = "lora0"
kind = "rnode"
port = "/dev/ttyUSB0"

[[attenuation]]
between = ["a.lora1", "b.lora0"]
fixed_db = 60
step_db = [0, 63]
command = ["attenuator", "{db}"]
`

func TestLoadFillsDefaultsAndMakesPathsAbsolute(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.toml")
	if err := os.WriteFile(path, []byte(attic), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := f.Node[0], f.Node[1]
	if f.Bench.LockDir != filepath.Join(filepath.Dir(path), "locks") || a.SSH.Key != filepath.Join(filepath.Dir(path), "bench_key") || b.SSH.Key != "/k" {
		t.Errorf("paths %q %q %q", f.Bench.LockDir, a.SSH.Key, b.SSH.Key)
	}
	if a.System != Appliance || a.Console.Baud != 115200 || a.SSH.User != "packhorse" || a.SSH.Address != "10.0.0.2:22" || b.SSH.User != "pi" {
		t.Errorf("defaults: %+v %+v", a.Console, a.SSH)
	}
	if want := (Power{Kind: Relay, Line: "GPIO17", ActiveLow: true}); b.Power != want {
		t.Errorf("power %+v", b.Power)
	}
	if len(a.Radio) != 2 || a.Radio[1].Port != "/dev/serial/by-id/usb-rnode" || !f.Attenuation[0].Settable() || !reflect.DeepEqual(f.Attenuation[0].Between, [2]string{"a.lora1", "b.lora0"}) {
		t.Errorf("got %+v", f)
	}
}

// TestMistakesNameTheirLineAndSayWhatToDo changes one place of a good file each time.
func TestMistakesNameTheirLineAndSayWhatToDo(t *testing.T) {
	for _, c := range []struct{ old, new, where, says, fix string }{
		{`name = "attic"`, `name = "At tic"`, ":2", "no name of a bench", "small letters"},
		{`name = "attic"`, `nam = "attic"`, ":2", `unknown key "bench.nam"`, "HIL.md"},
		{`lock_dir = "locks"`, ``, ":1", "no lock_dir", "/run/lock"},
		{`"EU868"`, `"EU869"`, ":4", "no region", "EU868"},
		{`= 10`, `= 50`, ":5", "max_power_dbm is 50", "SX1262"},
		{`= 10`, `= "ten"`, ":5", "of type string", "HIL.md"},
		{`name = "a"`, `name = "b"`, ":23", "another node", "name of its own"},
		{`name = "a"`, `name = "a/.."`, ":8", "no name of a node", "small letters"},
		{`port = "/dev/serial/by-id/usb-console-a"`, `port = "ttyUSB0"`, ":10", "no serial port", "packhorse board serial"},
		{`usb-console-a"`, `usb-console-a", baud = 9`, ":10", "no rate", "115200"},
		{`"10.0.0.2"`, `"10.0.0.2:22:1"`, ":11", "no address", "192.168.1.9:22"},
		{`key = "bench_key", `, ``, ":11", "no key", "ssh-keygen"},
		{`host_key = "ssh-ed25519 A`, `host_key = "ssh-ed25519 x`, ":11", "no public key", "ssh-keyscan"},
		{`location = "1-1"`, `location = "1-1; reboot"`, ":12", "no port of a hub", "uhubctl without"},
		{`port = 2 }`, `port = 0 }`, ":12", "no port of a hub", "uhubctl"},
		{`kind = "uhubctl"`, `kind = "magic"`, ":12", "no kind of power switch", "gpio"},
		{`kind = "uhubctl", `, ``, ":12", `its kind is "none"`, "say kind"},
		{`"GPIO17"`, `"17"`, ":26", "no line of a relay", "GPIO17"},
		{`kind = "sx126x"`, `kind = "sx127x"`, ":16", "has a radio of kind sx126x", "correct"},
		{`kind = "sx126x"`, `kind = "lora"`, ":15", "no kind of radio", "rnode"},
		{`board = "waveshare-sx1262-spi"`, ``, ":13", "chip on SPI", "board list"},
		{`port = "/dev/ttyUSB0"`, ``, ":27", "is a modem", "by-id"},
		{`port = "/dev/ttyUSB0"`, `port = "ttyUSB0"`, ":30", "no serial port", "by-id"},
		{`name = "lora1"`, `name = "lora0"`, ":18", "no name for this radio", "each once"},
		{`system = "deb"`, `system = "dos"`, ":24", "no system", "appliance"},
		{`"a.lora1", `, `"a.lora9", `, ":33", `no radio "a.lora9"`, "two of the radios"},
		{`"a.lora1", `, `"b.lora0", `, ":33", "named twice", "two radios"},
		{`fixed_db = 60`, `fixed_db = -1`, ":34", "fixed_db is -1", "pads"},
		{`[0, 63]`, `[63, 0]`, ":35", "step_db", "[0, 63]"},
		{`"{db}"`, `"db"`, ":36", "cannot set it", "{db}"},
		{`[[attenuation]]`, `[[attenuation`, ":32", "", "HIL.md"},
	} {
		if strings.Count(attic, c.old) == 0 {
			t.Fatalf("%s is not in the file", c.old)
		}
		_, err := Parse("bench.toml", []byte(strings.Replace(attic, c.old, c.new, 1)))
		var e *Error
		if !errors.As(err, &e) || e.Where != "bench.toml"+c.where || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Fix, c.fix) {
			t.Errorf("%s -> %s: got %+v (%v), want at %s %q, fix %q", c.old, c.new, e, err, c.where, c.says, c.fix)
		}
	}
}

func TestTwoNodesOnOneSwitchAreAMistake(t *testing.T) {
	text := strings.Replace(attic, `{ kind = "gpio", line = "GPIO17", active_low = true }`, `{ kind = "uhubctl", location = "1-1", port = 2 }`, 1)
	if _, err := Parse("b", []byte(text)); err == nil || !strings.Contains(err.Error(), "b:26: node b is on the same switch as node a") {
		t.Errorf("got %v", err)
	}
}

func TestUnreachableNodesAreMistakes(t *testing.T) {
	head := attic[:strings.Index(attic, "[[node]]")]
	for text, says := range map[string]string{
		head + "[[node]]\nname = \"a\"\n": "b:7: node a cannot be reached",
		head + "[[node]]\nname = \"a\"\nsystem = \"deb\"\nconsole = { port = \"/dev/x\" }\n": "b:9: node a has the system deb and no ssh",
		head:                                    "b:1: 0 nodes",
		head + strings.Repeat("[[node]]\n", 33): "33 nodes",
	} {
		if _, err := Parse("b", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestFilesThatAreNoneAreRefused(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{filepath.Join(dir, "none"): "no such file", big: "larger than", dir: "directory"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(attic))
	f.Add([]byte("[[node]]\n[[node.radio]]\n[[attenuation]]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if file, err := Parse("b", text); err == nil && (len(file.Node) == 0 || len(file.Node) > maxNodes) {
			t.Errorf("%d nodes", len(file.Node))
		}
	})
}
