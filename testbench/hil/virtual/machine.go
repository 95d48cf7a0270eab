//go:build linux

package virtual

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// qemu is the machine's program.
const qemu = "qemu-system-aarch64"

// machine is what one run of QEMU needs. The sockets between it and us are in dir, whose name is short.
type machine struct {
	dir      string
	boot     boot
	memoryMB int
	forward  func(port int) // told which port of loopback is the machine's port 22, and 0 when that is over; nil: none
	disk     *disk
	console  *line
	radios   []func(net.Conn) // each takes the line of one modem
	said     io.Writer        // what QEMU itself says
}

// end is how a machine ended.
type end struct {
	last
	tryboot bool          // its kernel restarts for a trial
	work    time.Duration // of the processor, for the whole machine
}

// ends are those of the machine's lines that we serve, by the name of the socket. over is closed when the machine has ended.
func (m *machine) ends(e *end, over <-chan struct{}) map[string]func(net.Conn) {
	ends := map[string]func(net.Conn){
		"card": func(c net.Conn) {
			serveNBD(struct {
				io.Reader
				io.Writer
			}{bufio.NewReaderSize(c, 1<<20), c}, m.disk)
			<-over // a disk that has stopped says nothing, instead of being gone
			c.Close()
		},
		"console": func(c net.Conn) { e.tryboot = m.console.carry(c); c.Close() },
		"monitor": func(c net.Conn) { e.last = monitor(c, m.forward); c.Close() },
	}
	for i, attach := range m.radios {
		ends["radio"+strconv.Itoa(i)] = attach
	}
	return ends
}

func (m *machine) socket(name string) string { return filepath.Join(m.dir, name) }

// args is QEMU's command line: a virt machine with what a gateway needs of a board.
func (m *machine) args() []string {
	net := "user,id=net,restrict=on"
	if m.forward != nil {
		net += ",hostfwd=tcp:127.0.0.1:0-:22" // any that is free; the monitor tells which
	}
	args := []string{
		"-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", strconv.Itoa(m.memoryMB), "-nodefaults", "-display", "none", "-no-reboot",
		"-kernel", m.boot.kernel, "-initrd", m.boot.initrd, "-append", m.boot.cmdline,
		"-chardev", "socket,id=console,path=" + m.socket("console"), "-serial", "chardev:console",
		"-chardev", "socket,id=monitor,path=" + m.socket("monitor"), "-mon", "chardev=monitor,mode=control",
		"-blockdev", "driver=nbd,node-name=card,server.type=unix,server.path=" + m.socket("card"), "-device", "virtio-blk-pci,drive=card",
		"-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile=",
		"-device", "i6300esb", "-action", "watchdog=reset",
		"-device", "qemu-xhci",
	}
	for i := range m.radios {
		id := "radio" + strconv.Itoa(i)
		args = append(args, "-chardev", "socket,id="+id+",path="+m.socket(id), "-device", "usb-serial,chardev="+id+",always-plugged=on")
	}
	return args
}

// run is a machine's life, until it ends by itself or ctx does, which kills it. started is called when it runs.
func (m *machine) run(ctx context.Context, started func()) (e end, err error) {
	var serving sync.WaitGroup
	defer serving.Wait()
	over := make(chan struct{})
	defer close(over)
	for name, serve := range m.ends(&e, over) {
		l, err := net.Listen("unix", m.socket(name))
		if err != nil {
			return e, err
		}
		defer l.Close() // unlinks the socket
		serving.Go(func() {
			if c, err := l.Accept(); err == nil {
				serve(c)
			}
		})
	}
	c := exec.CommandContext(ctx, qemu, m.args()...) // killed when ctx ends
	var words strings.Builder
	c.Stdout, c.Stderr = m.said, io.MultiWriter(m.said, &words)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return e, err
	}
	started()
	err = c.Wait()
	e.work = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if err != nil && ctx.Err() == nil {
		return e, errors.Join(err, errors.New(words.String()))
	}
	return e, nil
}
