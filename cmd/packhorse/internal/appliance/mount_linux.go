package appliance

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
)

// The user that the gateway runs as.
const (
	userID   = 900
	groupID  = 900
	userName = "packhorse"
)

type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// plain is what no file system here is for.
const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// kernel are the file systems that the kernel makes (filesystems/ in its documentation).
var kernel = []mount{
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0755"},
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,ptmxmode=0666"},
	{"proc", "/proc", "proc", plain, ""},
	{"sysfs", "/sys", "sysfs", plain, ""},
	{"tmpfs", "/run", "tmpfs", plain, "mode=0755,size=32m"},
	{"tmpfs", "/tmp", "tmpfs", plain, "mode=1777,size=64m"},
}

func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
	}
	return nil
}

// mountKernel mounts them all; one that fails keeps none of the others.
func mountKernel() error {
	var all error
	for _, m := range kernel {
		if err := m.do(); err != nil && !errors.Is(err, unix.EBUSY) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// bootPartition is the boot partition: read-only but while something is written.
type bootPartition struct {
	mu      sync.Mutex
	writers int
	mount
}

// newBoot is readable for the gateway, and for nobody else but root: the configuration may hold a passphrase. The kernel
// has FAT's default code page built in and no other.
func newBoot(device string) *bootPartition {
	return &bootPartition{mount: mount{device, card.BootDir, "vfat", plain | unix.MS_RDONLY | unix.MS_NOATIME,
		fmt.Sprintf("uid=0,gid=%d,fmask=0137,dmask=0027", groupID)}}
}

// writable makes the partition take writes, or not any more once nobody wants that. What was written is on the card then.
func (b *bootPartition) writable(yes bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if yes {
		b.writers++
	} else {
		b.writers--
	}
	flags := b.flags &^ unix.MS_RDONLY
	switch {
	case yes && b.writers > 1 || !yes && b.writers > 0:
		return nil
	case !yes:
		flags = b.flags
		unix.Sync()
	}
	if err := unix.Mount(b.source, b.target, "", flags|unix.MS_REMOUNT, b.data); err != nil {
		if yes {
			b.writers--
		}
		return fmt.Errorf("remount %s: %w", b.target, err)
	}
	return nil
}

// write runs f while the partition takes writes.
func (b *bootPartition) write(f func() error) error {
	if err := b.writable(true); err != nil {
		return err
	}
	return errors.Join(f(), b.writable(false))
}

// mountData mounts the data partition. Where that fails it is tried read-only, so that a person can still take a backup;
// nothing is ever erased or repaired here.
func mountData(device string) (readOnly bool, err error) {
	m := mount{device, card.DataDir, "ext4", plain | unix.MS_NOATIME, "errors=remount-ro"}
	if err = m.do(); err == nil {
		return false, nil
	}
	m.flags, m.data = m.flags|unix.MS_RDONLY, "noload"
	return m.do() == nil, err
}

// unmountAll takes the file systems of the card down. One that is still busy is made read-only, which writes it out too.
func unmountAll() {
	for _, dir := range []string{card.DataDir, card.BootDir} {
		if unix.Unmount(dir, 0) != nil {
			_ = unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
			_ = unix.Unmount(dir, unix.MNT_DETACH)
		}
	}
	unix.Sync()
}
