package card

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Types of partitions.
const (
	TypeFAT32 = 0x0c // with LBA
	TypeLinux = 0x83
)

// Partition is one line of the table: where it begins and how long it is, in octets.
type Partition struct {
	Type        byte
	Start, Size int64
}

// Table is a master boot record with its four partitions; element 0 is partition 1.
type Table struct {
	DiskID     uint32
	Partitions [4]Partition
}

// ErrNoTable says that a sector holds no partition table.
var ErrNoTable = errors.New("card: no partition table")

const (
	idAt    = 440
	firstAt = 446
	entry   = 16
	signAt  = 510
)

// Layout is the table of a new card whose data partition has dataSize octets.
func Layout(dataSize int64) Table {
	t, at := Table{DiskID: DiskID}, int64(Align)
	for i, p := range []Partition{{TypeFAT32, 0, BootSize}, {TypeFAT32, 0, SlotSize}, {TypeFAT32, 0, SlotSize}, {TypeLinux, 0, dataSize}} {
		p.Start = at
		t.Partitions[i], at = p, at+p.Size
	}
	return t
}

// Put writes the table into the first sector of a disk and leaves what else is there.
func (t Table) Put(sector []byte) error {
	if len(sector) != SectorSize {
		return fmt.Errorf("card: a sector has %d octets, not %d", SectorSize, len(sector))
	}
	binary.LittleEndian.PutUint32(sector[idAt:], t.DiskID)
	for i, p := range t.Partitions {
		e := sector[firstAt+i*entry:][:entry]
		clear(e)
		if p.Size == 0 {
			continue
		}
		if p.Start%SectorSize != 0 || p.Size%SectorSize != 0 || (p.Start+p.Size)/SectorSize > 1<<32-1 {
			return fmt.Errorf("card: partition %d does not fit the table", i+1)
		}
		copy(e[1:], "\xfe\xff\xff") // no cylinders: by sector alone
		copy(e[5:], "\xfe\xff\xff")
		e[4] = p.Type
		binary.LittleEndian.PutUint32(e[8:], uint32(p.Start/SectorSize))
		binary.LittleEndian.PutUint32(e[12:], uint32(p.Size/SectorSize))
	}
	sector[signAt], sector[signAt+1] = 0x55, 0xaa
	return nil
}

// ParseTable reads the first sector of a disk.
func ParseTable(sector []byte) (Table, error) {
	if len(sector) < SectorSize || sector[signAt] != 0x55 || sector[signAt+1] != 0xaa {
		return Table{}, ErrNoTable
	}
	t := Table{DiskID: binary.LittleEndian.Uint32(sector[idAt:])}
	for i := range t.Partitions {
		e := sector[firstAt+i*entry:][:entry]
		t.Partitions[i] = Partition{Type: e[4], Start: int64(binary.LittleEndian.Uint32(e[8:])) * SectorSize, Size: int64(binary.LittleEndian.Uint32(e[12:])) * SectorSize}
	}
	return t, nil
}
