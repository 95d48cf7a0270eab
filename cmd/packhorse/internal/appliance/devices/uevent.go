package devices

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	maxEvent = 8192    // UEVENT_BUFFER_SIZE of the kernel is 2048, and a header
	backlog  = 1 << 20 // octets that the kernel keeps for us: a hub full of devices at once
	kernel   = 1       // group of events from the kernel; udev's are 2
)

// Subsystems whose devices are ours to settle.
var ours = []string{"tty", "usb-serial", "spidev", "gpio", "i2c-dev", "leds"}

// concerns tells whether a message of the kernel says that a device of ours came or went
// (Documentation/ABI/testing/sysfs-uevent, lib/kobject_uevent.c): "ACTION@PATH", then KEY=VALUE, each ended by a zero.
// What is malformed concerns nobody.
func concerns(message []byte) bool {
	header, rest, ok := bytes.Cut(message, []byte{0})
	if !ok || !bytes.Contains(header, []byte("@/")) {
		return false
	}
	action, subsystem := "", ""
	for line := range bytes.SplitSeq(rest, []byte{0}) {
		key, value, _ := bytes.Cut(line, []byte("="))
		switch string(key) {
		case "ACTION":
			action = string(value)
		case "SUBSYSTEM":
			subsystem = string(value)
		}
	}
	return slices.Contains(ours, subsystem) && slices.Contains([]string{"add", "remove", "change", "bind", "unbind", "move"}, action)
}

// listen opens the socket on which the kernel tells of devices (netlink(7), NETLINK_KOBJECT_UEVENT).
func listen() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("devices: listen for devices: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, backlog) // with less, more is settled anew
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernel}); err != nil {
		return nil, errors.Join(fmt.Errorf("devices: listen for devices: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "uevents"), nil
}

// watch tells of changes until the socket is closed. When the kernel had to drop events that counts as one. Only
// processes with CAP_NET_ADMIN can send to this group, and all that a message brings about is another look.
func watch(r io.Reader, changed chan<- struct{}) error {
	b := make([]byte, maxEvent)
	for {
		n, err := r.Read(b)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		if err != nil || concerns(b[:n]) {
			select {
			case changed <- struct{}{}:
			default: // one is waiting already
			}
		}
	}
}
