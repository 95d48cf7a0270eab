package appliance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/appliance/network"
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
