//go:build linux

package virtual

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/board/card"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/shell"
)

// Node is a virtual machine with its card, console and radio.
type Node struct {
	name    string
	dir     string // card, logs
	seed    uint64
	opened  time.Time
	console *hil.Console
	line    *line
	log     *os.File
	machine machine      // without what a start adds
	shell   *shell.Shell // nil: nobody has a key
	port    atomic.Int32 // of loopback, to the machine's port 22; 0: none now

	cardSize int64 // at least, in octets
	card     *os.File
	table    card.Table

	restart func() // takes the power from the radio and gives it back

	mu   sync.Mutex
	cuts int                // so far
	pull context.CancelFunc // takes the power; nil: off
	over chan struct{}      // closed when the life that pull ends is over
	fail error              // why the power went off by itself
}

// Name is that of the options.
func (n *Node) Name() string { return n.name }

// Power is the node's switch. Off is a power cut: what the card had not been told to flush survives as the seed says.
func (n *Node) Power() hil.Power { return n }

// Console is the serial console.
func (n *Node) Console() *hil.Console { return n.console }

// On is hil.Power's. It returns when the firmware has found a system and the machine runs.
func (n *Node) On(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running() {
		return nil
	}
	n.console.Forget()
	life, pull := context.WithCancel(context.Background())
	n.pull, n.over, n.fail = pull, make(chan struct{}), nil
	runs := make(chan struct{})
	go n.live(life, sync.OnceFunc(func() { close(runs) }))
	select {
	case <-runs:
		return nil
	case <-n.over:
		return n.error("switch on", n.fail)
	case <-ctx.Done():
		pull()
		<-n.over
		return n.error("switch on", ctx.Err())
	}
}

// Off is hil.Power's.
func (n *Node) Off(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pull == nil {
		return nil
	}
	n.pull()
	<-n.over
	n.pull = nil
	n.console.Forget()
	return n.error("switch off", n.fail)
}

// OffAtWrite takes the power away when the card has been given so many writes more, before they are flushed. The system must
// be one that writes by itself.
func (n *Node) OffAtWrite(ctx context.Context, writes int) error {
	select {
	case <-n.machine.disk.stopAfter(writes):
		return n.Off(ctx)
	case <-ctx.Done():
		return n.error(fmt.Sprintf("wait for %d writes to its card", writes), ctx.Err())
	}
}

// note writes a line into the transcript, with the time since the rig was opened.
func (n *Node) note(format string, args ...any) {
	n.console.Note(fmt.Sprintf("%.1f s: ", time.Since(n.opened).Seconds()) + fmt.Sprintf(format, args...))
}

// running tells whether the power is on. A system that has switched itself off is not running.
func (n *Node) running() bool {
	if n.pull == nil {
		return false
	}
	select {
	case <-n.over:
		return false
	default:
		return true
	}
}

// live is a node's life between power-on and power-off: machines one after the other, as the firmware boots them.
func (n *Node) live(ctx context.Context, runs func()) {
	defer close(n.over)
	var e end
	for {
		var err error
		if e, err = n.start(ctx, e.tryboot, runs); err != nil && ctx.Err() == nil {
			n.fail = err
			n.note("%v", err)
			return
		}
		n.note("the machine took %.1f s of the processor", e.work.Seconds())
		switch {
		case ctx.Err() != nil:
			n.cut()
			return
		case e.off:
			n.note("switched off by its system")
			return
		case e.watchdog:
			n.note("reset by its watchdog")
		}
	}
}

// start boots once and returns when the machine has ended.
func (n *Node) start(ctx context.Context, tryboot bool, runs func()) (end, error) {
	dir, err := os.MkdirTemp("", "hil")
	if err != nil {
		return end{}, err
	}
	defer os.RemoveAll(dir)
	m := n.machine
	if m.boot, err = load(ctx, n.diskPath(), dir, tryboot); err != nil {
		return end{}, err
	}
	m.dir = dir
	word := ""
	if tryboot {
		word = ", a trial"
	}
	n.note("power on: slot %s%s", card.SlotName(m.boot.slot), word)
	return m.run(ctx, runs)
}

// Gone waits until the system has switched itself off.
func (n *Node) Gone(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pull == nil {
		return nil
	}
	select {
	case <-n.over:
		return n.error("wait for it to switch itself off", n.fail)
	case <-ctx.Done():
		return n.error("wait for it to switch itself off", ctx.Err())
	}
}

// cut makes of the card what the power cut leaves.
func (n *Node) cut() {
	n.cuts++
	seed := n.seed + uint64(n.cuts)
	pending, err := n.machine.disk.cut(seed)
	n.restart()
	n.fail = err
	n.note("power cut %d, seed %d: %d writes were in the card's cache", n.cuts, seed, pending)
}

// Deploy is hil.Node's: an image (for a node that is off), a configuration or an update, which the system takes from the
// boot partition at its next start (off, too).
func (n *Node) Deploy(ctx context.Context, a hil.Artifact) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running() {
		return n.error("deploy "+a.Path, errInUse)
	}
	switch a.Kind {
	case hil.Image:
		return n.error("write the card", n.insert(a.Path))
	case hil.Config:
		return n.error("write the configuration", n.partition(card.Boot).copyIn(ctx, a.Path, card.ConfigFile))
	case hil.Update:
		return n.error("copy the update", n.partition(card.Boot).copyIn(ctx, a.Path, "update.phup"))
	}
	return &hil.Unable{What: "deploy a " + a.Kind + " on node " + n.name, Why: "a virtual card takes images, updates and configurations"}
}

// Run is hil.Node's, on the console.
func (n *Node) Run(ctx context.Context, args ...string) (hil.Result, error) {
	return n.console.Run(ctx, hil.Quote(args))
}

// collectLimit is how long a console may take to answer that is asked for the gateway's log.
const collectLimit = 10 * time.Second

// Collect is hil.Node's: the console's log, the gateway's where the prompt answers, and of a node that is off what it left on its
// boot partition.
func (n *Node) Collect(ctx context.Context, dir string) error {
	asked, stop := context.WithTimeout(ctx, collectLimit)
	defer stop()
	said, refused := n.console.Run(asked, "log") // a node that is off refuses at once, and its console's log is all there is
	b, err := os.ReadFile(n.log.Name())
	if err != nil {
		return n.error("collect", err)
	}
	err = os.WriteFile(filepath.Join(dir, "console.log"), b, 0o644)
	if refused == nil {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "log.txt"), []byte(said.Output), 0o644))
	}
	if result, e := n.ReadBoot(ctx, card.ResultFile); e == nil {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, card.ResultFile), result, 0o644))
	}
	return n.error("collect", err)
}

// Identity is hil.Node's.
func (n *Node) Identity() hil.Identity {
	return hil.Identity{Kind: "virtual", Name: n.name, Facts: map[string]string{"machine": "QEMU virt, cortex-a53", "radio": "simulated RNode"}}
}

// close gives back what a node that is off has open.
func (n *Node) close() error {
	_ = n.line.Close()
	return errors.Join(n.eject(), n.log.Close())
}

func (n *Node) error(doing string, err error) error {
	if err == nil {
		return nil
	}
	return &hil.Error{Node: n.name, Doing: doing, Look: n.log.Name(), Err: err}
}
