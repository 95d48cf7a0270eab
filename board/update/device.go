package update

import (
	"io"
	"strconv"
)

// Device is the block device of a slot.
type Device interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync answers when all that was written is on the card.
	Sync() error
	// Size is in octets.
	Size() (int64, error)
	// Fresh reads what is on the card and not what the kernel remembers to have written. It is asked for chunks that
	// begin at a multiple of their size, and closed by whoever asked for it.
	Fresh() (FreshReader, error)
}

// FreshReader reads what is on a card.
type FreshReader interface {
	io.ReaderAt
	io.Closer
}

// chunkSize is how much is written and read back at once, in octets.
const chunkSize = 1 << 20

// Partition is the device of a partition, as Linux names it: /dev/sda2, but /dev/mmcblk0p2.
func Partition(disk string, n int) string {
	if last := disk[len(disk)-1:]; last >= "0" && last <= "9" {
		disk += "p"
	}
	return disk + strconv.Itoa(n)
}
