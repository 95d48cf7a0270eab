package session

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"packhorse/cmd/packhorse/internal/appliance/control"
)

// ownWord is a command of the box itself, beside those of the program.
type ownWord struct {
	name, what string
	run        func(h *Host, ctx context.Context, args []string, c Command) int
}

var own = []ownWord{
	{"log", "what the gateway said last, oldest first", (*Host).log},
	{"reboot", "end everything in order and start again; reboot --trial: the other system, once", (*Host).reboot},
	{"poweroff", "end everything in order and switch off", (*Host).powerOff},
	{"reset", "factory reset: erases the gateway's keys, parcels and letters; only at the box", (*Host).reset},
}

// help says what the box knows; the program's own help follows it.
func help(w io.Writer) {
	fmt.Fprintln(w, "Type a command of packhorse without the word packhorse, such as: status")
	fmt.Fprintln(w, "Of this box:")
	for _, o := range own {
		fmt.Fprintf(w, "  %-9s %s\n", o.name, o.what)
	}
	fmt.Fprintln(w)
}

func (h *Host) log(ctx context.Context, args []string, c Command) int {
	if !none("log", args, c) {
		return exitUsage
	}
	return h.ask(ctx, control.Request{Do: control.DoLog}, c, "")
}

func (h *Host) reboot(ctx context.Context, args []string, c Command) int {
	trial := slices.Equal(args, []string{"--trial"})
	if !trial && !none("reboot", args, c) {
		return exitUsage
	}
	return h.ask(ctx, control.Request{Do: control.DoReboot, Trial: trial}, c, "the box ends everything and starts again")
}

func (h *Host) powerOff(ctx context.Context, args []string, c Command) int {
	if !none("poweroff", args, c) {
		return exitUsage
	}
	return h.ask(ctx, control.Request{Do: control.DoPowerOff}, c, "the box ends everything and switches off")
}

// reset needs somebody at the box who types its name.
func (h *Host) reset(ctx context.Context, args []string, c Command) int {
	if !none("reset", args, c) {
		return exitUsage
	}
	if !c.Presence || c.In == nil {
		fmt.Fprintln(c.Err, "packhorse: a factory reset needs somebody at the box\nfix: type reset on the serial console or the screen, or put a file factory-reset on the boot partition and start again")
		return exitFailed
	}
	st := h.Ask(ctx, control.Request{Do: control.DoStatus})
	if st.Status == nil {
		fmt.Fprintln(c.Err, "packhorse: the box does not tell its name:", st.Error)
		return exitFailed
	}
	name := st.Status.Name
	fmt.Fprintf(c.Out, "This erases the gateway's keys, its parcels and letters, and all that was set here; packhorse.toml on the boot partition stays.\nType its name, %s, to go on: ", name)
	line, err := bufio.NewReader(echo{c.In, c.Out}).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != name {
		fmt.Fprintln(c.Out, "nothing was erased")
		return exitFailed
	}
	return h.ask(ctx, control.Request{Do: control.DoReset, Presence: c.Presence}, c, "the box starts again and erases itself")
}

// echo shows keys as they come, one line at most, and takes Enter for the end of a line.
type echo struct {
	in  io.Reader
	out io.Writer
}

func (e echo) Read(b []byte) (int, error) {
	n, err := e.in.Read(b[:min(len(b), 64)])
	for i, c := range b[:n] {
		if c == '\r' {
			b[i] = '\n'
		}
	}
	_, _ = e.out.Write(b[:n])
	return n, err
}
