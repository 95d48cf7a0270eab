package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/control"
	"packhorse/cmd/packhorse/internal/appliance/plan"
	"packhorse/cmd/packhorse/internal/notify"
	"packhorse/gateway/admin"
)

// do does one thing that the keeper says.
func (b *box) do(a plan.Action) {
	switch a.Do {
	case plan.Start:
		b.note("the gateway is started")
		b.gateway.start(func(e plan.Exit) {
			e.Off = wishToBeOff(card.RunDir)
			b.post(func(now time.Time) { b.keeper.Exited(now, e) })
		})
	case plan.Term:
		b.say("ending the gateway")
		b.gateway.signal(unix.SIGTERM)
	case plan.Abort:
		b.gateway.signal(unix.SIGABRT)
	case plan.Kill:
		b.gateway.signal(unix.SIGKILL)
	case plan.Feed:
		b.feed()
	case plan.Ask:
		go b.askGateway()
	case plan.Ready:
		b.consoles().say(b.readyLine())
	case plan.Fail:
		b.consoles().say("packhorse: failed " + a.Text)
		b.result(fmt.Sprintf("The gateway does not run.\n%s", a.Text))
	case plan.Prompt:
		b.prompt()
	case plan.Setup:
		go b.setup()
	case plan.Commit:
		go b.commit()
	case plan.GiveUp:
		b.say("the trial of slot %s is given up: %s", card.SlotName(b.slot), a.Text)
		if err := b.updates().GiveUp(a.Text); err != nil {
			b.complain("the reason cannot be noted", err)
		}
	case plan.End:
		b.end(a.Ending)
	}
}

// powerOffFile is what the gateway leaves beside its socket when the board is to be switched off: one line that says why.
const powerOffFile = "poweroff"

// wishToBeOff takes that file away and answers its line, short and without what would steer a terminal.
func wishToBeOff(dir string) string {
	path := filepath.Join(dir, powerOffFile)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 200)
	n, _ := io.ReadFull(f, b)
	if err := os.Remove(path); err != nil {
		return "" // it would be taken for a new wish after the next start
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return cmp.Or(printable(line), "the gateway wants the board to be switched off")
}

// told takes what the gateway tells its supervisor.
func (b *box) told(m notify.Message) {
	if m.Status != "" {
		b.note("status: " + m.Status)
	}
	b.post(func(now time.Time) { b.keeper.Notified(now, m) })
}

// askGateway asks for the status, as any client does.
func (b *box) askGateway() {
	ctx, stop := context.WithTimeout(context.Background(), plan.AskEvery)
	defer stop()
	c := admin.Dial(card.Socket)
	defer c.Close()
	s, err := c.Status(ctx)
	b.post(func(now time.Time) {
		if err == nil {
			b.name = s.Name
		}
		b.keeper.Answered(now, err == nil)
	})
}

// prompt lets the consoles take commands, unless their owner does not want that.
func (b *box) prompt() {
	if !b.settings.Appliance.Console {
		return
	}
	for _, c := range b.consoles() {
		go func() {
			if err := c.Run(context.Background()); err != nil {
				b.complain("no more commands from "+c.device, err)
			}
		}()
	}
}

// setupResult is where setup leaves what became of it, before that goes to the card: in a directory of root's. In that of the
// sockets a gateway that was broken into could put a link in its place and have a file of root's copied to where it may read.
const setupResult = "/run/" + card.ResultFile

// setup does what the configuration wants once; packhorse setup knows what is done already.
func (b *box) setup() {
	result := setupResult
	c := exec.Command(b.exe, "setup", "--from", card.BootDir+"/"+card.ConfigFile, "--result", result, "--wait", "10m")
	c.Env = environment("/root")
	out := &lineWriter{each: func(line string) { b.note("setup: " + line) }}
	c.Stdout, c.Stderr = out, out
	wait, err := b.procs.start(c)
	if err == nil {
		err = wait()
	}
	out.close()
	if b.ending.Load() {
		return // it was interrupted, and the next start does it
	}
	b.say("%s", setupLine(err))
	if text, err := os.ReadFile(result); err == nil {
		b.result(string(text))
	}
}

// setupLine says how it ended (docs/SETUP.md has the exit codes).
func setupLine(err error) string {
	var e *exec.ExitError
	switch {
	case err == nil:
		return "setup done"
	case errors.As(err, &e) && e.ExitCode() == admin.CodeNotYet.Exit():
		return "setup not yet: what it waits for is in the log; the next start goes on with it"
	case errors.As(err, &e) && e.ExitCode() > 0:
		return fmt.Sprintf("setup failed with exit code %d: type log to see why", e.ExitCode())
	}
	return fmt.Sprintf("setup failed: %v", err)
}

func (b *box) commit() {
	err := b.updates().Commit(time.Now())
	b.post(func(now time.Time) {
		if err == nil {
			b.say("slot %s is kept: version %s", card.SlotName(b.slot), b.version)
		}
		b.keeper.Committed(now, err)
	})
}

// ask answers questions of consoles, SSH and the socket. Any goroutine may call it but the loop.
func (b *box) ask(ctx context.Context, q control.Request) control.Reply {
	if q.Do == control.DoLog {
		return control.Reply{OK: true, Log: b.ring.all()}
	}
	answer := make(chan control.Reply, 1)
	b.post(func(now time.Time) { answer <- b.answer(now, q) })
	select {
	case r := <-answer:
		return r
	case <-ctx.Done():
		return control.Refuse("ask again", "interrupted")
	}
}

func (b *box) answer(now time.Time, q control.Request) control.Reply {
	switch q.Do {
	case control.DoStatus:
		return control.Reply{OK: true, Status: b.status()}
	case control.DoPowerOff:
		b.keeper.Stop(now, plan.PowerOff)
	case control.DoReboot:
		return b.reboot(now, q.Trial)
	case control.DoReset:
		return b.wantReset(now, q.Presence)
	default:
		return control.Refuse("ask for status, reboot, poweroff or log", "%q is nothing that the init does", q.Do)
	}
	return control.Reply{OK: true}
}

func (b *box) reboot(now time.Time, trial bool) control.Reply {
	ending := plan.Reboot
	if trial {
		ending = plan.Trial
		if b.slot == 0 {
			return control.Refuse("flash the card anew", "nobody tells which of the two systems runs")
		}
		if err := b.updates().Try(now); err != nil {
			return control.Refuse(tryFix(err), "%v", err)
		}
	}
	b.keeper.Stop(now, ending)
	return control.Reply{OK: true}
}

// tryFix says what to do where the other system cannot be tried.
func tryFix(err error) string {
	if errors.Is(err, update.ErrTrial) {
		return "wait half a minute, then look with packhorse update --status"
	}
	return "packhorse update FILE puts a system there"
}

// wantReset leaves the file that the next start looks for, so that there is one way to erase a card.
func (b *box) wantReset(now time.Time, presence bool) control.Reply {
	if !presence || b.boot == nil {
		return control.Refuse("type reset on the serial console or the screen", "a factory reset needs somebody at the box")
	}
	path := card.BootDir + "/" + card.ResetFile
	if err := b.boot.write(func() error { return os.WriteFile(path, nil, 0o644) }); err != nil {
		return control.Refuse("put a file "+card.ResetFile+" on the boot partition on another computer", "%v", err)
	}
	b.keeper.Stop(now, plan.Reboot)
	return control.Reply{OK: true}
}

func (b *box) status() *control.Status {
	s := &control.Status{Name: b.name, Version: b.version, Build: b.release.Build, Partition: b.slot, Disk: b.card.disk, Trial: b.keeper.Trial(), UptimeS: uptime().Seconds(), Starts: b.keeper.Starts()}
	if b.slot != 0 {
		s.Slot = card.SlotName(b.slot)
	}
	s.State, s.Reason = b.keeper.State()
	return s
}
