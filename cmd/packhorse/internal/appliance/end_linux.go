package appliance

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/appliance/plan"
)

// How long the end may take: services give back what they hold, then every process, then the file systems.
const (
	servicesLimit  = 3 * time.Second
	processesLimit = 2 * time.Second
	endLimit       = 30 * time.Second
)

// end takes everything down and leaves the kernel no choice. A disk that hangs does not keep the board from restarting.
func (b *box) end(e plan.Ending) {
	b.ending.Store(true)
	last := time.AfterFunc(endLimit, func() { halt(e) })
	defer last.Stop()
	b.say("%s", map[plan.Ending]string{plan.Reboot: "restarting", plan.Trial: "restarting into the other slot, on trial", plan.PowerOff: "switching off"}[e])
	b.endServices()
	endProcesses()
	unmountAll()
	if e == plan.PowerOff && b.dog != nil {
		if err := b.dog.Close(); err != nil {
			b.complain("the watchdog may restart this board", err)
		}
	} else {
		b.feed()
	}
	halt(e)
}

func (b *box) endServices() {
	if b.services == nil {
		return
	}
	b.services()
	done := make(chan struct{})
	go func() { b.serving.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(servicesLimit):
	}
}

// endProcesses ends what is left: commands of people.
func endProcesses() {
	if unix.Kill(-1, unix.SIGTERM) != nil {
		return // there is none
	}
	for end := time.Now().Add(processesLimit); time.Now().Before(end) && unix.Kill(-1, 0) == nil; {
		time.Sleep(20 * time.Millisecond)
	}
	_ = unix.Kill(-1, unix.SIGKILL)
}

// halt is reboot(2). The kernel repeats the argument of a trial on the console.
func halt(e plan.Ending) {
	switch e {
	case plan.PowerOff:
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case plan.Trial:
		arg, _ := unix.BytePtrFromString(card.TrybootArg)
		_, _, _ = unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, unix.LINUX_REBOOT_CMD_RESTART2, uintptr(unsafe.Pointer(arg)), 0, 0)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}
