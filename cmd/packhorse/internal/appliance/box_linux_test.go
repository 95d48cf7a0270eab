package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board"
	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/network"
	"packhorse/cmd/packhorse/internal/appliance/plan"
	"packhorse/cmd/packhorse/internal/config"
)

// partVar makes a copy of the test binary play a process.
const partVar = "PACKHORSE_APPLIANCE_PART"

func TestMain(m *testing.M) {
	switch os.Getenv(partVar) {
	case "orphan": // starts one that outlives it, and tells its number
		c := exec.Command("/proc/self/exe")
		c.Env = []string{partVar + "=brief"}
		c.Stdin = os.Stdin
		if err := c.Start(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case "exit":
		code, _ := strconv.Atoi(os.Getenv("CODE"))
		os.Exit(code)
	case "brief": // ends when its input does
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestOrphansAreBuried makes this process the one that inherits, as process 1 is (prctl(2), PR_SET_CHILD_SUBREAPER).
func TestOrphansAreBuried(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	p := newProcs()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/proc/self/exe")
	c.Env, c.Stdin = []string{partVar + "=orphan"}, r
	wait, err := p.start(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if p.buryOne() {
		t.Error("buried one that lives")
	}
	w.Close() // the orphan ends
	for !p.buryOne() {
		<-p.poke
	}
	if dead() != 0 || p.buryOne() {
		t.Error("somebody is left")
	}
	ours := exec.Command("/proc/self/exe")
	ours.Env = []string{partVar + "=brief"}
	if wait, err = p.start(ours); err != nil {
		t.Fatal(err)
	}
	for dead() == 0 {
		<-p.poke
	}
	if p.buryOne() {
		t.Error("buried one that is waited for")
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestAServiceIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		from, at := time.Now(), []time.Duration{}
		b.service(ctx, "x", func(ctx context.Context, _ *slog.Logger) error {
			at = append(at, time.Since(from))
			switch len(at) {
			case 1:
				panic("a stranger's octets")
			case 2:
				return errors.New("no")
			}
			<-ctx.Done()
			return nil
		})
		time.Sleep(time.Minute)
		stop()
		b.serving.Wait()
		if len(at) != 3 || at[1] != time.Second || at[2] != 3*time.Second {
			t.Errorf("started at %v", at)
		}
	})
}

func TestFixedAddresses(t *testing.T) {
	var n network.Config
	if err := fix(&n, config.Appliance{Address: "192.168.1.9/24", Router: "192.168.1.1", DNS: []string{"9.9.9.9"}}); err != nil || n.Address != netip.MustParsePrefix("192.168.1.9/24") || len(n.DNS) != 1 {
		t.Errorf("got %+v, %v", n, err)
	}
	for _, a := range []config.Appliance{{Address: "192.168.1.9"}, {Address: "1.2.3.4/8", Router: "x"}, {DNS: []string{"dns.example"}}} {
		var n network.Config
		if err := fix(&n, a); err == nil || n.Address.IsValid() {
			t.Errorf("%+v: got %+v, %v", a, n, err)
		}
	}
}

func TestAMistakeIsSaidInWords(t *testing.T) {
	err := explain(&config.Error{Where: "/etc/packhorse/packhorse.toml:3:1", Message: "unknown key \"x\"", Excerpt: "3| x = 1\n | ~\n", Fix: "remove it"})
	if want := "packhorse.toml:3:1: unknown key \"x\"\n3| x = 1\n | ~\nfix: remove it"; err.Error() != want {
		t.Errorf("got %q", err)
	}
	if explain(nil) != nil {
		t.Error("no mistake")
	}
}

func TestTheResultKeepsWhatTheUpdateSaid(t *testing.T) {
	if got := resultFile("The update was not taken.\nno key\n", "Setup\r\n"); got != "The update was not taken.\r\nno key\r\n\r\nSetup\r\n" {
		t.Errorf("got %q", got)
	}
	if got := resultFile("", "one\ntwo"); got != "one\r\ntwo\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestHowSetupEndedIsSaid(t *testing.T) {
	for code, want := range map[string]string{"0": "setup done", "5": "setup not yet", "2": "exit code 2"} {
		c := exec.Command("/proc/self/exe")
		c.Env = []string{partVar + "=exit", "CODE=" + code}
		if got := setupLine(c.Run()); !strings.Contains(got, want) {
			t.Errorf("%s: %q", code, got)
		}
	}
	if got := setupLine(errors.New("no memory")); got != "setup failed: no memory" {
		t.Errorf("got %q", got)
	}
}

func TestAConsoleIsLeftToARadio(t *testing.T) {
	dir := t.TempDir()
	line, link := dir+"/ttyAMA0", dir+"/serial0"
	if err := errors.Join(os.WriteFile(line, nil, 0o600), os.WriteFile(dir+"/tty1", nil, 0o600), os.Symlink(line, link)); err != nil {
		t.Fatal(err)
	}
	var all consoles
	for _, device := range []string{dir + "/tty1", line} {
		f, err := os.Open(device)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all = append(all, &console{nil, device, f})
	}
	ports := portsOf(&config.Loaded{Config: config.Config{GPS: "/dev/none", Radio: []config.Radio{{Board: "hat"}, {Port: dir + "/ttyUSB0"}}},
		Boards: []*board.Profile{{Name: "hat", UART: board.UARTPart{Device: link}}}})
	if got := all.without(ports); len(got) != 1 || got[0].device != dir+"/tty1" {
		t.Errorf("with %q: %d consoles", ports, len(got))
	}
	if got := all.without(nil); len(got) != 2 {
		t.Errorf("without radios: %d consoles", len(got))
	}
}

func TestAnImageIsCopiedWithItsProgress(t *testing.T) {
	in := bytes.Repeat([]byte{7}, 2<<20+5)
	var out bytes.Buffer
	var told []int
	if err := copySteps(&out, bytes.NewReader(in), func(p int) { told = append(told, p) }); err != nil || !bytes.Equal(out.Bytes(), in) {
		t.Fatalf("%d octets, %v", out.Len(), err)
	}
	if len(told) != 1 || told[0] > 100*3<<20/card.DataSize {
		t.Errorf("told %v", told)
	}
	if err := copySteps(io.Discard, io.MultiReader(strings.NewReader("x"), failing{}), func(int) {}); err == nil {
		t.Error("a damaged image is taken for whole")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("damaged") }

func TestTheWishToBeSwitchedOffIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, powerOffFile)
	if got := wishToBeOff(dir); got != "" {
		t.Errorf("nothing was wished: got %q", got)
	}
	for text, want := range map[string]string{
		"the battery is empty: 11.02 V\n": "the battery is empty: 11.02 V",
		"":                                "the gateway wants the board to be switched off",
		"\x1b[2Jred\nmore":                "[2Jred",
		strings.Repeat("x", 1000):         strings.Repeat("x", 200),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := wishToBeOff(dir); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := wishToBeOff(dir); got != "" {
			t.Errorf("%q is taken twice", text)
		}
	}
	if err := os.Symlink("/etc/hostname", path); err != nil {
		t.Fatal(err)
	}
	if got := wishToBeOff(dir); got != "" {
		t.Errorf("a link is no wish: got %q", got)
	}
}

func TestASystemOnTrialNeedsNoDataToKnowIt(t *testing.T) {
	dir := t.TempDir()
	text, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err = errors.Join(err, os.WriteFile(dir+"/"+card.AutobootFile, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	for slot, want := range map[int]bool{card.SlotA: false, card.SlotB: true} {
		b := &box{keeper: plan.NewKeeper(time.Now(), false)}
		b.onTrialAnyway(update.Card{Running: slot, BootDir: dir, History: dir + "/not/mounted"})
		b.keeper.Unfit(time.Now(), "the data partition cannot be used")
		ends := false
		for a, ok := b.keeper.Poll(); ok; a, ok = b.keeper.Poll() {
			ends = ends || a.Do == plan.End && a.Ending == plan.Reboot
		}
		if ends != want {
			t.Errorf("slot %d starts again: %v", slot, ends)
		}
	}
	if !startsAgain(errNoCard) || !startsAgain(fmt.Errorf("%w: damaged", errNoBoot)) || startsAgain(errors.New("the data partition cannot be used")) {
		t.Error("who cannot tell whether it is on trial starts again, and nobody else")
	}
}

func TestOnlyRootWritesWhereSetupLeavesItsResult(t *testing.T) {
	if dir := filepath.Dir(setupResult); dir == card.RunDir || dir == "/tmp" {
		t.Errorf("a gateway may write to %s", dir)
	}
}

func TestWhatAsksForAFactoryReset(t *testing.T) {
	for name, want := range map[string]bool{"factory-reset": true, "FACTORY-RESET": true, "Factory-Reset.txt": true, "factory-reset.md": false, "factory-reset/": false, "._factory-reset": false} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		var err error
		if strings.HasSuffix(name, "/") {
			err = errors.Join(os.Mkdir(path, 0o700), os.WriteFile(path+"/x", nil, 0o600))
		} else {
			err = os.WriteFile(path, nil, 0o600)
		}
		if got := resetFile(dir); err != nil || (got == path) != want || (got == "") == want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestWhatCanBeHadWithAMistake(t *testing.T) {
	dir := t.TempDir()
	file, last := filepath.Join(dir, "packhorse.toml"), filepath.Join(dir, "appliance.json")
	if err := os.WriteFile(last, []byte(`{"name":"last"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"name = \"bo\"\nnmae = 1\n":             "bo",
		"\xef\xbb\xbfname = \"bo\"\r\nnmae = 1": "bo", // as editors on Windows save it
		"name = ":                               "last",
		"\xff\xfen\x00":                         "last",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := fallback(file, last); got.Name != want || !got.Appliance.Console {
			t.Errorf("%q: got %+v", text, got)
		}
	}
	if got := fallback(dir, dir); got.Name != "" || got.Appliance.SSHListen != config.ApplianceDefaults().SSHListen {
		t.Errorf("two directories: got %+v", got)
	}
}

// TestAScreenThatStandsStill is a pipe that nobody reads, as a screen is after Scroll Lock.
func TestAScreenThatStandsStill(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := &face{File: w, patience: time.Millisecond}
	much := bytes.Repeat([]byte("x"), 1<<20)
	for range 3 {
		if n, err := c.Write(much); n != len(much) || err != nil || !c.stuck {
			t.Fatalf("wrote %d, %v, stuck %v", n, err, c.stuck)
		}
	}
	if _, err := io.CopyN(io.Discard, r, 4096); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Write([]byte("again")); n != 5 || err != nil || c.stuck {
		t.Errorf("it goes on: wrote %d, %v, stuck %v", n, err, c.stuck)
	}
	c.patience = time.Minute
	go func() { c.Write(much); c.Close() }()
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.HasSuffix(rest, much) {
		t.Errorf("of what is taken slowly %d octets came, %v", len(rest), err)
	}
}

func TestARawConsoleStillWaitsWithinBounds(t *testing.T) {
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	if err := makeRaw(keys); err != nil {
		t.Fatal(err)
	}
	c := &face{File: keys, patience: time.Millisecond}
	for n := 0; !c.stuck; n++ {
		if _, err := c.Write(make([]byte, 1<<10)); err != nil || n > 1<<12 {
			t.Fatalf("after %d KiB: %v", n, err)
		}
	}
}
