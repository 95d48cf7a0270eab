//go:build linux

package simulated

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"packhorse/testbench/hil"
)

// Kind is what Identity says of this rig.
const Kind = "simulated"

// Options describe a rig.
type Options struct {
	Binary string   // the packhorse to run; each node gets a copy
	Dir    string   // all its files; logs stay there. Its path must be short: sockets lie in it
	Nodes  []string // their names; none: a and b
	Seed   uint64   // of what is lost on the air
	Radio  string   // lines for the radio's section of each packhorse.toml; empty: Fast
}

// Fast is a modulation that makes suites short: a frame of 255 octets takes a tenth of a second. It is lawful in NZ915.
const Fast = "bandwidth_hz = 500000\nspreading_factor = 7\nrates = \"off\"\n"

// Rig is a running rig.
type Rig struct {
	air   *Air
	nodes []hil.Node
	facts map[string]string
}

var _ hil.Rig = (*Rig)(nil)

// Open makes the radios and the nodes, which are off. On error nothing is left running.
func Open(o Options) (*Rig, error) {
	if len(o.Nodes) == 0 {
		o.Nodes = []string{"a", "b"}
	}
	if o.Radio == "" {
		o.Radio = Fast
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	// The address of a unix socket has 107 octets.
	if longest := filepath.Join(dir, "node-name-of-32-characters-at-most", "sock"); len(longest) > 107 {
		return nil, fmt.Errorf("the directory %s has too long a name for sockets: choose one of at most %d characters", dir, 107-len(longest)+len(dir))
	}
	sum, err := sumOf(o.Binary)
	if err != nil {
		return nil, fmt.Errorf("the packhorse to test: %w: build one with make build, or name it with --binary", err)
	}
	air, err := newAir(o.Nodes, filepath.Join(dir, "radios"), o.Seed)
	if err != nil {
		return nil, err
	}
	r := &Rig{air: air, facts: map[string]string{"binary_sha256": sum, "machine": runtime.GOOS + "/" + runtime.GOARCH, "seed": fmt.Sprint(o.Seed),
		"radio": strings.ReplaceAll(strings.TrimSpace(o.Radio), "\n", ", ")}}
	for i, name := range o.Nodes {
		n := newNode(name, filepath.Join(dir, name), air.port(i))
		if err := errors.Join(n.configure(o.Radio), n.Deploy(context.Background(), hil.Artifact{Kind: hil.Binary, Path: o.Binary, SHA256: sum})); err != nil {
			air.close()
			return nil, err
		}
		r.nodes = append(r.nodes, n)
	}
	return r, nil
}

// Nodes are in the order of Options.
func (r *Rig) Nodes() []hil.Node { return r.nodes }

// Air is the simulated channel.
func (r *Rig) Air() hil.Air { return r.air }

// Identity says which binary on what machine.
func (r *Rig) Identity() hil.Identity { return hil.Identity{Kind: Kind, Facts: r.facts} }

// Close ends the processes and then the radios.
func (r *Rig) Close() error {
	errs := make([]error, len(r.nodes))
	var all sync.WaitGroup
	for i, n := range r.nodes {
		all.Go(func() { errs[i] = n.(*node).stop() })
	}
	all.Wait()
	r.air.close()
	return errors.Join(errs...)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
