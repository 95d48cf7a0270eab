package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"packhorse/board"
)

// examine runs the doctor on a computer of files: a warm one with a radio board of which nothing is there.
func examine(t *testing.T, b *bench, args ...string) int {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"proc/device-tree/model": "Raspberry Pi 4 Model B\x00", "proc/device-tree/compatible": "raspberrypi,4-model-b\x00brcm,bcm2711\x00",
		"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n", "sys/class/thermal/thermal_zone0/temp": "80000\n"} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "packhorse.toml")
	if err := os.WriteFile(file, []byte("region = \"EU868\"\nstate_dir = \""+root+"\"\n[[radio]]\nname = \"lora0\"\nboard = \"zebrahat-1w\"\n[poweb]\nlisten = \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env["PACKHORSE_CONFIG"] = file
	defer delete(b.env, "PACKHORSE_CONFIG")
	return direct(b, func(a *app) *cobra.Command { return a.doctorCommand(board.Host{Root: root}) }, args...)
}

func TestDoctorEndsWithTheNumberOfWhatIsWrong(t *testing.T) {
	b := newBench(t, nil)
	if code := examine(t, b); code != 6 {
		t.Errorf("got exit %d, want 6", code)
	}
	for _, want := range []string{"ok    gateway: does not run", "fail  spi: there is no /dev/spidev0.0\n      fix: SPI is not enabled: add dtparam=spi=on", "warn  temperature: 80 C\n", "ok    lora0 law: ", "fail  lora0 radio: "} {
		if !strings.Contains(b.out, want) {
			t.Errorf("%q is not in\n%s", want, b.out)
		}
	}
	for _, r := range b.out {
		if r > 126 {
			t.Errorf("%q is no plain letter", r)
		}
	}
	if !strings.Contains(b.err, "lora0: asking the radio ...") {
		t.Errorf("no progress: %q", b.err)
	}
}

func TestDoctorAsksTheGatewayThatRuns(t *testing.T) {
	f := full()
	f.stored.Damaged, f.stored.Quarantine = 0, 0
	b := newBench(t, f)
	b.want(0, []string{"ok    gateway: ridge-1 runs, version v1", "warn  gateway: a\n      fix: b"}, "doctor")
}
