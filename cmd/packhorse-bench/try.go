package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"packhorse/testbench/hil/virtual"
)

// builtImage is where make image leaves the card.
const builtImage = "dist/image/card.img"

// inTry is the packhorse.toml of a box to try, by its name and the line of a key. Its radio takes the plan of whatever region is set.
const inTry = "name = %q\ntrust_clock = true\n[[radio]]\nname = \"lora0\"\nport = \"" + virtual.RadioPort + "\"\n[appliance]\nssh_keys = [%q]\n"

// endKey takes the power away: Ctrl-], as telnet has it.
const endKey = 0x1d

// maxBoxes is what a computer can bear.
const maxBoxes = 4

// trying is what the flags of try say.
type trying struct {
	image, config, keep string
	boxes               int
}

func (a *app) tryCommand() *cobra.Command {
	w := trying{}
	c := &cobra.Command{Use: "try", Short: "boot the flash image in a virtual machine and be at its console", Args: cobra.NoArgs,
		Long: `Boots the flash image in QEMU with a simulated RNode, and joins this terminal to the serial console of the box: what it says comes here, what
is typed goes there. Ctrl-] pulls the plug, so does the end of the input. The card is new each time and gone afterwards, unless --keep says
where it is to stay. Without --config the box has a name, the radio and a key for SSH, and no region yet; its clock is taken at its word.`}
	f := c.Flags()
	f.StringVar(&w.image, "image", "", "raw card `image` (default $"+imageVar+", or "+builtImage+")")
	f.StringVar(&w.config, "config", "", "`packhorse.toml` to put on the card, as a person does; the radio is "+virtual.RadioPort)
	f.StringVar(&w.keep, "keep", "", "`directory` for cards and logs, which stay there")
	f.IntVar(&w.boxes, "boxes", 1, "how `many`: a, b, ... hear each other; the terminal is at a, the others are reached by SSH")
	c.RunE = func(c *cobra.Command, _ []string) error {
		w.image = cmp.Or(w.image, a.getenv(imageVar), builtImage)
		if err := w.check(); err != nil {
			return err
		}
		return a.try(c.Context(), w)
	}
	return c
}

func (w *trying) check() error {
	switch {
	case !isFile(w.image):
		return usage("build one with make image, or name it with --image", "there is no card image %s", w.image)
	case w.config != "" && !isFile(w.config):
		return usage("name a file that is there with --config", "there is no file %s", w.config)
	case w.boxes < 1 || w.boxes > maxBoxes:
		return usage(fmt.Sprintf("--boxes 1 to %d", maxBoxes), "%d boxes cannot be had", w.boxes)
	}
	return nil
}

// try opens a rig, and holds the terminal until its end.
func (a *app) try(ctx context.Context, w trying) (err error) {
	dir := w.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "phb"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	o, err := w.options(dir)
	if err != nil {
		return err
	}
	s := &screen{out: a.out, err: a.err}
	o.Watch, o.Reached = s.watch(o.Nodes[0]), s.reached(o.Dir)
	rig, err := virtual.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rig.Close()) }()
	return a.hold(ctx, rig, s)
}

// options are those of the rig: cards, configuration and the key for SSH in dir.
func (w *trying) options(dir string) (o virtual.Options, err error) {
	if o.Dir, err = filepath.Abs(dir); err != nil {
		return o, err
	}
	if err = os.MkdirAll(o.Dir, 0o700); err != nil {
		return o, err
	}
	key, line, err := keepKey(filepath.Join(o.Dir, "ssh_key"))
	if err != nil {
		return o, err
	}
	o.Image, o.Owner = w.image, key
	for i := range w.boxes {
		o.Nodes = append(o.Nodes, string(rune('a'+i)))
	}
	o.Config = func(name string) []byte { return fmt.Appendf(nil, inTry, name, line) }
	if w.config != "" {
		text, err := os.ReadFile(w.config)
		if err != nil {
			return o, err
		}
		o.Config = func(string) []byte { return text }
	}
	return o, nil
}

// hold gives power and types what comes in, until somebody or the box itself ends it.
func (a *app) hold(ctx context.Context, rig *virtual.Rig, s *screen) error {
	restore := raw(os.Stdin)
	defer restore()
	s.say("Ctrl-] pulls the plug.")
	for _, n := range rig.Nodes() {
		if err := n.Power().On(ctx); err != nil {
			return err
		}
	}
	life, end := context.WithCancel(ctx)
	defer end()
	first := rig.Node(0)
	go func() {
		typed(os.Stdin, func(b []byte) {
			if err := first.Type(b); err != nil {
				s.say("%v", err)
			}
		})
		end()
	}()
	if err := first.Gone(life); err != nil && life.Err() == nil {
		return err
	}
	s.say("power off")
	return ctx.Err()
}

// raw gives a terminal's keys to us one by one, and answers how to undo that.
func raw(f *os.File) (restore func()) {
	fd := int(f.Fd())
	was, err := term.MakeRaw(fd)
	if err != nil {
		return func() {} // no terminal: a file or a pipe
	}
	return func() { _ = term.Restore(fd, was) }
}

// typed hands over what comes from r until its end, or until the key that ends.
func typed(r io.Reader, to func([]byte)) {
	b := make([]byte, 256)
	for {
		n, err := r.Read(b)
		before, _, ends := bytes.Cut(b[:n], []byte{endKey})
		if len(before) > 0 {
			to(before)
		}
		if ends || err != nil {
			return
		}
	}
}

// screen is where several speak: the box on stdout, we on stderr.
type screen struct {
	mu       sync.Mutex
	out, err io.Writer
	at       map[string]string // the address of each box
}

func (s *screen) watch(first string) func(string, []byte) {
	return func(name string, said []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if name == first {
			_, _ = s.out.Write(said)
		}
	}
}

// say writes a line of ours; a terminal may be raw.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.err, "--- "+format+" ---\r\n", args...)
}

// reached writes a configuration for ssh into dir that knows the boxes by name, and says how to use it.
func (s *screen) reached(dir string) func(name, address string) {
	return func(name, address string) {
		s.mu.Lock()
		if s.at == nil {
			s.at = map[string]string{}
		}
		s.at[name] = address
		file := filepath.Join(dir, "ssh_config")
		err := os.WriteFile(file, sshConfig(filepath.Join(dir, "ssh_key"), s.at), 0o600)
		s.mu.Unlock()
		if err != nil {
			s.say("%v", err)
			return
		}
		s.say("box %s by SSH, when it is ready: ssh -F %s %s status", name, file, name)
	}
}

// keepKey draws a key for SSH and writes its secret half to a file, for the program ssh.
func keepKey(path string) (ssh.Signer, string, error) {
	private, signer, line, err := drawPair()
	if err != nil {
		return nil, "", err
	}
	return signer, line, os.WriteFile(path, private, 0o600)
}
