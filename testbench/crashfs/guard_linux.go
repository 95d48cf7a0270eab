package crashfs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// guard ends a FUSE connection once this process dies, or by stop(true). A thread that waits
// for a sync of ext4 cannot be killed, and the answer to it would have to come from a server that was:
// the process, the mount and the loop device would stay for ever. So a child holds the
// file that breaks the connection, and the kernel signals it when the thread that started it ends.
func guard(file int) (stop func(abort bool), err error) {
	f, err := openAbort(file)
	if err != nil {
		return nil, err
	}
	started, end, ended := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and this thread waits for nothing of the volume
		defer runtime.UnlockOSThread()
		c, err := startGuard(f)
		started <- err
		if err != nil {
			return
		}
		<-end
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	}()
	if err := <-started; err != nil {
		f.Close()
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	return func(abort bool) {
		if abort {
			_, _ = f.WriteString("1") // it may have ended by now
		}
		f.Close()
		close(end)
		<-ended
	}, nil
}

// startGuard returns when the child is ready.
func startGuard(abort *os.File) (*exec.Cmd, error) {
	c := exec.Command("/bin/sh", "-c", `trap 'echo 1 >&3; kill $!' TERM; sleep infinity & echo; wait`)
	c.ExtraFiles = []*os.File{abort}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setsid: true}
	ready, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		_ = c.Process.Kill()
		_ = c.Wait()
		return nil, err
	}
	return c, nil
}

// openAbort opens the control file that breaks the connection of an open FUSE file.
func openAbort(file int) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(file, &st); err != nil {
		return nil, err
	}
	ctl, err := mountDetached("fusectl", nil)
	if err != nil {
		return nil, err
	}
	defer unix.Close(ctl)
	name := strconv.Itoa(int(unix.Minor(uint64(st.Dev))))
	return os.OpenFile(filepath.Join("/proc/self/fd", strconv.Itoa(ctl), name, "abort"), os.O_WRONLY, 0)
}
