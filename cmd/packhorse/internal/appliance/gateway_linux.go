package appliance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/appliance/plan"
	"packhorse/cmd/packhorse/internal/notify"
)

// notifySocket is where the gateway tells how it is.
var notifySocket = filepath.Join(card.RunDir, "notify.sock")

// environment is what every program of ours here gets; the configuration is where every packhorse looks for it.
func environment(home string) []string {
	return []string{"PATH=/", "HOME=" + home, "TMPDIR=/tmp", "PACKHORSE_STATE=" + card.StateDir, "PACKHORSE_SOCKET=" + card.Socket}
}

// gateway is the child that is supervised. start, signal and exited are called by the init's loop; received by its own goroutine.
type gateway struct {
	procs  *procs
	exe    string
	heard  func(line string)
	pid    atomic.Int64
	notify *notify.Server
}

// listen makes the socket for sd_notify; told is called for what comes from the gateway itself.
func (g *gateway) listen(told func(notify.Message)) error {
	s, err := notify.Listen(notifySocket, userID, groupID)
	if err != nil {
		return err
	}
	g.notify = s
	go func() {
		for {
			m, pid, err := s.Receive()
			if err != nil {
				return
			}
			if int64(pid) == g.pid.Load() {
				told(m)
			}
		}
	}()
	return nil
}

// command is the gateway's process: a user without rights, in a session of its own.
func (g *gateway) command() *exec.Cmd {
	c := exec.Command(g.exe, "run")
	c.Dir = card.StateDir
	c.Env = append(environment(card.StateDir), "NOTIFY_SOCKET="+notifySocket, "WATCHDOG_USEC="+strconv.FormatInt(plan.HangLimit.Microseconds(), 10),
		"JOURNAL_STREAM=0:0") // each line begins with its priority
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: userID, Gid: groupID}}
	c.WaitDelay = 2 * time.Second
	return c
}

// start begins a gateway. ended is called once, from another goroutine, also when it could not be started.
func (g *gateway) start(ended func(plan.Exit)) {
	c, last := g.command(), &lastWords{}
	out := &lineWriter{each: func(line string) { last.hear(line); g.heard(line) }}
	c.Stdout, c.Stderr = out, out
	go func() {
		wait, err := g.begin(c)
		if err != nil {
			ended(plan.Exit{Code: -1, Text: fmt.Sprintf("the gateway cannot be started: %v", err)})
			return
		}
		err = wait()
		g.pid.Store(0)
		out.close()
		ended(exitOf(c, err, last.text()))
	}()
}

// begin starts the process so that no program it may execute gains rights (prctl(2), PR_SET_NO_NEW_PRIVS): the word holds for
// the thread that says it and for its children, and the thread ends with this goroutine, which never unlocks it.
func (g *gateway) begin(c *exec.Cmd) (wait func() error, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return
		}
		if wait, err = g.procs.start(c); err == nil {
			g.pid.Store(int64(c.Process.Pid))
		}
	}()
	<-done
	return wait, err
}

func exitOf(c *exec.Cmd, err error, text string) plan.Exit {
	if c.ProcessState == nil {
		return plan.Exit{Code: -1, Text: fmt.Sprintf("the gateway's end cannot be told: %v", err)}
	}
	e := plan.Exit{Code: c.ProcessState.ExitCode(), Text: text}
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		e.Signal, e.Text = unix.SignalName(s.Signal()), ""
	}
	return e
}

// signal is for the whole session of the gateway.
func (g *gateway) signal(s syscall.Signal) {
	if pid := int(g.pid.Load()); pid > 0 {
		_ = unix.Kill(pid, s)
	}
}

// dataDirs are made on the data partition, with their modes. The configuration's are set-group-ID, so that the gateway can
// read what root puts there.
var dataDirs = []struct {
	path string
	mode os.FileMode
	uid  int
}{
	{card.DataDir, 0o755, 0},
	{card.StateDir, 0o700, userID},
	{confDir, 0o750 | os.ModeSetgid, 0},
	{filepath.Join(confDir, "conf.d"), 0o750 | os.ModeSetgid, 0},
	{filepath.Join(confDir, "boards.d"), 0o750 | os.ModeSetgid, 0},
}

// confDir is what a person set on this box; the main file is on the boot partition.
const confDir = card.DataDir + "/etc"

func makeDirs() error {
	for _, d := range dataDirs {
		if err := os.MkdirAll(d.path, 0o700); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(d.path, d.uid, groupID), os.Chmod(d.path, d.mode)); err != nil {
			return err
		}
	}
	return nil
}
