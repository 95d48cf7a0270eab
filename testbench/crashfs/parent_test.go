//go:build linux

package crashfs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// workload is a script on a kind of ext4.
type workload struct {
	title   string
	options Options
	script  script
	wrapper []string // runs the writers
	atSync  bool     // those who are killed are on their way into a sync: what they wrote is in the kernel alone
	quiet   bool     // faults are expected
	commit  int      // after so many acknowledgements ext4 is told to write, as its timer does each 5 s; 0 never

	// alarms says that ext4 may hand out the blocks of an unlinked file before the unlinking is durable, as it
	// does with data=writeback: then a bucket that was removed comes back with other content, and is reported.
	alarms bool
}

func storeDir(v *Volume) string { return filepath.Join(v.Dir, "store") }

// perform lets children play the script and notes what they say and where the disk was then.
func (w *workload) perform(t *testing.T) *history {
	t.Helper()
	v, err := New(w.options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := &history{script: w.script, disk: v.Disk, quiet: w.quiet, start: v.Position(), entries: make([][]run, w.script.Writers)}
	r := rand.New(rand.NewPCG(w.script.Seed, 99))
	for phase := range w.script.Phases {
		most := never
		if w.script.Kill && phase%2 == 0 {
			most = 1 + r.IntN(w.script.Batches*w.script.Writers)
		}
		if err := w.phase(v, h, order{storeDir(v), w.script, phase, h.progress()}, most); err != nil {
			t.Fatalf("%s: %v", w.title, err)
		}
	}
	h.end = v.Position()
	return h
}

// phase runs one child, and kills it when it has said so many acknowledgements.
func (w *workload) phase(v *Volume, h *history, o order, most int) error {
	c, in, out, err := w.start(o, most)
	if err != nil {
		return err
	}
	defer func() { c.Process.Kill(); c.Wait() }() // in vain, but after an error
	acks, killed := 0, most != never && w.atSync
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if err := h.note(lines.Text(), in); err != nil {
			return err
		}
		if !strings.HasPrefix(lines.Text(), "acked") {
			continue
		}
		if acks++; acks == most && !w.atSync {
			killed = true
			c.Process.Kill()
		}
		if w.commit > 0 && acks%w.commit == 0 {
			if err := v.sync(); err != nil {
				return err
			}
		}
	}
	if err := c.Wait(); err != nil && !killed {
		return fmt.Errorf("phase %d: %w\n%v", o.Phase, err, c.Stderr)
	}
	return nil
}

// start runs a child; with atSync it is killed at a sync of about this number.
func (w *workload) start(o order, most int) (c *exec.Cmd, in io.Writer, out io.Reader, err error) {
	line := append(w.wrapper[:len(w.wrapper):len(w.wrapper)], os.Args[0])
	if most != never && w.atSync {
		line = append(tracing("signal=KILL:when="+strconv.Itoa(1+most/4)), line...)
	}
	c = exec.Command(line[0], line[1:]...)
	c.Env = append(os.Environ(), childVar+"=writer")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Stderr = &bytes.Buffer{}
	if in, err = c.StdinPipe(); err != nil {
		return nil, nil, nil, err
	}
	if out, err = c.StdoutPipe(); err != nil {
		return nil, nil, nil, err
	}
	if err = c.Start(); err != nil {
		return nil, nil, nil, err
	}
	return c, in, out, json.NewEncoder(in).Encode(o)
}

// tracing runs a program under strace, which does something to its syncs.
func tracing(what string) []string {
	calls := "fsync,fdatasync,sync_file_range,syncfs,sync,msync"
	return []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e", "inject=" + calls + ":" + what}
}

// note takes down what a child said, and answers it.
func (h *history) note(line string, answer io.Writer) error {
	var what string
	var writer, batch int
	if _, err := fmt.Sscan(line, &what, &writer, &batch); err != nil {
		return fmt.Errorf("a child said %q: %w", line, err)
	}
	at := h.disk.Position()
	runs := &h.entries[writer]
	switch what {
	case "began":
		*runs = append(*runs, run{h.script.batch(writer, batch), at, never, never})
		fmt.Fprintln(answer, writer)
	case "acked", "seen":
		(*runs)[batch].acked = at
		h.acks = append(h.acks, at)
		if what == "seen" {
			h.seen = append(h.seen, at)
		}
	case "dropped":
		(*runs)[batch].dropped = at
	}
	return nil
}
