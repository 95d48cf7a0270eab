package crashfs

import (
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// mountDetached mounts a file system at no place: it is there while the descriptor, or
// something opened through it, is open. An option without value is a flag.
func mountDetached(fstype string, options [][2]string) (fd int, err error) {
	ctx, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen %s: %w", fstype, err)
	}
	defer unix.Close(ctx)
	for _, o := range options {
		if o[1] == "" {
			err = unix.FsconfigSetFlag(ctx, o[0])
		} else {
			err = unix.FsconfigSetString(ctx, o[0], o[1])
		}
		if err != nil {
			return -1, fmt.Errorf("mounting %s with %s=%s: %w", fstype, o[0], o[1], err)
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return -1, fmt.Errorf("mounting %s: %w", fstype, err)
	}
	fd, err = unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("fsmount %s: %w", fstype, err)
	}
	return fd, nil
}

// attach makes a loop device of an open file. The device ends when nobody has it open.
func attach(file int) (dev int, path string, err error) {
	ctl, err := unix.Open("/dev/loop-control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, "", fmt.Errorf("/dev/loop-control: %w", err)
	}
	defer unix.Close(ctl)
	for range 100 { // another process may take the free one first
		n, err := unix.IoctlRetInt(ctl, unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return -1, "", fmt.Errorf("no free loop device: %w", err)
		}
		path = filepath.Join("/dev", "loop"+strconv.Itoa(n))
		dev, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, "", fmt.Errorf("%s: %w", path, err)
		}
		c := unix.LoopConfig{Fd: uint32(file)}
		c.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		err = unix.IoctlLoopConfigure(dev, &c)
		if err == nil {
			return dev, path, nil
		}
		unix.Close(dev)
		if err != unix.EBUSY {
			return -1, "", fmt.Errorf("%s: %w", path, err)
		}
	}
	return -1, "", fmt.Errorf("loop devices: %w", unix.EBUSY)
}
