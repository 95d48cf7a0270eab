package plan

import (
	"encoding/binary"
	"errors"

	"packhorse/board/card"
)

// Disk is a block device that may be the card: its name below /dev, its first sector, and its size in octets.
type Disk struct {
	Name   string
	Sector []byte
	Size   int64
}

// FindCard chooses the card among the disks, in the order of their names: one with our signature, else one with our
// partitions, since some programs that write cards draw a new signature. Others says that more than one would do.
func FindCard(disks []Disk) (found Disk, table card.Table, others, ok bool) {
	for _, match := range []func(card.Table) bool{signed, laidOut} {
		for _, d := range disks {
			t, err := card.ParseTable(d.Sector)
			switch {
			case err != nil || !match(t):
			case ok:
				return found, table, true, true
			default:
				found, table, ok = d, t, true
			}
		}
		if ok {
			break
		}
	}
	return found, table, false, ok
}

func signed(t card.Table) bool { return t.DiskID == card.DiskID && t.Partitions[card.Data-1].Size > 0 }

// laidOut tells whether the partitions begin where ours do; the last one may have grown.
func laidOut(t card.Table) bool {
	want := card.Layout(card.DataSize)
	for i, p := range t.Partitions {
		w := want.Partitions[i]
		if p.Type != w.Type || p.Start != w.Start || i != card.Data-1 && p.Size != w.Size {
			return false
		}
	}
	return true
}

// Grow is the table with a data partition that reaches the end of the disk, in whole erase blocks; false: it does already,
// or is not the last.
func Grow(t card.Table, disk int64) (card.Table, bool) {
	data := &t.Partitions[card.Data-1]
	for _, p := range t.Partitions {
		if p.Start > data.Start {
			return t, false
		}
	}
	const most = (1<<32 - 1) * card.SectorSize // what the table can say
	end := min(disk, most) / card.Align * card.Align
	if size := end - data.Start; size > data.Size {
		data.Size = size
		return t, true
	}
	return t, false
}

// SuperblockAt and SuperblockSize are where an ext4 file system describes itself, in octets from its beginning
// (kernel documentation, filesystems/ext4, "Super Block").
const SuperblockAt, SuperblockSize = 1024, 1024

// ErrNoExt4 says that a partition holds no ext4 file system.
var ErrNoExt4 = errors.New("there is no ext4 file system")

// Ext4 is what matters here of a superblock.
type Ext4 struct {
	Blocks, BlockSize int64
	Errors            bool // the kernel has found something wrong in it
}

// ParseExt4 reads a superblock.
func ParseExt4(b []byte) (Ext4, error) {
	le := binary.LittleEndian
	if len(b) < SuperblockSize || le.Uint16(b[0x38:]) != 0xef53 || le.Uint32(b[0x18:]) > 6 {
		return Ext4{}, ErrNoExt4
	}
	e := Ext4{Blocks: int64(le.Uint32(b[0x4:])), BlockSize: 1024 << le.Uint32(b[0x18:]), Errors: le.Uint16(b[0x3a:])&2 != 0}
	const wide = 0x80 // INCOMPAT_64BIT
	if le.Uint32(b[0x60:])&wide != 0 {
		e.Blocks |= int64(le.Uint32(b[0x150:])) << 32
	}
	return e, nil
}

// Room is the number of blocks that a file system may grow to on a partition; 0: leave it. What would come to less than
// one erase block is left too: the kernel cannot use every remainder.
func (e Ext4) Room(partition int64) int64 {
	if n := partition / e.BlockSize; (n-e.Blocks)*e.BlockSize >= card.Align {
		return n
	}
	return 0
}
