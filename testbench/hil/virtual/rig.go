//go:build linux

package virtual

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/board/card"
	boardsim "packhorse/board/sim"
	"packhorse/radio/sim"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/shell"
)

// Options describe a rig.
type Options struct {
	Dir      string                   // for cards and logs; made where it is missing, and not removed
	Image    string                   // raw image of a card, with its holes
	Nodes    []string                 // their names; each has one RNode, and all hear each other
	Config   func(name string) []byte // packhorse.toml of a node; nil: that of the image
	Seed     uint64                   // of the air's losses and the power cuts
	CardSize int64                    // in octets, at least; 0: 1 GiB
	MemoryMB int                      // 0: 512, as a Zero 2 has
	Owner    ssh.Signer               // a key that the configuration lets in over SSH; nil: no way there

	// Watch gets what a node's console says as it comes, with the sequences that are for a terminal; nil: nobody does. It must
	// not block, and is called by one goroutine for each node.
	Watch func(name string, said []byte)
	// Reached is told at which address a node's port 22 is, at each of its starts, where there is an Owner; nil: nobody is.
	Reached func(name, address string)
}

// RadioPort is what the radio's port is called in the machine, for `port` of a [[radio]].
const RadioPort = "/dev/ttyUSB0"

// Rig is virtual machines on one simulated air. It is a hil.Rig.
type Rig struct {
	nodes []*Node
	air   *Air
	facts map[string]string
	end   context.CancelFunc
	ended chan struct{}
}

// Open makes cards and radios. All nodes are off.
func Open(ctx context.Context, o Options) (*Rig, error) {
	version, err := usable(ctx)
	if err != nil {
		return nil, err
	}
	channel, err := sim.New(sim.Config{Seed: o.Seed, Stations: make([]sim.Station, len(o.Nodes))})
	if err != nil {
		return nil, err
	}
	ears := &ears{Air: channel}
	radios, err := boardsim.NewRNodes(ears, len(o.Nodes), "")
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	r := &Rig{air: &Air{o.Nodes, radios, ears}, facts: map[string]string{"machine": version, "image": o.Image, "seed": fmt.Sprint(o.Seed)}, end: end, ended: make(chan struct{})}
	go func() { _ = radios.Run(life); close(r.ended) }()
	for i, name := range o.Nodes {
		n, err := newNode(ctx, o, i, name, radios)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.nodes = append(r.nodes, n)
	}
	return r, nil
}

// usable says which QEMU there is, or what is missing.
func usable(ctx context.Context) (version string, err error) {
	for _, needed := range []struct{ program, pkg string }{{qemu, "qemu-system-arm"}, {"mcopy", "mtools"}} {
		if _, err := exec.LookPath(needed.program); err != nil {
			return "", &hil.Unable{What: "open a virtual bench", Why: needed.program + " is missing: apt install " + needed.pkg}
		}
	}
	out, err := exec.CommandContext(ctx, qemu, "--version").Output()
	version, _, _ = strings.Cut(string(out), "\n")
	return version, err
}

func newNode(ctx context.Context, o Options, i int, name string, radios *boardsim.Rig) (*Node, error) {
	n := &Node{name: name, dir: filepath.Join(o.Dir, name), seed: o.Seed<<16 + uint64(i)<<8, opened: time.Now(), line: newLine(), cardSize: o.CardSize}
	if n.cardSize == 0 {
		n.cardSize = 1 << 30
	}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(n.dir, "console.log"))
	if err != nil {
		return nil, err
	}
	n.log = log
	n.console = hil.NewConsole(name, o.watched(name, n.line), log, log.Name())
	n.machine = machine{memoryMB: o.MemoryMB, console: n.line, radios: []func(net.Conn){func(c net.Conn) { radios.Attach(i, c) }}, said: log}
	if n.machine.memoryMB == 0 {
		n.machine.memoryMB = 512
	}
	if o.Owner != nil {
		n.shell = shell.New(n.address, sshConfig(o.Owner))
		n.machine.forward = func(port int) {
			n.port.Store(int32(port))
			if o.Reached != nil && port != 0 {
				o.Reached(name, n.SSH())
			}
		}
	}
	n.restart = func() { radios.Restart(context.WithoutCancel(ctx), i) }
	if err := n.insert(o.Image); err != nil {
		return nil, n.error("make the card", err)
	}
	if o.Config != nil {
		return n, n.WriteBoot(ctx, card.ConfigFile, o.Config(name))
	}
	return n, nil
}

// Nodes are those of the options, in their order.
func (r *Rig) Nodes() []hil.Node {
	var out []hil.Node
	for _, n := range r.nodes {
		out = append(out, n)
	}
	return out
}

// Node is that of this number.
func (r *Rig) Node(i int) *Node { return r.nodes[i] }

// Air is the simulated channel.
func (r *Rig) Air() hil.Air { return r.air }

// Channel is Air with what only a simulated one can do.
func (r *Rig) Channel() *Air { return r.air }

// Identity is hil.Rig's.
func (r *Rig) Identity() hil.Identity {
	return hil.Identity{Kind: "virtual", Name: "virtual bench", Facts: r.facts}
}

// Close switches all nodes off and ends the air. Cards and logs stay.
func (r *Rig) Close() error {
	var errs []error
	for _, n := range r.nodes {
		errs = append(errs, n.Off(context.Background()), n.close())
	}
	r.end()
	<-r.ended
	return errors.Join(errs...)
}
