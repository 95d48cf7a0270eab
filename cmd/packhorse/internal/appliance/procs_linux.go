package appliance

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// procs starts the children of process 1, and buries those that it inherits: whose parent ended before them.
type procs struct {
	mu   sync.Mutex
	ours map[int]bool // somebody waits for them
	poke chan os.Signal
}

func newProcs() *procs {
	p := &procs{ours: map[int]bool{}, poke: make(chan os.Signal, 1)}
	signal.Notify(p.poke, unix.SIGCHLD)
	return p
}

// start begins a process; what it answers must be called to wait for its end.
func (p *procs) start(c *exec.Cmd) (func() error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := c.Start(); err != nil {
		return nil, err
	}
	pid := c.Process.Pid
	p.ours[pid] = true
	return func() error {
		err := c.Wait()
		p.forget(pid)
		return err
	}, nil
}

func (p *procs) forget(pid int) {
	p.mu.Lock()
	delete(p.ours, pid)
	p.mu.Unlock()
	select {
	case p.poke <- unix.SIGCHLD: // it may have stood before others
	default:
	}
}

// bury runs until the program ends.
func (p *procs) bury() {
	for range p.poke {
		for p.buryOne() {
		}
	}
}

// buryOne waits for one dead child that nobody else waits for; false: the first in line is somebody's, or there is none.
func (p *procs) buryOne() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid := dead()
	if pid == 0 || p.ours[pid] {
		return false
	}
	_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil
}

// dead is a child that has ended and was not waited for (waitid(2) with WNOWAIT); 0: none.
func dead() int {
	var info unix.Siginfo
	if unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil || info.Signo == 0 {
		return 0
	}
	return pidOf(&info)
}

// pidOf is si_pid, which the library does not name: it follows three ints, aligned as a pointer.
func pidOf(info *unix.Siginfo) int {
	const align = unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), (12+align-1)&^(align-1))))
}
