package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	"packhorse/board/sim"
	"packhorse/store"
)

// probe runs board probe with a simulated chip on the bus.
func probe(t *testing.T, b *bench, chip *sim.SX127x, args ...string) int {
	t.Helper()
	var out, errs strings.Builder
	a := &app{out: &out, err: &errs, getenv: func(string) string { return "" }}
	c := a.boardProbe(func(string) (spi.PortCloser, error) { return chip, nil }, nil)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.Flags().BoolVar(&a.json, "json", false, "")
	c.SetArgs(append([]string{"SPI0.0"}, args...))
	code := a.fail(c.Execute())
	b.out, b.err = out.String(), errs.String()
	return code
}

func TestProbeNamesTheChipOrTheFault(t *testing.T) {
	b := newBench(t, nil)
	chip := sim.NewSX127x(0x12)
	if code := probe(t, b, chip); code != 0 || !strings.Contains(b.out, "SX1276") {
		t.Errorf("healthy: got exit %d, %q", code, b.out)
	}
	for fault, want := range map[sim.Fault]string{sim.MISOLow: "reads 00", sim.MISOHigh: "reads ff"} {
		chip := sim.NewSX127x(0x12)
		chip.Break(fault)
		if code := probe(t, b, chip); code != 6 || !strings.Contains(b.out, want) || !strings.Contains(b.out, "fix: ") {
			t.Errorf("fault %d: got exit %d, %q, want 6 and %q", fault, code, b.out, want)
		}
	}
	chip = sim.NewSX127x(0x12)
	if code := probe(t, b, chip, "--json"); code != 0 || !strings.Contains(b.out, `"ok":true`) || !strings.Contains(b.out, `"version":"12"`) {
		t.Errorf("JSON: got %d, %q", code, b.out)
	}
}

// A bus that another program of ours works on is not even read, and the answer names that program.
func TestProbeLeavesARadioAtWorkAlone(t *testing.T) {
	device := filepath.Join(t.TempDir(), "spidev0.0")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	running, err := board.LockSPI(device)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, nil)
	open := func(string) (spi.PortCloser, error) { return sim.NewSX127x(0x12), nil }
	tried := func() int {
		return direct(b, func(a *app) *cobra.Command { return a.boardProbe(open, nil) }, device)
	}
	if code := tried(); code == 0 || !strings.Contains(b.err, fmt.Sprintf("(process %d) has it, stop it first", os.Getpid())) {
		t.Errorf("at work: got %d, %q%q", code, b.out, b.err)
	}
	running()
	for range 2 { // and the probe gives the bus back
		if code := tried(); code != 0 {
			t.Errorf("stopped: got %d, %q", code, b.err)
		}
	}
}

func TestStoreCheckFindsDamage(t *testing.T) {
	b := newBench(t, nil)
	dir := filepath.Join(b.dir, "store")
	b.want(1, []string{"packhorse: "}, "store", "check", "--state", b.dir)
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		if err := s.Apply(store.Op{Kind: 1, Key: key, Value: []byte(strings.Repeat(key, 1000))}); err != nil {
			t.Fatal(err)
		}
	}
	b.want(0, []string{"ok ", "2 values in 1 bucket", "2.0 kB live"}, "store", "check", "--state", b.dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flipFirst(t, dir, 'a')
	b.want(6, []string{"damaged", "fail  ", "fix: "}, "store", "check", "--state", b.dir)
	b.want(6, []string{`"ok":false`, `"damage":[{`}, "store", "check", "--state", b.dir, "--json")
}

// flipFirst changes one octet of a value on disk.
func flipFirst(t *testing.T, dir string, octet byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := strings.Index(string(text), strings.Repeat(string(octet), 100))
		if at < 0 {
			return nil
		}
		text[at+50] ^= 1
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
