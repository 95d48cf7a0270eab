//go:build linux

package chips

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// The environment of a process that is measured: what it shall be, and the serial port of its modem.
const (
	costOf   = "PACKHORSE_IDLE"
	costPort = "PACKHORSE_IDLE_PORT"
)

const (
	mostProcessor = 0.2 // percent of a core that an idle radio may cost
	settling      = 5 * time.Second
	finding       = 2 * time.Minute // of a gateway: it tells at first more often that it is there
	measuring     = 20 * time.Second
	whole         = "gateway with " // such a radio
)

// cost is what a process used while it was measured.
type cost struct {
	Processor float64 `json:"processor"` // percent of a core
	Wakeups   float64 `json:"wakeups"`   // a second, of the driver
	Switches  float64 `json:"switches"`  // a second, of all threads: they gave up the processor and came back to it
}

// TestSoakIdleCost measures in real time what idle radios cost, each in a process of its own, and whole gateways with one.
// Modems are behind pseudo-terminals in this one. Chips answer in theirs from a tape, so that no simulator runs beside their
// driver; a gateway's chip is simulated in its process, and counts.
func TestSoakIdleCost(t *testing.T) {
	if os.Getenv("PACKHORSE_SOAK") == "" {
		t.Log("in real time: only with PACKHORSE_SOAK=1")
		return
	}
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		c := measured(t, "nothing", "")
		t.Logf("%.4f %% of a core, %.1f switches a second", c.Processor, c.Switches)
	})
	for _, k := range idlers() {
		for _, what := range []string{k.name, whole + k.name} {
			if k.chip != sx1262 && what != k.name && k.name != "rnode" {
				continue
			}
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				path := ""
				if k.serial != nil && k.name != "e22" { // its pins are in the process of its simulator
					path = k.behindPty(t)
				}
				c := measured(t, what, path)
				t.Logf("%.4f %% of a core, %.2f wakeups and %.1f switches a second", c.Processor, c.Wakeups, c.Switches)
				if c.Processor > mostProcessor || c.Wakeups > mostWakeups {
					t.Errorf("want %v %% and %v a second at most", mostProcessor, mostWakeups)
				}
			})
		}
	}
}

// behindPty runs an idler's modem here and tells the path of its port.
func (k idler) behindPty(t *testing.T) string {
	t.Helper()
	rig, _, err := k.rig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = rig.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return rig.Paths()[0]
}

// measured runs a process and returns what it cost.
func measured(t *testing.T, what, path string) (c cost) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), costOf+"="+what, costPort+"="+path)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err = errors.Join(err, cmd.Wait()); err == nil {
		err = json.Unmarshal(line, &c)
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return c
}

// beMeasured is the life of such a process.
func beMeasured(what string) error {
	var counts tap
	kind, gateway := strings.CutPrefix(what, whole)
	switch {
	case gateway:
		stop, err := idleGateway(kind, &counts)
		if err != nil {
			return err
		}
		defer stop()
		time.Sleep(finding)
	case what != "nothing":
		if err := idle(kind, &counts); err != nil {
			return err
		}
		counts.record()
		time.Sleep(settling)
		counts.play()
	}
	runtime.GC()
	time.Sleep(settling) // the runtime gives memory back
	waits, before := counts.waits.Load(), usage()
	time.Sleep(measuring)
	after, seconds := usage(), measuring.Seconds()
	return json.NewEncoder(os.Stdout).Encode(cost{
		Processor: 100 * (after.processor - before.processor).Seconds() / seconds,
		Wakeups:   float64(counts.waits.Load()-waits) / seconds,
		Switches:  float64(after.switches-before.switches) / seconds,
	})
}

// idle opens a radio and lets it receive, until the process ends.
func idle(what string, counts *tap) error {
	k, err := find(what)
	if err != nil {
		return err
	}
	ctx := context.Background()
	r, err := k.here(ctx, counts)
	if err == nil {
		err = r.Configure(ctx, k.mod, k.powerDBm)
	}
	if err != nil {
		return err
	}
	go func() {
		_, err := r.Receive(ctx)
		fmt.Fprintln(os.Stderr, what, "ended:", err)
		os.Exit(1)
	}()
	return nil
}

func find(what string) (idler, error) {
	for _, k := range idlers() {
		if k.name == what {
			return k, nil
		}
	}
	return idler{}, fmt.Errorf("no radio is called %q", what)
}

// idleGateway is the owner of a domain, alone on the air.
func idleGateway(what string, counts *tap) (stop func(), err error) {
	k, err := find(what)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "packhorse-idle")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	transports := func(node.Info) ([]port.Transport, error) {
		t, err := port.NewRadio(port.RadioSpec{Name: "radio0", Modulation: k.mod, PowerDBm: k.powerDBm, Rule: phy.Rule{Region: region},
			Open: func(ctx context.Context) (radio.Radio, error) { return k.here(ctx, counts) }})
		return []port.Transport{t}, err
	}
	n, err := node.Open(node.Config{Name: "anna", StateDir: dir, Region: region, Transports: transports})
	if err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan struct{})
	go func() { _ = n.Run(ctx); close(ended) }()
	_, err = n.API().Up(ctx, admin.Up{Domain: "valley"})
	return func() { cancel(); <-ended; os.RemoveAll(dir) }, err
}

// here opens it on the port that the environment names, or on a simulator in this process.
func (k idler) here(ctx context.Context, counts *tap) (radio.Radio, error) {
	if path := os.Getenv(costPort); path != "" {
		line, err := board.OpenSerial(path, 115200)
		if err != nil {
			return nil, err
		}
		return k.open(ctx, nil, nil, line, counts)
	}
	rig, s, err := k.rig("")
	if err != nil {
		return nil, err
	}
	go func() { _ = rig.Run(ctx) }()
	var line io.ReadWriteCloser
	if k.serial != nil {
		line = rig.Dial(0)
	}
	return k.open(ctx, rig, s, line, counts)
}

// used is what this process has used so far.
type used struct {
	processor time.Duration
	switches  int64
}

func usage() used {
	var ts unix.Timespec
	var ru unix.Rusage
	if err := errors.Join(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts), unix.Getrusage(unix.RUSAGE_SELF, &ru)); err != nil {
		panic(err)
	}
	return used{time.Duration(ts.Nano()), int64(ru.Nvcsw)}
}
