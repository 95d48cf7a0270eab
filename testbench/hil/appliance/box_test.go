//go:build linux

package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/virtual"
)

// limit bounds a test, whatever hangs.
const limit = 14 * time.Minute

// bench is a virtual one, with boxes.
type bench struct {
	*virtual.Rig
	boxes []*box
}

// box is a node as a person sees it who sits in front of it.
type box struct {
	t   *testing.T
	ctx context.Context
	*virtual.Node
}

// open makes boxes of these names, which are off. When the test fails it says how to see more.
func open(t *testing.T, config func(name string) string, names ...string) *bench {
	t.Helper()
	return openWith(t, nil, config, names...)
}

// openWith also lets an owner in over SSH whom the configuration knows.
func openWith(t *testing.T, owner ssh.Signer, config func(name string) string, names ...string) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	dir, err := os.MkdirTemp(os.Getenv(keepVar), "bench")
	if err != nil {
		t.Fatal(err)
	}
	r, err := virtual.Open(ctx, virtual.Options{
		Dir: dir, Image: filepath.Join(images, "card.img"), Nodes: names, Seed: *seed, Owner: owner,
		Config: func(name string) []byte { return []byte(config(name)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Rig: r}
	for i := range names {
		b.boxes = append(b.boxes, &box{t, ctx, r.Node(i)})
	}
	t.Cleanup(func() { b.close(t, dir) })
	return b
}

// close ends the bench, and of a test that has failed shows what the consoles said last.
func (b *bench) close(t *testing.T, dir string) {
	if t.Failed() {
		for _, x := range b.boxes {
			t.Logf("node %s said last:\n%s", x.Name(), x.Console().Tail(25))
		}
		t.Logf("again: %s=1 go test -v -run='%s$' ./testbench/hil/appliance -args -seed=%d; with %s=DIR cards and logs stay", hilVar, t.Name(), *seed, keepVar)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if os.Getenv(keepVar) == "" {
		os.RemoveAll(dir)
	}
}

// on gives power and waits until the gateway is ready.
func (b *box) on() hil.Banner {
	b.t.Helper()
	b.must(b.Power().On(b.ctx))
	return b.ready()
}

func (b *box) ready() hil.Banner {
	b.t.Helper()
	banner, err := b.Console().Ready(b.ctx)
	b.must(err)
	b.t.Logf("%s: %s, slot %s, ready after %v of uptime", b.Name(), banner.Version, banner.Slot, banner.Uptime)
	return banner
}

func (b *box) off() { b.t.Helper(); b.must(b.Power().Off(b.ctx)) }

// shutDown ends the system in order.
func (b *box) shutDown() {
	b.t.Helper()
	b.must(b.Console().Type(b.ctx, "poweroff"))
	b.must(b.Gone(b.ctx))
	b.off()
}

// try gives a command, which may fail.
func (b *box) try(args ...string) hil.Result {
	b.t.Helper()
	r, err := b.Run(b.ctx, args...)
	b.must(err)
	return r
}

// say gives a command that must succeed.
func (b *box) say(args ...string) string {
	b.t.Helper()
	r := b.try(args...)
	if r.Exit != 0 {
		b.t.Fatalf("%s: %s: exit %d\n%s", b.Name(), strings.Join(args, " "), r.Exit, r.Output)
	}
	return r.Output
}

// ask gives a command that must succeed and answers its JSON.
func ask[T any](b *box, args ...string) T {
	b.t.Helper()
	return parse[T](b, b.say(append(args, "--json")...))
}

// parse reads the first line of JSON.
func parse[T any](b *box, text string) (v T) {
	b.t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				b.t.Fatalf("%s: %v in %q", b.Name(), err, line)
			}
			return v
		}
	}
	b.t.Fatalf("%s said no JSON: %q", b.Name(), text)
	return v
}

// line waits for a line of JSON of a command that goes on.
func line[T any](b *box) T {
	b.t.Helper()
	_, m, err := b.Console().Expect(b.ctx, regexp.MustCompile(`(?m)^(\{.*\n|\[exit \d+\])`))
	if err == nil && m[0][0] == '[' {
		err = errors.New("the command has ended: " + m[0])
	}
	b.must(err)
	return parse[T](b, m[0])
}

// finish waits for the end of a command that was typed, which must succeed.
func (b *box) finish() string {
	b.t.Helper()
	r, err := b.Console().Finish(b.ctx)
	b.must(err)
	if r.Exit != 0 {
		b.t.Fatalf("%s: exit %d\n%s", b.Name(), r.Exit, r.Output)
	}
	return r.Output
}

func (b *box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// look is how often a condition is tried for which no line of the console stands.
const look = 500 * time.Millisecond

// until waits for a condition.
func (b *box) until(what string, yes func() bool) {
	b.t.Helper()
	for tick := time.NewTicker(look); !yes(); {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s: no %s in time", b.Name(), what)
		}
	}
}

// withRadio is the configuration of a box with an RNode. More is put behind.
func withRadio(name, more string) string {
	return fmt.Sprintf("name = %q\ntrust_clock = true\nregion = \"EU868\"\n[[radio]]\nname = \"lora0\"\nport = \"/dev/ttyUSB0\"\n%s", name, more)
}
