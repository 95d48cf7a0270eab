package appliance

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
)

// blkpg and blkpgPartition are struct blkpg_ioctl_arg and struct blkpg_partition of linux/blkpg.h.
type blkpg struct {
	op, flags, length int32
	data              unsafe.Pointer
}

type blkpgPartition struct {
	start, length int64
	number        int32
	name, volume  [64]byte
}

// BLKPG and BLKPG_RESIZE_PARTITION of linux/blkpg.h.
const blkpgRequest, blkpgResize = 0x1269, 3

// resizePartition tells the kernel the new end of a partition that is in use.
func resizePartition(disk *os.File, n int, p card.Partition) error {
	part := blkpgPartition{start: p.Start, length: p.Size, number: int32(n)}
	arg := blkpg{op: blkpgResize, length: int32(unsafe.Sizeof(part)), data: unsafe.Pointer(&part)}
	err := ioctl(disk, blkpgRequest, unsafe.Pointer(&arg))
	runtime.KeepAlive(&part)
	return os.NewSyscallError("BLKPG", err)
}

// ext4Resize is EXT4_IOC_RESIZE_FS of linux/fs/ext4: _IOW('f', 16, __u64).
const ext4Resize = 0x40086610

// resizeExt4 grows a mounted file system to a number of its blocks.
func resizeExt4(dir *os.File, blocks int64) error {
	n := uint64(blocks)
	return os.NewSyscallError("EXT4_IOC_RESIZE_FS", ioctl(dir, ext4Resize, unsafe.Pointer(&n)))
}

// discard tells a device that nothing on it is needed any more; most cards then forget it.
func discard(f *os.File, size int64) error {
	bounds := [2]uint64{0, uint64(size)}
	return os.NewSyscallError("BLKDISCARD", ioctl(f, unix.BLKDISCARD, unsafe.Pointer(&bounds)))
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}
